"""The audits of the invoices room: numbers have no gaps, documents say what was sold and what went back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timezone

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce, ExtractYear

from billable.audits import Audit, LedgerProblem, Rows, Scope, blame, breaking, count, every, named, total, within
from billable.conf import SANDBOX_SERIES
from billable.invoices.amounts import half_up
from billable.invoices.kinds import InvoiceKind
from billable.invoices.models import Invoice, InvoiceLine, InvoiceSeries
from billable.invoices.parties import zone_of
from billable.orders.models import OrderItem
from billable.refunds.models import RefundItem

RECEIPT, CREDIT_NOTE = InvoiceKind.RECEIPT.value, InvoiceKind.CREDIT_NOTE.value


def _numbers(scope: Scope) -> Iterator[LedgerProblem]:
    """Each number of a series, from 1 to its last, was given once; series are nobody's own."""
    if scope is not None:
        return
    numbered = every(Invoice).filter(series=OuterRef("series"), year=OuterRef("year")).values("series")
    series = every(InvoiceSeries).annotate(
        given=Coalesce(Subquery(numbered.annotate(value=Count("pk")).values("value")), 0),
        highest=Coalesce(Subquery(numbered.annotate(value=Max("number")).values("value")), 0),
    )
    wrong = breaking(series, Q(last_number=F("given")) & Q(last_number=F("highest")))
    yield from named(wrong, "counts to {0.last_number}; it has {0.given} documents, the highest is {0.highest}")


def _counted(scope: Scope) -> Iterator[LedgerProblem]:
    """A document has a number that its series has given, in the year of its issue where the seller is."""
    counter = every(InvoiceSeries).filter(
        series=OuterRef("series"), year=OuterRef("year"), last_number__gte=OuterRef("number")
    )
    invoices = within(every(Invoice), scope)
    yield from named(breaking(invoices, Exists(counter)), "its series has not given the number {0.number}")
    elsewhere = invoices.exclude(year=ExtractYear("issued_at", tzinfo=timezone.utc))
    for invoice in elsewhere.iterator():
        if invoice.issued_at.astimezone(zone_of(invoice.seller)).year != invoice.year:
            yield blame(invoice, f"is of {invoice.year}; it was issued at {invoice.issued_at}")


def _sums(scope: Scope) -> Iterator[LedgerProblem]:
    """A document's sums are those of its lines, which belong to its customer."""
    lines = every(InvoiceLine).filter(invoice=OuterRef("pk"))
    invoices = within(every(Invoice), scope).annotate(
        **{f"lines_{name}": total(lines, "invoice", name) for name in ("net_minor", "tax_minor", "total_minor")}
    )
    fits = Q(net_minor=F("lines_net_minor"), tax_minor=F("lines_tax_minor"), total_minor=F("lines_total_minor"))
    for invoice in breaking(invoices, fits).iterator():
        problem = f"{invoice.total_minor} with {invoice.tax_minor} tax; its lines {invoice.lines_total_minor} with "
        yield blame(invoice, f"is of {problem}{invoice.lines_tax_minor}")
    rows = within(every(InvoiceLine), scope, "invoice__customer")
    yield from named(breaking(rows, Q(customer=F("invoice__customer"))), "its document belongs to another customer")


def _receipts(scope: Scope) -> Iterator[LedgerProblem]:
    """A receipt is what its order says, line by line."""
    receipts = (
        within(every(Invoice), scope)
        .filter(kind=RECEIPT)
        .annotate(
            listed=count(every(InvoiceLine).filter(invoice=OuterRef("pk")), "invoice"),
            sold=count(every(OrderItem).filter(order=OuterRef("order")), "order"),
        )
    )
    fits = Q(
        source_id=F("order_id"),
        customer=F("order__customer"),
        currency=F("order__currency"),
        total_minor=F("order__total_amount_minor"),
        tax_minor=F("order__tax_minor"),
        tax_included=F("order__tax_included"),
        order__paid_at__isnull=False,
        listed=F("sold"),
    )
    yield from named(breaking(receipts, fits), "is not what its order says")
    lines = within(every(InvoiceLine), scope, "invoice__customer").filter(invoice__kind=RECEIPT)
    item = _item("invoice__order", "quantity", "discount_minor", "tax_minor", total_amount_minor="total_minor")
    yield from named(breaking(lines, Exists(item)), "is not what its order's line says")


def _credit_notes(scope: Scope) -> Iterator[LedgerProblem]:
    """A credit note is what its refund says, line by line, and corrects the receipt of its order."""
    notes = (
        within(every(Invoice), scope)
        .filter(kind=CREDIT_NOTE)
        .annotate(
            listed=count(every(InvoiceLine).filter(invoice=OuterRef("pk")), "invoice"),
            gone=count(every(RefundItem).filter(refund=OuterRef("refund")), "refund"),
        )
    )
    fits = Q(
        source_id=F("refund_id"),
        order=F("refund__order"),
        customer=F("order__customer"),
        currency=F("order__currency"),
        total_minor=F("refund__amount_minor"),
        tax_included=F("order__tax_included"),
        corrects__order=F("order"),
        corrects__kind=RECEIPT,
        listed=F("gone"),
    )
    yield from named(breaking(notes, fits), "is not what its refund says")
    lines = within(every(InvoiceLine), scope, "invoice__customer").filter(invoice__kind=CREDIT_NOTE)
    part = every(RefundItem).filter(
        refund=OuterRef("invoice__refund"),
        item__line=OuterRef("line"),
        pieces=OuterRef("quantity"),
        amount_minor=OuterRef("total_minor"),
    )
    yield from named(breaking(lines, Exists(part), Q(discount_minor=0)), "is not what its refund's line says")
    yield from named(breaking(lines, Exists(_item("invoice__order"))), "is not of a line of its order")


def _corrections(scope: Scope) -> Iterator[LedgerProblem]:
    """What credit notes give back of a line is at most what the receipt says, and its tax is that part of the tax."""
    back = every(InvoiceLine).filter(invoice__corrects=OuterRef("invoice"), line=OuterRef("line"))
    sold = within(every(InvoiceLine), scope, "invoice__customer").filter(invoice__kind=RECEIPT)
    sold = sold.annotate(back_minor=total(back, "line", "total_minor"), back_tax_minor=total(back, "line", "tax_minor"))
    for line in sold.filter(back_minor__gt=0).iterator():
        tax = half_up(line.tax_minor, line.back_minor, line.total_minor)
        if line.back_minor > line.total_minor or line.back_tax_minor != tax:
            problem = (
                f"{line.back_minor} with {line.back_tax_minor} tax went back of {line.total_minor}, {tax} is its tax"
            )
            yield blame(line, problem)
            notes = every(InvoiceLine).filter(invoice__corrects=line.invoice_id, line=line.line)
            yield from (blame(note, problem) for note in notes)


def _series(scope: Scope) -> Iterator[LedgerProblem]:
    """Documents of sandbox customers, and only they, are numbered in the series of the sandbox."""
    invoices = within(every(Invoice), scope)
    fits = Q(series=SANDBOX_SERIES, customer__is_sandbox=True) | (
        ~Q(series=SANDBOX_SERIES) & Q(customer__is_sandbox=False)
    )
    yield from named(breaking(invoices, fits), "is of the series {0.series}, which is not its customer's")


AUDITS: list[Audit] = [_numbers, _counted, _series, _sums, _receipts, _credit_notes, _corrections]


def _item(order: str, *same: str, **named_otherwise: str) -> Rows:
    """In a subquery: the line of the order that a line is about. ``same`` are columns of both."""
    alike = ("line", "sku", "unit_amount_minor", "tax_rate", *same)
    columns = {**{name: name for name in alike}, **named_otherwise}
    items = every(OrderItem).filter(**{name: OuterRef(theirs) for name, theirs in columns.items()})
    described = Q(name=OuterRef("description")) | Q(name="", sku=OuterRef("description"))
    return items.filter(described, order=OuterRef(order))
