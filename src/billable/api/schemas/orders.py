"""Orders and payments."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import (
    AmountMinor,
    Body,
    CustomerFields,
    Key,
    KeyedBody,
    Metadata,
    MoneyParameters,
    Name,
    Text,
    percent,
    text,
)
from billable.api.schemas.catalog import LineOut
from billable.inputs import MAX_ORDER_LINES, MAX_ORDER_QUANTITY
from billable.money import Money
from billable.services import OrderLine

if TYPE_CHECKING:
    from billable.models import Order, OrderItem, Payment, Refund


class OrderLineIn(Body):
    """What it costs is the catalogue's to say: a price from the caller is refused."""

    sku: Name
    quantity: int = Field(default=1, ge=1, le=MAX_ORDER_QUANTITY)


class BasketFields(CustomerFields):
    """Who wants to order, and what."""

    items: list[OrderLineIn] = Field(min_length=1, max_length=MAX_ORDER_LINES)
    currency: Key | None = None

    @property
    def lines(self) -> list[OrderLine]:
        """The items as the engine takes them."""
        return [OrderLine(sku=item.sku, quantity=item.quantity) for item in self.items]


class OrderIn(BasketFields, KeyedBody):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": 7,
                    "items": [{"sku": "pro_monthly", "quantity": 1}],
                    "currency": "EUR",
                    "promotion_code": "SPRING",
                    "metadata": {"source": "web_checkout"},
                    "idempotency_key": "cart_9001",
                }
            ]
        }
    )

    promotion_code: Key | None = None
    metadata: Metadata | None = None


class OrdersParameters(MoneyParameters):
    status: Key | None = None


class ConfirmIn(KeyedBody):
    """A notice about money: `amount` with its `currency`, or `amount_minor`, or neither: what is due."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"payment_id": "stripe_ch_123", "status": "paid"},
                {"payment_id": "ch_124", "payment_method": "stripe", "amount": "9.99", "currency": "EUR"},
            ]
        }
    )

    payment_id: Key
    status: Literal["paid", "succeeded", "pending", "failed"] = "paid"
    payment_method: Name = "default"
    capture_id: str = Field(default="", max_length=200)
    amount: str | None = Field(default=None, description="A decimal string such as `9.99`, with `currency`.")
    amount_minor: AmountMinor | None = None
    currency: Key | None = None
    metadata: Metadata | None = None


class CancelIn(KeyedBody):
    reason: Text = ""


class OrderItemOut(Schema):
    line: int
    sku: str
    name: str
    quantity: int
    unit_amount: str
    unit_amount_minor: int
    discount_amount: str
    discount_amount_minor: int = Field(alias="discount_minor")
    tax_rate: str = Field(description="Percent.", examples=["19"])
    tax_amount: str
    tax_amount_minor: int = Field(alias="tax_minor")
    total_amount: str = Field(description="After the discount, with the tax.")
    total_amount_minor: int
    refunded_amount: str
    refunded_amount_minor: int
    refunded_quantity: int = Field(description="How many of its pieces went back.")
    subscription_id: UUID | None = Field(description="The subscription that it renews, or began.")
    period_from: datetime | None = Field(description="The period of it that was paid for.")
    period_until: datetime | None
    features: list[LineOut] = Field(description="What one piece gives.")

    @staticmethod
    def resolve_unit_amount(item: OrderItem) -> str:
        return text(Money(item.unit_amount_minor, item.order.currency))

    @staticmethod
    def resolve_discount_amount(item: OrderItem) -> str:
        return text(Money(item.discount_minor, item.order.currency))

    @staticmethod
    def resolve_tax_rate(item: OrderItem) -> str:
        return percent(item.tax_rate)

    @staticmethod
    def resolve_tax_amount(item: OrderItem) -> str:
        return text(Money(item.tax_minor, item.order.currency))

    @staticmethod
    def resolve_total_amount(item: OrderItem) -> str:
        return text(Money(item.total_amount_minor, item.order.currency))

    @staticmethod
    def resolve_refunded_amount(item: OrderItem) -> str:
        return text(Money(item.refunded_minor, item.order.currency))

    @staticmethod
    def resolve_refunded_amount_minor(item: OrderItem) -> int:
        return item.refunded_minor

    @staticmethod
    def resolve_refunded_quantity(item: OrderItem) -> int:
        return item.refunded_pieces


class PaymentOut(Schema):
    id: UUID
    order_id: UUID = Field(description="The order that it came for.")
    payment_id: str
    payment_method: str
    capture_id: str
    status: str
    code: str | None = Field(description="Why the order that it came for could not take it.")
    applied_to: UUID | None = Field(description="The order that took it by hand, when that is another.")
    amount: str
    amount_minor: int
    amount_assumed: bool = Field(description="True when the notice named no amount.")
    currency: str
    reason: str = Field(description="Why it was applied by hand or returned.")
    succeeded_at: datetime | None
    returned_at: datetime | None
    created_at: datetime

    @staticmethod
    def resolve_applied_to(payment: Payment) -> UUID | None:
        return payment.applied_to_id

    @staticmethod
    def resolve_amount(payment: Payment) -> str:
        return text(payment.amount)

    @staticmethod
    def resolve_code(payment: Payment) -> str | None:
        return payment.code or None


class OrderRefundOut(Schema):
    """What went back of an order, in short."""

    id: UUID
    refund_id: str
    origin: str
    amount: str
    amount_minor: int
    reason: str
    created_at: datetime

    @staticmethod
    def resolve_amount(refund: Refund) -> str:
        return text(refund.amount)


class OrderOut(Schema):
    id: UUID
    customer_id: UUID
    status: str
    currency: str
    total_amount: str = Field(examples=["9.99"])
    total_amount_minor: int = Field(examples=[999])
    discount_amount: str
    discount_amount_minor: int = Field(alias="discount_minor")
    promotion_code: str | None
    tax_amount: str = Field(description="The tax in the total.")
    tax_amount_minor: int = Field(alias="tax_minor")
    tax_included: bool = Field(description="Whether the unit amounts contain the tax.")
    paid_amount: str
    paid_amount_minor: int
    refunded_amount: str
    refunded_amount_minor: int
    amount_due: str
    amount_due_minor: int
    items: list[OrderItemOut]
    payments: list[PaymentOut] = Field(description="What came for it, also what it could not take.")
    applied_payments: list[PaymentOut] = Field(description="What came for other orders and was applied to it by hand.")
    refunds: list[OrderRefundOut] = Field(description="What went back of it.")
    reason: str
    metadata: dict[str, Any]
    actor: str
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    cancelled_at: datetime | None

    @staticmethod
    def resolve_total_amount(order: Order) -> str:
        return text(order.total)

    @staticmethod
    def resolve_discount_amount(order: Order) -> str:
        return text(Money(order.discount_minor, order.currency))

    @staticmethod
    def resolve_promotion_code(order: Order) -> str | None:
        return order.promotion_code or None

    @staticmethod
    def resolve_tax_amount(order: Order) -> str:
        return text(Money(order.tax_minor, order.currency))

    @staticmethod
    def resolve_paid_amount(order: Order) -> str:
        return text(Money(order.paid_amount_minor, order.currency))

    @staticmethod
    def resolve_refunded_amount(order: Order) -> str:
        return text(Money(order.refunded_amount_minor, order.currency))

    @staticmethod
    def resolve_refunds(order: Order) -> list[Refund]:
        # Money that no order took was returned by a refund too: it counts for none.
        returned = {payment.pk for payment in order.payments.all() if payment.returned_at is not None}
        return [refund for refund in order.refunds.all() if refund.payment_id not in returned]

    @staticmethod
    def resolve_amount_due(order: Order) -> str:
        return text(order.amount_due)


class PlacedOrderOut(OrderOut):
    replayed: bool = Field(description="True when the key had been used before: this is the order it made.")


class OrderPage(Schema):
    items: list[OrderOut]
    next: str | None
