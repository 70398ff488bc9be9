"""What is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Key, KeyedBody, percent, text
from billable.money import Money

if TYPE_CHECKING:
    from billable.models import Feature, Price, Product, ProductFeature


class PriceOut(Schema):
    amount: str = Field(examples=["9.99"])
    amount_minor: int = Field(examples=[999])
    currency: str = Field(examples=["EUR"])

    @staticmethod
    def resolve_amount(price: Price) -> str:
        return text(Money(price.amount_minor, price.currency))


class UnitPriceOut(Schema):
    """What it costs in units of a feature."""

    feature: str = Field(alias="feature.key")
    units: int


class LineOut(Schema):
    """How much of one feature. No quantity is unlimited, no period is for ever.

    With `reset` the quantity comes anew in each such period. `value` is what a static feature reads.
    """

    feature: str = Field(alias="feature.key")
    quantity: int | None
    period: str | None = Field(examples=["1 month"])
    reset: str | None = Field(examples=["1 month"])
    rollover_quantity: int | None
    rollover_periods: int | None
    cap_quantity: int | None
    cap_period: str | None = Field(examples=["1 day"])
    value: bool | int | str | None

    @staticmethod
    def resolve_period(line: ProductFeature) -> str | None:
        return _span(line.period)

    @staticmethod
    def resolve_reset(line: ProductFeature) -> str | None:
        return _span(line.reset)

    @staticmethod
    def resolve_cap_period(line: ProductFeature) -> str | None:
        return _span(line.cap_period)


def _span(period: object) -> str | None:
    return None if period is None else str(period)


class ProductOut(Schema):
    sku: str
    name: str
    description: str
    prices: list[PriceOut]
    unit_prices: list[UnitPriceOut]
    tax_rate: str = Field(description="Percent: its own, else the default.", examples=["19"])
    features: list[LineOut] = Field(alias="lines")
    recurs: str | None = Field(description="How often it is paid for; null: once.", examples=["1 month"])
    trial_period: str | None = Field(description="How long it may be tried before.", examples=["14 days"])
    grace_days: int | None = Field(
        description="How long it goes on when a period is not paid; null: it does not recur."
    )
    is_trial: bool
    is_active: bool
    metadata: dict[str, Any]

    @staticmethod
    def resolve_recurs(product: Product) -> str | None:
        return None if product.recurs is None else str(product.recurs)

    @staticmethod
    def resolve_trial_period(product: Product) -> str | None:
        return None if product.trial_period is None else str(product.trial_period)

    @staticmethod
    def resolve_grace_days(product: Product) -> int | None:
        return None if product.recurs is None else product.effective_grace_days

    @staticmethod
    def resolve_tax_rate(product: Product) -> str:
        return percent(product.effective_tax_rate)


class ProductPage(Schema):
    items: list[ProductOut]
    next: str | None


class CostOut(Schema):
    """`per` units of the feature can be paid with `units` of `paid_from`."""

    paid_from: str = Field(alias="paid_from.key")
    per: int
    units: int


class FeatureOut(Schema):
    key: str
    name: str
    unit: str
    value_type: str = Field(description="Empty: metered. Else it is read: `flag`, `limit` or `text`.")
    overdraft: str = Field(examples=["refuse", "allow", "record"])
    overdraft_limit: int | None
    alerts: list[str] = Field(description="When somebody is told of a customer's use.", examples=[["80%", "10 left"]])
    costs: list[CostOut]
    metadata: dict[str, Any]

    @staticmethod
    def resolve_alerts(feature: Feature) -> list[str]:
        return [str(threshold) for threshold in feature.thresholds]


class FeaturePage(Schema):
    items: list[FeatureOut]
    next: str | None


class RollOutIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"policy": "next_period", "dry_run": True}]})

    policy: Key = Field(examples=["next_period", "now"])
    dry_run: bool = Field(default=False, description="Only say what would change.")
    limit_seconds: int = Field(default=20, ge=1, le=60, description="Then it ends, and `next` says where to go on.")
    cursor: Key | None = Field(default=None, description="The `next` of the request before.")


class RollOutSkipOut(Schema):
    feature: str
    reason: str = Field(examples=["lower", "does_not_recur"])
    holdings: int


class RollOutOut(Schema):
    sku: str
    policy: str
    dry_run: bool
    customers: int
    changed: int = Field(description="How many of the customers were changed.")
    terms: int = Field(description="Allowances that have other terms from their next period on.")
    units: int = Field(description="Grants that units were added to.")
    caps: int
    values: int
    lines: int = Field(description="Lines that are new.")
    skipped: list[RollOutSkipOut]
    next: str | None
