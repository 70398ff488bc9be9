"""Where a locked order stands: written down, and the money that it lets go of."""

from __future__ import annotations

from django.db.models import Q

from billable.db.units import write_alias
from billable.orders.lifecycle import PaymentStatus, UnappliedReason
from billable.orders.models import Order, Payment
from billable.signals import emit


def save_state(order: Order) -> None:
    """Write where a locked order stands."""
    changed = ("status", "paid_amount_minor", "paid_at", "cancelled_at", "reason")
    Order.objects.using(write_alias()).filter(pk=order.pk, customer=order.customer_id).update(
        **{name: getattr(order, name) for name in changed}
    )


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
