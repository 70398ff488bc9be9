"""Referrals."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, model_validator

from billable.api.schemas.base import (
    DEFAULT_PROVIDER,
    CustomerFields,
    Identifier,
    Key,
    KeyedBody,
    Metadata,
    Name,
    PageParameters,
    Parameters,
    UserId,
)
from billable.api.schemas.grants import GrantOut
from billable.errors import Invalid
from billable.services import CustomerRef

if TYPE_CHECKING:
    from billable.models import Referral


class ReferralIn(KeyedBody):
    """Both sides, each by `…_user_id`, or `…_customer_id`, or `…_external_id` with the `provider` of both."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"referrer_external_id": "8675309", "referee_external_id": "4711", "provider": "telegram"},
                {"referrer_user_id": 7, "referee_user_id": 8, "programme": "friends"},
            ]
        }
    )

    referrer_user_id: UserId | None = None
    referrer_customer_id: Identifier | None = None
    referrer_external_id: Key | None = None
    referee_user_id: UserId | None = None
    referee_customer_id: Identifier | None = None
    referee_external_id: Key | None = None
    provider: Name = DEFAULT_PROVIDER
    programme: Name | None = Field(default=None, description="Its key; needed when several are active.")
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def name_both_sides(self) -> ReferralIn:
        """A side that is not named is missed by name."""
        for side in ("referrer", "referee"):
            ways = [f"{side}_{way}" for way in ("external_id", "user_id", "customer_id")]
            if all(getattr(self, way) is None for way in ways):
                raise Invalid(field=ways[0], problem=f"is required, or {ways[1]}, or {ways[2]}")
        return self

    @property
    def referrer(self) -> CustomerRef:
        """Who brought the other."""
        return CustomerRef(
            user_id=self.referrer_user_id,
            customer_id=self.referrer_customer_id,
            provider=self.provider,
            external_id=self.referrer_external_id,
        )

    @property
    def referee(self) -> CustomerRef:
        """Who was brought."""
        return CustomerRef(
            user_id=self.referee_user_id,
            customer_id=self.referee_customer_id,
            provider=self.provider,
            external_id=self.referee_external_id,
        )


class ClaimIn(KeyedBody):
    """Nothing has to be said."""


class ReferralsParameters(CustomerFields, PageParameters):
    """The query of the list: those whom this customer brought."""

    status: Key | None = None


class StatsParameters(CustomerFields, Parameters):
    """The query of the counts."""


class ReferralOut(Schema):
    id: UUID
    referrer_customer_id: UUID = Field(alias="referrer_id")
    referee_customer_id: UUID = Field(alias="customer_id")
    programme: str | None
    status: str
    order_id: UUID | None = Field(description="The order that earned the reward.")
    qualified_at: datetime | None
    due_at: datetime | None = Field(description="When the reward may be given.")
    rewarded_at: datetime | None
    taken_back_at: datetime | None
    metadata: Metadata
    actor: str
    created_at: datetime

    @staticmethod
    def resolve_programme(referral: Referral) -> str | None:
        return None if referral.programme is None else referral.programme.key


class MadeReferralOut(ReferralOut):
    created: bool = Field(description="False when it was there already.")

    @staticmethod
    def resolve_created(referral: Referral) -> bool:
        return not referral.replayed


class ClaimedReferralOut(ReferralOut):
    grants: list[GrantOut]
    replayed: bool = Field(description="True when the reward had been given before.")


class ReferralPage(Schema):
    items: list[ReferralOut]
    next: str | None


class ReferralStatsOut(Schema):
    customer_id: UUID | None
    referred_by: UUID | None = Field(description="The customer who brought this one.")
    total: int
    pending: int
    qualified: int
    rewarded: int
    capped: int
    taken_back: int
