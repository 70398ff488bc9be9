"""Several sweeps at once: each thing is done once, and a sweep that is killed loses nothing."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from billable import clock
from billable.models import ExpiryNotice, Grant, Invoice, LedgerEntry, Order
from billable.orders.confirm import confirm_payment
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService, UpkeepReport, UpkeepService
from tests.concurrency.conftest import customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, die_in_a_sweep, quietly, verb

TICK = verb("UpkeepService.tick", batch_size=3)
PEOPLE = 12


@pytest.fixture
def due(credits: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[CustomerRef]:
    """Twelve people, each with a grant and an order whose time is over, and a paid order whose receipt was lost."""
    settings.BILLABLE_ORDER_TTL_HOURS = 1
    CatalogService.create_product("pack", price="1.00", currency="EUR", features=["credits"], quantity=10)
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: yesterday)
        people = [customer(f"p{number}") for number in range(PEOPLE)]
        for number, ref in enumerate(people):
            QuotaService.grant_feature(ref, "credits", quantity=5, expires_at=yesterday + timedelta(hours=1))
            OrderService.create_order(ref, [{"sku": "pack"}])
            confirm_payment(OrderService.create_order(ref, [{"sku": "pack"}]), payment_id=f"pi_{number}")
    return people


def done(reports: list[UpkeepReport]) -> Counter[str]:
    return sum((Counter({step.name: step.done for step in report.steps}) for report in reports), Counter())


def test_ticks_at_once_do_each_thing_once(crew: Crew, due: list[CustomerRef]) -> None:
    results = crew.at_once(*[TICK] * 4)

    assert done(results.values) == {"grants_and_holds": PEOPLE, "unpaid_orders": PEOPLE, "receipts": PEOPLE}
    assert {report.failed for report in results.values} == {0}
    assert LedgerEntry.objects.filter(kind="expire").count() == PEOPLE
    assert Order.objects.filter(status="expired").count() == PEOPLE
    assert Invoice.objects.count() == PEOPLE
    assert UpkeepService.tick(dry_run=True).complete


def test_ticks_at_once_tell_of_each_grant_once(crew: Crew, credits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(timezone.utc)
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: now - timedelta(days=28))
        for number in range(PEOPLE):
            QuotaService.grant_feature(customer(f"p{number}"), "credits", quantity=5, period="30 days")

    results = crew.at_once(*[TICK] * 4)

    assert done(results.values) == {"expiry_notices": PEOPLE}
    assert {report.failed for report in results.values} == {0}
    assert ExpiryNotice.objects.count() == PEOPLE


def test_ticks_among_customers_at_work_take_nothing_from_them(crew: Crew, due: list[CustomerRef]) -> None:
    works = [quietly(consume(ref, quantity=10, idempotency_key="job")) for ref in due[:6]]

    crew.at_once(TICK, TICK, *works)

    assert UpkeepService.tick().failed == 0
    for ref in due[:6]:
        assert QuotaService.check_quota(ref, "credits").balance == 0
    assert Grant.objects.filter(ended_as="expired").count() == PEOPLE


def test_a_tick_that_is_killed_keeps_what_it_did_and_the_next_one_does_the_rest(
    crew: Crew, due: list[CustomerRef]
) -> None:
    worker = crew.take()
    worker.begin(partial(die_in_a_sweep, 5))
    worker.wait_for_its_death()

    assert LedgerEntry.objects.filter(kind="expire").count() == 5
    report = UpkeepService.tick()
    assert report.complete
    assert report.steps[0].done == PEOPLE - 5
