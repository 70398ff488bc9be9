"""What became due by itself is written by the next write, in order, each at its own instant.

Nothing that is true at an instant depends on anybody having swept: readers compute it, writers write it down.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import ledger
from billable.quota.kinds import GrantEnd
from billable.quota.models import Grant
from billable.signals import emit


def catch_up(customer: Customer, now: datetime) -> int:
    """Write what became due for a locked customer until ``now``; how many grants ended by it."""
    if customer.next_change_at is None or customer.next_change_at > now:
        return 0
    waiting = Grant.objects.using(write_alias()).open_of(customer)
    due = list(waiting.filter(expires_at__lte=now).order_by("expires_at", "id"))
    customer.next_change_at = waiting.filter(expires_at__gt=now).aggregate(first=Min("expires_at"))["first"]
    ledger.end(customer, [(grant, grant.expires_at) for grant in due if grant.expires_at], GrantEnd.EXPIRED)
    for grant in due:
        emit("grant.expired", grant=grant)
    return len(due)
