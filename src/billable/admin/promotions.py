"""Codes, what they take off, and who used them: read, and switched off and on."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import amount, link, loose_link, money, units
from billable.admin.panels import Related
from billable.models import Order, Promotion, PromotionAmount, PromotionProduct, PromotionUse
from billable.services import PromotionService


def switch_off(promotion: Promotion, answers: Answers) -> str:
    """Stop taking a code. Orders that used it keep their discount."""
    PromotionService.update_promotion(promotion.code, is_active=False)
    return "switched off."


def switch_on(promotion: Promotion, answers: Answers) -> str:
    """Take a code again."""
    PromotionService.update_promotion(promotion.code, is_active=True)
    return "switched on."


@admin.register(Promotion)
class PromotionAdmin(Books):
    list_display = ("code", "name", "takes_off", "is_active", "starts_at", "ends_at", "used", "max_uses_shown")
    list_filter = ("is_active", "first_order_only", "ends_at")
    search_fields = ("code", "name")
    acts = (
        Act(name="switch_off", title="Switch off…", button="Stop taking it", form=ActForm, perform=switch_off),
        Act(name="switch_on", title="Switch on…", button="Take it again", form=ActForm, perform=switch_on),
    )
    panels = (
        Related(PromotionAmount, "promotion", ("amount_minor_shown",), title="Amounts"),
        Related(PromotionProduct, "promotion", ("product",), title="Products"),
        Related(
            PromotionUse,
            "promotion",
            ("order_id_shown", "customer_link", "discount_minor_shown", "created_at", "released_as"),
            title="Uses",
        ),
    )
    max_uses_shown = units("max_uses", "of at most")
    max_uses_per_customer_shown = units("max_uses_per_customer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Promotion]:
        rows: QuerySet[Promotion] = super().get_queryset(request)
        return rows.prefetch_related("amounts")

    @admin.display(description="takes off")
    def takes_off(self, row: Promotion) -> str:
        if row.percent_off is not None:
            return f"{row.percent_off.normalize():f} %"
        return ", ".join(money(each.amount_minor, each.currency) for each in row.amounts.all())


@admin.register(PromotionAmount)
class PromotionAmountAdmin(Books):
    list_display = ("promotion", "amount_minor_shown")
    list_select_related = ("promotion",)
    search_fields = ("promotion__code", "currency__exact")
    amount_minor_shown = amount("amount_minor")


@admin.register(PromotionProduct)
class PromotionProductAdmin(Books):
    list_display = ("promotion", "product")
    list_select_related = ("promotion", "product")
    search_fields = ("promotion__code", "product__sku")


@admin.register(PromotionUse)
class PromotionUseAdmin(Books):
    list_display = (
        "own_id",
        "promotion",
        "order_id_shown",
        "customer_link",
        "discount_minor_shown",
        "created_at",
        "released_at",
        "released_as",
    )
    list_select_related = ("promotion",)
    list_filter = ("released_as", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("promotion__code__exact",)
    search_help_text = "A code, or the id of a use, order or customer."
    id_fields = ("pk", "order_id", "customer")
    order_id_shown = loose_link("order_id", Order)
    customer_link = link("customer")
    discount_minor_shown = amount("discount_minor")
