"""Who brought whom, and the rewards for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from ninja import Query, Router

from billable.api.openapi import REPEATS_SAFELY, reads, takes_body
from billable.api.schemas.base import PathId
from billable.api.schemas.referrals import (
    ClaimedReferralOut,
    ClaimIn,
    MadeReferralOut,
    ReferralIn,
    ReferralPage,
    ReferralsParameters,
    ReferralStatsOut,
    StatsParameters,
)
from billable.paging import Page
from billable.services import ReferralService, ReferralStats

if TYPE_CHECKING:
    from billable.models import Referral

router = Router(tags=["referrals"])

NOTHING_SAID = ClaimIn()


@router.post(
    "/referrals", response=takes_body(MadeReferralOut, 404, 409), url_name="referrals", openapi_extra=REPEATS_SAFELY
)
def refer(request: HttpRequest, body: ReferralIn) -> Referral:
    """Write down who brought whom, once for each who was brought. A repeat answers with the first."""
    return ReferralService.refer(body.referrer, body.referee, programme=body.programme, metadata=body.metadata)


@router.get("/referrals", response=reads(ReferralPage), url_name="referrals")
def list_referrals(request: HttpRequest, query: Query[ReferralsParameters]) -> Page[Referral]:
    """Referrals, newest first: those that a customer made, or everybody's when no customer is named."""
    return ReferralService.list_referrals(
        query.customer_if_named, status=query.status, cursor=query.cursor, limit=query.limit
    )


@router.get("/referrals/stats", response=reads(ReferralStatsOut), url_name="referral-stats")
def referral_stats(request: HttpRequest, query: Query[StatsParameters]) -> ReferralStats:
    """Whom a customer brought, counted by what became of it, and who brought the customer."""
    return ReferralService.referral_stats(query.customer)


@router.post(
    "/referrals/{referral_id}/claim",
    response=takes_body(ClaimedReferralOut, 404, 409),
    url_name="referral-claim",
    openapi_extra=REPEATS_SAFELY,
)
def claim_bonus(request: HttpRequest, referral_id: PathId, body: ClaimIn = NOTHING_SAID) -> Referral:
    """Give what a referral earned, to both sides. A repeat gives nothing again."""
    return ReferralService.claim_bonus(referral_id)
