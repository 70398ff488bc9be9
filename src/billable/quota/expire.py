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
from billable.quota.catch_up import CaughtUp, catch_up

BATCH = 500


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
    customers = grants = lapsed = given = 0
    last: UUID | None = None
    while most is None or customers < most:
        batch = _due(last, BATCH if most is None else min(BATCH, most - customers))
        if not batch:
            break
        for customer_id in batch:
            wrote = _sweep(customer_id)
            customers, grants, lapsed = customers + 1, grants + wrote.grants, lapsed + wrote.holds
            given += wrote.resets
        last = batch[-1]
    return Sweep(customers=customers, grants=grants, holds=lapsed, resets=given)


def expire_grants_of(customer_id: UUID) -> CaughtUp:
    """Write what ran out of one customer by its clock."""
    return _sweep(customer_id)


def next_change(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    """The first instant after another at which a grant or hold of some customers is over."""
    changing = Customer.objects.using(write_alias()).filter(pk__in=customers, next_change_at__gt=after)
    first: datetime | None = changing.aggregate(first=Min("next_change_at"))["first"]
    return first


def _due(after: UUID | None, size: int) -> list[UUID]:
    due = Customer.objects.using(write_alias()).filter(due_for("next_change_at__lte", customer="")).order_by("id")
    if after is not None:
        due = due.filter(pk__gt=after)
    return list(due.values_list("pk", flat=True)[:size])


@unit_of_work
def _sweep(customer_id: UUID) -> CaughtUp:
    customer = lock_customer_id(customer_id)
    return catch_up(customer, now_for(customer))
