"""Caps and overdrafts under contention: no window gives more than its cap, no debt is repaid twice."""

from __future__ import annotations

from uuid import uuid4

from billable.errors import QuotaExceeded
from billable.models import Debt, Grant, LedgerEntry
from billable.services import CatalogService, CustomerRef, QuotaService
from tests.concurrency.conftest import customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, verb


def capped(quantity: int | None) -> tuple[CustomerRef, Grant]:
    """Somebody with 300 units (None: without end), of which 50 a day may be used."""
    line = {"feature": "scans", "quantity": quantity, "cap_quantity": 50, "cap_period": "1 day"}
    sku = f"scans-{uuid4().hex[:8]}"
    CatalogService.create_product(sku, features=[line])  # type: ignore[list-item]  # a feature line
    ref = customer(sku)
    (grant,) = QuotaService.grant_product(ref, sku)
    return ref, grant


def test_of_two_consumes_at_a_cap_one_wins(crew: Crew) -> None:
    for quantity in (300, None):
        ref, grant = capped(quantity)
        QuotaService.consume_quota(ref, "scans", quantity=20)

        results = crew.at_once(*[consume(ref, "scans", quantity=30)] * 2, refusing=QuotaExceeded)

        assert len(results.values) == 1
        assert Grant.objects.get(pk=grant.pk).cap_used == 50


def test_holds_and_consumes_share_the_window(crew: Crew) -> None:
    ref, grant = capped(300)
    hold = verb("QuotaService.hold_quota", ref, "scans", 6)

    results = crew.at_once(*[hold] * 6, *[consume(ref, "scans", quantity=6)] * 6, refusing=QuotaExceeded)

    assert len(results.values) == 8
    assert Grant.objects.get(pk=grant.pk).cap_used == 48
    assert QuotaService.check_quota(ref, "scans").balance == 2


def test_of_two_grants_at_once_each_repays_what_is_owed_then(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_feature("calls", overdraft="record")
    for _ in range(3):
        QuotaService.consume_quota(ref, "calls", quantity=50)
        give = verb("QuotaService.grant_feature", ref, "calls", quantity=30)

        crew.at_once(give, give, refusing=QuotaExceeded)

        debt = Debt.objects.latest("pk")
        assert (debt.repaid, debt.owed) == (50, 0)
        assert sum(LedgerEntry.objects.filter(cause_id=debt.pk).values_list("amount", flat=True)) == -50
        assert QuotaService.check_quota(ref, "calls").balance == 10
        QuotaService.consume_quota(ref, "calls", quantity=10)


def test_consumes_at_once_owe_no_more_than_the_limit(crew: Crew, ref: CustomerRef) -> None:
    CatalogService.create_feature("mails", overdraft="allow", overdraft_limit=100)
    QuotaService.grant_feature(ref, "mails", quantity=50)

    results = crew.at_once(*[consume(ref, "mails", quantity=20)] * 10, refusing=QuotaExceeded)

    assert len(results.values) == 7
    assert QuotaService.check_quota(ref, "mails").balance == -90
    assert sum(debt.owed for debt in Debt.objects.all()) == 90
