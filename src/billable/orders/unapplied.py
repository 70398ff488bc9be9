"""apply_payment and return_payment: the two ways out for money that its order could not take."""

from __future__ import annotations

from uuid import UUID

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import family, lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid, PaymentUnapplied, WrongPaymentState
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import get_order, get_payment, order_id_of
from billable.orders.settle import judge, take
from billable.signals import emit


@unit_of_work
def apply_payment(payment: Payment | UUID | str, order: Order | UUID | str, *, reason: str = "") -> Payment:
    """Let an order of the same customer take a payment that is unapplied; its own order may, if it now can.

    Paid in full by it, the order gives what it promised. ``payment.applied_to`` is the order that took it, or None when
    that is the one it came for. A repeat changes nothing.

    Raises PaymentNotFound, OrderNotFound, WrongPaymentState, PaymentUnapplied when the order cannot take it, Invalid
    when it is another customer's.
    """
    reason = inputs.text(reason, "reason")
    order_id = order_id_of(order)
    customer = lock_customer_id(get_payment(payment).customer_id)
    locked, target = get_payment(payment), get_order(order_id)
    _refuse_strangers(customer, target)
    if locked.status == PaymentStatus.SUCCEEDED.value and locked.taken_by_id == order_id:
        locked.replayed = True
        return locked
    _must_be_unapplied(locked, "applied")
    now = now_for(customer)
    verdict = judge(target, locked, now)
    if not verdict.applies:
        amount, due = str(locked.amount), str(target.amount_due)
        raise PaymentUnapplied(payment_id=locked.payment_id, reason=verdict.reason.value, amount=amount, due=due)
    if locked.order_id == order_id:
        locked.order = target
    locked.reason = reason
    take(customer, target, locked, verdict, now)
    emit("payment.applied", payment=locked)
    return locked


@unit_of_work
def return_payment(payment: Payment | UUID | str, *, reason: str = "") -> Payment:
    """Record that unapplied money was sent back where it came from. That is final; a second time does nothing.

    Raises PaymentNotFound, WrongPaymentState when it is not unapplied, Invalid.
    """
    reason = inputs.text(reason, "reason")
    customer = lock_customer_id(get_payment(payment).customer_id)
    locked = get_payment(payment)
    if locked.status == PaymentStatus.RETURNED.value:
        locked.replayed = True
        return locked
    _must_be_unapplied(locked, "returned")
    locked.status, locked.returned_at, locked.reason = PaymentStatus.RETURNED.value, now_for(customer), reason
    locked.save(using=write_alias(), update_fields=["status", "returned_at", "reason"])
    emit("payment.returned", payment=locked)
    return locked


def _must_be_unapplied(payment: Payment, verb: str) -> None:
    if payment.status != PaymentStatus.UNAPPLIED.value:
        raise WrongPaymentState(payment=str(payment.pk), payment_status=payment.status, verb=verb)


def _refuse_strangers(customer: Customer, order: Order) -> None:
    if not family(customer.pk).filter(pk=order.customer_id).exists():
        raise Invalid(field="order", problem="belongs to another customer than the payment")
