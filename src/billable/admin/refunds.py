"""Money that went back, and money that payers want back: read, and disputes decided."""

from __future__ import annotations

from django.contrib import admin

from billable.admin.base import Books
from billable.admin.columns import amount, link, pretty, units
from billable.admin.panels import Related
from billable.admin.quota import ENTRY_COLUMNS
from billable.admin.settling import DISPUTE_ACTS
from billable.models import Dispute, Invoice, LedgerEntry, Refund, RefundGrant, RefundItem


@admin.register(Refund)
class RefundAdmin(Books):
    list_display = (
        "refund_id",
        "order_link",
        "customer_link",
        "amount_minor_shown",
        "origin",
        "policy",
        "reason",
        "actor",
        "created_at",
    )
    list_filter = ("origin", "policy", "created_at", "customer__is_sandbox")
    date_hierarchy = "created_at"
    search_fields = ("refund_id__exact", "items__item__sku__exact", "reason")
    search_help_text = "A refund id, a SKU, words of the reason, or the id of a refund, order, payment or customer."
    id_fields = ("pk", "order", "payment", "customer", "refund_id")
    ordering = ("-id",)
    panels = (
        Related(RefundItem, "refund", ("sku", "pieces", "amount_minor_shown"), title="Items", ordering=("item__line",)),
        Related(
            RefundGrant,
            "part__refund",
            ("grant_link", "used", "unused_shown", "expired", "taken_back_shown", "ended"),
            title="Grants",
        ),
        Related(LedgerEntry, "cause_id", ENTRY_COLUMNS, title="Ledger", ordering=("-seq",)),
        Related(Invoice, "refund", ("name", "total_minor_shown", "issued_at"), title="Credit notes"),
    )
    order_link = link("order")
    customer_link = link("customer")
    amount_minor_shown = amount("amount_minor")
    asked_shown = pretty("asked", "asked for")
    slides_shown = pretty("slides", "periods that moved up")


@admin.register(RefundItem)
class RefundItemAdmin(Books):
    list_display = ("sku", "refund_link", "item_link", "pieces", "amount_minor_shown")
    list_select_related = ("refund", "item")
    search_fields = ("item__sku__exact", "refund__refund_id__exact")
    id_fields = ("pk", "refund", "item", "customer")
    ordering = ("-id",)
    panels = (
        Related(
            RefundGrant,
            "part",
            ("grant_link", "used", "unused_shown", "expired", "taken_back_shown", "ended"),
            title="Grants",
        ),
    )
    refund_link = link("refund")
    item_link = link("item")
    amount_minor_shown = amount("amount_minor", of="refund")

    @admin.display(description="SKU", ordering="item__sku")
    def sku(self, row: RefundItem) -> str:
        return row.item.sku


@admin.register(RefundGrant)
class RefundGrantAdmin(Books):
    list_display = ("part_link", "grant_link", "used", "unused_shown", "expired", "taken_back_shown", "ended")
    list_filter = ("ended",)
    search_fields = ("part__item__sku__exact", "grant__feature__key__exact")
    id_fields = ("pk", "part", "grant", "customer")
    ordering = ("-id",)
    part_link = link("part", "item of the refund")
    grant_link = link("grant")
    unused_shown = units("unused")
    taken_back_shown = units("taken_back")


@admin.register(Dispute)
class DisputeAdmin(Books):
    list_display = (
        "dispute_id",
        "status",
        "order_link",
        "payment_link",
        "customer_link",
        "amount_minor_shown",
        "created_at",
        "decided_at",
        "actor",
    )
    list_filter = ("status", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("dispute_id__exact", "payment__payment_id__exact", "reason")
    search_help_text = "A dispute id, a payment id, words of the reason, or the id of a dispute, order or customer."
    id_fields = ("pk", "order", "payment", "customer", "dispute_id")
    acts = DISPUTE_ACTS
    panels = (Related(LedgerEntry, "cause_id", ENTRY_COLUMNS, title="Ledger", ordering=("-seq",)),)
    order_link = link("order")
    payment_link = link("payment")
    customer_link = link("customer")
    amount_minor_shown = amount("amount_minor")
