"""Numbered documents: read, and printed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html_join

from billable.admin.base import Books
from billable.admin.columns import address, amount, link, pretty
from billable.admin.panels import Related
from billable.errors import Misconfigured
from billable.models import Invoice, InvoiceLine, InvoiceSeries
from billable.services import INVOICE_CONTENT_SECURITY_POLICY, InvoiceService

PAGES = ("html", "pdf")
"""How a document is printed."""


@admin.register(Invoice)
class InvoiceAdmin(Books):
    list_display = (
        "name",
        "kind",
        "order_link",
        "customer_link",
        "total_minor_shown",
        "tax_minor_shown",
        "issued_at",
        "printed",
    )
    list_filter = ("kind", "series", "year", "issued_at", "customer__is_sandbox")
    date_hierarchy = "issued_at"
    search_fields = ("=number", "lines__sku__exact")
    search_help_text = "A number, a SKU, or the id of a document, order, refund or customer."
    id_fields = ("pk", "order", "refund", "customer")
    panels = (
        Related(
            InvoiceLine,
            "invoice",
            (
                "line",
                "sku",
                "description",
                "quantity",
                "unit_amount_minor_shown",
                "discount_minor_shown",
                "tax_rate",
                "tax_minor_shown",
                "total_minor_shown",
            ),
            title="Lines",
        ),
        Related(Invoice, "corrects", ("name", "total_minor_shown", "issued_at"), title="Credit notes"),
    )
    order_link = link("order")
    customer_link = link("customer")
    net_minor_shown = amount("net_minor")
    tax_minor_shown = amount("tax_minor")
    total_minor_shown = amount("total_minor")
    seller_shown = pretty("seller")
    buyer_shown = pretty("buyer")

    @admin.display(description="number", ordering="number")
    def name(self, row: Invoice) -> str:
        return row.name

    @admin.display(description="print")
    def printed(self, row: Invoice) -> str:
        """Links to the document as a page and as a PDF."""
        pages = [(address(self.admin_site, Invoice, page, row.pk), page.upper()) for page in PAGES]
        return format_html_join(" · ", '<a href="{}">{}</a>', pages)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ["name", "printed", *super().get_fields(request, obj)]

    def get_urls(self) -> list[URLPattern]:
        views = {"html": self.html_view, "pdf": self.pdf_view}
        pages = [
            path(f"<uuid:key>/{page}/", self.admin_site.admin_view(views[page]), name=f"billable_invoice_{page}")
            for page in PAGES
        ]
        return pages + super().get_urls()

    def html_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """The document as a page to print."""
        page = InvoiceService.render_invoice(self.visible(request, key))
        return HttpResponse(page, headers={"Content-Security-Policy": INVOICE_CONTENT_SECURITY_POLICY})

    def pdf_view(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """The document as a PDF; without what that takes, back to its row with a message."""
        invoice = self.visible(request, key)
        try:
            pdf = InvoiceService.render_invoice_pdf(invoice)
        except Misconfigured as refusal:
            self.message_user(request, refusal.message, messages.ERROR)
            return HttpResponseRedirect(address(self.admin_site, Invoice, "change", key))
        named = {"Content-Disposition": f'inline; filename="{invoice.name}.pdf"'}
        return HttpResponse(pdf, content_type="application/pdf", headers=named)

    def visible(self, request: HttpRequest, key: UUID) -> Invoice:
        """The document, for those who may see it."""
        invoice: Invoice | None = self.get_queryset(request).filter(pk=key).first()
        if invoice is None:
            raise Http404("no such document")
        if not self.has_view_permission(request, invoice):
            raise PermissionDenied
        return invoice


@admin.register(InvoiceLine)
class InvoiceLineAdmin(Books):
    list_display = ("sku", "invoice_link", "line", "quantity", "unit_amount_minor_shown", "total_minor_shown")
    list_select_related = ("invoice",)
    search_fields = ("sku__exact", "description")
    id_fields = ("pk", "invoice", "customer")
    ordering = ("-id",)
    invoice_link = link("invoice")
    unit_amount_minor_shown = amount("unit_amount_minor", of="invoice")
    discount_minor_shown = amount("discount_minor", of="invoice")
    net_minor_shown = amount("net_minor", of="invoice")
    tax_minor_shown = amount("tax_minor", of="invoice")
    total_minor_shown = amount("total_minor", of="invoice")


@admin.register(InvoiceSeries)
class InvoiceSeriesAdmin(Books):
    list_display = ("series", "year", "last_number")
    list_filter = ("series", "year")
    search_fields = ("series__exact", "=year")
