"""Payments on their own: unapplied, sold elsewhere, disputed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    AmountMinor,
    CustomerFields,
    Identifier,
    Key,
    KeyedBody,
    Metadata,
    MoneyParameters,
    Name,
    Text,
    text,
)
from billable.api.schemas.orders import OrderLineIn, PaymentOut
from billable.inputs import MAX_ORDER_LINES
from billable.services import OrderLine

if TYPE_CHECKING:
    from billable.models import Dispute


class PaymentsParameters(MoneyParameters):
    status: Key | None = Field(default=None, description="`unapplied` is the money that somebody must look at.")


class DisputesParameters(MoneyParameters):
    dispute_id: Key | None = Field(default=None, description="The provider's name of the dispute.")
    status: Key | None = Field(default=None, description="`disputed` waits for a decision.")


class ApplyIn(KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"order_id": "01900000-0000-7000-8000-000000000000", "reason": "paid twice"}]}
    )

    order_id: Identifier
    reason: Text = ""


class ReturnIn(KeyedBody):
    reason: Text = ""


class MoneyIn(KeyedBody):
    """`amount` with its `currency`, or `amount_minor`, or neither."""

    amount: str | None = Field(default=None, description="A decimal string such as `9.99`, with `currency`.")
    amount_minor: AmountMinor | None = None
    currency: Key | None = None


class SaleIn(CustomerFields, MoneyIn):
    """What was sold, and the payment that arrived for it: without an amount, the total."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "external_id": "4711",
                    "provider": "telegram",
                    "items": [{"sku": "pro_monthly"}],
                    "payment_id": "tg_charge_1",
                    "payment_method": "telegram_stars",
                    "currency": "XTR",
                }
            ]
        }
    )

    items: list[OrderLineIn] = Field(min_length=1, max_length=MAX_ORDER_LINES)
    payment_id: Key
    payment_method: Name = "default"
    promotion_code: Key | None = Field(default=None, description="The code that it was sold with.")
    metadata: Metadata | None = None

    @property
    def lines(self) -> list[OrderLine]:
        """The items as the engine takes them."""
        return [OrderLine(sku=item.sku, quantity=item.quantity) for item in self.items]


class DisputeIn(MoneyIn):
    """What is disputed of the payment: without an amount, all of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dispute_id": "dp_123", "amount": "9.99", "currency": "EUR"}]}
    )

    dispute_id: Key
    reason: Text = ""
    metadata: Metadata | None = None


class ResolveIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "won"}]})

    outcome: Literal["won", "lost"]


class DisputeOut(Schema):
    id: UUID
    dispute_id: str
    status: str
    customer_id: UUID
    order_id: UUID = Field(description="The order that the payment had paid.")
    payment: PaymentOut
    amount: str
    amount_minor: int
    currency: str
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime
    decided_at: datetime | None

    @staticmethod
    def resolve_amount(dispute: Dispute) -> str:
        return text(dispute.amount)


class SaidDisputeOut(DisputeOut):
    replayed: bool = Field(description="True when this had been said before.")


class DisputePage(Schema):
    items: list[DisputeOut]
    next: str | None


class PaymentPage(Schema):
    items: list[PaymentOut]
    next: str | None
