"""dispute_payment: a payer wants their money back through their bank, and nobody has decided yet."""

from __future__ import annotations

from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import (
    CurrencyMismatch,
    DisputeOpen,
    IdempotencyConflict,
    Invalid,
    WrongPaymentState,
)
from billable.inputs import Metadata
from billable.money import Money
from billable.orders.lifecycle import OrderStatus, PaymentStatus, UnappliedReason
from billable.orders.lines import grants_of
from billable.orders.models import Order, Payment
from billable.orders.read import get_order, get_payment
from billable.orders.state import save_state, unapply
from billable.quota.catch_up import catch_up
from billable.quota.lineage import lock_heirs
from billable.refunds.credit import orders_of
from billable.refunds.kinds import DisputeStatus
from billable.refunds.models import Dispute
from billable.refunds.periods import suspend_periods
from billable.refunds.provisional import take_back
from billable.refunds.read import disputes
from billable.signals import emit

_ARRIVED_HERE = (PaymentStatus.SUCCEEDED.value, PaymentStatus.UNAPPLIED.value)
_WAITS = (OrderStatus.PENDING.value, OrderStatus.EXPIRED.value)


@unit_of_work
def dispute_payment(
    payment: Payment | UUID | str,
    *,
    dispute_id: str,
    amount: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    reason: str = "",
    metadata: Metadata | None = None,
) -> Dispute:
    """Record that a payer disputes a payment, or (with an amount) a part of it, and take back what it bought for now.

    Every open grant of the order ends, and comes back when the dispute is won. An order that still waits for money
    lets go of the payment. A repeat of ``dispute_id`` changes nothing and answers with ``replayed``.

    Raises PaymentNotFound, WrongPaymentState when the money never arrived or is gone, DisputeOpen when another dispute
    of the payment is not decided, IdempotencyConflict, CurrencyMismatch, Invalid.
    """
    key, reason = inputs.key(dispute_id, "dispute_id"), inputs.text(reason, "reason")
    facts = inputs.metadata(metadata)
    customer = lock_customer_id(get_payment(payment).customer_id)
    locked = get_payment(payment)
    named = inputs.amount(amount, amount_minor, currency, fallback=locked.currency)
    earlier = disputes().filter(payment=locked.pk, dispute_id=key).first()
    if earlier is not None:
        return _replay(earlier, named)
    money = _disputable(locked, named, currency)
    _refuse_wrong_state(locked)
    for order_id in sorted(orders_of(locked.taken_by_id)):
        lock_heirs(customer, grants_of(order_id))
    order = get_order(locked.taken_by_id)
    if locked.status == PaymentStatus.SUCCEEDED.value and order.status in _WAITS:
        _let_go(order, locked)
    dispute = Dispute(
        customer_id=locked.customer_id,
        order=order,
        payment=locked,
        dispute_id=key,
        amount_minor=money.amount_minor,
        currency=money.currency,
        payment_status=locked.status,
        reason=reason,
        metadata=facts,
        actor=current_actor(),
        created_at=clock.now(),
    )
    _open(customer, dispute)
    return dispute


def _open(customer: Customer, dispute: Dispute) -> None:
    payment, now = dispute.payment, now_for(customer)
    Dispute.objects.using(write_alias()).bulk_create([dispute])
    payment.status = PaymentStatus.DISPUTED.value
    payment.save(using=write_alias(), update_fields=["status"])
    catch_up(customer, now)
    if dispute.was_applied:
        take_back(customer, dispute, at=now)
        suspend_periods(get_order(dispute.order_id), now)
    emit("payment.disputed", payment=payment)


def _let_go(order: Order, payment: Payment) -> None:
    """Money that its payer wants back does not help to pay an order."""
    unapply(payment, UnappliedReason.DISPUTED)
    order.paid_amount_minor -= payment.amount_minor
    save_state(order)


def _disputable(payment: Payment, named: Money | None, currency: str | None) -> Money:
    asked_in = named.currency if named is not None else currency and inputs.currency(currency)
    if asked_in and asked_in != payment.currency:
        raise CurrencyMismatch(field="currency", problem=f"it was paid in {payment.currency}")
    if named is not None and named.amount_minor > payment.amount_minor:
        raise Invalid(field="amount", problem=f"is more than the payment of {payment.amount}")
    return named or payment.amount


def _refuse_wrong_state(payment: Payment) -> None:
    if payment.status == PaymentStatus.DISPUTED.value:
        standing = disputes().get(payment=payment.pk, status=DisputeStatus.DISPUTED.value)
        raise DisputeOpen(dispute=str(standing.pk), dispute_id=standing.dispute_id)
    if payment.status not in _ARRIVED_HERE:
        raise WrongPaymentState(payment=str(payment.pk), payment_status=payment.status, verb="disputed")


def _replay(earlier: Dispute, named: Money | None) -> Dispute:
    if named is not None and named != earlier.amount:
        raise IdempotencyConflict(idempotency_key=earlier.dispute_id, fields=["amount"])
    earlier.replayed = True
    return earlier
