"""What customers get anew each period."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Body, CustomerFields, Name, PageParameters, Text

if TYPE_CHECKING:
    from billable.models import Allowance


class AllowanceParameters(CustomerFields, PageParameters):
    feature: Name | None = None


class AllowanceOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    sku: str | None = Field(default=None, alias="product.sku")
    quantity: int = Field(alias="per_period", description="What each period to come gives.")
    reset: str = Field(examples=["1 month"])
    rollover_quantity: int | None = Field(description="So many unused units go on at a reset; null: none.")
    rollover_periods: int | None
    cap_quantity: int | None
    cap_period: str | None = Field(examples=["1 day"])
    priority: int
    anchor: datetime = Field(description="Where its periods are counted from, on the clock of `zone`.")
    zone: str
    expires_at: datetime | None = Field(description="Null: never.")
    next_reset_at: datetime | None = Field(description="When its units come anew; null: not any more.")
    status: str = Field(examples=["running", "expired", "revoked", "refunded", "disputed", "transferred"])
    ended_at: datetime | None
    ended_reason: str
    source: str
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime
    replayed: bool

    @staticmethod
    def resolve_reset(allowance: Allowance) -> str:
        return str(allowance.reset)

    @staticmethod
    def resolve_cap_period(allowance: Allowance) -> str | None:
        return None if allowance.cap_period is None else str(allowance.cap_period)


class AllowancePage(Schema):
    items: list[AllowanceOut]
    next: str | None


class RevokeAllowanceIn(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "granted by mistake"}]})

    reason: Text = ""
