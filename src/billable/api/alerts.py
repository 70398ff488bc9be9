"""What customers have used so far, what they will lose, and when they will run out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import reads
from billable.api.schemas.alerts import (
    AlertPage,
    AlertParameters,
    ExpiringPage,
    ExpiringParameters,
    ForecastOut,
    ForecastParameters,
)
from billable.api.schemas.base import whole
from billable.paging import Page
from billable.services import Expiring, Forecast, QuotaService

if TYPE_CHECKING:
    from billable.models import AlertNotice

router = Router(tags=["alerts"])


@router.get("/alerts", response=reads(AlertPage), url_name="alerts")
def list_alerts(request: HttpRequest, query: Query[AlertParameters]) -> Page[AlertNotice]:
    """The thresholds of use that were crossed, newest first: by one customer, or by everybody."""
    return QuotaService.list_alerts(
        query.customer_if_named, feature=query.feature, cursor=query.cursor, limit=query.limit
    )


@router.get("/quota/expiring", response=reads(ExpiringPage), url_name="quota-expiring")
def expiring_soon(request: HttpRequest, query: Query[ExpiringParameters]) -> Page[Expiring]:
    """What a customer will lose unless they use it, the first to end first."""
    return whole(QuotaService.expiring_soon(query.customer, within=query.within))


@router.get("/quota/forecast", response=reads(ForecastOut, 404), url_name="quota-forecast")
def forecast(request: HttpRequest, query: Query[ForecastParameters]) -> Forecast:
    """When a customer runs out of a feature, if they go on as they did."""
    return QuotaService.forecast(query.customer, query.feature, over=query.over)
