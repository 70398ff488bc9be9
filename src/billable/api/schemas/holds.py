"""Holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    Body,
    CustomerFields,
    Key,
    KeyedBody,
    Metadata,
    PageParameters,
    Text,
    Units,
)
from billable.api.schemas.quota import ConsumeIn

TTL = "For how many seconds from now; null: as the settings say."


class HoldIn(ConsumeIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": 7, "feature": "ai_analysis", "quantity": 5, "ttl": 600, "idempotency_key": "job_88"}
            ]
        }
    )

    ttl: Units | None = Field(default=None, description=TTL)


class HoldParameters(CustomerFields, PageParameters):
    status: Key | None = None


class HoldOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    quantity: int
    captured: int
    status: str = Field(examples=["held", "captured", "released", "lapsed"])
    balance: int | None = Field(description="What was left of the feature right after it was made; null is unlimited.")
    expires_at: datetime
    lapses_at: datetime = Field(description="When its units are free again: the end and the grace.")
    closed_at: datetime | None
    replayed: bool
    idempotency_key: str | None
    action_type: str
    action_id: str
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime


class HoldPage(Schema):
    items: list[HoldOut]
    next: str | None


class CaptureIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 3}]})

    quantity: Units | None = Field(default=None, description="Null: all that is left of it.")
    final: bool = Field(default=True, description="Whether the rest is given back. If not, a key is required.")
    metadata: Metadata | None = Field(default=None, description="Null: that of the hold.")


class ReleaseIn(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the job failed"}]})

    reason: Text = ""


class ExtendIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"ttl": 600, "idempotency_key": "job_88_more"}]})

    ttl: Units | None = Field(default=None, description=TTL)
    reason: Text = ""
