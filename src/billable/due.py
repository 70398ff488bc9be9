"""What falls due by itself: when it does, and doing it, for one customer or for everybody. Above the rooms.

Each thing that is done is a transaction of its own, as in every sweep, and changes no answer.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.invoices.issue import issue_missing
from billable.orders.expire import expire_orders, expire_orders_of, next_expiry
from billable.quota.expire import expire_grants, expire_grants_of, next_change
from billable.referrals.kinds import ReferralStatus
from billable.referrals.sweep import GIVEN, next_due, settle_referrals, settle_referrals_of

# What is done may make something else due, but not for ever.
MAX_PASSES = 20


def run_due(customer: Customer) -> Counter[str]:
    """Do what is due for one customer by its clock; how many of each kind there were."""
    members = family(customer.pk)
    done: Counter[str] = Counter()
    for _ in range(MAX_PASSES):
        over = expire_grants_of(customer.pk)
        rewards = [status for status in settle_referrals_of(members) if status in _SETTLED]
        found = {
            "grants": over.grants,
            "holds": over.holds,
            "orders": expire_orders_of(members),
            "rewards": len(rewards),
        }
        done.update({name: number for name, number in found.items() if number})
        if not any(found.values()):
            break
    return done


def run_due_for_everybody() -> None:
    """Do what is due for everybody, each by their own clock."""
    expire_grants()
    expire_orders()
    settle_referrals()
    issue_missing()


def next_due_of(customer: Customer, after: datetime) -> datetime | None:
    """The first instant after another, by the customer's clock, at which something of it falls due by itself."""
    return _next(family(customer.pk), after)


def next_due_of_everybody(after: datetime) -> datetime | None:
    """The first instant after another, by the common clock, at which something of anybody falls due by itself."""
    customers = Customer.objects.using(write_alias()).order_by()
    instants = [_next(customers.filter(is_sandbox=False).values("pk"), after)]
    for customer in customers.filter(is_sandbox=True, merged_into__isnull=True):
        ahead = timedelta(seconds=customer.clock_offset_seconds)
        own = _next(family(customer.pk), after + ahead)
        instants.append(None if own is None else own - ahead)
    return min((instant for instant in instants if instant is not None), default=None)


def _next(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    instants = (next_change(customers, after), next_expiry(customers, after), next_due(customers, after))
    return min((instant for instant in instants if instant is not None), default=None)


_SETTLED = (*GIVEN, ReferralStatus.TAKEN_BACK.value)
