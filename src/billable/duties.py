"""Duties: what becomes due by itself, row by row, and how it is swept.

A room names its duties; ``upkeep.py`` runs them all. A row is done in a transaction of its own, under its customer's
lock, and looks again there whether it is still due: so any number of sweeps may run at once, and stop at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

BATCH = 500


def never(customers: QuerySet[Any, Any], after: datetime) -> datetime | None:
    """The next instant of a duty that has none: what is missing is due at once."""
    return None


@dataclass(frozen=True, kw_only=True)
class Duty:
    """One kind of thing that becomes due by itself.

    ``due`` answers the rows that are due when it is an instant for everybody, each by the clock of its customer; ``do``
    does one of them by its key and says whether there was something to do. ``owner`` is the column that names the
    customer. ``next_at`` is when something of some customers becomes due after an instant of theirs, or None.
    """

    name: str
    due: Callable[[datetime], QuerySet[Any]]
    do: Callable[[UUID], object]
    owner: str = "customer"
    next_at: Callable[[QuerySet[Any, Any], datetime], datetime | None] = never


def keys(rows: QuerySet[Any], *, most: int | None = None, size: int | None = None) -> Iterator[UUID]:
    """The keys of up to ``most`` rows (None: all), ascending.

    ``size`` are read at a time, because doing one changes what the rest are; None is 500.
    """
    count, rest, batch_size = 0, rows.order_by("pk"), size or BATCH
    while most is None or count < most:
        batch = list(rest.values_list("pk", flat=True)[: batch_size if most is None else min(batch_size, most - count)])
        if not batch:
            return
        yield from batch
        count, rest = count + len(batch), rest.filter(pk__gt=batch[-1])
