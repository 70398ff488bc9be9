"""confirm_payment: money arrived for an order, or will, or did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_owner
from billable.db.units import unit_of_work, write_alias
from billable.errors import OrderNotFound
from billable.inputs import Metadata
from billable.money import Money
from billable.orders import lifecycle
from billable.orders.claims import DEFAULT_METHOD, PaymentKey, claim
from billable.orders.lifecycle import ARRIVED, PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import get_order, order_id_of
from billable.orders.settle import judge, take
from billable.signals import emit

MAX_NOTICES = 50


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What somebody reports about a payment. ``money`` None means that no amount was named."""

    key: PaymentKey
    status: PaymentStatus
    amount: str | None
    amount_minor: int | None
    currency: str | None
    metadata: dict[str, Any]

    def money(self, order: Order) -> Money | None:
        """The money that it names; a bare integer is in the order's currency."""
        return inputs.amount(self.amount, self.amount_minor, self.currency, fallback=order.currency)

    def assumed(self, order: Order) -> Money:
        """The money that a notice without an amount stands for: what is due, or the total when nothing is.

        In another currency than the order's nobody knows how much it was: 0, for somebody to look at.
        """
        currency = order.currency if self.currency is None else inputs.currency(self.currency)
        due = order.amount_due_minor or order.total_amount_minor
        return Money(due if currency == order.currency else 0, currency)


@unit_of_work
def confirm_payment(
    order: Order | UUID | str,
    *,
    payment_id: str,
    status: str = "paid",
    payment_method: str = DEFAULT_METHOD,
    capture_id: str = "",
    amount: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    metadata: Metadata | None = None,
) -> Payment:
    """Record what is known of a payment: ``paid`` (``succeeded``), ``pending`` or ``failed``.

    Paid in full, the order is paid and its grants are made. Less is kept while the order waits for the rest. Money
    that the order cannot take is kept too, as ``unapplied`` with a ``code``: this verb never raises for money that has
    arrived. No amount means what is due. A repeat changes nothing and answers with ``replayed``. ``payment.order`` is
    the order as it now stands; a row that was passed in stays as it was.

    Raises OrderNotFound, PaymentConflict (the payment id belongs to another order), Invalid.
    """
    notice = Notice(
        key=payment_key(payment_method, payment_id, capture_id),
        status=lifecycle.notice(status),
        amount=amount,
        amount_minor=amount_minor,
        currency=currency,
        metadata=inputs.metadata(metadata),
    )
    order_id = order_id_of(order)
    customer = lock_owner(Order.objects.filter(pk=order_id))
    if customer is None:
        raise OrderNotFound(order=str(order_id))
    return record(customer, get_order(order_id), notice)


def record(customer: Customer, locked: Order, notice: Notice) -> Payment:
    """Record a notice about a payment of an order, for its locked customer. Raises PaymentConflict, Invalid."""
    money = notice.money(locked)
    payment = _known(locked, notice.key)
    if payment is not None and notice.key.capture_id != payment.capture_id:
        _adopt_capture(locked, payment, notice.key)
    if payment is not None and _says_nothing_new(payment, notice, money):
        return _replay(payment, notice)
    if payment is None:
        claim(locked, notice.key)
        payment = _new_payment(locked, notice)
    _take_over(payment, locked, notice, money)
    if notice.status is PaymentStatus.SUCCEEDED:
        _apply(customer, locked, payment)
    else:
        payment.save(using=write_alias())
    emit(_EVENTS[payment.status], payment=payment)
    return payment


_ARRIVED = tuple(status.value for status in ARRIVED)
_EVENTS = {
    PaymentStatus.SUCCEEDED.value: "payment.received",
    PaymentStatus.UNAPPLIED.value: "payment.unapplied",
    PaymentStatus.FAILED.value: "payment.failed",
    PaymentStatus.PENDING.value: "payment.pending",
}


def _says_nothing_new(payment: Payment, notice: Notice, money: Money | None) -> bool:
    if payment.status in _ARRIVED:
        return True
    return payment.status == notice.status.value and (money is None or money == payment.amount)


def _apply(customer: Customer, order: Order, payment: Payment) -> None:
    """Let the order take money that arrived, or keep the money as unapplied."""
    payment.succeeded_at = now = now_for(customer)
    verdict = judge(order, payment, payment.succeeded_at)
    if verdict.applies:
        take(customer, order, payment, verdict, now)
    else:
        payment.status, payment.code = PaymentStatus.UNAPPLIED.value, verdict.reason.value
        payment.save(using=write_alias())


def _take_over(payment: Payment, order: Order, notice: Notice, money: Money | None) -> None:
    """Bring a payment up to what a notice says. An amount that was once named outlives a notice without one."""
    payment.status = notice.status.value
    if money is not None:
        payment.amount_minor, payment.currency = money.amount_minor, money.currency
        payment.amount_assumed = False
    elif payment.amount_assumed:
        assumed = notice.assumed(order)
        payment.amount_minor, payment.currency = assumed.amount_minor, assumed.currency


def _new_payment(order: Order, notice: Notice) -> Payment:
    return Payment(
        customer_id=order.customer_id,
        order=order,
        payment_method=notice.key.method,
        payment_id=notice.key.id,
        capture_id=notice.key.capture_id,
        amount_assumed=True,
        metadata=notice.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )


def _replay(payment: Payment, notice: Notice) -> Payment:
    """The payment as it stands; a notice that comes too late to matter is only written down."""
    if payment.status in _ARRIVED and notice.status is not PaymentStatus.SUCCEEDED:
        late = {"status": notice.status.value, "at": clock.now().isoformat(), "actor": current_actor()}
        payment.notices = [*payment.notices, late][-MAX_NOTICES:]
        payment.save(using=write_alias(), update_fields=["notices"])
    payment.replayed = True
    return payment


def _known(order: Order, key: PaymentKey) -> Payment | None:
    """The payment of this order that a notice is about.

    By id alone, whatever the method says now: some channels name it in one notice and not in the next. Captures are
    told apart when both sides name one.
    """
    same_id = [payment for payment in order.payments.all() if payment.payment_id == key.id]
    candidates = [payment for payment in same_id if payment.capture_id == key.capture_id]
    candidates += [payment for payment in same_id if not (payment.capture_id and key.capture_id)]
    if not candidates:
        return None
    candidates[0].order = order
    return candidates[0]


def _adopt_capture(order: Order, payment: Payment, key: PaymentKey) -> None:
    """Learn which capture a payment was, where it was known without one."""
    if key.capture_id:
        claim(order, PaymentKey(method=payment.payment_method, id=key.id, capture_id=key.capture_id))
        payment.capture_id = key.capture_id
        payment.save(using=write_alias(), update_fields=["capture_id"])


def payment_key(payment_method: object, payment_id: object, capture_id: object = "") -> PaymentKey:
    """What names a payment, clean. Raises Invalid."""
    return PaymentKey(
        method=inputs.name(payment_method, "payment_method"),
        id=inputs.key(payment_id, "payment_id"),
        capture_id="" if capture_id == "" else inputs.key(capture_id, "capture_id"),
    )
