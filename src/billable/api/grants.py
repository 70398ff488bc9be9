"""What customers were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId, whole
from billable.api.schemas.grants import GrantIn, GrantOut, GrantPage, GrantsParameters, RevokeIn
from billable.paging import Page
from billable.services import QuotaService

if TYPE_CHECKING:
    from billable.models import Grant

router = Router(tags=["grants"])


@router.get("/grants", response=reads(GrantPage), url_name="grants")
def list_grants(request: HttpRequest, query: Query[GrantsParameters]) -> Page[Grant]:
    """A customer's grants, newest first, those that ended included."""
    return QuotaService.list_grants(query.customer, feature=query.feature, cursor=query.cursor, limit=query.limit)


@router.post("/grants", response=takes_body(GrantPage, 404, 409), url_name="grants", openapi_extra=TAKES_KEY)
def create_grants(request: HttpRequest, body: GrantIn) -> Page[Grant]:
    """Give a customer a product or units of a feature, free of charge. A key is required."""
    return whole(_granted(body, body.required_key(request)))


@router.post(
    "/grants/{grant_id}/revoke",
    response=takes_body(GrantOut, 404, 409),
    url_name="grant-revoke",
    openapi_extra=TAKES_KEY,
)
def revoke_grant(request: HttpRequest, grant_id: PathId, body: RevokeIn) -> Grant:
    """Take a grant back, whole or in part. What was used stays used."""
    return QuotaService.revoke_grant(
        grant_id,
        quantity=body.quantity,
        reason=body.reason,
        idempotency_key=body.key(request),
        metadata=body.metadata,
    )


def _granted(body: GrantIn, key: str) -> tuple[Grant, ...]:
    if body.feature is not None:
        return QuotaService.grant_feature(
            body.customer,
            body.feature,
            quantity=body.quantity,
            value=body.value,
            period=body.period,
            expires_at=body.expires_at,
            reason=body.reason,
            idempotency_key=key,
            metadata=body.metadata,
        )
    return QuotaService.grant_product(
        body.customer,
        body.sku or "",
        quantity=1 if body.quantity is None else body.quantity,
        expires_at=body.expires_at,
        reason=body.reason,
        idempotency_key=key,
        metadata=body.metadata,
    )
