"""Changes of plan and of seats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Router

from billable.api.openapi import REPEATS_SAFELY, TAKES_KEY, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.plans import ChangePlanIn, ChangeSeatsIn, PlanChangeOut, PreviewIn, PreviewOut
from billable.api.schemas.subscriptions import NothingIn, SubscriptionOut
from billable.services import SubscriptionService

if TYPE_CHECKING:
    from billable.models import PlanChange, Subscription

router = Router(tags=["subscriptions"])

NOTHING_SAID = NothingIn()


@router.post(
    "/subscriptions/{subscription_id}/preview",
    response=takes_body(PreviewOut, 404, 409),
    url_name="subscription-preview",
    openapi_extra=REPEATS_SAFELY,
)
def preview_change(request: HttpRequest, subscription_id: PathId, body: PreviewIn) -> PreviewOut:
    """What a change would do now: the money and the units of each feature. Changes nothing."""
    preview = SubscriptionService.preview_change(
        subscription_id,
        sku=body.sku,
        seats=body.seats,
        at=body.at,
        money=body.money,
        units=body.units,
        release_holds=body.release_holds,
    )
    return PreviewOut.of(preview)


@router.post(
    "/subscriptions/{subscription_id}/change",
    response=takes_body(PlanChangeOut, 404, 409),
    url_name="subscription-change",
    openapi_extra=TAKES_KEY,
)
def change_plan(request: HttpRequest, subscription_id: PathId, body: ChangePlanIn) -> PlanChange:
    """Change the plan, its seats, or both: now, when what is due is paid, or at the end of the period."""
    return SubscriptionService.change_plan(
        subscription_id,
        sku=body.sku,
        seats=body.seats,
        at=body.at,
        money=body.money,
        units=body.units,
        release_holds=body.release_holds,
        idempotency_key=body.key(request),
    )


@router.post(
    "/subscriptions/{subscription_id}/seats",
    response=takes_body(PlanChangeOut, 404, 409),
    url_name="subscription-seats",
    openapi_extra=TAKES_KEY,
)
def change_seats(request: HttpRequest, subscription_id: PathId, body: ChangeSeatsIn) -> PlanChange:
    """Have more seats now, for the time that is left of the period, or fewer from the next one on."""
    return SubscriptionService.change_seats(subscription_id, body.seats, idempotency_key=body.key(request))


@router.post(
    "/subscriptions/{subscription_id}/undo-change",
    response=takes_body(SubscriptionOut, 404, 409),
    url_name="subscription-undo-change",
    openapi_extra=REPEATS_SAFELY,
)
def undo_change(request: HttpRequest, subscription_id: PathId, body: NothingIn = NOTHING_SAID) -> Subscription:
    """Undo what is scheduled for the end of the period, and call off a change that waits for its money."""
    return SubscriptionService.undo_change(subscription_id)
