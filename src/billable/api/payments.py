"""Payments on their own: the work list, sales made elsewhere, disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.orders import PaymentOut, PlacedOrderOut
from billable.api.schemas.payments import (
    ApplyIn,
    DisputeIn,
    DisputeOut,
    DisputePage,
    DisputesParameters,
    PaymentPage,
    PaymentsParameters,
    ResolveIn,
    ReturnIn,
    SaidDisputeOut,
    SaleIn,
)
from billable.paging import Page
from billable.services import OrderService

if TYPE_CHECKING:
    from billable.models import Dispute, Order, Payment

router = Router(tags=["payments"])

NOTHING_SAID = ReturnIn()


@router.get("/payments", response=reads(PaymentPage), url_name="payments")
def list_payments(request: HttpRequest, query: Query[PaymentsParameters]) -> Page[Payment]:
    """Payments, newest first: a customer's, or everybody's when no customer is named."""
    return OrderService.list_payments(
        query.customer_if_named, status=query.status, sandbox=query.sandbox, cursor=query.cursor, limit=query.limit
    )


@router.post(
    "/payments/{payment_id}/apply",
    response=takes_body(PaymentOut, 404, 409),
    url_name="payment-apply",
    openapi_extra=REPEATS_SAFELY,
)
def apply_payment(request: HttpRequest, payment_id: PathId, body: ApplyIn) -> Payment:
    """Let an order of the same customer take unapplied money. A repeat changes nothing."""
    return OrderService.apply_payment(payment_id, body.order_id, reason=body.reason)


@router.post(
    "/payments/{payment_id}/return",
    response=takes_body(PaymentOut, 404, 409),
    url_name="payment-return",
    openapi_extra=REPEATS_SAFELY,
)
def return_payment(request: HttpRequest, payment_id: PathId, body: ReturnIn = NOTHING_SAID) -> Payment:
    """Record that unapplied money was sent back. A repeat changes nothing."""
    return OrderService.return_payment(payment_id, reason=body.reason)


@router.post(
    "/payments/{payment_id}/dispute",
    response=takes_body(SaidDisputeOut, 404, 409),
    url_name="payment-dispute",
    openapi_extra=REPEATS_SAFELY,
)
def dispute_payment(request: HttpRequest, payment_id: PathId, body: DisputeIn) -> Dispute:
    """Report that a payer disputes a payment: what it bought is taken back until that is decided."""
    return OrderService.dispute_payment(
        payment_id,
        dispute_id=body.dispute_id,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        reason=body.reason,
        metadata=body.metadata,
    )


@router.get("/disputes", response=reads(DisputePage), url_name="disputes")
def list_disputes(request: HttpRequest, query: Query[DisputesParameters]) -> Page[Dispute]:
    """Disputes, newest first: a customer's, or everybody's when no customer is named."""
    return OrderService.list_disputes(
        query.customer_if_named,
        dispute_id=query.dispute_id,
        status=query.status,
        sandbox=query.sandbox,
        cursor=query.cursor,
        limit=query.limit,
    )


@router.get("/disputes/{dispute_id}", response=reads(DisputeOut, 404), url_name="dispute")
def get_dispute(request: HttpRequest, dispute_id: PathId) -> Dispute:
    """One dispute, by the id in an answer of billable."""
    return OrderService.get_dispute(dispute_id)


@router.post(
    "/disputes/{dispute_id}/resolve",
    response=takes_body(SaidDisputeOut, 404, 409),
    url_name="dispute-resolve",
    openapi_extra=REPEATS_SAFELY,
)
def resolve_dispute(request: HttpRequest, dispute_id: PathId, body: ResolveIn) -> Dispute:
    """Report how a dispute ended. Won, everything comes back; lost, the money is refunded. A repeat changes nothing."""
    return OrderService.resolve_dispute(dispute_id, body.outcome)


@router.post("/sales", response=takes_body(PlacedOrderOut, 404, 409), url_name="sales", openapi_extra=REPEATS_SAFELY)
def record_sale(request: HttpRequest, body: SaleIn) -> Order:
    """Record what was sold and paid elsewhere: order and payment in one, once per payment id.

    Money that the order cannot take is kept all the same, and answered with 409 `payment_unapplied`.
    """
    payment = OrderService.record_sale(
        body.customer,
        body.lines,
        payment_id=body.payment_id,
        payment_method=body.payment_method,
        amount=body.amount,
        amount_minor=body.amount_minor,
        currency=body.currency,
        promotion_code=body.promotion_code,
        metadata=body.metadata,
    )
    payment.raise_if_unapplied()
    order = OrderService.get_order(payment.order_id)
    order.replayed = payment.replayed
    return order
