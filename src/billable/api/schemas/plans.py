"""Changes of plan and of seats, and what they would do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Body, KeyedBody, Name, text
from billable.inputs import MAX_ORDER_QUANTITY
from billable.money import Money

if TYPE_CHECKING:
    from billable.models import PlanChange
    from billable.services import PlanPreview

WHAT: list[dict[str, Any]] = [{"sku": "pro"}, {"sku": "basic", "seats": 2, "at": "period_end"}]


class PlanFields(Body):
    """What to change: the plan, its seats, or both."""

    sku: Name | None = Field(default=None, description="Null: the plan that it is.")
    seats: int | None = Field(default=None, ge=1, le=MAX_ORDER_QUANTITY, description="Null: as many as there are.")
    at: Literal["now", "period_end"] = "now"
    money: Literal["pro_rata_seconds", "none"] | None = Field(
        default=None, description="Of a change now; null is `pro_rata_seconds`."
    )
    units: Literal["carry_usage", "regrant", "carry_balance", "pro_rata_units"] | None = Field(
        default=None, description="Of a change now; null is `carry_usage`."
    )
    release_holds: bool = Field(default=False, description="Release live holds, which would refuse the change.")


class PreviewIn(PlanFields):
    model_config = ConfigDict(json_schema_extra={"examples": [*WHAT]})


class ChangePlanIn(PlanFields, KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [*WHAT]})


class ChangeSeatsIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"seats": 5}]})

    seats: int = Field(ge=1, le=MAX_ORDER_QUANTITY, description="More are added now, fewer with the next period.")


class FeatureChangeOut(Schema):
    """Units of one feature that can be used of the subscription; null is unlimited."""

    feature: str
    before: int | None
    after: int | None


class PreviewOut(Schema):
    subscription_id: UUID
    sku: str
    seats: int
    at: str = Field(examples=["now", "period_end"])
    effective_at: datetime | None
    currency: str
    price_amount: str = Field(description="What it costs a whole period from then on.")
    price_amount_minor: int
    credited_amount: str = Field(description="What comes back for what was paid before.")
    credited_amount_minor: int
    charged_amount: str = Field(description="What the rest of the period costs.")
    charged_amount_minor: int
    tax_amount: str = Field(description="The tax in what is due.")
    tax_amount_minor: int
    amount_due: str = Field(description="What is to be paid now.")
    amount_due_minor: int
    left_over_amount: str = Field(description="What of the credit is taken off the next renewal.")
    left_over_amount_minor: int
    features: list[FeatureChangeOut]
    holds: list[UUID] = Field(description="Live holds that refuse the change, unless they are released.")

    @staticmethod
    def of(preview: PlanPreview) -> PreviewOut:
        """A preview with every amount told both ways."""
        amounts: dict[str, Money] = {
            f"{name}_amount": getattr(preview, name) for name in ("price", "credited", "charged", "tax", "left_over")
        }
        amounts["amount_due"] = preview.due
        told: dict[str, Any] = {name: text(money) for name, money in amounts.items()}
        told |= {f"{name}_minor": money.amount_minor for name, money in amounts.items()}
        return PreviewOut(
            subscription_id=preview.subscription.pk,
            sku=preview.sku,
            seats=preview.seats,
            at=preview.at,
            effective_at=preview.effective_at,
            currency=preview.price.currency,
            features=[FeatureChangeOut(feature=e.feature, before=e.before, after=e.after) for e in preview.features],
            holds=[UUID(hold) for hold in preview.holds],
            **told,
        )


class PlanChangeOut(Schema):
    id: UUID
    subscription_id: UUID
    kind: str = Field(examples=["plan", "seats"])
    status: str = Field(
        examples=["waiting", "scheduled", "applied", "dropped"],
        description="`waiting` for the money of its order; `scheduled` for the end of the period.",
    )
    at: str = Field(examples=["now", "period_end"])
    from_sku: str = Field(alias="from_product.sku")
    from_seats: int
    to_sku: str = Field(alias="to_product.sku")
    to_seats: int
    money: str | None
    units: str | None
    currency: str
    credited_amount: str
    credited_amount_minor: int = Field(alias="credited_minor")
    charged_amount: str
    charged_amount_minor: int = Field(alias="charged_minor")
    order_id: UUID | None = Field(description="The order that it is charged by. Confirm it as any other.")
    amount_due: str = Field(description="What is still to be paid of that.")
    amount_due_minor: int
    effective_at: datetime | None
    applied_at: datetime | None
    replayed: bool
    actor: str
    created_at: datetime

    @staticmethod
    def resolve_money(change: PlanChange) -> str | None:
        return change.money or None

    @staticmethod
    def resolve_units(change: PlanChange) -> str | None:
        return change.units or None

    @staticmethod
    def resolve_credited_amount(change: PlanChange) -> str:
        return text(change.credited)

    @staticmethod
    def resolve_charged_amount(change: PlanChange) -> str:
        return text(change.charged)

    @staticmethod
    def resolve_order_id(change: PlanChange) -> UUID | None:
        return None if (order := change.order) is None else order.pk

    @staticmethod
    def resolve_amount_due(change: PlanChange) -> str:
        return text(Money(PlanChangeOut.resolve_amount_due_minor(change), change.currency))

    @staticmethod
    def resolve_amount_due_minor(change: PlanChange) -> int:
        return 0 if (order := change.order) is None else order.amount_due_minor
