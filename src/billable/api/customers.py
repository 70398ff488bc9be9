"""Who is billed, and what they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.customers import (
    BalanceOut,
    BalanceParameters,
    EntitlementsOut,
    EntitlementsParameters,
    IdentifyIn,
    IdentifyOut,
)
from billable.services import Balance, CustomerService, Entitlement, Identification, QuotaService

router = Router(tags=["customers"])


@dataclass(frozen=True, kw_only=True)
class BalanceAnswer:
    """Whose balances, and what they are. The ids are None for somebody who is no customer."""

    customer_id: UUID | None
    user_id: Any
    features: Sequence[Balance]


@dataclass(frozen=True, kw_only=True)
class EntitlementsAnswer:
    """Whose values, and what they are. The ids are None for somebody who is no customer."""

    customer_id: UUID | None
    user_id: Any
    entitlements: Sequence[Entitlement]


@router.post("/identify", response=takes_body(IdentifyOut, 409), url_name="identify", openapi_extra=REPEATS_SAFELY)
def identify(request: HttpRequest, body: IdentifyIn) -> Identification:
    """The customer that an identity names; made when there is none. The recommended first step."""
    return CustomerService.identify(body.provider, body.external_id, profile=body.profile, sandbox=body.sandbox)


@router.get("/balance", response=reads(BalanceOut), url_name="balance")
def balance(request: HttpRequest, query: Query[BalanceParameters]) -> BalanceAnswer:
    """What a customer has, per feature. Somebody unknown has nothing; a named feature is always listed."""
    customer = CustomerService.find_customer(query.customer)
    return BalanceAnswer(
        customer_id=customer.pk if customer else None,
        user_id=CustomerService.user_id_of(customer) if customer else None,
        features=QuotaService.balances(query.customer, feature=query.feature),
    )


@router.get("/entitlements", response=reads(EntitlementsOut), url_name="entitlements")
def list_entitlements(request: HttpRequest, query: Query[EntitlementsParameters]) -> EntitlementsAnswer:
    """What the static features of a customer read. A named feature is always listed, with null when it has no value."""
    customer = CustomerService.find_customer(query.customer)
    return EntitlementsAnswer(
        customer_id=customer.pk if customer else None,
        user_id=CustomerService.user_id_of(customer) if customer else None,
        entitlements=QuotaService.entitlements(query.customer, feature=query.feature),
    )
