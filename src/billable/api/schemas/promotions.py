"""Promotion codes."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Body, Key, text
from billable.api.schemas.orders import BasketFields
from billable.money import Money
from billable.services import PromotionCheck


class PromotionCheckIn(BasketFields, Body):
    """What somebody is about to order, and the code that they typed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"user_id": 7, "code": "SPRING", "items": [{"sku": "pro_monthly"}]}]}
    )

    code: Key


class DiscountOut(Schema):
    """What comes off one line."""

    discount_amount: str
    discount_amount_minor: int


class PromotionCheckOut(Schema):
    applies: bool
    code: str = Field(description="`applies`, `promotion_not_found` or `promotion_refused`.")
    reason: str | None = Field(description="Why it is refused, such as `expired`.")
    promotion_code: str
    currency: str
    discount_amount: str = Field(examples=["1.00"])
    discount_amount_minor: int = Field(alias="discount.amount_minor", examples=[100])
    total_amount: str = Field(description="What the order would cost.", examples=["8.99"])
    total_amount_minor: int = Field(alias="total.amount_minor", examples=[899])
    items: list[DiscountOut] = Field(description="In the order of the request.")

    @staticmethod
    def resolve_reason(check: PromotionCheck) -> str | None:
        return check.reason or None

    @staticmethod
    def resolve_discount_amount(check: PromotionCheck) -> str:
        return text(check.discount)

    @staticmethod
    def resolve_total_amount(check: PromotionCheck) -> str:
        return text(check.total)

    @staticmethod
    def resolve_items(check: PromotionCheck) -> list[dict[str, object]]:
        return [
            {"discount_amount": text(Money(off, check.currency)), "discount_amount_minor": off} for off in check.by_line
        ]
