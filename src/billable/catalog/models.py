"""Tables of the catalogue. Rows are deactivated, never deleted: what was sold must stay explicable."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from billable.catalog import thresholds
from billable.catalog.periods import Period, PeriodUnit
from billable.catalog.thresholds import Threshold
from billable.compat import check_constraint
from billable.conf import knobs
from billable.errors import Invalid, Misconfigured
from billable.inputs import MAX_UNITS, percent
from billable.money import Money

PERIOD_UNITS = [(unit.value, unit.value) for unit in PeriodUnit]
DEFAULT_PRIORITY = 100


def units_or_unlimited(name: str) -> models.CheckConstraint:
    """``quantity`` is empty (unlimited) or within the limits."""
    return check_constraint(Q(quantity__isnull=True) | Q(quantity__gte=1, quantity__lte=MAX_UNITS), name=name)


def whole_period(name: str) -> models.CheckConstraint:
    """``period_count`` and ``period_unit`` are both empty (for ever) or both there.

    A CHECK that comes out NULL passes: every arm that compares a nullable column says that it is not null.
    """
    units = [unit.value for unit in PeriodUnit]
    present = Q(period_count__isnull=False, period_count__gte=1, period_unit__isnull=False, period_unit__in=units)
    return check_constraint(Q(period_count__isnull=True, period_unit__isnull=True) | present, name=name)


class CatalogName(models.Model):
    """One name of the namespace that SKUs and feature keys share."""

    name = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=10, choices=[("product", "product"), ("feature", "feature")])

    class Meta:
        db_table = "billable_catalogname"

    def __str__(self) -> str:
        return self.name


class Feature(models.Model):
    """What a customer gets, counted in units: ``pdf_export``, ``credits``."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True)
    unit = models.CharField(max_length=50, blank=True, help_text="What one unit is called, such as “export”.")
    is_active = models.BooleanField(default=True)
    alerts = models.CharField(
        max_length=200,
        blank=True,
        help_text="When to tell of a customer's use: 80% (of what was granted is used), 10 left. Separated by commas.",
    )
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "billable_feature"
        ordering = ("key",)

    def __str__(self) -> str:
        return self.key

    @property
    def thresholds(self) -> tuple[Threshold, ...]:
        """Its alerts, read."""
        return thresholds.read(self.alerts)


class Product(models.Model):
    """What is sold. It is never tracked itself; its features are."""

    id = models.BigAutoField(primary_key=True)
    sku = models.CharField("SKU", max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    is_active = models.BooleanField(
        default=True, help_text="Inactive products are not sold; what was sold stays usable."
    )
    is_trial = models.BooleanField(default=False, help_text="Started once per identity, never ordered.")
    is_default = models.BooleanField(default=False, help_text="Granted to every new customer.")
    trial_campaign = models.CharField(
        max_length=64, blank=True, help_text="Trials of one campaign exclude each other. Empty: the SKU."
    )
    tax_rate = models.DecimalField(
        max_digits=7, decimal_places=4, null=True, blank=True, help_text="Percent. Empty: BILLABLE_TAX_RATE."
    )
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "billable_product"
        ordering = ("sku",)
        constraints = [
            check_constraint(
                Q(tax_rate__isnull=True) | Q(tax_rate__gte=0, tax_rate__lte=100), name="billable_product_tax_rate"
            ),
        ]

    def __str__(self) -> str:
        return self.sku

    @property
    def effective_tax_rate(self) -> Decimal:
        """The tax that it is sold with, in percent: its own, else that of the settings. Raises Misconfigured."""
        if self.tax_rate is not None:
            return self.tax_rate
        try:
            return percent(knobs.tax_rate, "tax_rate")
        except Invalid as error:
            raise Misconfigured(setting="BILLABLE_TAX_RATE", problem=error.problem) from error

    @property
    def campaign(self) -> str:
        """The campaign that its trials belong to."""
        return self.trial_campaign or self.sku


class Price(models.Model):
    """What a product costs in one currency."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="prices")
    currency = models.CharField(max_length=10)
    amount_minor = models.BigIntegerField(help_text="In whole minor units: 999 is 9.99 EUR and 999 JPY.")

    class Meta:
        db_table = "billable_price"
        ordering = ("product", "currency")
        constraints = [
            models.UniqueConstraint(fields=["product", "currency"], name="billable_price_product_currency"),
            check_constraint(Q(amount_minor__gte=0), name="billable_price_not_negative"),
        ]

    def __str__(self) -> str:
        return str(Money(self.amount_minor, self.currency))


class UnitPrice(models.Model):
    """What a product costs in units of a feature: credits that are exchanged for it."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="unit_prices")
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="buys")
    units = models.BigIntegerField()

    class Meta:
        db_table = "billable_unitprice"
        ordering = ("product", "id")
        constraints = [
            models.UniqueConstraint(fields=["product", "feature"], name="billable_unitprice_product_feature"),
            check_constraint(Q(units__gte=1, units__lte=MAX_UNITS), name="billable_unitprice_units"),
        ]

    def __str__(self) -> str:
        return f"{self.units} of {self.feature_id}"


class ProductFeature(models.Model):
    """How much of one feature one product gives. A product may give a feature on several lines."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lines")
    line = models.PositiveSmallIntegerField()
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="lines")
    quantity = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    period_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: for ever.")
    period_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    priority = models.SmallIntegerField(default=DEFAULT_PRIORITY, help_text="Lower is used up first.")

    class Meta:
        db_table = "billable_productfeature"
        ordering = ("product", "line")
        constraints = [
            models.UniqueConstraint(fields=["product", "line"], name="billable_productfeature_product_line"),
            units_or_unlimited("billable_productfeature_quantity"),
            whole_period("billable_productfeature_period"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}"

    @property
    def period(self) -> Period | None:
        """How long the units last; None is for ever."""
        return period_of(self)


class FeatureCost(models.Model):
    """One feature paid from another: ``per`` units of ``feature`` cost ``units`` of ``paid_from``."""

    id = models.BigAutoField(primary_key=True)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="costs")
    paid_from = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="pays_for")
    per = models.BigIntegerField(default=1)
    units = models.BigIntegerField(default=1)
    position = models.PositiveSmallIntegerField(help_text="Lower is tried first.")

    class Meta:
        db_table = "billable_featurecost"
        ordering = ("feature", "position")
        constraints = [
            models.UniqueConstraint(fields=["feature", "paid_from"], name="billable_featurecost_feature_paid_from"),
            models.UniqueConstraint(fields=["feature", "position"], name="billable_featurecost_feature_position"),
            check_constraint(~Q(feature=F("paid_from")), name="billable_featurecost_not_itself"),
            check_constraint(
                Q(per__gte=1, per__lte=MAX_UNITS, units__gte=1, units__lte=MAX_UNITS),
                name="billable_featurecost_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.units} for {self.per}"


def period_of(row: ProductFeature | models.Model) -> Period | None:
    """The period that a row's ``period_count`` and ``period_unit`` columns hold."""
    count, unit = row.period_count, row.period_unit  # type: ignore[union-attr]  # of any model with both
    return None if count is None else Period(count, PeriodUnit(unit))
