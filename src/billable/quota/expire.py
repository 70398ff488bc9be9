"""expire: tidy early what the next write of each customer would write anyway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import due_for, now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty, keys
from billable.quota.catch_up import CaughtUp, catch_up


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep wrote: for how many customers, how many grants ended, how many holds lapsed, what allowances gave.

    ``resets`` are the grants of new periods, and of what rolled over to them.
    """

    customers: int
    grants: int
    holds: int
    resets: int


def expire_grants(*, limit: int | None = None) -> Sweep:
    """Write the expiry of every grant and the lapse of every hold whose time ran out, and what allowances gave since.

    ``limit`` is for how many customers; None is for all that are due.

    Changes no answer. Each customer is a transaction of its own; any number of sweeps may run at once. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    wrote = [_sweep(customer_id) for customer_id in keys(_due(), most=most)]
    return Sweep(
        customers=len(wrote),
        grants=sum(each.grants for each in wrote),
        holds=sum(each.holds for each in wrote),
        resets=sum(each.resets for each in wrote),
    )


def next_change(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    """The first instant after another at which a grant or hold of some customers is over."""
    changing = Customer.objects.using(write_alias()).filter(pk__in=customers, next_change_at__gt=after)
    first: datetime | None = changing.aggregate(first=Min("next_change_at"))["first"]
    return first


def _due(now: datetime | None = None) -> QuerySet[Customer]:
    return Customer.objects.using(write_alias()).filter(due_for("next_change_at__lte", now, customer=""))


@unit_of_work
def _sweep(customer_id: UUID) -> CaughtUp:
    customer = lock_customer_id(customer_id)
    return catch_up(customer, now_for(customer))


GRANTS_AND_HOLDS = Duty(name="grants_and_holds", due=_due, do=_sweep, owner="pk", next_at=next_change)
"""Grants that expired and holds that lapsed, by customer."""
