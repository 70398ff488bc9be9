"""Units that were used before they were there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import reads
from billable.api.schemas.debts import DebtPage, DebtsParameters
from billable.paging import Page
from billable.services import QuotaService

if TYPE_CHECKING:
    from billable.models import Debt

router = Router(tags=["quota"])


@router.get("/debts", response=reads(DebtPage), url_name="debts")
def list_debts(request: HttpRequest, query: Query[DebtsParameters]) -> Page[Debt]:
    """What customers overdrew, newest first: of one, or of everybody; all of it, or what is still owed."""
    return QuotaService.list_debts(
        query.customer_if_named,
        feature=query.feature,
        open_only=query.open_only,
        cursor=query.cursor,
        limit=query.limit,
    )
