"""Trials: once per person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Router

from billable.api.openapi import REPEATS_SAFELY, takes_body
from billable.api.schemas.trials import EligibilityIn, EligibilityOut, TrialIn, TrialOut
from billable.services import TrialEligibility, TrialService

if TYPE_CHECKING:
    from billable.models import Trial

router = Router(tags=["trials"])


@router.post("/trials", response=takes_body(TrialOut, 404, 409), url_name="trials", openapi_extra=REPEATS_SAFELY)
def start_trial(request: HttpRequest, body: TrialIn) -> Trial:
    """Start a trial, unless the customer or one of these identities had it."""
    return TrialService.start_trial(body.customer, body.sku, identities=body.identities, currency=body.currency)


@router.post("/trials/eligibility", response=takes_body(EligibilityOut), url_name="trial-eligibility")
def trial_eligibility(request: HttpRequest, body: EligibilityIn) -> TrialEligibility:
    """Whether a trial could be started. It is a POST so that no personal data stands in an address."""
    return TrialService.trial_eligibility(body.customer, body.sku, identities=body.identities)
