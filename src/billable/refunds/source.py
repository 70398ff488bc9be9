"""Which order a refund is of: the one that is named, or the one that took the payment that is named."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Sum

from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import write_alias
from billable.errors import Invalid, NothingToRefund, PaymentNotFound, WrongPaymentState
from billable.orders.claims import DEFAULT_METHOD, PaymentKey, claimed_order_ids
from billable.orders.confirm import payment_key
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import counted_for, get_order, get_payment, order_id_of
from billable.refunds.asked import Asked
from billable.refunds.models import Refund
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class Source:
    """What was found before the lock: ids, which do not change."""

    customer_id: UUID
    order_id: UUID
    payment: UUID | None = None


def find(
    order: Order | UUID | str | None, payment_id: object, payment_method: object, capture_id: object = ""
) -> Source:
    """Find the order or payment that is named; both must belong together.

    Raises OrderNotFound, PaymentNotFound, Invalid.
    """
    if payment_id is None:
        if order is None:
            raise Invalid(field="order", problem="is required, or a payment_id")
        found = get_order(order)
        return Source(customer_id=found.customer_id, order_id=found.pk)
    key = payment_key(payment_method, payment_id, capture_id)
    payments = _by_key(key)
    if order is not None:
        order_id = order_id_of(order)
        payments = [payment for payment in payments if order_id in (payment.order_id, payment.applied_to_id)]
    if not payments:
        raise PaymentNotFound(payment=f"{key.method}:{key.id}")
    if len({payment.order_id for payment in payments}) > 1:
        raise Invalid(field="payment_method", problem="is required: several methods know this payment_id")
    arrived = [payment for payment in payments if payment.succeeded_at is not None]
    if len(arrived) > 1:
        raise Invalid(field="capture_id", problem="is required: the payment arrived in several captures")
    chosen = (arrived or payments)[0]
    return Source(customer_id=chosen.customer_id, order_id=chosen.order_id, payment=chosen.pk)


def payment_as_it_stands(source: Source) -> Payment | None:
    """The payment that was named, read under the lock.

    Raises WrongPaymentState for money that never arrived, and for money that no order took and a dispute took back.
    """
    if source.payment is None:
        return None
    payment = get_payment(source.payment)
    is_lost = payment.status == PaymentStatus.LOST.value and payment.code and payment.applied_to_id is None
    if is_lost or payment.status in (PaymentStatus.PENDING.value, PaymentStatus.FAILED.value):
        raise _wrong_state(payment)
    return payment


def is_loose(payment: Payment) -> bool:
    """Whether no order took it."""
    return payment.status in (PaymentStatus.UNAPPLIED.value, PaymentStatus.RETURNED.value)


def give_back(customer: Customer, payment: Payment, reason: str) -> None:
    """Mark money that no order took as returned. Raises WrongPaymentState when it already is."""
    if payment.status != PaymentStatus.UNAPPLIED.value:
        raise _wrong_state(payment)
    payment.status, payment.returned_at, payment.reason = PaymentStatus.RETURNED.value, now_for(customer), reason
    payment.save(using=write_alias(), update_fields=["status", "returned_at", "reason"])
    emit("payment.returned", payment=payment)


def left_of(payment: Payment) -> int:
    """What has not gone back of a payment yet."""
    earlier = Refund.objects.using(write_alias()).filter(payment=payment.pk).aggregate(total=Sum("amount_minor"))
    return max(payment.amount_minor - (earlier["total"] or 0), 0)


def by_payment(order: Order, wanted: Asked, payment: Payment) -> Asked:
    """What a refund by payment asks for, the same each time: nothing named is the payment, or all of its order."""
    is_a_part = wanted.names_nothing and only_payment(order) != payment
    return dataclasses.replace(wanted, payment=payment.pk) if is_a_part else wanted


def all_of_it(order: Order, wanted: Asked, left_minor: int) -> Asked:
    """What a refund of a payment is now: all that is left of the payment, and of the order. Raises NothingToRefund."""
    if not wanted.names_nothing:
        return wanted
    left_of_order = order.paid_amount_minor - order.refunded_amount_minor
    if not left_minor and left_of_order:
        raise NothingToRefund(order=str(order.pk))
    return wanted if left_minor >= left_of_order else dataclasses.replace(wanted, amount_minor=left_minor)


def only_payment(order: Order) -> Payment | None:
    """The payment of an order that one payment paid."""
    payments = list(Payment.objects.using(write_alias()).filter(counted_for(order.pk)).order_by("id")[:2])
    return payments[0] if len(payments) == 1 else None


def _by_key(key: PaymentKey) -> list[Payment]:
    """The payments by an id; ``default`` on either side matches any method, and no capture any capture."""
    payments = Payment.objects.using(write_alias()).filter(order__in=claimed_order_ids(key), payment_id=key.id)
    if key.method != DEFAULT_METHOD:
        payments = payments.filter(payment_method__in=[key.method, DEFAULT_METHOD])
    found = list(payments.order_by("id"))
    named = [payment for payment in found if key.capture_id and payment.capture_id == key.capture_id]
    return named or [payment for payment in found if not (payment.capture_id and key.capture_id)]


def _wrong_state(payment: Payment) -> WrongPaymentState:
    return WrongPaymentState(payment=str(payment.pk), payment_status=payment.status, verb="refunded")
