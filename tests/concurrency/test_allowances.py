"""Whoever comes first after a boundary writes the new period down, once."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from billable import clock
from billable.errors import QuotaExceeded
from billable.models import Allowance, Grant
from billable.services import CatalogService, CustomerRef, QuotaService
from tests.concurrency.conftest import balance
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, verb


def test_a_new_period_is_written_once_and_its_units_are_used_once(
    crew: Crew, ref: CustomerRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"feature": "seats", "quantity": 10, "reset": "1 day", "rollover_quantity": 5}
    CatalogService.create_product("daily", features=[line])
    earlier = datetime.now(timezone.utc) - timedelta(days=40, hours=1)
    with monkeypatch.context() as past:
        past.setattr(clock, "now", lambda: earlier)
        QuotaService.grant_product(ref, "daily")
    assert balance(ref, "seats") == 15

    results = crew.at_once(
        *[consume(ref, feature="seats", quantity=2)] * 10, *[verb("QuotaService.expire_grants")] * 2,
        refusing=QuotaExceeded,
    )  # fmt: skip

    assert len(results.values) == 7 + 2
    assert balance(ref, "seats") == 1
    given = Grant.objects.filter(allowance=Allowance.objects.get())
    # The first day and what rolled from it, yesterday and what rolled from it, and today.
    assert sorted(given.values_list("source", "line")) == [
        ("allowance", 1), ("allowance", 40), ("allowance", 41), ("rollover", 1), ("rollover", 40),
    ]  # fmt: skip


def test_of_revoking_and_using_one_comes_first(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_product("monthly", features=[{"feature": "seats", "quantity": 10, "reset": "1 month"}])
    QuotaService.grant_product(ref, "monthly")
    allowance = Allowance.objects.get()

    results = crew.at_once(
        *[verb("QuotaService.revoke_allowance", allowance)] * 4,
        *[consume(ref, feature="seats", quantity=10)] * 2,
        refusing=QuotaExceeded,
    )

    revoked = [each for each in results.values if isinstance(each, Allowance)]
    assert [each.replayed for each in revoked].count(False) == 1
    assert balance(ref, "seats") == 0
