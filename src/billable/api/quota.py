"""What customers may use, and what they used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.quota import (
    CheckOut,
    CheckParameters,
    ConsumeIn,
    HistoryPage,
    HistoryParameters,
    ReversalOut,
    ReverseIn,
    UsageOut,
)
from billable.paging import Page
from billable.services import QuotaCheck, QuotaService

if TYPE_CHECKING:
    from billable.models import Adjustment, LedgerEntry, Usage

router = Router(tags=["quota"])


@router.get("/quota/check", response=reads(CheckOut), url_name="quota-check")
def check_quota(request: HttpRequest, query: Query[CheckParameters]) -> QuotaCheck:
    """Whether a customer may use a feature now. It reserves nothing; "no" is an answer, not an error."""
    return QuotaService.check_quota(query.customer, query.feature, quantity=query.quantity, sku=query.sku)


@router.post(
    "/quota/consume",
    response=takes_body(UsageOut, 402, 404, 409),
    url_name="quota-consume",
    openapi_extra=TAKES_KEY,
)
def consume_quota(request: HttpRequest, body: ConsumeIn) -> Usage:
    """Consume units of a feature, all or nothing."""
    return QuotaService.consume_quota(
        body.customer,
        body.feature,
        quantity=body.quantity,
        sku=body.sku,
        idempotency_key=body.key(request),
        action_type=body.action_type,
        action_id=body.action_id,
        metadata=body.metadata,
    )


@router.post(
    "/quota/usages/{usage_id}/reverse",
    response=takes_body(ReversalOut, 404, 409),
    url_name="usage-reverse",
    openapi_extra=TAKES_KEY,
)
def reverse_usage(request: HttpRequest, usage_id: PathId, body: ReverseIn) -> Adjustment:
    """Put consumed units back where they came from, all or some. A key is required."""
    return QuotaService.reverse_usage(
        usage_id,
        quantity=body.quantity,
        reason=body.reason,
        idempotency_key=body.required_key(request),
        metadata=body.metadata,
    )


@router.get("/history", response=reads(HistoryPage), url_name="history")
def list_history(request: HttpRequest, query: Query[HistoryParameters]) -> Page[LedgerEntry]:
    """A customer's ledger, newest first."""
    return QuotaService.history(
        query.customer, feature=query.feature, kind=query.kind, cursor=query.cursor, limit=query.limit
    )
