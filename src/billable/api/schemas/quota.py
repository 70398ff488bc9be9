"""Checks, usages and the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    CustomerFields,
    Key,
    KeyedBody,
    Metadata,
    Name,
    PageParameters,
    Parameters,
    QueryUnits,
    Text,
    Units,
)
from billable.api.schemas.catalog import ProductOut
from billable.api.schemas.customers import CapOut

if TYPE_CHECKING:
    from billable.models import Product, Usage
    from billable.services import QuotaCheck


class CheckParameters(CustomerFields, Parameters):
    feature: str
    quantity: QueryUnits = 1
    sku: str | None = None


class GrantSummaryOut(Schema):
    grant_id: UUID | None = Field(
        description="Null for what only the next write will write down: a default product, a new period."
    )
    feature: str
    sku: str | None = Field(default=None, alias="product_sku")
    remaining: int | None
    available: int | None = Field(description="What it gives now: of what remains, what its cap lets out.")
    cap: CapOut | None
    value: bool | int | str | None = Field(description="What one of a static feature reads.")
    expires_at: datetime | None
    source: str


class CheckOut(Schema):
    """`balance` is null when it is unlimited, or when there is none to speak of: `allowed` decides."""

    allowed: bool
    code: str = Field(examples=["allowed", "no_grant", "exhausted", "expired", "cap_reached"])
    message: str
    balance: int | None
    value: bool | int | str | None = Field(description="Of a static feature: what it reads.")
    cap: CapOut | None = Field(description="The cap that keeps units back now; of several, the one that resets first.")
    expires_at: datetime | None
    next_reset_at: datetime | None = Field(description="When an allowance gives units anew.")
    grants: list[GrantSummaryOut] = Field(description="The first grants that would pay, in that order.")
    grant_count: int
    offers: list[ProductOut] = Field(description="When not allowed: the products that would help.")

    @staticmethod
    def resolve_offers(check: QuotaCheck) -> tuple[Product, ...]:
        return () if check.allowed else check.offers


class ConsumeIn(CustomerFields, KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": 7, "feature": "pdf_export", "quantity": 1, "idempotency_key": "report_1042"},
                {"provider": "telegram", "external_id": "8675309", "feature": "pdf_export"},
            ]
        }
    )

    feature: Name
    quantity: Units = 1
    sku: Name | None = None
    action_type: str = Field(default="", max_length=100)
    action_id: str = Field(default="", max_length=200)
    metadata: Metadata | None = None


class UsageOut(Schema):
    id: UUID
    customer_id: UUID
    feature: str = Field(alias="feature.key")
    quantity: int
    sku: str | None
    balance: int | None = Field(description="What was left right after; null is unlimited.")
    replayed: bool = Field(description="True when the key had been used before: nothing was consumed again.")
    idempotency_key: str | None
    hold_id: UUID | None = Field(description="The hold that it was captured from.")
    late: bool = Field(description="Captured when the hold had lapsed, from what was free.")
    action_type: str
    action_id: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime

    @staticmethod
    def resolve_sku(usage: Usage) -> str | None:
        return usage.sku or None


class ReverseIn(KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "the export failed", "idempotency_key": "undo_report_1042"}]}
    )

    quantity: Units | None = Field(default=None, description="Null: all that is left of it.")
    reason: Text = ""
    metadata: Metadata | None = None


class ReversalOut(Schema):
    id: UUID
    usage_id: UUID
    customer_id: UUID
    quantity: int
    balance: int | None
    replayed: bool
    idempotency_key: str
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime


class HistoryParameters(CustomerFields, PageParameters):
    feature: Name | None = None
    kind: Key | None = None


class EntryOut(Schema):
    seq: int
    effective_at: datetime
    created_at: datetime
    feature: str = Field(alias="grant.feature.key")
    sku: str | None = Field(default=None, alias="grant.product.sku")
    kind: str
    amount: int
    held_change: int
    remaining_after: int | None = Field(description="What was left of the grant; null is unlimited.")
    grant_id: UUID
    usage_id: UUID | None
    source: str = Field(alias="grant.source")
    cause_type: str
    cause_id: UUID
    actor: str
    metadata: dict[str, Any] = Field(description="Of the usage that the entry belongs to, else of the grant.")


class HistoryPage(Schema):
    items: list[EntryOut]
    next: str | None
