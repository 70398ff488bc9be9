"""Units that were given for products: read."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.base import Books
from billable.admin.columns import link, units
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Exchange, Grant


@admin.register(Exchange)
class ExchangeAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "sku",
        "quantity",
        "feature",
        "units_shown",
        "refunded_units_shown",
        "actor",
        "created_at",
    )
    list_select_related = ("feature",)
    list_filter = ("created_at", "feature")
    date_hierarchy = "created_at"
    search_fields = ("sku__exact", "feature__key__exact", "idempotency_key__exact")
    search_help_text = "A SKU, a feature key, an idempotency key, or the id of an exchange, usage or customer."
    id_fields = ("pk", "usage", "customer")
    panels = (Related(Grant, "source_id", GRANT_COLUMNS),)
    customer_link = link("customer")
    units_shown = units("units")
    refunded_units_shown = units("refunded_units")
