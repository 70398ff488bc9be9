"""Refunds and what they would do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    AmountMinor,
    Body,
    Key,
    KeyedBody,
    Metadata,
    MoneyParameters,
    Name,
    Text,
    text,
)
from billable.errors import Invalid
from billable.inputs import MAX_ORDER_LINES, MAX_ORDER_QUANTITY
from billable.money import Money
from billable.services import RefundLine

if TYPE_CHECKING:
    from billable.models import Refund, RefundGrant, RefundItem
    from billable.services import RefundGrantQuote, RefundItemQuote, RefundQuote, RefundSlide

WHAT: list[dict[str, Any]] = [
    {"items": [{"line": 1, "quantity": 1}], "policy": "unused_only"},
    {"amount": "4.00", "currency": "EUR"},
]


class RefundLineIn(Body):
    """One line of the order, and how many of its pieces."""

    line: int = Field(ge=1, le=MAX_ORDER_LINES)
    quantity: int | None = Field(
        default=None, ge=1, le=MAX_ORDER_QUANTITY, description="Null: all that have not gone back yet."
    )


class RefundedParts(Body):
    """What goes back: `items` (null: all of the order) by a policy, or an amount divided over them."""

    items: list[RefundLineIn] | None = Field(default=None, min_length=1, max_length=MAX_ORDER_LINES)
    amount: str | None = Field(default=None, description="A decimal string such as `9.99`, with `currency`.")
    amount_minor: AmountMinor | None = None
    currency: Key | None = None
    policy: Literal["full", "unused_only", "pro_rata_time"] = "full"
    release_holds: bool = Field(default=False, description="Release live holds, which would refuse the refund.")

    @property
    def lines(self) -> list[RefundLine] | None:
        """The items as the engine takes them."""
        if self.items is None:
            return None
        return [
            RefundLine(line=item.line) if item.quantity is None else RefundLine(line=item.line, quantity=item.quantity)
            for item in self.items
        ]


class QuoteIn(RefundedParts):
    model_config = ConfigDict(json_schema_extra={"examples": [*WHAT]})


class RefundIn(RefundedParts, KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"refund_id": "re_1", **what} for what in WHAT]})

    refund_id: Key | None = Field(
        default=None, description="What the provider calls it. Null: the idempotency key. Once per order."
    )
    origin: Literal["merchant", "provider"] = Field(default="merchant", description="Who started it.")
    reason: Text = ""
    metadata: Metadata | None = None

    def name(self, request: HttpRequest) -> str:
        """What the refund is called: its own id, or the idempotency key of the request."""
        name = self.refund_id or self.key(request)
        if name is None:
            raise Invalid(field="refund_id", problem="is required, or an idempotency key")
        return name


class PaymentRefundIn(RefundIn):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"payment_id": "ch_124", "refund_id": "re_1", "amount_minor": 400, "origin": "provider"}]
        }
    )

    payment_id: Key
    payment_method: Name = "default"
    capture_id: str = Field(
        default="", max_length=200, description="Which capture, of a payment that arrived in several."
    )


class RefundedGrantOut(Schema):
    """What a refund found and did at one feature of an item. Units; null is unlimited."""

    grant_id: UUID
    feature: str
    used: int
    unused: int | None
    expired: int
    taken_back: int | None
    ended: bool

    @staticmethod
    def resolve_feature(found: RefundGrant) -> str:
        return found.grant.feature.key


class RefundedItemOut(Schema):
    line: int
    sku: str
    pieces: int = Field(description="0: money, and no whole piece.")
    amount: str
    amount_minor: int
    grants: list[RefundedGrantOut]

    @staticmethod
    def resolve_line(part: RefundItem) -> int:
        return part.item.line

    @staticmethod
    def resolve_sku(part: RefundItem) -> str:
        return part.item.sku

    @staticmethod
    def resolve_amount(part: RefundItem) -> str:
        return text(Money(part.amount_minor, part.refund.currency))


class MovedPeriodOut(Schema):
    """The window that a period had before it was shortened or moved up."""

    grant_id: UUID
    valid_from: datetime
    expires_at: datetime | None

    @staticmethod
    def resolve_grant_id(slide: dict[str, Any]) -> str:
        return str(slide["grant"])


class RefundOut(Schema):
    id: UUID
    order_id: UUID
    customer_id: UUID
    refund_id: str
    payment_id: str | None = Field(description="The payment that it was paid by, where there is one.")
    origin: str
    policy: str | None = Field(description="Null: an amount was named.")
    amount: str = Field(examples=["9.99"])
    amount_minor: int = Field(examples=[999])
    currency: str
    order_status: str = Field(description="Where the order stands now.")
    items: list[RefundedItemOut] = Field(description="Empty where money went back that no order took.")
    slides: list[MovedPeriodOut]
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime

    @staticmethod
    def resolve_amount(refund: Refund) -> str:
        return text(refund.amount)

    @staticmethod
    def resolve_policy(refund: Refund) -> str | None:
        return refund.policy or None

    @staticmethod
    def resolve_payment_id(refund: Refund) -> str | None:
        return None if refund.payment is None else refund.payment.payment_id

    @staticmethod
    def resolve_order_status(refund: Refund) -> str:
        return refund.order.status


class MadeRefundOut(RefundOut):
    replayed: bool = Field(description="True when the refund id had been used before: this is the refund it made.")


class RefundsParameters(MoneyParameters):
    """Whose refunds, and which page of them."""


class RefundPage(Schema):
    items: list[RefundOut]
    next: str | None


class QuotedGrantOut(Schema):
    """What one feature of an item stands at, and what would be taken. Units; null is unlimited."""

    grant_id: UUID
    feature: str
    granted: int | None
    used: int
    unused: int | None
    expired: int
    held: int
    taken_back: int | None
    ends: bool

    @staticmethod
    def resolve_grant_id(quote: RefundGrantQuote) -> UUID:
        return quote.grant.pk


class QuotedItemOut(Schema):
    line: int
    sku: str
    pieces: int
    amount: str
    amount_minor: int
    credited_amount: str = Field(description="What a change of plan credited of it before: that never goes back.")
    credited_amount_minor: int
    grants: list[QuotedGrantOut]

    @staticmethod
    def resolve_credited_amount(quote: RefundItemQuote) -> str:
        return text(quote.credited)

    @staticmethod
    def resolve_credited_amount_minor(quote: RefundItemQuote) -> int:
        return quote.credited.amount_minor

    @staticmethod
    def resolve_amount(quote: RefundItemQuote) -> str:
        return text(quote.amount)

    @staticmethod
    def resolve_amount_minor(quote: RefundItemQuote) -> int:
        return quote.amount.amount_minor


class SlideOut(Schema):
    """A period that would be shortened or move up: its window now and then."""

    grant_id: UUID
    valid_from: datetime
    expires_at: datetime | None
    new_valid_from: datetime
    new_expires_at: datetime | None

    @staticmethod
    def resolve_grant_id(slide: RefundSlide) -> UUID:
        return slide.grant.pk

    @staticmethod
    def resolve_valid_from(slide: RefundSlide) -> datetime:
        return slide.grant.valid_from

    @staticmethod
    def resolve_expires_at(slide: RefundSlide) -> datetime | None:
        return slide.grant.expires_at

    @staticmethod
    def resolve_new_valid_from(slide: RefundSlide) -> datetime:
        return slide.valid_from

    @staticmethod
    def resolve_new_expires_at(slide: RefundSlide) -> datetime | None:
        return slide.expires_at


class QuoteOut(Schema):
    order_id: UUID
    amount: str = Field(examples=["9.99"])
    amount_minor: int = Field(examples=[999])
    currency: str
    items: list[QuotedItemOut]
    slides: list[SlideOut]
    holds: list[str] = Field(description="Live holds that refuse it, unless they are released.")

    @staticmethod
    def resolve_order_id(quote: RefundQuote) -> UUID:
        return quote.order.pk

    @staticmethod
    def resolve_amount(quote: RefundQuote) -> str:
        return text(quote.amount)

    @staticmethod
    def resolve_amount_minor(quote: RefundQuote) -> int:
        return quote.amount.amount_minor

    @staticmethod
    def resolve_currency(quote: RefundQuote) -> str:
        return quote.amount.currency
