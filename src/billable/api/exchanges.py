"""Exchanges of units for products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.exchanges import (
    ExchangeIn,
    ExchangePage,
    ExchangeRefundIn,
    ExchangesParameters,
    MadeExchangeOut,
)
from billable.paging import Page
from billable.services import OrderService

if TYPE_CHECKING:
    from billable.models import Exchange

router = Router(tags=["exchanges"])


@router.post(
    "/exchanges",
    response=takes_body(MadeExchangeOut, 402, 404, 409),
    url_name="exchanges",
    openapi_extra=TAKES_KEY,
)
def exchange(request: HttpRequest, body: ExchangeIn) -> Exchange:
    """Give units of a feature for a product, both or neither. A key is required."""
    return OrderService.exchange(
        body.customer,
        body.sku,
        quantity=body.quantity,
        feature=body.feature,
        idempotency_key=body.required_key(request),
        metadata=body.metadata,
    )


@router.get("/exchanges", response=reads(ExchangePage), url_name="exchanges")
def list_exchanges(request: HttpRequest, query: Query[ExchangesParameters]) -> Page[Exchange]:
    """Exchanges, newest first: a customer's, or everybody's when no customer is named."""
    return OrderService.list_exchanges(query.customer_if_named, cursor=query.cursor, limit=query.limit)


@router.get("/exchanges/{exchange_id}", response=reads(MadeExchangeOut, 404), url_name="exchange")
def get_exchange(request: HttpRequest, exchange_id: PathId) -> Exchange:
    """One exchange with what it gave."""
    return OrderService.get_exchange(exchange_id)


@router.post(
    "/exchanges/{exchange_id}/refund",
    response=takes_body(MadeExchangeOut, 404, 409),
    url_name="exchange-refund",
    openapi_extra=TAKES_KEY,
)
def refund_exchange(request: HttpRequest, exchange_id: PathId, body: ExchangeRefundIn) -> Exchange:
    """Put units back to the grants that had paid, as far as what they bought is unused. A key is required."""
    return OrderService.refund_exchange(
        exchange_id, policy=body.policy, reason=body.reason, idempotency_key=body.required_key(request)
    )
