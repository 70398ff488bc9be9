"""What may become of a customer: merged, parted again, anonymized; and all of it in one answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from ninja import Schema
from pydantic import Field, model_validator

from billable.api.schemas.allowances import AllowanceOut
from billable.api.schemas.base import (
    DEFAULT_PROVIDER,
    Body,
    CustomerFields,
    Identifier,
    Key,
    KeyedBody,
    Name,
    Parameters,
    Text,
    UserId,
)
from billable.api.schemas.customers import EntitlementOut, FeatureBalanceOut
from billable.api.schemas.debts import DebtOut
from billable.api.schemas.grants import GrantOut
from billable.api.schemas.holds import HoldOut
from billable.api.schemas.orders import OrderOut, PaymentOut
from billable.api.schemas.referrals import ReferralOut
from billable.api.schemas.subscriptions import SubscriptionOut
from billable.errors import Invalid
from billable.services import BillingDetails, CustomerRef


class MergeIn(KeyedBody):
    """Who is absorbed: `absorbed_customer_id`, `absorbed_user_id`, or `absorbed_external_id` with its provider."""

    absorbed_user_id: UserId | None = None
    absorbed_customer_id: Identifier | None = None
    absorbed_external_id: Key | None = None
    absorbed_provider: Name = DEFAULT_PROVIDER
    reason: Text = ""

    @model_validator(mode="after")
    def complete_the_identity(self) -> MergeIn:
        """A provider alone names nobody."""
        if "absorbed_provider" in self.model_fields_set and self.absorbed_external_id is None:
            raise Invalid(field="absorbed_external_id", problem="is required with absorbed_provider")
        return self

    @property
    def absorbed(self) -> CustomerRef:
        """The customer that is absorbed."""
        return CustomerRef(
            user_id=self.absorbed_user_id,
            customer_id=self.absorbed_customer_id,
            provider=self.absorbed_provider,
            external_id=self.absorbed_external_id,
        )


class UnmergeIn(KeyedBody):
    """Nothing: the address says it all."""


class AnonymizeIn(KeyedBody):
    reason: Text = Field(default="", description="It is kept: say why, not who.")


class BillingDetailsIn(Body):
    """Each may be left out."""

    name: str | None = None
    address: str | None = None
    email: str | None = None
    country: str | None = None
    tax_id: str | None = None


class SetBillingDetailsIn(CustomerFields, KeyedBody):
    details: BillingDetailsIn | None = Field(description="They replace what was said before; null empties it.")

    @property
    def given(self) -> BillingDetails | None:
        """The details as the engine takes them."""
        if self.details is None:
            return None
        return cast(BillingDetails, self.details.model_dump(exclude_none=True))


class BillingDetailsOut(Schema):
    customer_id: UUID = Field(alias="pk")
    billing_details: dict[str, str]


class MergeOut(Schema):
    id: UUID
    customer_id: UUID = Field(description="Who survived.")
    absorbed_id: UUID
    reason: str
    actor: str
    created_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    replayed: bool

    @staticmethod
    def resolve_undone_by(merge: Any) -> str | None:
        return merge.undone_by or None


class AnonymizedOut(Schema):
    customer_id: UUID = Field(alias="pk")
    anonymized_at: datetime


class StateParameters(CustomerFields, Parameters):
    pass


class StateOut(Schema):
    customer_id: UUID
    is_sandbox: bool
    now: datetime = Field(description="What time it is for the customer: of one of the sandbox it may be ahead.")
    user_id: Any
    absorbed: list[UUID] = Field(description="The customers that were merged into it.")
    anonymized_at: datetime | None
    balances: list[FeatureBalanceOut]
    entitlements: list[EntitlementOut]
    debts: list[DebtOut] = Field(description="What was used before it was there, and is owed still.")
    holds: list[HoldOut]
    subscriptions: list[SubscriptionOut]
    open_orders: list[OrderOut]
    active_periods: list[GrantOut]
    allowances: list[AllowanceOut]
    unapplied_payments: list[PaymentOut]
    referred_by: ReferralOut | None
    referrals: list[ReferralOut]
