"""Subscriptions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from billable.api.schemas.base import Instant, Key, KeyedBody, MoneyParameters, Text, text
from billable.money import Money

if TYPE_CHECKING:
    from billable.models import Subscription


class SubscriptionParameters(MoneyParameters):
    status: Key | None = None


class SubscriptionOut(Schema):
    id: UUID
    customer_id: UUID
    sku: str = Field(alias="product.sku")
    status: str = Field(
        examples=["trialing", "active", "past_due", "paused", "suspended", "cancelled", "ended"],
        description="By the clock: the same whoever swept.",
    )
    seats: int
    interval: str = Field(examples=["1 month"])
    zone: str
    grace_days: int
    currency: str
    period_index: int = Field(description="The latest period that is paid for, from 0; a trial is a period too.")
    paid_from: datetime
    paid_until: datetime = Field(description="Where the next period begins.")
    access_until: datetime = Field(description="When access ends if nothing more is paid.")
    trial_until: datetime | None
    renews_at: datetime | None = Field(description="When the order for the next period is made.")
    renewal_order_id: UUID | None = Field(alias="renewal_id", description="The order that pays for the next period.")
    cancelled_at: datetime | None = Field(description="Since when it will not renew.")
    reason: str
    paused_at: datetime | None
    resumes_at: datetime | None
    suspended_at: datetime | None = Field(description="Since when its payment is disputed.")
    ended_at: datetime | None = Field(alias="over_since")
    ended_as: str | None = Field(examples=["cancelled", "unpaid", "refunded"])
    next_sku: str | None = Field(description="What it becomes with the next period, when that is something else.")
    next_seats: int | None
    credit_amount: str = Field(description="What is taken off the next renewal.")
    credit_amount_minor: int = Field(alias="credit_minor")
    replayed: bool
    metadata: dict[str, Any]
    actor: str
    created_at: datetime

    @staticmethod
    def resolve_interval(subscription: Subscription) -> str:
        return str(subscription.interval)

    @staticmethod
    def resolve_ended_as(subscription: Subscription) -> str | None:
        return subscription.over_as or None

    @staticmethod
    def resolve_next_sku(subscription: Subscription) -> str | None:
        return None if subscription.next_product is None else subscription.next_product.sku

    @staticmethod
    def resolve_credit_amount(subscription: Subscription) -> str:
        return text(Money(subscription.credit_minor, subscription.currency))


class SubscriptionPage(Schema):
    items: list[SubscriptionOut]
    next: str | None


class NothingIn(KeyedBody):
    pass


class CancelSubscriptionIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"at_period_end": True, "reason": "too dear"}]})

    at_period_end: bool = Field(default=True, description="False: now, with all that it gave.")
    reason: Text = ""


class PauseIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"resumes_at": "2027-03-01T00:00:00Z"}]})

    at_period_end: bool = Field(default=False, description="True: not before the period ends that is paid for.")
    resumes_at: Instant | None = Field(default=None, description="Null: until it is resumed.")
    reason: Text = ""


class ExtendAccessIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"until": "2027-03-01T00:00:00Z"}]})

    until: Instant


class MoveBillingDateIn(KeyedBody):
    model_config = ConfigDict(json_schema_extra={"examples": [{"to": "2027-03-01T00:00:00Z"}]})

    to: Instant
