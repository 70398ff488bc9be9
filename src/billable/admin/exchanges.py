"""Units that were given for products: read, and undone through the front door."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.base import Books
from billable.admin.columns import link, units
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.models import Exchange, Grant
from billable.services import OrderService

POLICIES = [
    ("unused_only", "what is unused of it"),
    ("pro_rata_time", "what is left of its time"),
    ("full", "all of it"),
]


class RefundExchangeForm(ActForm):
    policy = forms.ChoiceField(choices=POLICIES, initial="unused_only", label="put back")
    reason = reason_field(required=True)


def refund(exchange: Exchange, answers: Answers) -> str:
    """Put units back to the grants that had paid."""
    refunded = OrderService.refund_exchange(exchange, **answers)
    back = refunded.refunded_units - exchange.refunded_units
    return f"put {back} units back."


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
    acts = (
        Act(
            name="refund",
            title="Undo…",
            button="Put the units back",
            form=RefundExchangeForm,
            perform=refund,
            one_at_a_time=True,
        ),
    )
    panels = (Related(Grant, "source_id", GRANT_COLUMNS),)
    customer_link = link("customer")
    units_shown = units("units")
    refunded_units_shown = units("refunded_units")
