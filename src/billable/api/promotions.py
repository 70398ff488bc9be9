"""Promotion codes: what one would take off. Ordering with it is a part of `POST /orders`."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from billable.api.openapi import takes_body
from billable.api.schemas.promotions import PromotionCheckIn, PromotionCheckOut
from billable.services import PromotionCheck, PromotionService

router = Router(tags=["promotions"])


@router.post("/promotions/check", response=takes_body(PromotionCheckOut, 404), url_name="promotion-check")
def check_promotion(request: HttpRequest, body: PromotionCheckIn) -> PromotionCheck:
    """What a code would take off an order. It reserves nothing; that the code does not apply is an answer, no error."""
    return PromotionService.check_promotion(body.customer, body.code, body.lines, currency=body.currency)
