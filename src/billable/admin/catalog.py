"""The catalogue: what can be edited here. Every edit that has a verb goes through it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billable.admin import columns
from billable.admin.acts import Act, ActForm, Answers
from billable.admin.base import Books
from billable.admin.catalog_forms import (
    CostForm,
    FeatureForm,
    LineForm,
    PriceForm,
    ProductForm,
    UnitPriceForm,
)
from billable.admin.columns import money, pretty, quantity, units
from billable.admin.editing import Editable, adopt, changed_rows, rows_of, withdraw
from billable.admin.panels import Panel, PanelRow, Related
from billable.models import CatalogName, Feature, FeatureCost, Price, Product, ProductFeature, UnitPrice
from billable.money import Money
from billable.services import CatalogService, FeatureLine, QuotaService, RollOutReport

MAX_LINES = 50
ROLL_OUT_SECONDS = 20


class RollOutForm(ActForm):
    """When the change reaches those who hold the product."""

    policy = forms.ChoiceField(
        choices=[
            ("next_period", "With the next period of what recurs"),
            ("now", "Now: what is raised is added, new lines are given; nothing is taken away"),
        ]
    )


def rehearse(product: Product, answers: Answers) -> list[Panel]:
    """What a roll-out would change."""
    return [report_panel(roll_out_report(product, answers, dry_run=True))]


def roll_out(product: Product, answers: Answers) -> str:
    """Bring the present lines to those who hold the product."""
    report = roll_out_report(product, answers, dry_run=False)
    more = "" if report.next is None else " Not all were reached in time: do it again."
    return f"{report.changed} of {report.customers} customers changed.{more}"


def roll_out_report(product: Product, answers: Answers, *, dry_run: bool) -> RollOutReport:
    """A roll-out, or its rehearsal, in the time that a page may take."""
    return QuotaService.roll_out_product_change(
        product.sku, policy=answers["policy"], dry_run=dry_run, limit_seconds=ROLL_OUT_SECONDS
    )


def report_panel(report: RollOutReport) -> Panel:
    """What a roll-out changes and what it leaves, as a table."""
    counted = ("customers", "changed", "terms", "units", "caps", "values", "lines")
    rows = [PanelRow((name, str(getattr(report, name)))) for name in counted]
    rows += [PanelRow((f"{skip.feature}: left, {skip.reason}", str(skip.holdings))) for skip in report.skipped]
    note = "" if report.next is None else "Of the customers that were reached in time."
    return Panel(title="What changes", headers=("What", "How many"), rows=rows, note=note)


class PriceInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Price
    form = PriceForm
    fields = ("currency", "amount")
    extra = 1
    amount = columns.amount("amount_minor", "amount")


class UnitPriceInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = UnitPrice
    form = UnitPriceForm
    autocomplete_fields = ("feature",)
    extra = 1
    verbose_name = "price in units"
    verbose_name_plural = "prices in units: what it is exchanged for"

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnitPrice]:
        rows: QuerySet[UnitPrice] = super().get_queryset(request)
        return rows.select_related("feature")


class LineInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = ProductFeature
    form = LineForm
    autocomplete_fields = ("feature",)
    extra = 1
    max_num = MAX_LINES
    verbose_name = "feature"
    verbose_name_plural = "features"

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductFeature]:
        rows: QuerySet[ProductFeature] = super().get_queryset(request)
        return rows.select_related("feature")


@admin.register(Product)
class ProductAdmin(Editable):
    form = ProductForm
    add_fields = (
        *("sku", "name", "description", "is_trial", "is_default", "trial_campaign", "tax_rate"),
        *("recurs", "trial_period", "grace_days", "metadata"),
    )
    change_fields = (
        "sku",
        "name",
        "description",
        "is_active",
        "is_trial",
        "is_default",
        "trial_campaign",
        "tax_rate",
        "recurs",
        "trial_period",
        "grace_days",
        "metadata",
        "created_at",
        "updated_at",
    )
    fixed = ("sku", "is_trial", "created_at", "updated_at")
    inlines = (PriceInline, UnitPriceInline, LineInline)
    acts = (
        Act(
            name="roll_out",
            title="Bring to those who hold it…",
            button="Roll out",
            form=RollOutForm,
            perform=roll_out,
            one_at_a_time=True,
            preview=rehearse,
        ),
    )
    list_display = ("sku", "name", "costs", "gives", "is_active", "is_trial", "is_default")
    list_filter = ("is_active", "is_trial", "is_default", "lines__feature")
    search_fields = ("sku", "name", "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        rows: QuerySet[Product] = super().get_queryset(request)
        return rows.prefetch_related("prices", "lines__feature")

    @admin.display(description="price")
    def costs(self, row: Product) -> str:
        return ", ".join(money(price.amount_minor, price.currency) for price in row.prices.all())

    @admin.display(description="features")
    def gives(self, row: Product) -> str:
        return ", ".join(line_text(line) for line in row.lines.all())

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        details = {
            "name": obj.name,
            "description": obj.description,
            "is_default": obj.is_default,
            "trial_campaign": obj.trial_campaign,
            "tax_rate": obj.tax_rate,
            "recurs": form.cleaned_data["recurs"],
            "trial_period": form.cleaned_data["trial_period"],
            "grace_days": obj.grace_days,
            "metadata": obj.metadata,
        }
        if change:
            # None of its own is told apart from one that stays as it is.
            details |= {name: "" for name in ("tax_rate", "grace_days") if details[name] is None}
            CatalogService.update_product(obj.sku, is_active=obj.is_active, **details)
        else:
            adopt(obj, CatalogService.create_product(obj.sku, is_trial=obj.is_trial, **details))

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)  # writes nothing; the log of this change reads what it finds out
            if not formset.has_changed():
                continue
            if formset.model is Price:
                prices = [Money(price.amount_minor, price.currency) for price in changed_rows(formset)]
                CatalogService.update_product(form.instance.sku, prices=prices)
                withdraw(formset)
            elif formset.model is UnitPrice:
                units = {price.feature.key: price.units for price in rows_of(formset)}
                CatalogService.update_product(form.instance.sku, unit_prices=units)
            else:
                CatalogService.update_product(form.instance.sku, features=[line_of(row) for row in rows_of(formset)])


class CostInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = FeatureCost
    form = CostForm
    fk_name = "feature"
    autocomplete_fields = ("paid_from",)
    extra = 1
    verbose_name = "way to pay it"
    verbose_name_plural = "can be paid from other features"

    def get_queryset(self, request: HttpRequest) -> QuerySet[FeatureCost]:
        rows: QuerySet[FeatureCost] = super().get_queryset(request)
        return rows.select_related("feature", "paid_from")


@admin.register(Feature)
class FeatureAdmin(Editable):
    form = FeatureForm
    add_fields = ("key", "name", "unit", "value_type", "overdraft", "overdraft_limit", "alerts", "metadata")
    change_fields = (
        "key",
        "name",
        "unit",
        "value_type",
        "overdraft",
        "overdraft_limit",
        "alerts",
        "is_active",
        "metadata",
        "created_at",
    )
    fixed = ("key", "created_at")
    inlines = (CostInline,)
    list_display = ("key", "name", "unit", "value_type", "overdraft", "paid_from", "is_active", "created_at")
    list_filter = ("is_active", "value_type", "overdraft")
    search_fields = ("key", "name")
    panels = (
        Related(
            ProductFeature,
            "feature",
            ("product", "quantity_shown", "lasts", "priority"),
            title="Given by products",
        ),
        Related(FeatureCost, "paid_from", ("feature", "per", "units", "position"), title="Pays for"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feature]:
        rows: QuerySet[Feature] = super().get_queryset(request)
        return rows.prefetch_related("costs__paid_from")

    @admin.display(description="paid from")
    def paid_from(self, row: Feature) -> str:
        return ", ".join(f"{cost.units} {cost.paid_from.key} for {cost.per}" for cost in row.costs.all())

    def save_model(self, request: HttpRequest, obj: Feature, form: Any, change: bool) -> None:
        typed = [part.strip() for part in obj.alerts.split(",")]
        details = {
            "name": obj.name,
            "unit": obj.unit,
            "value_type": obj.value_type,
            "overdraft": obj.overdraft,
            "overdraft_limit": obj.overdraft_limit,
            "alerts": [threshold for threshold in typed if threshold],
            "metadata": obj.metadata,
        }
        if change:
            CatalogService.update_feature(obj.key, is_active=obj.is_active, **details)
        else:
            adopt(obj, CatalogService.create_feature(obj.key, **details))

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        for formset in formsets:
            formset.save(commit=False)  # writes nothing; the log of this change reads what it finds out
            withdraw(formset)
            for cost in changed_rows(formset):
                CatalogService.set_cost(
                    form.instance.key,
                    cost.paid_from.key,
                    per=cost.per,
                    units=cost.units,
                    position=cost.position,
                )


def line_of(row: ProductFeature) -> FeatureLine:
    """A row of the form as the front door takes it."""
    return FeatureLine(
        feature=row.feature.key,
        quantity=row.quantity,
        period=row.period,
        priority=row.priority,
        reset=row.reset,
        rollover_quantity=row.rollover_quantity,
        rollover_periods=row.rollover_periods,
        cap_quantity=row.cap_quantity,
        cap_period=row.cap_period,
        value=row.value,
    )


def line_text(line: ProductFeature) -> str:
    """A line for a person: ``100 pdf_export for 1 month``."""
    if line.value is not None:
        return f"{line.feature.key} = {line.value}"
    often = f" every {line.reset}" if line.reset else ""
    lasts = f" for {line.period}" if line.period else ""
    cap = f", at most {line.cap_quantity} in {line.cap_period}" if line.cap_quantity else ""
    return f"{quantity(line.quantity)} {line.feature.key}{often}{lasts}{cap}"


@admin.register(CatalogName)
class CatalogNameAdmin(Books):
    list_display = ("name", "kind")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(Price)
class PriceAdmin(Books):
    list_display = ("product", "amount_minor_shown", "currency")
    list_select_related = ("product",)
    search_fields = ("product__sku", "currency__exact")
    amount_minor_shown = columns.amount("amount_minor")


@admin.register(UnitPrice)
class UnitPriceAdmin(Books):
    list_display = ("product", "units_shown", "feature")
    list_select_related = ("product", "feature")
    list_filter = ("feature",)
    search_fields = ("product__sku", "feature__key")
    units_shown = units("units")


@admin.register(ProductFeature)
class ProductFeatureAdmin(Books):
    list_display = ("product", "line", "feature", "quantity_shown", "lasts", "priority")
    list_display_links = ("product", "line")
    list_select_related = ("product", "feature")
    list_filter = ("feature",)
    search_fields = ("product__sku", "feature__key")
    quantity_shown = units("quantity")
    lasts = columns.lasts
    value_shown = pretty("value")


@admin.register(FeatureCost)
class FeatureCostAdmin(Books):
    list_display = ("feature", "paid_from", "per", "units", "position")
    list_select_related = ("feature", "paid_from")
    search_fields = ("feature__key", "paid_from__key")
