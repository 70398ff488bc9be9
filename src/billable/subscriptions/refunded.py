"""What money that goes back, or may have to, does to the subscription that it paid for."""

from __future__ import annotations

from datetime import datetime

from billable.customers.models import Customer
from billable.signals import emit
from billable.subscriptions.cancel import finish
from billable.subscriptions.holdings import cut_short, stretch, take_away
from billable.subscriptions.lifecycle import SubscriptionEnd
from billable.subscriptions.models import Subscription
from billable.subscriptions.store import access_end, lift, next_from, settle, store


def undo_period(customer: Customer, subscription: Subscription, index: int, now: datetime) -> None:
    """A period of a locked subscription was refunded whole. After ``catch_up``.

    The latest ends it, at once; one that had not begun leaves it with what was paid for before, and it will not renew.
    Money of an earlier period changes nothing about those that were paid since.
    """
    settle(subscription, now)
    if subscription.ended_at is not None or index != subscription.period_index:
        return
    if subscription.paid_from <= now:
        finish(customer, subscription, now, SubscriptionEnd.REFUNDED)
        return
    subscription.cancelled_at = subscription.cancelled_at or now
    next_from(subscription, subscription.paid_from)
    store(subscription, now)
    emit("subscription.cancelled", subscription=subscription)


def suspend(subscription: Subscription, index: int, now: datetime) -> None:
    """The payment of a period of a locked subscription is disputed: until it is decided, nothing is renewed."""
    settle(subscription, now)
    if subscription.ended_at is not None or index != subscription.period_index or subscription.suspended_at is not None:
        return
    subscription.suspended_at = now
    store(subscription, now)
    emit("subscription.suspended", subscription=subscription)


def take_in(customer: Customer, subscription: Subscription, now: datetime) -> None:
    """What came back to a locked subscription lasts no longer than it would have: not beyond its end, nor into a period
    that was paid for since. After ``catch_up``."""
    if subscription.ended_at is not None:
        take_away(customer, subscription, at=now)
    else:
        cut_short(customer, subscription, at=now)


def reinstate(customer: Customer, subscription: Subscription, now: datetime) -> None:
    """The dispute is decided, and what it took came back: a locked subscription that was suspended goes on.

    If its time is over by then, the next period can be paid for from now on; one that was cancelled has ended.
    """
    if subscription.suspended_at is None or subscription.ended_at is not None:
        return
    lift(subscription, now)
    subscription.access_until = max(subscription.access_until, access_end(subscription))
    stretch(customer, subscription, subscription.access_until, at=now)
    store(subscription, now)
    if subscription.ended_at is None:
        emit("subscription.resumed", subscription=subscription)
