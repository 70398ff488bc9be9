"""Row locks, in the one strength that is allowed."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, models

from billable.db.units import write_alias

Row = TypeVar("Row", bound=models.Model)


def locked(rows: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """The same rows, locked until the transaction ends; in the database that is written to."""
    alias = write_alias()
    return rows.using(alias).select_for_update(no_key=_no_key(alias))


def lock_clause(alias: str) -> str:
    """The same at the end of a SELECT that is written by hand; nothing where the transaction locks everything."""
    connection = connections[alias]
    if not connection.features.has_select_for_update:
        return ""
    return f" {connection.ops.for_update_sql(no_key=_no_key(alias))}"


def _no_key(alias: str) -> bool:
    # FOR NO KEY UPDATE: a plain FOR UPDATE deadlocks with the key-share lock that an insert's foreign-key check takes.
    return bool(connections[alias].features.has_select_for_no_key_update)
