"""What customers were given."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

from billable.api.schemas.base import (
    CustomerFields,
    Instant,
    Key,
    KeyedBody,
    Metadata,
    Name,
    PageParameters,
    Text,
    Units,
)
from billable.errors import Invalid

if TYPE_CHECKING:
    from billable.models import Grant


class GrantOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    sku: str | None = Field(default=None, alias="product.sku")
    quantity: int | None = Field(description="Null: unlimited.")
    remaining: int | None
    held: int
    value: bool | int | str | None = Field(description="Of a static feature: what it reads.")
    cap_quantity: int | None = Field(description="At most so many in each `cap_period`; null: no cap.")
    cap_period: str | None = Field(examples=["1 day"])
    priority: int
    valid_from: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    ended_as: str | None
    ended_reason: str
    source: str
    allowance_id: UUID | None = Field(description="The allowance that gave it, as one of its periods or rolled over.")
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime
    replayed: bool

    @staticmethod
    def resolve_cap_period(grant: Grant) -> str | None:
        return None if grant.cap_period is None else str(grant.cap_period)

    @staticmethod
    def resolve_ended_as(grant: Grant) -> str | None:
        return grant.ended_as or None


class GrantPage(Schema):
    items: list[GrantOut]
    next: str | None


class GrantsParameters(CustomerFields, PageParameters):
    feature: Name | None = None


class GrantIn(CustomerFields, KeyedBody):
    """A whole product (`sku`, `quantity` times), or units of one `feature` (no `quantity`: unlimited)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": 7, "sku": "pro_monthly", "reason": "goodwill", "idempotency_key": "ticket_311"},
                {"user_id": 7, "feature": "pdf_export", "quantity": 10, "idempotency_key": "ticket_312"},
            ]
        }
    )

    sku: Name | None = None
    feature: Name | None = None
    quantity: Units | None = None
    value: StrictBool | StrictInt | StrictStr | None = Field(
        default=None, description="Of a static feature, instead of a quantity."
    )
    period: Key | None = Field(default=None, description="Of a feature: such as `1 month`.")
    expires_at: Instant | None = None
    reason: Text = ""
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def name_one_thing(self) -> GrantIn:
        """Either a product or a feature is granted; a product's lines have their own periods."""
        if (self.sku is None) == (self.feature is None):
            raise Invalid(field="sku", problem="give sku or feature, one of them")
        if self.sku is not None and self.period is not None:
            raise Invalid(field="period", problem="goes with feature; a product has its own")
        if self.sku is not None and self.value is not None:
            raise Invalid(field="value", problem="goes with feature; a product has its own")
        return self


class RevokeIn(KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "granted by mistake"}, {"quantity": 5, "idempotency_key": "fix_9"}]}
    )

    quantity: Units | None = Field(
        default=None, description="Null: the whole grant. With a quantity a key is required."
    )
    reason: Text = ""
    metadata: Metadata | None = None
