"""settle_subscriptions: write down early what time did, so that whoever listens is told. No answer depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import inputs
from billable.customers.services import due_for, now_for
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty, keys
from billable.quota.catch_up import catch_up
from billable.subscriptions.lifecycle import Change
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription
from billable.subscriptions.store import settle


@dataclass(frozen=True, kw_only=True)
class SubscriptionSweep:
    """What a sweep wrote down: how many subscriptions became past due, paused, went on and ended."""

    past_due: int = 0
    paused: int = 0
    resumed: int = 0
    ended: int = 0


def settle_subscriptions(*, limit: int | None = None) -> SubscriptionSweep:
    """Write down what time did to up to ``limit`` subscriptions (None: all that are due), each once.

    Changes no answer. Each is a transaction of its own; any number of sweeps may run at once. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    counts = dict.fromkeys(Change, 0)
    for subscription_id in keys(_due(), most=most):
        for change in _settle(subscription_id):
            counts[change] += 1
    return SubscriptionSweep(**{change.name.lower(): number for change, number in counts.items()})


def _due(now: datetime | None = None) -> QuerySet[Subscription]:
    return Subscription.objects.using(write_alias()).filter(due_for("due_at__lte", now))


def _next_at(customers: QuerySet[Any, Any], after: datetime) -> datetime | None:
    rows = Subscription.objects.using(write_alias()).filter(customer__in=customers, due_at__gt=after)
    first: datetime | None = rows.aggregate(first=Min("due_at"))["first"]
    return first


@unit_of_work
def _settle(subscription_id: UUID) -> list[Change]:
    customer, locked = lock_subscription(subscription_id)
    now = now_for(customer)
    catch_up(customer, now)
    return settle(locked, now)


SUBSCRIPTIONS = Duty(name="subscriptions", due=_due, do=_settle, next_at=_next_at)
"""Subscriptions that time alone made past due, paused, resumed or ended."""
