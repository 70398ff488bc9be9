"""Row locks, in the one strength that is allowed."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models

from billable.db.units import write_alias

Row = TypeVar("Row", bound=models.Model)


def locked(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows, locked until the transaction ends; in the database that is written to."""
    # FOR NO KEY UPDATE: a plain FOR UPDATE deadlocks with the key-share lock that an insert's foreign-key check takes.
    alias = write_alias()
    no_key = connections[alias].features.has_select_for_no_key_update
    return rows.using(alias).select_for_update(no_key=no_key)
