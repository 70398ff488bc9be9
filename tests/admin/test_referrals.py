"""The reward of a referral, given by staff."""

from __future__ import annotations

import pytest
from django.test import Client

from billable.models import Grant, Referral
from billable.services import CatalogService, CustomerRef, ReferralService
from tests.admin.test_acts import done, said


@pytest.fixture
def referral(db: None) -> Referral:
    CatalogService.create_product("thanks", features=["credits"], quantity=10)
    ReferralService.create_programme("friends", trigger="on_signup", referrer_product="thanks", cap_per_referrer=1)
    return ReferralService.refer(CustomerRef(external_id="bob"), CustomerRef(external_id="ada"))


def test_a_reward_is_given_once(referral: Referral, admin_client: Client, admin_user: object) -> None:
    assert said(done(admin_client, "claim", referral)) == [("success", f"{referral.pk}: gave 1 grants.")]
    again = "the reward had been given already; nothing was given twice."
    assert said(done(admin_client, "claim", referral)) == [("success", f"{referral.pk}: {again}")]
    assert Grant.objects.get().actor.startswith("user:")


def test_a_capped_referrer_is_told_of(referral: Referral, admin_client: Client) -> None:
    done(admin_client, "claim", referral)
    second = ReferralService.refer(CustomerRef(external_id="bob"), CustomerRef(external_id="carol"))

    ((_, text),) = said(done(admin_client, "claim", second))

    assert text.endswith("gave 0 grants. The referrer has all that the programme gives.")


def test_a_reward_before_its_time_is_refused(db: None, admin_client: Client) -> None:
    early = ReferralService.refer(CustomerRef(external_id="bob"), CustomerRef(external_id="ada"))

    ((level, text),) = said(done(admin_client, "claim", early))

    assert (level, text.endswith("is not due: not_earned.")) == ("error", True)
