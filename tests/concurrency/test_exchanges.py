"""Exchanges under contention: units are given once, and come back once."""

from __future__ import annotations

import pytest

from billable.errors import NothingToRefund, QuotaExceeded
from billable.models import Exchange, Grant
from billable.services import CatalogService, CustomerRef, OrderService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, verb
from tests.concurrency.worker import Job


@pytest.fixture(autouse=True)
def pack(credits: str) -> str:
    CatalogService.create_product("pack", features=["pdf"], quantity=10, unit_prices={credits: 60})
    return "pack"


def exchange(ref: CustomerRef, key: str) -> Job:
    return verb("OrderService.exchange", ref, "pack", idempotency_key=key)


@pytest.mark.parametrize("workers", [2, 8])
def test_units_for_one_make_one_exchange(crew: Crew, workers: int) -> None:
    ref = customer("poor", credits=100)

    results = crew.at_once(*[exchange(ref, f"e{number}") for number in range(workers)], refusing=QuotaExceeded)

    assert len(results.values) == Exchange.objects.count() == Grant.objects.filter(source="exchange").count() == 1
    assert (balance(ref), balance(ref, "pdf")) == (40, 10)


def test_a_key_that_is_sent_eight_times_exchanges_once(crew: Crew, ref: CustomerRef) -> None:
    results = crew.at_once(*[exchange(ref, "e1")] * 8)

    assert {each.pk for each in results.values} == {Exchange.objects.get().pk}
    assert [each.replayed for each in results.values].count(False) == 1
    assert {len(each.grants) for each in results.values} == {1}
    assert (balance(ref), balance(ref, "pdf")) == (440, 10)


def test_exchanges_and_consumes_of_the_same_units_take_what_there_is(crew: Crew) -> None:
    ref = customer("poor", credits=130)
    jobs = [exchange(ref, f"e{number}") for number in range(4)] + [consume(ref, quantity=60) for _ in range(4)]

    results = crew.at_once(*jobs, refusing=QuotaExceeded)

    assert len(results.values) == 2
    assert balance(ref) == 10
    assert balance(ref, "pdf") == 10 * Exchange.objects.count()


def test_what_is_given_is_refunded_or_used_and_never_both(crew: Crew, ref: CustomerRef) -> None:
    made = OrderService.exchange(ref, "pack", idempotency_key="e1")

    crew.at_once(
        *[verb("OrderService.refund_exchange", made, idempotency_key=f"r{number}") for number in range(3)],
        *[consume(ref, "pdf", quantity=10)] * 3,
        refusing=(QuotaExceeded, NothingToRefund),
    )

    used = Grant.objects.get(source="exchange").entries.filter(kind="consume").exists()
    assert balance(ref) == (440 if used else 500)
    assert balance(ref, "pdf") == 0
