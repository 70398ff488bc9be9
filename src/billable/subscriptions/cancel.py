"""How a subscription stops: it will not renew, or it is over. And undo_cancel."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import unit_of_work
from billable.errors import WrongSubscriptionState
from billable.quota.catch_up import catch_up
from billable.signals import emit
from billable.subscriptions.holdings import stretch, take_away
from billable.subscriptions.lifecycle import SubscriptionEnd, SubscriptionStatus
from billable.subscriptions.models import Subscription
from billable.subscriptions.pause import pick_up
from billable.subscriptions.read import lock_subscription, refuse_unless
from billable.subscriptions.store import access_end, end, settle, store


@unit_of_work
def undo_cancel(subscription: Subscription | UUID | str) -> Subscription:
    """Let a subscription renew after all that was cancelled and is still running. A second time does nothing.

    Raises SubscriptionNotFound, WrongSubscriptionState when it has ended.
    """
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    if locked.instants.status(now) is SubscriptionStatus.ENDED:
        refuse_unless(locked, now, "taken up again")
    if locked.cancelled_at is None:
        locked.replayed = True
        return locked
    catch_up(customer, now)
    settle(locked, now)
    # A longer access that was given by hand stays.
    given = locked.access_until
    locked.cancelled_at, locked.reason = None, ""
    locked.access_until = max(given, access_end(locked))
    stretch(customer, locked, locked.access_until, at=now)
    store(locked, now)
    emit("subscription.cancel_undone", subscription=locked)
    return locked


def refuse_to_cancel(subscription: Subscription, now: datetime, *, at_period_end: bool) -> bool:
    """Whether it is cancelled that way already. Raises WrongSubscriptionState when it is over in another way."""
    instants = subscription.instants
    if instants.status(now) is not SubscriptionStatus.ENDED:
        return subscription.cancelled_at is not None and at_period_end
    how = subscription.ended_as or instants.ending().value
    if how != SubscriptionEnd.CANCELLED.value:
        status = SubscriptionStatus.ENDED.value
        raise WrongSubscriptionState(subscription=str(subscription.pk), subscription_status=status, verb="cancelled")
    return True


def stop(customer: Customer, subscription: Subscription, now: datetime, *, at_period_end: bool, reason: str) -> None:
    """Cancel a locked subscription that is not over. After ``catch_up``."""
    if subscription.paused_at is not None and now < subscription.paused_at:
        # Where the pause would begin it ends.
        pick_up(customer, subscription, now)
    subscription.cancelled_at, subscription.reason = subscription.cancelled_at or now, reason or subscription.reason
    # Of a pause without an end what is left is left, however long it lasts.
    is_over = subscription.paid_until <= now and not subscription.instants.is_paused(now)
    if not at_period_end or is_over:
        finish(customer, subscription, now, SubscriptionEnd.CANCELLED, reason=reason)
        return
    subscription.access_until = subscription.paid_until
    stretch(customer, subscription, subscription.access_until, at=now)
    store(subscription, now)
    emit("subscription.cancelled", subscription=subscription)


def finish(
    customer: Customer, subscription: Subscription, now: datetime, how: SubscriptionEnd, *, reason: str = ""
) -> None:
    """End a locked subscription now, with all that it gave."""
    take_away(customer, subscription, at=now, reason=reason)
    end(subscription, now, how)
    store(subscription, now)
    if how is SubscriptionEnd.CANCELLED:
        emit("subscription.cancelled", subscription=subscription)
