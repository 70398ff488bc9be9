"""`billable_settle_referrals`."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from billable.models import LedgerEntry
from billable.services import CatalogService, CustomerRef, ReferralService

pytestmark = pytest.mark.django_db


def test_settle_gives_what_is_due(capsys: pytest.CaptureFixture[str]) -> None:
    CatalogService.create_product("thanks", features=["credits"], quantity=10)
    ReferralService.create_programme("friends", trigger="on_signup", referrer_product="thanks")
    ReferralService.refer(CustomerRef(external_id="bob"), CustomerRef(external_id="ada"))

    call_command("billable_settle_referrals", "--limit", "10")
    call_command("billable_settle_referrals")

    assert capsys.readouterr().out.splitlines() == [
        "Referrals: 1, rewarded: 1, taken back: 0.",
        "Referrals: 0, rewarded: 0, taken back: 0.",
    ]
    assert LedgerEntry.objects.get().actor == "command:billable_settle_referrals"


def test_settle_refuses_a_limit_that_is_none() -> None:
    with pytest.raises(CommandError, match="whole number above 0"):
        call_command("billable_settle_referrals", "--limit=0")
