"""cancel_order: a pending order is called off."""

from __future__ import annotations

from uuid import UUID

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work
from billable.errors import WrongOrderState
from billable.orders.lifecycle import OrderStatus, UnappliedReason
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.renewal import forget_renewal
from billable.orders.state import let_go, save_state
from billable.promotions.kinds import Release
from billable.promotions.uses import release
from billable.signals import emit


@unit_of_work
def cancel_order(order: Order | UUID | str, *, reason: str = "") -> Order:
    """Cancel a pending order; a second time does nothing. Money that it had taken becomes unapplied.

    A use of a promotion code that it had reserved is given back. For a subscription that it would have renewed the
    next sweep makes another one.

    Raises OrderNotFound, WrongOrderState when it is paid, expired or refunded.
    """
    reason = inputs.text(reason, "reason")
    customer = lock_customer_id(get_order(order).customer_id)
    locked = get_order(order)
    if locked.status == OrderStatus.CANCELLED.value:
        locked.replayed = True
        return locked
    if locked.status != OrderStatus.PENDING.value:
        raise WrongOrderState(order=str(locked.pk), status=locked.status, verb="cancelled")
    call_off(customer, locked, reason)
    forget_renewal(customer, locked, now_for(customer))
    return locked


def call_off(customer: Customer, order: Order, reason: str) -> None:
    """Cancel an order of a locked customer that waits for money, or that nobody paid in time."""
    order.status, order.cancelled_at, order.reason = OrderStatus.CANCELLED.value, now_for(customer), reason
    let_go(order, UnappliedReason.CANCELLED)
    save_state(order)
    emit("order.cancelled", order=order)
    if order.promotion_code:
        release(customer, order.pk, Release.CANCELLED)
