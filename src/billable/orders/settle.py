"""Money and orders: whether an order takes a payment, and what follows."""

from __future__ import annotations

from datetime import datetime

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders import lifecycle
from billable.orders.changing import is_over
from billable.orders.fulfil import fulfil
from billable.orders.lifecycle import OrderStatus, PaymentStatus, UnappliedReason, Verdict
from billable.orders.models import Order, Payment
from billable.orders.state import save_state


def judge(order: Order, payment: Payment, now: datetime) -> Verdict:
    """Whether a locked order takes this money, and whether it is paid by it."""
    verdict = lifecycle.judge(
        OrderStatus(order.status),
        due_minor=order.amount_due_minor,
        order_currency=order.currency,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )
    if verdict.applies and is_over(order, now):
        return Verdict(UnappliedReason.CHANGE_OVER, completes=False)
    return verdict


def take(customer: Customer, order: Order, payment: Payment, verdict: Verdict, now: datetime) -> None:
    """Count money towards a locked order that takes it; paid in full, the order gives what it promised.

    A payment that came for another order keeps the code that says why that one could not take it.
    """
    payment.status = PaymentStatus.SUCCEEDED.value
    if payment.order_id == order.pk:
        payment.code, payment.applied_to = UnappliedReason.NONE.value, None
    else:
        payment.applied_to = order
    payment.save(using=write_alias())
    order.paid_amount_minor += payment.amount_minor
    if verdict.completes:
        fulfil(customer, order, now)
    else:
        save_state(order)
