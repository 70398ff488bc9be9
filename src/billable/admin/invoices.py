"""Numbered documents: read."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.base import Books
from billable.admin.columns import amount, link, pretty
from billable.admin.panels import Related
from billable.models import Invoice, InvoiceLine, InvoiceSeries


@admin.register(Invoice)
class InvoiceAdmin(Books):
    list_display = ("name", "kind", "order_link", "customer_link", "total_minor_shown", "tax_minor_shown", "issued_at")
    list_filter = ("kind", "series", "year", "issued_at")
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
