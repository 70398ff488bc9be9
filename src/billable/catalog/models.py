"""Tables of the catalogue. Rows are deactivated, never deleted: what was sold must stay explicable."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from billable.catalog import thresholds
from billable.catalog.kinds import Overdraft, ValueType
from billable.catalog.periods import Period, PeriodUnit
from billable.catalog.terms import DEFAULT_PRIORITY, Cap, Rollover, Terms
from billable.catalog.thresholds import Threshold
from billable.compat import check_constraint
from billable.conf import knobs
from billable.db.constraints import one_of
from billable.errors import Invalid, Misconfigured
from billable.inputs import MAX_UNITS, percent
from billable.money import Money

PERIOD_UNITS = [(unit.value, unit.value) for unit in PeriodUnit]
MAX_ROLLOVER_PERIODS = 100
MAX_GRACE_DAYS = 365


def units_or_unlimited(name: str) -> models.CheckConstraint:
    """``quantity`` is empty (unlimited) or within the limits."""
    return check_constraint(Q(quantity__isnull=True) | Q(quantity__gte=1, quantity__lte=MAX_UNITS), name=name)


def whole_period(name: str, prefix: str = "period") -> models.CheckConstraint:
    """``period_count`` and ``period_unit`` are both empty (for ever) or both there."""
    return check_constraint(_absent(f"{prefix}_count", f"{prefix}_unit") | _span(prefix), name=name)


# A CHECK that comes out NULL passes: every arm that compares a nullable column says that it is not null.
def _units(column: str) -> Q:
    return Q(**{f"{column}__isnull": False, f"{column}__gte": 1, f"{column}__lte": MAX_UNITS})


def _span(prefix: str) -> Q:
    units = [unit.value for unit in PeriodUnit]
    return Q(
        **{
            f"{prefix}_count__isnull": False,
            f"{prefix}_count__gte": 1,
            f"{prefix}_unit__isnull": False,
            f"{prefix}_unit__in": units,
        }
    )


def _absent(*columns: str) -> Q:
    return Q(**{f"{column}__isnull": True for column in columns})


def capped(name: str) -> models.CheckConstraint:
    """A cap has its units and its period, or there is none."""
    none = _absent("cap_quantity", "cap_period_count", "cap_period_unit")
    return check_constraint(none | (_units("cap_quantity") & _span("cap_period")), name=name)


class LineTerms(models.Model):
    """The terms of a line, in the columns that the catalogue and every copy of it share."""

    quantity = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    period_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: for ever.")
    period_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    priority = models.SmallIntegerField(default=DEFAULT_PRIORITY, help_text="Lower is used up first.")
    reset_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: given once.")
    reset_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    rollover_quantity = models.BigIntegerField(
        null=True, blank=True, help_text="So many unused units go on at a reset. Empty: none."
    )
    rollover_periods = models.PositiveSmallIntegerField(null=True, blank=True, help_text="For so many periods.")
    cap_quantity = models.BigIntegerField(null=True, blank=True, help_text="At most so many. Empty: no cap.")
    cap_period_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="In so many …")
    cap_period_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    value = models.JSONField(null=True, blank=True, help_text="What a static feature reads: true, 10, “eu-west”.")

    class Meta:
        abstract = True

    @property
    def period(self) -> Period | None:
        """How long the units last; None is for ever."""
        return period_of(self)

    @property
    def reset(self) -> Period | None:
        """How often the units come anew; None is once."""
        return period_of(self, "reset")

    @property
    def cap_period(self) -> Period | None:
        """In which period the cap counts; None is no cap."""
        return period_of(self, "cap_period")

    @property
    def terms(self) -> Terms:
        """All of it, as one value."""
        rollover = cap = None
        if self.rollover_quantity is not None and self.rollover_periods is not None:
            rollover = Rollover(quantity=self.rollover_quantity, periods=self.rollover_periods)
        if self.cap_quantity is not None and self.cap_period is not None:
            cap = Cap(quantity=self.cap_quantity, period=self.cap_period)
        return Terms(
            quantity=self.quantity,
            period=self.period,
            priority=self.priority,
            reset=self.reset,
            rollover=rollover,
            cap=cap,
            value=self.value,
        )


def line_constraints(table: str) -> list[models.CheckConstraint]:
    """What holds for the terms of every line: ``billable_<table>_…``."""
    no_rollover = _absent("rollover_quantity", "rollover_periods")
    rollover = _units("rollover_quantity") & Q(
        rollover_periods__isnull=False, rollover_periods__gte=1, rollover_periods__lte=MAX_ROLLOVER_PERIODS
    )
    static = Q(value__isnull=False, quantity__isnull=True, reset_count__isnull=True, cap_quantity__isnull=True)
    return [
        units_or_unlimited(f"billable_{table}_quantity"),
        whole_period(f"billable_{table}_period"),
        whole_period(f"billable_{table}_reset", "reset"),
        check_constraint(
            Q(reset_count__isnull=True) | Q(reset_count__isnull=False, quantity__isnull=False),
            name=f"billable_{table}_reset_units",
        ),
        check_constraint(no_rollover | (rollover & Q(reset_count__isnull=False)), name=f"billable_{table}_rollover"),
        capped(f"billable_{table}_cap"),
        check_constraint(Q(value__isnull=True) | static, name=f"billable_{table}_static"),
    ]


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
    value_type = models.CharField(
        max_length=5,
        blank=True,
        choices=[(each.value, each.value or "metered") for each in ValueType],
        help_text="Empty: it is consumed. Else its lines carry a value of this type, which is read.",
    )
    overdraft = models.CharField(
        max_length=6,
        choices=[(each.value, each.value) for each in Overdraft],
        default=Overdraft.REFUSE.value,
        help_text="What happens when more is consumed than is there.",
    )
    overdraft_limit = models.BigIntegerField(
        null=True, blank=True, help_text="Where it is allowed: how many units may be owed."
    )
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
        constraints = [
            one_of("value_type", ValueType, "billable_feature_known_value_type"),
            check_constraint(
                Q(overdraft__in=[Overdraft.REFUSE.value, Overdraft.RECORD.value], overdraft_limit__isnull=True)
                | (Q(overdraft=Overdraft.ALLOW.value) & _units("overdraft_limit")),
                name="billable_feature_overdraft",
            ),
            check_constraint(
                Q(value_type=ValueType.METERED.value) | Q(overdraft=Overdraft.REFUSE.value),
                name="billable_feature_static",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_static(self) -> bool:
        """Whether it has a value that is read, instead of units that are consumed."""
        return self.value_type != ValueType.METERED.value

    def takes(self, value: object) -> bool:
        """Whether a line or grant of it may have this value; None is one that gives units."""
        return ValueType.of(value).value == self.value_type

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
    recurs_count = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="What is paid for again and again: every so many. Empty: sold once."
    )
    recurs_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    trial_count = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long it may be tried before it is paid for. Empty: no trial."
    )
    trial_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    grace_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="How long it goes on when a period is not paid. Empty: BILLABLE_SUBSCRIPTION_GRACE_DAYS.",
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
            whole_period("billable_product_recurs", "recurs"),
            whole_period("billable_product_trial", "trial"),
            # What recurs is paid for: it is no free trial of itself, and nobody is given it at the door.
            check_constraint(
                Q(recurs_count__isnull=True, trial_count__isnull=True, grace_days__isnull=True)
                | Q(recurs_count__isnull=False, is_trial=False, is_default=False),
                name="billable_product_recurs_is_sold",
            ),
            check_constraint(
                Q(grace_days__isnull=True) | Q(grace_days__isnull=False, grace_days__lte=MAX_GRACE_DAYS),
                name="billable_product_grace",
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
    def recurs(self) -> Period | None:
        """How often it is paid for; None is once."""
        return period_of(self, "recurs")

    @property
    def trial_period(self) -> Period | None:
        """How long it may be tried before it is paid for."""
        return period_of(self, "trial")

    @property
    def effective_grace_days(self) -> int:
        """How many days access goes on when a period is not paid."""
        return knobs.subscription_grace_days if self.grace_days is None else self.grace_days

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


class ProductFeature(LineTerms):
    """How much of one feature one product gives. A product may give a feature on several lines."""

    id = models.BigAutoField(primary_key=True)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="lines")
    line = models.PositiveSmallIntegerField()
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="lines")

    class Meta:
        db_table = "billable_productfeature"
        ordering = ("product", "line")
        constraints = [
            models.UniqueConstraint(fields=["product", "line"], name="billable_productfeature_product_line"),
            *line_constraints("productfeature"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}"


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


def period_of(row: models.Model, prefix: str = "period") -> Period | None:
    """The period that a row's ``{prefix}_count`` and ``{prefix}_unit`` columns hold."""
    count, unit = getattr(row, f"{prefix}_count"), getattr(row, f"{prefix}_unit")
    return None if count is None else Period(count, PeriodUnit(unit))
