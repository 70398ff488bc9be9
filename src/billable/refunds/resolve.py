"""resolve_dispute: the bank has decided."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid, WrongDisputeState
from billable.orders.lifecycle import PaymentStatus, UnappliedReason
from billable.orders.lines import grants_of
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.settle import judge, take
from billable.quota.catch_up import catch_up
from billable.quota.lineage import lock_heirs
from billable.refunds.asked import Asked
from billable.refunds.credit import open_about, orders_of
from billable.refunds.kinds import DisputeStatus, RefundOrigin
from billable.refunds.models import Dispute
from billable.refunds.periods import end_credited, reinstate_periods
from billable.refunds.provisional import give_back, take_back
from billable.refunds.read import get_dispute
from billable.refunds.refund import Terms, refund_core
from billable.refunds.source import left_of
from billable.signals import emit


@unit_of_work
def resolve_dispute(dispute: Dispute | UUID | str, outcome: str) -> Dispute:
    """Record how a dispute ended: ``won`` (the money stays) or ``lost`` (it went back). A second time does nothing.

    Won, the customer has again what was taken back, as far as its time is not over. Lost, the disputed amount is
    refunded with the units that belong to it; what it does not pay for comes back too.

    Raises DisputeNotFound, WrongDisputeState when it ended otherwise before, Invalid.
    """
    wanted = _outcome(outcome)
    customer = lock_customer_id(get_dispute(dispute).customer_id)
    locked = get_dispute(dispute)
    if locked.status == wanted.value:
        locked.replayed = True
        return locked
    if locked.status != DisputeStatus.DISPUTED.value:
        raise WrongDisputeState(dispute=str(locked.pk), dispute_status=locked.status, verb=wanted.value)
    for order_id in sorted(orders_of(locked.order_id)):
        lock_heirs(customer, grants_of(order_id))
    now = now_for(customer)
    catch_up(customer, now)
    locked.status, locked.decided_at = wanted.value, now
    locked.save(using=write_alias(), update_fields=["status", "decided_at"])
    if wanted is DisputeStatus.WON:
        _win(customer, locked, now)
    else:
        _lose(customer, locked, now)
    emit(f"dispute.{wanted.value}", dispute=locked)
    return locked


def _win(customer: Customer, dispute: Dispute, now: datetime) -> None:
    payment = dispute.payment
    payment.status = dispute.payment_status
    payment.save(using=write_alias(), update_fields=["status"])
    if dispute.was_applied:
        # What another open dispute waits for comes back when that one is decided.
        if open_about(customer, dispute.order_id) is None:
            give_back(customer, dispute, at=now)
            reinstate_periods(customer, dispute, now)
    elif payment.code == UnappliedReason.DISPUTED.value:
        _apply_again(customer, dispute, now)


def _lose(customer: Customer, dispute: Dispute, now: datetime) -> None:
    payment = dispute.payment
    payment.status = PaymentStatus.LOST.value
    payment.save(using=write_alias(), update_fields=["status"])
    if not dispute.was_applied:
        return
    # The refund finds everything where it was, takes its part, and leaves the rest with the customer.
    give_back(customer, dispute, at=now)
    _refund(customer, dispute, now)
    if other := open_about(customer, dispute.order_id):
        take_back(customer, other, at=now)
    else:
        reinstate_periods(customer, dispute, now)
    dispute.order = get_order(dispute.order_id)


def _refund(customer: Customer, dispute: Dispute, now: datetime) -> None:
    order = get_order(dispute.order_id)
    # What was credited paid for another plan, and is not there to go back.
    left = sum(item.refundable_minor for item in order.items.all())
    # What went back of this payment before the bank decided did not go back again.
    gone = min(dispute.amount_minor, left_of(dispute.payment))
    if amount := min(gone, left):
        _file(customer, dispute, order, Asked() if amount == left else Asked(amount_minor=amount))
    if gone > left:
        end_credited(customer, order.items.all(), now)


def _file(customer: Customer, dispute: Dispute, order: Order, asked: Asked) -> None:
    terms = Terms(
        refund_id=dispute.refund_id,
        origin=RefundOrigin.DISPUTE,
        payment=dispute.payment,
        reason=dispute.reason,
        release_holds=True,
    )
    refund_core(customer, order, asked, terms)


def _apply_again(customer: Customer, dispute: Dispute, now: datetime) -> None:
    """Let the order that had to let go of a payment take it again, if it still can."""
    payment, order = dispute.payment, get_order(dispute.payment.order_id)
    verdict = judge(order, payment, now)
    if verdict.applies:
        payment.order = order
        take(customer, order, payment, verdict, now)
        emit("payment.received", payment=payment)


def _outcome(outcome: object) -> DisputeStatus:
    if outcome not in (DisputeStatus.WON.value, DisputeStatus.LOST.value):
        raise Invalid(field="outcome", problem="must be won or lost")
    return DisputeStatus(outcome)
