"""What became due by itself is written by the next write, in order, each at its own instant.

Nothing that is true at an instant depends on anybody having swept: readers compute it, writers write it down.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import holds, ledger
from billable.quota.kinds import GrantEnd, HoldEnd
from billable.quota.models import Grant, Hold
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class CaughtUp:
    """What was written: how many grants ended, and how many holds lapsed."""

    grants: int = 0
    holds: int = 0

    def __bool__(self) -> bool:
        return bool(self.grants or self.holds)


def catch_up(customer: Customer, now: datetime) -> CaughtUp:
    """Write what became due for a locked customer until ``now``: at each instant, expiry before the lapse of holds."""
    if customer.next_change_at is None or customer.next_change_at > now:
        return CaughtUp()
    waiting = Grant.objects.using(write_alias()).open_of(customer)
    reserved = holds.open_holds(customer)
    expiring = list(waiting.filter(expires_at__lte=now).order_by("expires_at", "id"))
    lapsing = list(reserved.filter(lapses_at__lte=now).order_by("lapses_at", "id"))
    customer.next_change_at = min(
        filter(
            None,
            (
                waiting.filter(expires_at__gt=now).aggregate(first=Min("expires_at"))["first"],
                reserved.filter(lapses_at__gt=now).aggregate(first=Min("lapses_at"))["first"],
            ),
        ),
        default=None,
    )
    _write(customer, expiring, lapsing)
    for grant in expiring:
        emit("grant.expired", grant=grant)
    for hold in lapsing:
        emit("hold.lapsed", hold=hold)
    return CaughtUp(grants=len(expiring), holds=len(lapsing))


def _write(customer: Customer, expiring: list[Grant], lapsing: list[Hold]) -> None:
    # What a lapse gives back to a grant that expires later must be there when it does.
    rows = {grant.pk: grant for grant in expiring}
    following = customer.next_change_at
    for hold in lapsing:
        before = [grant for grant in expiring if grant.expires_at is not None and grant.expires_at <= hold.lapses_at]
        _expire(customer, before)
        expiring = expiring[len(before) :]
        holds.close(customer, hold, HoldEnd.LAPSED, rows, at=hold.lapses_at)
    # Units came back to grants that expire in this very catch-up: that is not what comes next.
    customer.next_change_at = following
    _expire(customer, expiring)


def _expire(customer: Customer, grants: list[Grant]) -> None:
    ledger.end(customer, [(grant, grant.expires_at) for grant in grants if grant.expires_at], GrantEnd.EXPIRED)
