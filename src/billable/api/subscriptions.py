"""What is paid for again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.orders import PlacedOrderOut
from billable.api.schemas.subscriptions import (
    CancelSubscriptionIn,
    ExtendAccessIn,
    MoveBillingDateIn,
    NothingIn,
    PauseIn,
    SubscriptionOut,
    SubscriptionPage,
    SubscriptionParameters,
)
from billable.paging import Page
from billable.services import SubscriptionService

if TYPE_CHECKING:
    from billable.models import Order, Subscription

router = Router(tags=["subscriptions"])

ACT: dict[str, Any] = {"response": takes_body(SubscriptionOut, 404, 409), "openapi_extra": REPEATS_SAFELY}
NOTHING_SAID = NothingIn()
CANCEL_AS_USUAL = CancelSubscriptionIn()
PAUSE_AS_USUAL = PauseIn()


@router.get("/subscriptions", response=reads(SubscriptionPage), url_name="subscriptions")
def list_subscriptions(request: HttpRequest, query: Query[SubscriptionParameters]) -> Page[Subscription]:
    """Subscriptions, newest first: of one customer, or of everybody. One begins when its first order is paid."""
    return SubscriptionService.list_subscriptions(
        query.customer_if_named, status=query.status, sandbox=query.sandbox, cursor=query.cursor, limit=query.limit
    )


@router.get("/subscriptions/{subscription_id}", response=reads(SubscriptionOut, 404), url_name="subscription")
def get_subscription(request: HttpRequest, subscription_id: PathId) -> Subscription:
    """One subscription."""
    return SubscriptionService.get_subscription(subscription_id)


@router.post(
    "/subscriptions/{subscription_id}/renew",
    response=takes_body(PlacedOrderOut, 404, 409),
    url_name="subscription-renew",
    openapi_extra=REPEATS_SAFELY,
)
def renew_subscription(request: HttpRequest, subscription_id: PathId, body: NothingIn = NOTHING_SAID) -> Order:
    """Order the next period, or answer with the order that waits for its money. Confirm it as any other."""
    return SubscriptionService.renew_subscription(subscription_id)


@router.post("/subscriptions/{subscription_id}/cancel", url_name="subscription-cancel", **ACT)
def cancel_subscription(
    request: HttpRequest, subscription_id: PathId, body: CancelSubscriptionIn = CANCEL_AS_USUAL
) -> Subscription:
    """Let it end with the period that is paid for, or now. Money goes back by a refund of its order."""
    return SubscriptionService.cancel_subscription(
        subscription_id, at_period_end=body.at_period_end, reason=body.reason
    )


@router.post("/subscriptions/{subscription_id}/undo-cancel", url_name="subscription-undo-cancel", **ACT)
def undo_cancel(request: HttpRequest, subscription_id: PathId, body: NothingIn = NOTHING_SAID) -> Subscription:
    """Let it renew after all, before it has ended."""
    return SubscriptionService.undo_cancel(subscription_id)


@router.post("/subscriptions/{subscription_id}/pause", url_name="subscription-pause", **ACT)
def pause_subscription(request: HttpRequest, subscription_id: PathId, body: PauseIn = PAUSE_AS_USUAL) -> Subscription:
    """Let its time stand still. What is left of time and units is left when it goes on."""
    return SubscriptionService.pause_subscription(
        subscription_id, at_period_end=body.at_period_end, resumes_at=body.resumes_at, reason=body.reason
    )


@router.post("/subscriptions/{subscription_id}/resume", url_name="subscription-resume", **ACT)
def resume_subscription(request: HttpRequest, subscription_id: PathId, body: NothingIn = NOTHING_SAID) -> Subscription:
    """End a pause now, or call off one that is to come."""
    return SubscriptionService.resume_subscription(subscription_id)


@router.post("/subscriptions/{subscription_id}/extend-access", url_name="subscription-extend-access", **ACT)
def extend_access(request: HttpRequest, subscription_id: PathId, body: ExtendAccessIn) -> Subscription:
    """Let access go on until an instant; it is billed when it was to be billed."""
    return SubscriptionService.extend_access(subscription_id, body.until)


@router.post("/subscriptions/{subscription_id}/move-billing-date", url_name="subscription-move-billing-date", **ACT)
def move_billing_date(request: HttpRequest, subscription_id: PathId, body: MoveBillingDateIn) -> Subscription:
    """Let the next period begin, and be paid for, at another instant. Access is not cut."""
    return SubscriptionService.move_billing_date(subscription_id, body.to)
