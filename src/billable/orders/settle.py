"""Money and orders: an order takes a payment, or lets go of those that it took."""

from __future__ import annotations

from django.db.models import Q

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders import lifecycle
from billable.orders.fulfil import fulfil, save_state
from billable.orders.lifecycle import OrderStatus, PaymentStatus, UnappliedReason, Verdict
from billable.orders.models import Order, Payment
from billable.signals import emit


def judge(order: Order, payment: Payment) -> Verdict:
    """Whether a locked order takes this money, and whether it is paid by it."""
    return lifecycle.judge(
        OrderStatus(order.status),
        due_minor=order.amount_due_minor,
        order_currency=order.currency,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
    )


def take(customer: Customer, order: Order, payment: Payment, verdict: Verdict) -> None:
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
        fulfil(customer, order)
    else:
        save_state(order)


def let_go(order: Order, reason: UnappliedReason) -> None:
    """Unapply all that a locked order has taken. The order itself is the caller's to save."""
    taken = Q(order=order.pk, applied_to__isnull=True) | Q(applied_to=order.pk)
    payments = Payment.objects.using(write_alias()).filter(taken, status=PaymentStatus.SUCCEEDED.value)
    for payment in payments.select_related("order").order_by("id"):
        unapply(payment, reason)
    order.paid_amount_minor = 0


def unapply(payment: Payment, reason: UnappliedReason) -> None:
    """Take a payment off the order that had taken it. ``reason`` is of the order that it came for."""
    payment.status = PaymentStatus.UNAPPLIED.value
    if payment.applied_to_id is None:
        payment.code = reason.value
    payment.applied_to = None
    payment.save(using=write_alias(), update_fields=["status", "code", "applied_to"])
    emit("payment.unapplied", payment=payment)
