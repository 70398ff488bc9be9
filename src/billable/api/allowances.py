"""What customers get anew each period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.allowances import AllowanceOut, AllowancePage, AllowanceParameters, RevokeAllowanceIn
from billable.api.schemas.base import PathId
from billable.paging import Page
from billable.services import QuotaService

if TYPE_CHECKING:
    from billable.models import Allowance

router = Router(tags=["allowances"])


@router.get("/allowances", response=reads(AllowancePage), url_name="allowances")
def list_allowances(request: HttpRequest, query: Query[AllowanceParameters]) -> Page[Allowance]:
    """Allowances, newest first, those that ended included: of one customer, or of everybody."""
    return QuotaService.list_allowances(
        query.customer_if_named, feature=query.feature, cursor=query.cursor, limit=query.limit
    )


@router.get("/allowances/{allowance_id}", response=reads(AllowanceOut, 404), url_name="allowance")
def get_allowance(request: HttpRequest, allowance_id: PathId) -> Allowance:
    """One allowance."""
    return QuotaService.get_allowance(allowance_id)


@router.post(
    "/allowances/{allowance_id}/revoke",
    response=takes_body(AllowanceOut, 404),
    url_name="allowance-revoke",
    openapi_extra=REPEATS_SAFELY,
)
def revoke_allowance(request: HttpRequest, allowance_id: PathId, body: RevokeAllowanceIn) -> Allowance:
    """End an allowance: what is left of its period goes, and nothing comes any more. What was used stays used."""
    return QuotaService.revoke_allowance(allowance_id, reason=body.reason)
