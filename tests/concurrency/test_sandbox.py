"""Clocks that are moved at once: one move after the other, and whatever falls due falls due once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import ClockMove, Customer, Grant, LedgerEntry
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, verb
from tests.concurrency.worker import Job


@pytest.fixture
def box(ref: CustomerRef) -> CustomerRef:
    """A sandbox customer with a unit for every day."""
    customer = CustomerService.identify("test", "box", sandbox=True).customer
    for day in range(1, 7):
        QuotaService.grant_feature(
            customer, "credits", quantity=10, expires_at=customer.created_at + timedelta(days=day, hours=1)
        )
    return CustomerRef(customer_id=customer.pk)


def advance(box: CustomerRef, **how: object) -> Job:
    return verb("CustomerService.advance_clock", box, **how)


def offset(box: CustomerRef) -> int:
    return Customer.objects.get(pk=box.customer_id).clock_offset_seconds


def test_moves_of_one_clock_follow_each_other(crew: Crew, box: CustomerRef) -> None:
    results = crew.at_once(*[advance(box, days=1)] * 6)

    assert len(results.values) == ClockMove.objects.count() == 6
    assert offset(box) == 6 * 86_400
    begun = sorted(move.from_offset_seconds for move in ClockMove.objects.all())
    assert begun == [86_400 * number for number in range(6)]
    assert not ClockMove.objects.filter(finished_at=None).exists()
    assert sum(move.happened.get("grants_and_holds", 0) for move in ClockMove.objects.all()) == 5
    assert LedgerEntry.objects.filter(kind="expire").count() == 5


def test_a_key_moves_a_clock_once_whoever_comes_first(crew: Crew, box: CustomerRef) -> None:
    results = crew.at_once(*[advance(box, days=3, idempotency_key="k")] * 4)

    assert {(each.from_at, each.to_at) for each in results.values} == {
        (results.values[0].from_at, results.values[0].from_at + timedelta(days=3))
    }
    assert [each.replayed for each in results.values].count(False) == 1
    assert offset(box) == 3 * 86_400


def test_units_are_conserved_while_time_passes(crew: Crew, box: CustomerRef) -> None:
    crew.at_once(advance(box, days=2), *[consume(box, quantity=3)] * 6, advance(box, days=2))

    assert offset(box) == 4 * 86_400
    taken = -sum(LedgerEntry.objects.filter(kind="consume").values_list("amount", flat=True))
    gone = -sum(LedgerEntry.objects.filter(kind="expire").values_list("amount", flat=True))
    left = sum(Grant.objects.filter(customer=box.customer_id).values_list("remaining", flat=True))
    assert (taken, taken + gone + left) == (18, 60)
    assert QuotaService.verify_ledger()


def test_two_of_the_sandbox_move_without_waiting_in_a_ring(crew: Crew, box: CustomerRef) -> None:
    CatalogService.create_feature("seats")
    other = CustomerRef(customer_id=CustomerService.identify("test", "other", sandbox=True).customer_id)
    crew.at_once(*[advance(box, days=1), advance(other, days=1)] * 3)

    assert (offset(box), offset(other)) == (3 * 86_400, 3 * 86_400)
