"""Customers and what they have."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    DEFAULT_PROVIDER,
    CustomerFields,
    Instant,
    Key,
    KeyedBody,
    Metadata,
    Name,
    Parameters,
)


class IdentifyIn(KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "telegram", "external_id": "8675309", "profile": {"name": "Jenny"}}]
        }
    )

    provider: Name = DEFAULT_PROVIDER
    external_id: Key
    profile: Metadata | None = None
    sandbox: bool = Field(
        default=False, description="Ask for a customer to try things out with, whose clock can be moved."
    )


class IdentifyOut(Schema):
    customer_id: UUID
    user_id: Any
    provider: str
    external_id: str
    created: bool
    profile: dict[str, Any]
    is_sandbox: bool


class ClockAdvanceIn(KeyedBody):
    """How far: `to` an instant, or a span of the other fields added up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"months": 1}, {"to": "2027-01-01T00:00:00Z"}]})

    to: Instant | None = None
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0


class ClockStepOut(Schema):
    name: str = Field(description="`grants`, `holds`, `orders`, `rewards`.")
    done: int = Field(description="How many of them fell due and were done.")


class ClockAdvanceOut(Schema):
    customer_id: UUID
    from_at: datetime = Field(description="What time it was for the customer.")
    to_at: datetime = Field(description="What time it was for the customer afterwards.")
    steps: list[ClockStepOut]
    replayed: bool


class BalanceParameters(CustomerFields, Parameters):
    feature: Name | None = None


class CapOut(Schema):
    """At most `quantity` units of `feature` in each `period`, of which `used` are used in this one."""

    feature: str
    quantity: int
    used: int
    period: str = Field(examples=["1 day"])
    resets_at: datetime | None


class FeatureBalanceOut(Schema):
    feature: str
    allowed: bool
    balance: int | None
    unlimited: bool
    held: int
    owed: int = Field(description="Used before it was there, and taken off the balance.")
    expires_at: datetime | None
    next_reset_at: datetime | None
    cap: CapOut | None = Field(description="The cap that keeps units back now; of several, the one that resets first.")


class BalanceOut(Schema):
    customer_id: UUID | None
    user_id: Any
    features: list[FeatureBalanceOut]


class EntitlementsParameters(CustomerFields, Parameters):
    feature: Name | None = None


class EntitlementOut(Schema):
    feature: str
    value_type: str = Field(examples=["flag", "limit", "text"])
    value: bool | int | str | None
    sku: str | None = Field(default=None, alias="product_sku")
    expires_at: datetime | None


class EntitlementsOut(Schema):
    customer_id: UUID | None
    user_id: Any
    entitlements: list[EntitlementOut]
