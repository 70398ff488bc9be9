"""Receipts and credit notes: read, and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from billable.api.openapi import answers_file, reads
from billable.api.schemas.base import PathId
from billable.api.schemas.invoices import InvoiceOut, InvoicePage, InvoicesParameters
from billable.paging import Page
from billable.services import INVOICE_CONTENT_SECURITY_POLICY, InvoiceService

if TYPE_CHECKING:
    from billable.models import Invoice

router = Router(tags=["invoices"])

HTML, PDF = "text/html", "application/pdf"


@router.get("/invoices", response=reads(InvoicePage), url_name="invoices")
def list_invoices(request: HttpRequest, query: Query[InvoicesParameters]) -> Page[Invoice]:
    """Receipts and credit notes, newest first: a customer's, or everybody's when no customer is named."""
    return InvoiceService.list_invoices(
        query.customer_if_named,
        kind=query.kind,
        order=query.order_id,
        sandbox=query.sandbox,
        cursor=query.cursor,
        limit=query.limit,
    )


@router.get("/invoices/{invoice_id}", response=reads(InvoiceOut, 404), url_name="invoice")
def get_invoice(request: HttpRequest, invoice_id: PathId) -> Invoice:
    """One receipt or credit note with its lines."""
    return InvoiceService.get_invoice(invoice_id)


@router.get(
    "/invoices/{invoice_id}/html",
    response=reads(None, 404),
    url_name="invoice-html",
    openapi_extra=answers_file(HTML),
)
def render_invoice(request: HttpRequest, invoice_id: PathId) -> HttpResponse:
    """A receipt or credit note as a page to print: whole in itself, without scripts."""
    page = InvoiceService.render_invoice(invoice_id)
    headers = {"Content-Security-Policy": INVOICE_CONTENT_SECURITY_POLICY}
    return HttpResponse(page, content_type=f"{HTML}; charset=utf-8", headers=headers)


@router.get(
    "/invoices/{invoice_id}/pdf",
    response=reads(None, 404),
    url_name="invoice-pdf",
    openapi_extra=answers_file(PDF),
)
def render_invoice_pdf(request: HttpRequest, invoice_id: PathId) -> HttpResponse:
    """A receipt or credit note as a PDF. 503 `misconfigured` where the server has not what it takes."""
    invoice = InvoiceService.get_invoice(invoice_id)
    named = {"Content-Disposition": f'inline; filename="{invoice.name}.pdf"'}
    return HttpResponse(InvoiceService.render_invoice_pdf(invoice), content_type=PDF, headers=named)
