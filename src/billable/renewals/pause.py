"""pause_subscription: time stands still; the order that would have renewed it is called off."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable import inputs
from billable.customers.services import now_for
from billable.db.units import unit_of_work
from billable.errors import Invalid, PauseRefused
from billable.orders.periods import drop_renewal
from billable.quota.catch_up import catch_up
from billable.subscriptions.holdings import outlasting, recurring
from billable.subscriptions.lifecycle import MOST_AHEAD, SubscriptionStatus
from billable.subscriptions.models import Subscription
from billable.subscriptions.pause import stand_still
from billable.subscriptions.read import lock_subscription, refuse_unless
from billable.subscriptions.store import settle


@unit_of_work
def pause_subscription(
    subscription: Subscription | UUID | str,
    *,
    at_period_end: bool = False,
    resumes_at: datetime | None = None,
    reason: str = "",
) -> Subscription:
    """Pause a subscription now, or when the period that is paid for ends.

    Nothing of it can be used meanwhile. What was left of the time and of the units is left when it goes on: at
    ``resumes_at`` by itself, or (None) when ``resume_subscription`` says so. The next period begins that much later.
    An order that waited for it is cancelled. A second pause does nothing while the first one is going on or to come.

    Raises SubscriptionNotFound, WrongSubscriptionState unless it is active or trialing, PauseRefused when it gives
    units anew within the period (pause it at the period's end) or what it gave lasts longer than the period (pause it
    now), Invalid.
    """
    later, why = inputs.flag(at_period_end, "at_period_end"), inputs.text(reason, "reason")
    ends = None if resumes_at is None else inputs.instant(resumes_at, "resumes_at")
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    waits = locked.paused_at is not None and (locked.resumes_at is None or now < locked.resumes_at)
    if waits and locked.instants.status(now) is not SubscriptionStatus.ENDED:
        locked.replayed = True
        return locked
    refuse_unless(locked, now, "paused", SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING)
    begins = locked.paid_until if later else now
    if ends is not None and not begins < ends <= begins + MOST_AHEAD:
        raise Invalid(field="resumes_at", problem="must be after the pause begins, within ten years")
    _refuse(locked, now, at_period_end=later)
    catch_up(customer, now)
    settle(locked, now)
    drop_renewal(customer, locked)
    stand_still(customer, locked, now, at_period_end=later, resumes_at=ends, reason=why)
    return locked


def _refuse(subscription: Subscription, now: datetime, *, at_period_end: bool) -> None:
    """Raise PauseRefused where a pause that begins then could not keep what is left."""
    if not at_period_end and recurring(subscription, now).exists():
        problem = "it gives units anew within its period, and can be paused at the period's end"
        raise PauseRefused(subscription=str(subscription.pk), problem=problem)
    if at_period_end and outlasting(subscription, now).exists():
        problem = "what it gave lasts longer than its period, and it can be paused now"
        raise PauseRefused(subscription=str(subscription.pk), problem=problem)
