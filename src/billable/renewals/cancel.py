"""cancel_subscription: it will not renew, and the order that would have renewed it is called off."""

from __future__ import annotations

from uuid import UUID

from billable import inputs
from billable.customers.services import now_for
from billable.db.units import unit_of_work
from billable.orders.periods import drop_renewal
from billable.quota.catch_up import catch_up
from billable.subscriptions.cancel import refuse_to_cancel, stop
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription
from billable.subscriptions.store import settle


@unit_of_work
def cancel_subscription(
    subscription: Subscription | UUID | str, *, at_period_end: bool = True, reason: str = ""
) -> Subscription:
    """Cancel a subscription: it ends with the period that is paid for, or (``at_period_end=False``) now.

    Ending now takes back what it gave; money goes back by ``refund_order``. One that is past due ends now in any case.
    An order that waited for the next period is cancelled. A second time does nothing.

    Raises SubscriptionNotFound, WrongSubscriptionState when it has ended otherwise, Invalid.
    """
    later, why = inputs.flag(at_period_end, "at_period_end"), inputs.text(reason, "reason")
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    if refuse_to_cancel(locked, now, at_period_end=later):
        locked.replayed = True
        return locked
    catch_up(customer, now)
    settle(locked, now)
    drop_renewal(customer, locked)
    stop(customer, locked, now, at_period_end=later, reason=why)
    return locked
