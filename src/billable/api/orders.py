"""What customers buy, and the money for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, TAKES_KEY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.orders import (
    CancelIn,
    ConfirmIn,
    OrderIn,
    OrderOut,
    OrderPage,
    OrdersParameters,
    PlacedOrderOut,
)
from billable.paging import Page
from billable.services import OrderService

if TYPE_CHECKING:
    from billable.models import Order

router = Router(tags=["orders"])

NOTHING_SAID = CancelIn()


@router.post("/orders", response=takes_body(PlacedOrderOut, 404, 409), url_name="orders", openapi_extra=TAKES_KEY)
def create_order(request: HttpRequest, body: OrderIn) -> Order:
    """Place an order. Prices are the catalogue's, less a promotion; an order of nothing to pay is paid at once."""
    return OrderService.create_order(
        body.customer,
        body.lines,
        currency=body.currency,
        promotion_code=body.promotion_code,
        metadata=body.metadata,
        idempotency_key=body.key(request),
    )


@router.get("/orders", response=reads(OrderPage), url_name="orders")
def list_orders(request: HttpRequest, query: Query[OrdersParameters]) -> Page[Order]:
    """Orders, newest first: a customer's, or everybody's when no customer is named."""
    return OrderService.list_orders(
        query.customer_if_named, status=query.status, sandbox=query.sandbox, cursor=query.cursor, limit=query.limit
    )


@router.get("/orders/{order_id}", response=reads(OrderOut, 404), url_name="order")
def get_order(request: HttpRequest, order_id: PathId) -> Order:
    """One order with its items and payments."""
    return OrderService.get_order(order_id)


@router.post(
    "/orders/{order_id}/confirm",
    response=takes_body(OrderOut, 404, 409),
    url_name="order-confirm",
    openapi_extra=REPEATS_SAFELY,
)
def confirm_payment(request: HttpRequest, order_id: PathId, body: ConfirmIn) -> Order:
    """Report what became of a payment. Paid in full, the order grants what it sold; a repeat changes nothing.

    Money that the order cannot take is kept all the same, and answered with 409 `payment_unapplied`.
    """
    payment = OrderService.confirm_payment(
        order_id,
        payment_id=body.payment_id,
        status=body.status,
        payment_method=body.payment_method,
        capture_id=body.capture_id,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        metadata=body.metadata,
    )
    payment.raise_if_unapplied()
    return OrderService.get_order(order_id)


@router.post(
    "/orders/{order_id}/cancel",
    response=takes_body(OrderOut, 404, 409),
    url_name="order-cancel",
    openapi_extra=REPEATS_SAFELY,
)
def cancel_order(request: HttpRequest, order_id: PathId, body: CancelIn = NOTHING_SAID) -> Order:
    """Cancel an order that is not paid. A repeat changes nothing."""
    return OrderService.cancel_order(order_id, reason=body.reason)
