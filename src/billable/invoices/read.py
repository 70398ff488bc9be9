"""list_invoices and get_invoice."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Prefetch, QuerySet

from billable import inputs, paging
from billable.customers.services import apart
from billable.customers.subjects import Subject, family, find_customer_id, who
from billable.db.units import write_alias
from billable.errors import Invalid, InvoiceNotFound
from billable.invoices.kinds import InvoiceKind
from billable.invoices.models import Invoice, InvoiceLine
from billable.orders.models import Order
from billable.orders.read import order_id_of
from billable.paging import DEFAULT_LIMIT, Page


def with_parts() -> QuerySet[Invoice]:
    """Documents with their lines, the order, the refund and the receipt that they are about loaded."""
    alias = write_alias()
    lines = Prefetch("lines", InvoiceLine.objects.using(alias).order_by("line"))
    return Invoice.objects.using(alias).select_related("order", "refund", "corrects").prefetch_related(lines)


def get_invoice(invoice: Invoice | UUID | str) -> Invoice:
    """One receipt or credit note with its lines loaded. Raises InvoiceNotFound."""
    invoice_id = invoice.pk if isinstance(invoice, Invoice) else inputs.known_identifier(invoice)
    found = None if invoice_id is None else with_parts().filter(pk=invoice_id).first()
    if found is None:
        raise InvoiceNotFound(invoice=str(invoice)[:100])
    return found


def list_invoices(
    user: Subject | None = None,
    *,
    kind: str | None = None,
    order: Order | UUID | str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Invoice]:
    """Receipts and credit notes, newest first: of ``user`` or (None) of everybody, with their lines loaded.

    ``kind`` is ``receipt`` or ``credit_note``; ``order`` narrows to the documents of one order; ``sandbox`` is as for
    ``list_orders``. Raises OrderNotFound
    for what can be no order, Invalid for an unknown ``kind``, a foreign cursor or a limit outside 1 to 200.
    """
    size, invoices = paging.page_limit(limit), with_parts().order_by("-id")
    invoices = apart(invoices, sandbox)
    if user is not None:
        person = who(user)
        customer_id = None if person.is_anonymous else find_customer_id(person)
        invoices = invoices.none() if customer_id is None else invoices.filter(customer__in=family(customer_id))
    if kind is not None:
        if kind not in [each.value for each in InvoiceKind]:
            raise Invalid(field="kind", problem="must be receipt or credit_note")
        invoices = invoices.filter(kind=kind)
    if order is not None:
        invoices = invoices.filter(order=order_id_of(order))
    if cursor is not None:
        invoices = invoices.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    rows = list(invoices[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)
