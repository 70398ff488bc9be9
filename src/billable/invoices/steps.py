"""What follows a verb about money, after its commit: the document of it, each in a transaction of its own.

Every step may come twice, late or never: what is missing then is issued by ``issue_missing``.
"""

from __future__ import annotations

from uuid import UUID

from billable.changes.models import PlanChange
from billable.db.units import write_alias
from billable.invoices.issue import issue_credit_note, issue_receipt
from billable.orders.models import Order, OrderItem, Payment
from billable.refunds.models import Dispute, Refund, RefundItem


def receipt_after_order(order: Order) -> None:
    """After create_order: an order of nothing to pay is paid."""
    _receipt_if_paid(order.pk)


def receipt_after_change(change: PlanChange) -> None:
    """After a change of plan: one of nothing to pay is paid. At the end of the period there is no order yet."""
    for order_id in OrderItem.objects.using(write_alias()).filter(change=change.pk).values_list("order", flat=True):
        _receipt_if_paid(order_id)


def receipt_after_payment(payment: Payment) -> None:
    """After money arrived, or was applied by hand: the order that it counts towards may be paid now."""
    _receipt_if_paid(payment.applied_to_id or payment.order_id)


def note_after_refund(refund: Refund) -> None:
    """After money went back."""
    _note_if_of_an_order(refund.pk)


def note_after_dispute(dispute: Dispute) -> None:
    """After a dispute was decided: a lost one has made a refund."""
    refunds = Refund.objects.using(write_alias())
    lost = refunds.filter(payment=dispute.payment_id, refund_id=dispute.refund_id)
    for refund_id in lost.values_list("pk", flat=True):
        _note_if_of_an_order(refund_id)


def receipt_after_dispute(dispute: Dispute) -> None:
    """After a dispute was decided: an order may be paid now by money that it had let go of."""
    _receipt_if_paid(dispute.order_id)


def _receipt_if_paid(order_id: UUID) -> None:
    if Order.objects.using(write_alias()).filter(pk=order_id, paid_at__isnull=False).exists():
        issue_receipt(order_id)


def _note_if_of_an_order(refund_id: UUID) -> None:
    if RefundItem.objects.using(write_alias()).filter(refund=refund_id).exists():
        issue_credit_note(refund_id)
