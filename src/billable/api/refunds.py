"""Money that goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PageParameters, PathId
from billable.api.schemas.refunds import (
    MadeRefundOut,
    PaymentRefundIn,
    QuoteIn,
    QuoteOut,
    RefundIn,
    RefundOut,
    RefundPage,
    RefundsParameters,
)
from billable.paging import Page
from billable.services import OrderService

if TYPE_CHECKING:
    from billable.models import Refund
    from billable.services import RefundQuote

router = Router(tags=["refunds"])

THE_WHOLE_ORDER = QuoteIn()


@router.post(
    "/orders/{order_id}/refunds",
    response=takes_body(MadeRefundOut, 404, 409),
    url_name="order-refunds",
    openapi_extra=TAKES_KEY,
)
def refund_order(request: HttpRequest, order_id: PathId, body: RefundIn) -> Refund:
    """Record that money of a paid order went back, and take back what was not used. A repeat changes nothing."""
    return OrderService.refund_order(
        order_id,
        refund_id=body.name(request),
        items=body.lines,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        policy=body.policy,
        reason=body.reason,
        metadata=body.metadata,
        origin=body.origin,
        release_holds=body.release_holds,
    )


@router.get("/orders/{order_id}/refunds", response=reads(RefundPage, 404), url_name="order-refunds")
def list_refunds_of_order(request: HttpRequest, order_id: PathId, query: Query[PageParameters]) -> Page[Refund]:
    """What went back of an order, newest first."""
    return OrderService.list_refunds(order=order_id, cursor=query.cursor, limit=query.limit)


@router.post(
    "/orders/{order_id}/refunds/quote",
    response=takes_body(QuoteOut, 404, 409),
    url_name="order-refund-quote",
    openapi_extra=REPEATS_SAFELY,
)
def quote_refund(request: HttpRequest, order_id: PathId, body: QuoteIn = THE_WHOLE_ORDER) -> RefundQuote:
    """What a refund would do now: the money and the units of each item. Changes nothing."""
    return OrderService.quote_refund(
        order_id,
        items=body.lines,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        policy=body.policy,
        release_holds=body.release_holds,
    )


@router.post("/refunds", response=takes_body(MadeRefundOut, 404, 409), url_name="refunds", openapi_extra=TAKES_KEY)
def refund_payment(request: HttpRequest, body: PaymentRefundIn) -> Refund:
    """A refund that names the payment, as providers report them. Money that no order took is returned by it, whole."""
    return OrderService.refund_order(
        payment_id=body.payment_id,
        payment_method=body.payment_method,
        capture_id=body.capture_id,
        refund_id=body.name(request),
        items=body.lines,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        policy=body.policy,
        reason=body.reason,
        metadata=body.metadata,
        origin=body.origin,
        release_holds=body.release_holds,
    )


@router.get("/refunds", response=reads(RefundPage), url_name="refunds")
def list_refunds(request: HttpRequest, query: Query[RefundsParameters]) -> Page[Refund]:
    """Refunds, newest first: a customer's, or everybody's when no customer is named."""
    return OrderService.list_refunds(
        query.customer_if_named, sandbox=query.sandbox, cursor=query.cursor, limit=query.limit
    )


@router.get("/refunds/{refund_id}", response=reads(RefundOut, 404), url_name="refund")
def get_refund(request: HttpRequest, refund_id: PathId) -> Refund:
    """One refund, by the id in an answer of billable."""
    return OrderService.get_refund(refund_id)
