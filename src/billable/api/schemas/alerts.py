"""Alerts, expiries and forecasts."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from billable.api.schemas.base import CustomerFields, Name, PageParameters, Parameters

SPAN = "A number of days, weeks, months or years, such as `7 days`."


class AlertParameters(CustomerFields, PageParameters):
    feature: Name | None = None


class AlertOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    threshold: str = Field(examples=["80%", "10 left"])
    since: datetime = Field(description="When the newest of the grants that were running began.")
    used: int
    granted: int
    left: int
    usage_id: UUID = Field(description="The usage that crossed it.")
    created_at: datetime


class AlertPage(Schema):
    items: list[AlertOut]
    next: str | None


class ExpiringParameters(CustomerFields, Parameters):
    within: Name = Field(default="7 days", description=SPAN)


class ExpiringOut(Schema):
    feature: str
    units: int | None = Field(description="How many are left; null: unlimited use ends.")
    expires_at: datetime
    grant_id: UUID | None = Field(description="Null for a default product that the first write will grant.")
    sku: str | None = Field(default=None, alias="product_sku")


class ExpiringPage(Schema):
    items: list[ExpiringOut]
    next: str | None


class ForecastParameters(CustomerFields, Parameters):
    feature: Name
    over: Name = Field(default="30 days", description=SPAN)


class ForecastOut(Schema):
    feature: str
    balance: int | None = Field(description="What there is now; null is unlimited.")
    used: int
    since: datetime | None
    days: float
    per_day: float | None = Field(description="Null when nothing was used: there is nothing to tell from.")
    runs_out_at: datetime | None = Field(description="Null when it never does, or nobody can tell.")
