"""Orders and the money that arrived for them: read, cancelled, refunded, and confirmed by hand."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget

from billable.admin import columns
from billable.admin.acts import Act, ActForm, Answers, reason_field
from billable.admin.base import Books
from billable.admin.columns import amount, link, loose_link, money, pretty, units
from billable.admin.panels import Related
from billable.admin.quota import GRANT_COLUMNS
from billable.admin.refunding import REFUND
from billable.admin.settling import PAYMENT_ACTS, AttentionFilter
from billable.inputs import MAX_KEY_LENGTH, MAX_NAME_LENGTH
from billable.models import (
    Customer,
    Dispute,
    Grant,
    Invoice,
    Order,
    OrderItem,
    OrderItemFeature,
    Payment,
    PaymentClaim,
    Refund,
)
from billable.services import OrderService


class CancelForm(ActForm):
    """Why it is cancelled."""

    reason = reason_field(required=False)


class ConfirmForm(ActForm):
    """Which money arrived."""

    payment_id = forms.CharField(
        label="Payment id",
        max_length=MAX_KEY_LENGTH,
        widget=AdminTextInputWidget,
        help_text="What the payment is called where it arrived: the same id never pays twice.",
    )
    payment_method = forms.CharField(
        max_length=MAX_NAME_LENGTH,
        initial="default",
        widget=AdminTextInputWidget,
        help_text="Where it arrived: stripe, bank, … “default” matches a notice of any method.",
    )
    amount = forms.CharField(
        max_length=32,
        required=False,
        widget=AdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="In the currency of the order, such as 9.99. Empty: what is due.",
    )


def cancel(order: Order, answers: Answers) -> str:
    """Cancel the order."""
    cancelled = OrderService.cancel_order(order, reason=answers["reason"])
    return "had been cancelled already." if cancelled.replayed else "cancelled."


def confirm(order: Order, answers: Answers) -> str:
    """Confirm by hand that money arrived. Money that the order cannot take is kept, and said so."""
    named = {"amount": answers["amount"], "currency": order.currency} if answers["amount"] else {}
    payment = OrderService.confirm_payment(
        order, payment_id=answers["payment_id"], payment_method=answers["payment_method"], **named
    )
    payment.raise_if_unapplied()
    said = f"payment {payment.payment_id} of {money(payment.amount_minor, payment.currency)}"
    if payment.replayed:
        return f"{said} had been confirmed already."
    due = payment.order.amount_due
    left = f" {money(due.amount_minor, due.currency)} is still due." if due.amount_minor else ""
    return f"confirmed {said}; the order is {payment.order.status}.{left}"


@admin.register(Order)
class OrderAdmin(Books):
    list_display = (
        "own_id",
        "customer_link",
        "status",
        "total_amount_minor_shown",
        "paid_amount_minor_shown",
        "created_at",
        "paid_at",
        "actor",
    )
    list_filter = ("status", "created_at", "customer__is_sandbox")
    date_hierarchy = "created_at"
    search_fields = ("idempotency_key__exact", "items__sku__exact", "payments__payment_id__exact")
    search_help_text = "A SKU, a payment id, an idempotency key, or the id of an order or customer."
    id_fields = ("pk", "customer")
    panels = (
        Related(
            OrderItem,
            "order",
            (
                *("line", "sku", "name", "quantity", "unit_amount_minor_shown", "total_amount_minor_shown"),
                *("refunded_minor_shown", "refunded_pieces"),
            ),
            title="Items",
            ordering=("line",),
        ),
        Related(
            OrderItemFeature,
            "item__order",
            ("sku", "feature", "quantity_shown", "lasts"),
            title="Features",
            ordering=("item__line", "line"),
        ),
        Related(
            Payment,
            "order",
            ("payment_id", "payment_method", "status", "code", "amount_minor_shown", "created_at", "actor"),
        ),
        Related(Grant, "source_id", GRANT_COLUMNS),
        Related(Refund, "order", ("refund_id", "origin", "amount_minor_shown", "reason", "created_at", "actor")),
        Related(Dispute, "order", ("dispute_id", "status", "amount_minor_shown", "created_at", "decided_at")),
        Related(Invoice, "order", ("name", "kind", "total_minor_shown", "issued_at")),
    )
    acts = (
        Act(
            name="confirm",
            title="Confirm by hand…",
            button="Confirm payment",
            form=ConfirmForm,
            perform=confirm,
            one_at_a_time=True,
        ),
        REFUND,
        Act(name="cancel", title="Cancel…", button="Cancel the order", form=CancelForm, perform=cancel),
    )
    customer_link = link("customer")
    total_amount_minor_shown = amount("total_amount_minor", "total")
    paid_amount_minor_shown = amount("paid_amount_minor", "paid")
    refunded_amount_minor_shown = amount("refunded_amount_minor", "refunded")
    discount_minor_shown = amount("discount_minor")
    tax_minor_shown = amount("tax_minor")


@admin.register(OrderItem)
class OrderItemAdmin(Books):
    list_display = (
        "sku",
        "order_link",
        "line",
        "quantity",
        "unit_amount_minor_shown",
        "total_amount_minor_shown",
    )
    list_select_related = ("order",)
    search_fields = ("sku__exact", "name")
    id_fields = ("pk", "order", "customer")
    ordering = ("-id",)
    panels = (Related(OrderItemFeature, "item", ("line", "feature", "quantity_shown", "lasts"), title="Features"),)
    order_link = link("order")
    unit_amount_minor_shown = amount("unit_amount_minor", of="order")
    discount_minor_shown = amount("discount_minor", of="order")
    tax_minor_shown = amount("tax_minor", of="order")
    total_amount_minor_shown = amount("total_amount_minor", "total", of="order")
    refunded_minor_shown = amount("refunded_minor", of="order")


@admin.register(OrderItemFeature)
class OrderItemFeatureAdmin(Books):
    list_display = ("sku", "item_link", "line", "feature", "quantity_shown", "lasts", "priority")
    list_select_related = ("item", "feature")
    list_filter = ("feature",)
    search_fields = ("feature__key__exact", "item__sku__exact")
    id_fields = ("pk", "item", "customer")
    ordering = ("-id",)
    item_link = link("item")
    quantity_shown = units("quantity")
    lasts = columns.lasts
    value_shown = pretty("value")

    @admin.display(description="SKU", ordering="item__sku")
    def sku(self, row: OrderItemFeature) -> str:
        return row.item.sku


@admin.register(Payment)
class PaymentAdmin(Books):
    list_display = (
        "payment_id",
        "payment_method",
        "status",
        "code",
        "amount_minor_shown",
        "order_link",
        "applied_to_link",
        "customer_link",
        "created_at",
        "actor",
    )
    list_filter = (AttentionFilter, "status", "code", "amount_assumed", "created_at", "customer__is_sandbox")
    date_hierarchy = "created_at"
    search_fields = ("payment_id__exact", "capture_id__exact", "payment_method__exact")
    search_help_text = "A payment id, a capture id, a method, or the id of a payment, order or customer."
    id_fields = ("pk", "order", "applied_to", "customer", "payment_id")
    ordering = ("-id",)
    acts = PAYMENT_ACTS
    order_link = link("order")
    applied_to_link = link("applied_to")
    customer_link = link("customer")
    amount_minor_shown = amount("amount_minor")
    notices_shown = pretty("notices")


@admin.register(PaymentClaim)
class PaymentClaimAdmin(Books):
    list_display = ("payment_id", "payment_method", "capture_id", "order_id_shown", "customer_id_shown")
    search_fields = ("payment_id__exact",)
    id_fields = ("pk", "order_id", "customer_id", "payment_id")
    ordering = ("-id",)
    order_id_shown = loose_link("order_id", Order)
    customer_id_shown = loose_link("customer_id", Customer)
