"""Caps: at most so many units of a grant in each window of time, however many are left of it.

The windows are the periods of the cap counted from the grant's anchor in its zone, half-open. ``cap_used`` of a grant
is what was taken in the window ``cap_index``; in any other nothing was taken yet. So nobody has to reset a counter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from billable.db.units import write_alias
from billable.quota.kinds import CauseType, EntryKind
from billable.quota.models import Grant, LedgerEntry, Usage


@dataclass(frozen=True, kw_only=True)
class CapState:
    """How a cap stands now: ``used`` of ``quantity`` units of ``feature`` in this window of one ``period``.

    The next window begins at ``resets_at``; None where the calendar ends before.
    """

    feature: str
    quantity: int
    used: int
    period: str
    resets_at: datetime | None

    @property
    def data(self) -> dict[str, Any]:
        """The same for JSON."""
        return {**asdict(self), "resets_at": self.resets_at.isoformat() if self.resets_at else None}


def window_of(grant: Grant, at: datetime) -> int | None:
    """Which window of its cap an instant lies in; None without a cap."""
    period = grant.cap_period
    return None if period is None else period.index_at(grant.anchor, at, grant.zone)


def used(grant: Grant, at: datetime, *, freed: int = 0) -> int:
    """What was taken in the window of an instant, but for what came back to it unwritten."""
    return grant.cap_used - freed if grant.cap_index == window_of(grant, at) else 0


def room(grant: Grant, at: datetime, *, freed: int = 0) -> int | None:
    """How many units the cap lets the grant give at an instant; None without a cap."""
    return None if grant.cap_quantity is None else grant.cap_quantity - used(grant, at, freed=freed)


def state(grant: Grant, at: datetime, *, freed: int = 0) -> CapState | None:
    """How the cap of a grant stands at an instant; None without one."""
    period, window = grant.cap_period, window_of(grant, at)
    if grant.cap_quantity is None or period is None or window is None:
        return None
    return CapState(
        feature=grant.feature.key,
        quantity=grant.cap_quantity,
        used=used(grant, at, freed=freed),
        period=str(period),
        resets_at=period.end(grant.anchor, window + 1, grant.zone),
    )


def windows_of(usage: Usage, grants: Iterable[Grant]) -> dict[UUID, int | None]:
    """In which window of its cap each grant gave the units of a usage. What was captured was given when it was held."""
    capped = {grant.pk: grant for grant in grants if grant.cap_quantity is not None}
    if not capped:
        return {}
    given = Q(usage=usage, kind=EntryKind.CONSUME.value)
    if usage.hold_id is not None and not usage.late:
        given = Q(cause_type=CauseType.HOLD.value, cause_id=usage.hold_id, kind=EntryKind.HOLD.value)
    entries = LedgerEntry.objects.using(write_alias()).filter(given, grant__in=list(capped))
    return {pk: window_of(capped[pk], at) for pk, at in entries.values_list("grant", "effective_at")}
