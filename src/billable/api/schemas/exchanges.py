"""Exchanges of units for products."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import CustomerFields, KeyedBody, Metadata, Name, PageParameters, Text
from billable.api.schemas.grants import GrantOut
from billable.inputs import MAX_ORDER_QUANTITY


class ExchangeIn(CustomerFields, KeyedBody):
    """Units of a feature for a product, at its unit price: a price from the caller is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"user_id": 7, "sku": "pdf_pack", "quantity": 2, "idempotency_key": "shop_4711"}]
        }
    )

    sku: Name
    quantity: int = Field(default=1, ge=1, le=MAX_ORDER_QUANTITY)
    feature: Name | None = Field(default=None, description="Which units, where the product has a price in several.")
    metadata: Metadata | None = None


class ExchangesParameters(CustomerFields, PageParameters):
    pass


class ExchangeRefundIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "a mistake", "idempotency_key": "undo_4711"}]})

    policy: Literal["full", "unused_only", "pro_rata_time"] = "unused_only"
    reason: Text = ""


class ExchangeOut(Schema):
    id: UUID
    customer_id: UUID
    sku: str
    name: str
    quantity: int
    feature: str = Field(alias="feature.key", description="What it was paid with.")
    units: int = Field(description="What all of it cost.")
    refunded_units: int
    usage_id: UUID
    balance: int | None = Field(alias="usage.balance", description="What was left right after. Null: unlimited.")
    metadata: dict[str, Any]
    actor: str
    created_at: datetime


class MadeExchangeOut(ExchangeOut):
    grants: list[GrantOut]
    replayed: bool


class ExchangePage(Schema):
    items: list[ExchangeOut]
    next: str | None
