"""Where a subscription stands at an instant, and where its periods begin. Pure: stored instants and a calendar.

Nothing here is ever written down to become true. A status is read off the instants that the verbs stored, so that it is
the same whoever swept, and what is due by time is a list that anybody can compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from billable.catalog.periods import LAST, Period


class SubscriptionStatus(str, Enum):
    """Where a subscription stands."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    PAUSED = "paused"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    ENDED = "ended"


class SubscriptionEnd(str, Enum):
    """How a subscription ended."""

    CANCELLED = "cancelled"
    UNPAID = "unpaid"
    REFUNDED = "refunded"


class Change(str, Enum):
    """What happens to a subscription by time alone; the name of its event."""

    PAUSED = "subscription.paused"
    RESUMED = "subscription.resumed"
    PAST_DUE = "subscription.past_due"
    ENDED = "subscription.ended"


# What is moved by hand is moved by years, not to the end of the calendar, where no period has room.
MOST_AHEAD = timedelta(days=3660)


@dataclass(frozen=True, kw_only=True)
class Instants:
    """What is stored of a subscription that its status depends on."""

    paid_until: datetime
    access_until: datetime
    trial_until: datetime | None = None
    cancelled_at: datetime | None = None
    paused_at: datetime | None = None
    resumes_at: datetime | None = None
    suspended_at: datetime | None = None
    ended_at: datetime | None = None

    def is_paused(self, now: datetime) -> bool:
        """Whether it stands still: from the pause until it is resumed, which nobody may have decided yet."""
        if self.paused_at is None or now < self.paused_at:
            return False
        return self.resumes_at is None or now < self.resumes_at

    def status(self, now: datetime) -> SubscriptionStatus:
        """Where it stands. What is over stays over; a pause stops the clock of everything below it."""
        if self.ended_at is not None:
            return SubscriptionStatus.ENDED
        if self.suspended_at is not None:
            return SubscriptionStatus.SUSPENDED
        if self.is_paused(now):
            return SubscriptionStatus.PAUSED
        if self.access_until <= now:
            return SubscriptionStatus.ENDED
        if self.cancelled_at is not None:
            return SubscriptionStatus.CANCELLED
        if self.trial_until is not None and now < self.trial_until:
            return SubscriptionStatus.TRIALING
        return SubscriptionStatus.ACTIVE if now < self.paid_until else SubscriptionStatus.PAST_DUE

    def ending(self) -> SubscriptionEnd:
        """As what it ends when its time runs out."""
        return SubscriptionEnd.UNPAID if self.cancelled_at is None else SubscriptionEnd.CANCELLED

    def changes(self) -> list[tuple[datetime, Change]]:
        """What time alone does to it, in order."""
        if self.ended_at is not None or self.suspended_at is not None:
            return []
        return sorted(self._changes(), key=lambda change: (change[0], list(Change).index(change[1])))

    def _changes(self) -> Iterator[tuple[datetime, Change]]:
        if self.paused_at is not None:
            yield self.paused_at, Change.PAUSED
            if self.resumes_at is not None:
                yield self.resumes_at, Change.RESUMED
        stands_still = self.paused_at is not None and self.resumes_at is None
        for instant, change in ((self.paid_until, Change.PAST_DUE), (self.access_until, Change.ENDED)):
            if stands_still and self.paused_at is not None and instant >= self.paused_at:
                continue
            if change is Change.PAST_DUE and (self.cancelled_at is not None or instant >= self.access_until):
                continue
            yield instant, change

    def next_change_at(self, after: datetime) -> datetime | None:
        """When time alone changes it next."""
        return next((instant for instant, _ in self.changes() if instant > after), None)


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """Where periods begin: the one with the number ``anchor_index`` at the anchor, each other counted from there.

    Never chained, as everywhere: what is anchored on the 31st comes back to it after every short month.
    """

    anchor: datetime
    anchor_index: int
    period: Period
    zone: str

    def begins(self, index: int) -> datetime:
        """When a period begins, in UTC. Past the year 9999 nothing begins: it is the end of the calendar."""
        return self.period.end(self.anchor, index - self.anchor_index, self.zone) or LAST

    def from_here(self, index: int, instant: datetime) -> Cycle:
        """The same periods, counted so that the one with this number begins at an instant."""
        return self if self.begins(index) == instant else replace(self, anchor=instant, anchor_index=index)


def access_after(paid_until: datetime, grace_days: int) -> datetime:
    """Until when access goes on when the next period is not paid."""
    return paid_until + min(timedelta(days=grace_days), max(LAST - paid_until, timedelta(0)))


def renewal_due(paid_from: datetime, paid_until: datetime, lead_days: int) -> datetime:
    """When the order for the next period is made: some days ahead, but not before the period that is running began."""
    return max(paid_until - timedelta(days=lead_days), paid_from)
