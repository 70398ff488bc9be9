"""cancel_order: a pending order is called off."""

from __future__ import annotations

from uuid import UUID

from billable import inputs
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work
from billable.errors import WrongOrderState
from billable.orders.fulfil import save_state
from billable.orders.lifecycle import OrderStatus, UnappliedReason
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.settle import let_go
from billable.promotions.kinds import Release
from billable.promotions.uses import release
from billable.signals import emit


@unit_of_work
def cancel_order(order: Order | UUID | str, *, reason: str = "") -> Order:
    """Cancel a pending order; a second time does nothing. Money that it had taken becomes unapplied.

    A use of a promotion code that it had reserved is given back.

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
    locked.status, locked.cancelled_at, locked.reason = OrderStatus.CANCELLED.value, now_for(customer), reason
    let_go(locked, UnappliedReason.CANCELLED)
    save_state(locked)
    emit("order.cancelled", order=locked)
    if locked.promotion_code:
        release(customer, locked.pk, Release.CANCELLED)
    return locked
