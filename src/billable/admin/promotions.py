"""Codes, what they take off, and who used them. Codes are edited here, through the front door; uses are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.columns import amount, link, loose_link, money, units
from billable.admin.editing import Editable, adopt, rows_of
from billable.admin.panels import Related
from billable.admin.promotion_forms import AmountOffForm, PromotionForm
from billable.models import Order, Promotion, PromotionAmount, PromotionProduct, PromotionUse
from billable.money import Money
from billable.services import PromotionService

MAX_PRODUCTS = 500


def switch_off(promotion: Promotion, answers: Answers) -> str:
    """Stop taking a code. Orders that used it keep their discount."""
    PromotionService.update_promotion(promotion.code, is_active=False)
    return "switched off."


def switch_on(promotion: Promotion, answers: Answers) -> str:
    """Take a code again."""
    PromotionService.update_promotion(promotion.code, is_active=True)
    return "switched on."


class AmountInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = PromotionAmount
    form = AmountOffForm
    fields = ("currency", "amount")
    extra = 1
    verbose_name = "amount off"
    verbose_name_plural = "amounts off: one for each currency, instead of percent"
    amount = amount("amount_minor", "amount")


class ProductInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = PromotionProduct
    fields = ("product",)
    autocomplete_fields = ("product",)
    extra = 1
    max_num = MAX_PRODUCTS
    verbose_name = "product"
    verbose_name_plural = "products that it is for: none for the whole order"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromotionProduct]:
        rows: QuerySet[PromotionProduct] = super().get_queryset(request)
        return rows.select_related("product")


@admin.register(Promotion)
class PromotionAdmin(Editable):
    form = PromotionForm
    add_fields = (
        "code",
        "name",
        "percent_off",
        "starts_at",
        "ends_at",
        "max_uses",
        "max_uses_per_customer",
        "first_order_only",
        "metadata",
    )
    change_fields = ("code", "name", "is_active", *add_fields[2:], "used", "created_at")
    fixed = ("code", "used", "created_at")
    inlines = (AmountInline, ProductInline)
    list_display = ("code", "name", "takes_off", "is_active", "starts_at", "ends_at", "used", "max_uses_shown")
    list_filter = ("is_active", "first_order_only", "ends_at")
    search_fields = ("code", "name")
    acts = (
        Act(name="switch_off", title="Switch off…", button="Stop taking it", form=ActForm, perform=switch_off),
        Act(name="switch_on", title="Switch on…", button="Take it again", form=ActForm, perform=switch_on),
    )
    panels = (
        Related(
            PromotionUse,
            "promotion",
            ("order_id_shown", "customer_link", "discount_minor_shown", "created_at", "released_as"),
            title="Uses",
        ),
    )
    max_uses_shown = units("max_uses", "of at most")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Promotion]:
        rows: QuerySet[Promotion] = super().get_queryset(request)
        return rows.prefetch_related("amounts")

    @admin.display(description="takes off")
    def takes_off(self, row: Promotion) -> str:
        if row.percent_off is not None:
            return f"{row.percent_off.normalize():f} %"
        return ", ".join(money(each.amount_minor, each.currency) for each in row.amounts.all())

    def save_model(self, request: HttpRequest, obj: Promotion, form: Any, change: bool) -> None:
        """Save nothing yet: a code and what it takes off are saved together, by save_related."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        promotion: Promotion = form.instance
        details: dict[str, Any] = {name: getattr(promotion, name) for name in self.add_fields if name != "code"}
        for formset in formsets:
            formset.save(commit=False)  # writes nothing; the log of this change reads what it finds out
            if formset.model is PromotionAmount:
                details["amounts_off"] = [Money(each.amount_minor, each.currency) for each in rows_of(formset)]
            else:
                details["products"] = [each.product.sku for each in rows_of(formset)]
        if change:
            PromotionService.update_promotion(promotion.code, is_active=promotion.is_active, **details)
        else:
            adopt(promotion, PromotionService.create_promotion(promotion.code, **details))


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
