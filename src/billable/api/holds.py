"""Units reserved for work in progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.holds import CaptureIn, ExtendIn, HoldIn, HoldOut, HoldPage, HoldParameters, ReleaseIn
from billable.api.schemas.quota import UsageOut
from billable.paging import Page
from billable.services import QuotaService

if TYPE_CHECKING:
    from billable.models import Hold, Usage

router = Router(tags=["holds"])


@router.post("/quota/hold", response=takes_body(HoldOut, 402, 404, 409), url_name="quota-hold", openapi_extra=TAKES_KEY)
def hold_quota(request: HttpRequest, body: HoldIn) -> Hold:
    """Reserve units of a feature for work in progress, all or nothing. Capture or release them when it is done."""
    return QuotaService.hold_quota(
        body.customer,
        body.feature,
        body.quantity,
        ttl=body.ttl,
        sku=body.sku,
        idempotency_key=body.key(request),
        action_type=body.action_type,
        action_id=body.action_id,
        metadata=body.metadata,
    )


@router.get("/holds", response=reads(HoldPage), url_name="holds")
def list_holds(request: HttpRequest, query: Query[HoldParameters]) -> Page[Hold]:
    """Holds, newest first: of one customer, or of everybody."""
    return QuotaService.list_holds(query.customer_if_named, status=query.status, cursor=query.cursor, limit=query.limit)


@router.get("/holds/{hold_id}", response=reads(HoldOut, 404), url_name="hold")
def get_hold(request: HttpRequest, hold_id: PathId) -> Hold:
    """One hold."""
    return QuotaService.get_hold(hold_id)


@router.post(
    "/holds/{hold_id}/capture",
    response=takes_body(UsageOut, 402, 404, 409),
    url_name="hold-capture",
    openapi_extra=TAKES_KEY,
)
def capture_hold(request: HttpRequest, hold_id: PathId, body: CaptureIn) -> Usage:
    """Use what was reserved, all or some; the rest is given back, unless the capture is not final."""
    return QuotaService.capture_hold(
        hold_id, body.quantity, final=body.final, idempotency_key=body.key(request), metadata=body.metadata
    )


@router.post(
    "/holds/{hold_id}/release",
    response=takes_body(HoldOut, 404, 409),
    url_name="hold-release",
    openapi_extra=REPEATS_SAFELY,
)
def release_hold(request: HttpRequest, hold_id: PathId, body: ReleaseIn) -> Hold:
    """Give back what was reserved."""
    return QuotaService.release_hold(hold_id, reason=body.reason)


@router.post(
    "/holds/{hold_id}/extend",
    response=takes_body(HoldOut, 404, 409),
    url_name="hold-extend",
    openapi_extra=TAKES_KEY,
)
def extend_hold(request: HttpRequest, hold_id: PathId, body: ExtendIn) -> Hold:
    """Let a hold last longer, from now. A key is required."""
    return QuotaService.extend_hold(
        hold_id, ttl=body.ttl, reason=body.reason, idempotency_key=body.required_key(request)
    )
