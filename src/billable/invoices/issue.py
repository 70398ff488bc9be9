"""issue_receipt, issue_credit_note and issue_missing: documents are numbered and written down, once each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum

from billable import clock, inputs
from billable.actor import current_actor
from billable.conf import SANDBOX_SERIES, knobs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty
from billable.errors import Invalid, OrderNotFound, RefundNotFound, WrongOrderState
from billable.invoices.amounts import tax_going_back
from billable.invoices.kinds import InvoiceKind
from billable.invoices.models import Invoice, InvoiceLine
from billable.invoices.numbers import take_number
from billable.invoices.parties import Party, buyer, seller, zone_of
from billable.invoices.read import with_parts
from billable.orders.models import Order, OrderItem, Payment
from billable.orders.read import counted_for, order_id_of
from billable.refunds.models import Refund, RefundItem
from billable.signals import emit

BATCH = 200
UNNAMED_METHOD = "default"


@dataclass(frozen=True, kw_only=True)
class InvoiceSweep:
    """What a sweep issued."""

    receipts: int
    credit_notes: int


@unit_of_work
def issue_receipt(order: Order | UUID | str) -> Invoice:
    """Issue the numbered receipt of a paid order. A second time answers with the first one (``replayed``).

    This happens by itself after the commit that pays the order. Raises OrderNotFound, WrongOrderState when it is not
    paid, Misconfigured.
    """
    order_id = order_id_of(order)
    named = Order.objects.using(write_alias()).filter(pk=order_id)
    customer_id = named.values_list("customer_id", flat=True).first()
    if customer_id is None:
        raise OrderNotFound(order=str(order_id))
    return _receipt(lock_customer_id(customer_id), order_id)


@unit_of_work
def issue_credit_note(refund: Refund | UUID | str) -> Invoice:
    """Issue the numbered credit note of a refund. A second time answers with the first one (``replayed``).

    This happens by itself after the commit that refunds. Where the order's receipt is missing it is issued first.
    Raises RefundNotFound, Invalid when nothing of an order went back, Misconfigured.
    """
    refund_id = refund.pk if isinstance(refund, Refund) else inputs.known_identifier(refund)
    found = Refund.objects.using(write_alias())
    named = None if refund_id is None else found.filter(pk=refund_id).first()
    if named is None:
        raise RefundNotFound(refund=str(refund)[:100])
    customer = lock_customer_id(named.customer_id)
    if earlier := _issued(InvoiceKind.CREDIT_NOTE, named.pk):
        return earlier
    parts = RefundItem.objects.using(write_alias()).filter(refund=named).select_related("item")
    items = list(parts.order_by("item__line"))
    if not items:
        raise Invalid(field="refund", problem="gave back nothing of an order")
    return _write(*_credit_note(customer, named, _receipt(customer, named.order_id), items))


def issue_missing(*, limit: int | None = None) -> InvoiceSweep:
    """Issue what was not issued when it should have been: up to ``limit`` documents (None: all), the oldest first.

    Each is a transaction of its own; any number of sweeps may run at once. Raises Invalid, Misconfigured.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    receipts = _issue_all(_unreceipted, issue_receipt, most)
    credit_notes = _issue_all(_uncredited, issue_credit_note, None if most is None else most - receipts)
    return InvoiceSweep(receipts=receipts, credit_notes=credit_notes)


def _issue_all(
    missing: Callable[[], QuerySet[Order] | QuerySet[Refund]], issue: Callable[[UUID], Invoice], most: int | None
) -> int:
    issued = 0
    while most is None or issued < most:
        batch = list(missing().values_list("pk", flat=True)[: BATCH if most is None else min(BATCH, most - issued)])
        if not batch:
            break
        # Somebody else may issue them too, and then the answer is a replay.
        issued += sum(not issue(source_id).replayed for source_id in batch)
    return issued


def _do(issue: Callable[[UUID], Invoice]) -> Callable[[UUID], bool]:
    return lambda source_id: not issue(source_id).replayed


def _unreceipted() -> QuerySet[Order]:
    receipt = Invoice.objects.filter(kind=InvoiceKind.RECEIPT.value, source_id=OuterRef("pk"))
    paid = Order.objects.using(write_alias()).filter(paid_at__isnull=False)
    return paid.filter(~Exists(receipt)).order_by("paid_at", "id")


def _uncredited() -> QuerySet[Refund]:
    note = Invoice.objects.filter(kind=InvoiceKind.CREDIT_NOTE.value, source_id=OuterRef("pk"))
    of_an_order = RefundItem.objects.filter(refund=OuterRef("pk"))
    refunds = Refund.objects.using(write_alias())
    return refunds.filter(Exists(of_an_order), ~Exists(note)).order_by("created_at", "id")


def _issued(kind: InvoiceKind, source_id: UUID) -> Invoice | None:
    """The document that was issued already."""
    earlier = with_parts().filter(kind=kind.value, source_id=source_id).first()
    if earlier is not None:
        earlier.replayed = True
    return earlier


def _receipt(customer: Customer, order_id: UUID) -> Invoice:
    """The receipt of an order whose customer is locked, issued now if it was not yet."""
    if earlier := _issued(InvoiceKind.RECEIPT, order_id):
        return earlier
    alias = write_alias()
    order = Order.objects.using(alias).get(pk=order_id)
    if order.paid_at is None:
        raise WrongOrderState(order=str(order.pk), status=order.status, verb="receipted")
    invoice = _document(customer, InvoiceKind.RECEIPT, order, order.pk, seller(), buyer(customer))
    invoice.payment_method = _method(order)
    items = OrderItem.objects.using(alias).filter(order=order).order_by("line")
    return _write(invoice, [_sold(invoice, item) for item in items])


def _credit_note(
    customer: Customer, refund: Refund, receipt: Invoice, parts: Sequence[RefundItem]
) -> tuple[Invoice, list[InvoiceLine]]:
    # It is made out to whom the receipt was made out to: that is what it corrects.
    invoice = _document(customer, InvoiceKind.CREDIT_NOTE, receipt.order, refund.pk, seller(), receipt.buyer)
    invoice.refund, invoice.corrects, invoice.payment_method = refund, receipt, receipt.payment_method
    back = InvoiceLine.objects.using(write_alias()).filter(invoice__corrects=receipt).values("line").order_by("line")
    before = {row["line"]: row["before"] for row in back.annotate(before=Sum("total_minor"))}
    return invoice, [_gone_back(invoice, part, before.get(part.item.line, 0)) for part in parts]


def _document(
    customer: Customer, kind: InvoiceKind, order: Order, source_id: UUID, seller: Party, buyer: Party
) -> Invoice:
    """A document without its number and sums. It belongs to whom its order belongs to."""
    now = now_for(customer)
    return Invoice(
        customer_id=order.customer_id,
        kind=kind.value,
        source_id=source_id,
        order=order,
        series=SANDBOX_SERIES if customer.is_sandbox else knobs.invoice_series[kind.value],
        year=now.astimezone(zone_of(seller)).year,
        issued_at=now,
        currency=order.currency,
        tax_included=order.tax_included,
        seller=seller,
        buyer=buyer,
        actor=current_actor(),
        created_at=clock.now(),
    )


def _sold(invoice: Invoice, item: OrderItem) -> InvoiceLine:
    return _line(
        invoice,
        item,
        quantity=item.quantity,
        discount_minor=item.discount_minor,
        tax_minor=item.tax_minor,
        total_minor=item.total_amount_minor,
    )


def _gone_back(invoice: Invoice, part: RefundItem, before_minor: int) -> InvoiceLine:
    """What a refund gave back of one item. The tax in it is counted over all that went back of that item so far."""
    tax_minor = tax_going_back(
        part.item.tax_minor,
        part.item.total_amount_minor,
        before_minor=before_minor,
        amount_minor=part.amount_minor,
    )
    return _line(
        invoice, part.item, quantity=part.pieces, discount_minor=0, tax_minor=tax_minor, total_minor=part.amount_minor
    )


def _line(
    invoice: Invoice, item: OrderItem, *, quantity: int, discount_minor: int, tax_minor: int, total_minor: int
) -> InvoiceLine:
    return InvoiceLine(
        customer_id=invoice.customer_id,
        invoice=invoice,
        line=item.line,
        sku=item.sku,
        description=item.name or item.sku,
        quantity=quantity,
        unit_amount_minor=item.unit_amount_minor,
        discount_minor=discount_minor,
        net_minor=total_minor - tax_minor,
        tax_rate=item.tax_rate,
        tax_minor=tax_minor,
        total_minor=total_minor,
    )


def _method(order: Order) -> str:
    """How the order was paid, where somebody said so. An order of nothing, or paid in two ways, has no one method."""
    counted = Payment.objects.using(write_alias()).filter(counted_for(order.pk))
    methods = set(counted.values_list("payment_method", flat=True))
    method = methods.pop() if len(methods) == 1 else ""
    return "" if method == UNNAMED_METHOD else method


def _write(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Invoice:
    """Number a document and write it down. A number is taken and used, or neither."""
    invoice.net_minor = sum(line.net_minor for line in lines)
    invoice.tax_minor = sum(line.tax_minor for line in lines)
    invoice.total_minor = sum(line.total_minor for line in lines)
    alias = write_alias()
    with transaction.atomic(using=alias):
        invoice.number = take_number(invoice.series, invoice.year)
        Invoice.objects.using(alias).bulk_create([invoice])
        InvoiceLine.objects.using(alias).bulk_create(lines)
    emit("invoice.issued", invoice=invoice)
    return with_parts().get(pk=invoice.pk)


RECEIPTS = Duty(name="receipts", due=lambda _: _unreceipted(), do=_do(issue_receipt))
"""Paid orders without a receipt."""

CREDIT_NOTES = Duty(name="credit_notes", due=lambda _: _uncredited(), do=_do(issue_credit_note))
"""Refunds of orders without a credit note."""
