"""extend_access and move_billing_date: until when it can be used, and when it is paid for, are two things."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import unit_of_work
from billable.errors import Invalid
from billable.quota.catch_up import catch_up
from billable.signals import emit
from billable.subscriptions.holdings import stretch
from billable.subscriptions.lifecycle import MOST_AHEAD, SubscriptionStatus
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription, refuse_unless
from billable.subscriptions.store import next_from, settle, store

_RUNNING = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


@unit_of_work
def extend_access(subscription: Subscription | UUID | str, until: datetime) -> Subscription:
    """Let access go on until an instant if nothing more is paid. When the next period is billed stays as it is.

    ``until`` may also be earlier than it was, but not before the end of what is paid for. Raises SubscriptionNotFound,
    WrongSubscriptionState when it is paused, suspended or has ended, Invalid.
    """
    instant = inputs.instant(until, "until")
    customer, locked, now = _lock(subscription, "extended", *_RUNNING, SubscriptionStatus.CANCELLED)
    if not max(now, locked.paid_until) <= instant <= now + MOST_AHEAD or instant <= now:
        raise Invalid(field="until", problem="must be in the next ten years, and not before what is paid for ends")
    if instant == locked.access_until:
        locked.replayed = True
        return locked
    _catch_up(customer, locked, now)
    locked.access_until = instant
    return _moved(customer, locked, now)


@unit_of_work
def move_billing_date(subscription: Subscription | UUID | str, to: datetime) -> Subscription:
    """Let the next period begin, and be paid for, at another instant; those after it are counted from there.

    Later, the period that is running becomes longer. Earlier, it ends when the next one is paid; until then it can be
    used for as long as before. Raises SubscriptionNotFound, WrongSubscriptionState when it is cancelled,
    paused, suspended or has ended, Invalid.
    """
    instant = inputs.instant(to, "to")
    customer, locked, now = _lock(subscription, "billed at another date", *_RUNNING)
    if not max(now, locked.paid_from) < instant <= now + MOST_AHEAD:
        raise Invalid(field="to", problem="must be in the next ten years, after the period that is paid for has begun")
    if locked.paused_at is not None and now < locked.paused_at:
        raise Invalid(field="to", problem="cannot be moved while a pause is to come: call that off first")
    if instant == locked.paid_until:
        locked.replayed = True
        return locked
    _catch_up(customer, locked, now)
    access = locked.access_until
    if locked.trial_until == locked.paid_until:
        locked.trial_until = instant
    next_from(locked, instant)
    locked.access_until = max(locked.access_until, access)
    return _moved(customer, locked, now)


def _lock(
    subscription: Subscription | UUID | str, verb: str, *statuses: SubscriptionStatus
) -> tuple[Customer, Subscription, datetime]:
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    refuse_unless(locked, now, verb, *statuses)
    return customer, locked, now


def _catch_up(customer: Customer, subscription: Subscription, now: datetime) -> None:
    catch_up(customer, now)
    settle(subscription, now)


def _moved(customer: Customer, subscription: Subscription, now: datetime) -> Subscription:
    stretch(customer, subscription, subscription.access_until, at=now)
    store(subscription, now)
    emit("subscription.moved", subscription=subscription)
    return subscription
