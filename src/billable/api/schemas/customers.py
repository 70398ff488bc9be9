"""Customers and what they have."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict

from billable.api.schemas.base import DEFAULT_PROVIDER, CustomerFields, Key, KeyedBody, Metadata, Name, Parameters


class IdentifyIn(KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider": "telegram", "external_id": "8675309", "profile": {"name": "Jenny"}}]
        }
    )

    provider: Name = DEFAULT_PROVIDER
    external_id: Key
    profile: Metadata | None = None


class IdentifyOut(Schema):
    customer_id: UUID
    user_id: Any
    provider: str
    external_id: str
    created: bool
    profile: dict[str, Any]


class BalanceParameters(CustomerFields, Parameters):
    feature: Name | None = None


class FeatureBalanceOut(Schema):
    feature: str
    allowed: bool
    balance: int | None
    unlimited: bool
    held: int
    expires_at: datetime | None
    next_reset_at: datetime | None


class BalanceOut(Schema):
    customer_id: UUID | None
    user_id: Any
    features: list[FeatureBalanceOut]
