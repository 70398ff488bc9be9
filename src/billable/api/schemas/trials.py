"""Trials."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Body, CustomerFields, Key, KeyedBody, Name
from billable.api.schemas.grants import GrantOut


class _TrialFields(CustomerFields):
    sku: Name
    identities: dict[str, str] | None = Field(
        default=None, description="Who this is elsewhere, by kind: email, phone, telegram, device …"
    )


_TRIAL_EXAMPLES = ConfigDict(
    json_schema_extra={
        "examples": [
            {"external_id": "8675309", "provider": "telegram", "sku": "trial", "identities": {"email": "a@b.co"}}
        ]
    }
)


class TrialIn(_TrialFields, KeyedBody):
    model_config = _TRIAL_EXAMPLES

    currency: Key | None = Field(default=None, description="What a subscription is charged in after its trial.")


class EligibilityIn(_TrialFields, Body):
    model_config = _TRIAL_EXAMPLES


class TrialOut(Schema):
    id: UUID
    customer_id: UUID
    sku: str = Field(alias="product.sku")
    campaign: str
    subscription_id: UUID | None = Field(description="What it is the first period of.")
    grants: list[GrantOut]
    replayed: bool
    actor: str
    created_at: datetime


class EligibilityOut(Schema):
    eligible: bool
    code: str
