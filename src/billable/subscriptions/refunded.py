"""What money that goes back, or may have to, does to the subscription that it paid for."""

from __future__ import annotations

from datetime import datetime

from billable.customers.models import Customer
from billable.signals import emit
from billable.subscriptions.cancel import finish
from billable.subscriptions.holdings import shut, stretch, take_away
from billable.subscriptions.lifecycle import SubscriptionEnd
from billable.subscriptions.models import Subscription
from billable.subscriptions.store import access_end, lift, next_from, settle, store


def undo_period(customer: Customer, subscription: Subscription, now: datetime) -> None:
    """The latest period of a locked subscription was refunded whole. After ``catch_up``.

    That ends it, at once; one that had not begun leaves it with what was paid for before, and it will not renew.
    """
    settle(subscription, now)
    if subscription.ended_at is not None:
        return
    # A pause moves the window of a period that has begun.
    begins, _, moment = subscription.time_left(now)
    if begins <= moment:
        finish(customer, subscription, now, SubscriptionEnd.REFUNDED)
        return
    subscription.cancelled_at = subscription.cancelled_at or now
    next_from(subscription, subscription.paid_from)
    store(subscription, now)
    emit("subscription.cancelled", subscription=subscription)


def lose_seats(subscription: Subscription, seats: int, now: datetime) -> None:
    """So many seats of the latest period of a locked subscription were refunded. After ``catch_up``."""
    settle(subscription, now)
    if subscription.ended_at is None:
        subscription.seats -= seats
        store(subscription, now)


def suspend(subscription: Subscription, now: datetime) -> None:
    """What paid for the latest period of a locked subscription is disputed: until it is decided, nothing is renewed."""
    settle(subscription, now)
    if subscription.ended_at is not None or subscription.suspended_at is not None:
        return
    subscription.suspended_at = now
    store(subscription, now)
    emit("subscription.suspended", subscription=subscription)


def reinstate(customer: Customer, subscription: Subscription, now: datetime, *, is_disputed: bool) -> None:
    """A dispute is decided, and what it took came back. The time that passed meanwhile is over.

    If that was all of it, the next period can be paid for from now on; one that was cancelled has ended. Where another
    dispute stands in the way (``is_disputed``) it stays suspended. After ``catch_up``.
    """
    settle(subscription, now)
    if subscription.ended_at is not None:
        take_away(customer, subscription, at=now)
        return
    # What came back has the end that it had. Meanwhile another period may have been paid for, or access have been cut.
    shut(customer, subscription, at=now)
    if subscription.suspended_at is None or is_disputed:
        if not subscription.instants.is_paused(now):
            stretch(customer, subscription, subscription.access_until, at=now)
        return
    lift(subscription, now)
    subscription.access_until = max(subscription.access_until, access_end(subscription))
    stretch(customer, subscription, subscription.access_until, at=now)
    store(subscription, now)
    if subscription.ended_at is None:
        emit("subscription.resumed", subscription=subscription)
