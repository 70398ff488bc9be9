"""Holds under contention: no unit is held twice, and of two who close a hold one wins."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest

from billable.errors import CaptureTooLarge, HoldClosed, QuotaExceeded
from billable.models import Grant, Hold, Usage
from billable.services import CustomerRef, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, hold_in_a_loop, verb
from tests.concurrency.worker import Job

ROUNDS = 3


def hold(ref: CustomerRef, quantity: int, **how: object) -> Job:
    return verb("QuotaService.hold_quota", ref, "credits", quantity, **how)


def held(ref: CustomerRef) -> int:
    return QuotaService.balances(ref, feature="credits")[0].held


def test_twenty_holds_of_75_against_500_are_six(crew: Crew, ref: CustomerRef) -> None:
    results = crew.at_once(*[hold(ref, 75)] * 20, refusing=QuotaExceeded)

    assert len(results.values) == Hold.objects.count() == 6
    assert (balance(ref), held(ref)) == (50, 450)


def test_a_key_that_is_sent_eight_times_holds_once(crew: Crew, ref: CustomerRef) -> None:
    results = crew.at_once(*[hold(ref, 75, idempotency_key="h")] * 8)

    assert {each.pk for each in results.values} == {Hold.objects.get().pk}
    assert (balance(ref), held(ref)) == (425, 75)


def test_holds_and_consumes_take_what_there_is(crew: Crew, ref: CustomerRef) -> None:
    results = crew.at_once(*[hold(ref, 60)] * 8, *[consume(ref, quantity=60)] * 8, refusing=QuotaExceeded)

    assert len(results.values) == 8
    assert balance(ref) == 20
    assert held(ref) == 60 * Hold.objects.count()


@pytest.mark.parametrize("quantity", [None, 30])
def test_of_capture_and_release_one_wins(crew: Crew, ref: CustomerRef, quantity: int | None) -> None:
    for _ in range(ROUNDS):
        before, made = balance(ref), QuotaService.hold_quota(ref, "credits", 40)

        crew.at_once(
            *[verb("QuotaService.capture_hold", made, quantity), verb("QuotaService.release_hold", made)] * 2,
            refusing=HoldClosed,
        )

        after = QuotaService.get_hold(made)
        used = after.captured
        assert (after.status, used) in [("captured", quantity or 40), ("released", 0)]
        assert (balance(ref), held(ref)) == (before - used, 0)


def test_a_hold_that_is_captured_eight_times_is_one_usage(crew: Crew, ref: CustomerRef) -> None:
    made = QuotaService.hold_quota(ref, "credits", 40)

    results = crew.at_once(*[verb("QuotaService.capture_hold", made)] * 8)

    assert {each.pk for each in results.values} == {Usage.objects.get().pk}
    assert [each.replayed for each in results.values].count(False) == 1
    assert (balance(ref), held(ref)) == (460, 0)


def test_bits_of_a_hold_are_no_more_than_the_hold(crew: Crew, ref: CustomerRef) -> None:
    made = QuotaService.hold_quota(ref, "credits", 40)
    bits = [
        verb("QuotaService.capture_hold", made, 9, final=False, idempotency_key=f"c{number}") for number in range(8)
    ]

    results = crew.at_once(*bits, refusing=CaptureTooLarge)

    assert len(results.values) == 4
    assert (balance(ref), held(ref)) == (460, 4)


def test_at_its_end_a_hold_is_captured_or_lapses_and_nothing_is_lost(crew: Crew, ref: CustomerRef) -> None:
    for number in range(ROUNDS):
        poor = customer(f"poor-{number}", credits=40)
        made = QuotaService.hold_quota(poor, "credits", 40, ttl=timedelta(seconds=1))
        time.sleep(0.95)

        crew.at_once(
            verb("QuotaService.capture_hold", made),
            verb("QuotaService.expire_grants"),
            consume(poor, quantity=40),
            verb("QuotaService.expire_grants"),
            refusing=QuotaExceeded,
        )

        QuotaService.expire_grants()
        usage = Usage.objects.get(customer=made.customer_id)
        assert usage.quantity == 40
        assert (balance(poor), held(poor)) == (0, 0)
        assert Grant.objects.get(customer=made.customer_id).closed_at is not None


def test_a_block_in_a_loop_captures(crew: Crew, ref: CustomerRef) -> None:
    assert crew.at_once(partial(hold_in_a_loop, ref, None)).values == ["done"]
    assert (balance(ref), held(ref), Hold.objects.get().status) == (460, 0, "captured")


@pytest.mark.parametrize("seconds", [0, 0.001, 0.005, 0.02, 0.2])
def test_a_task_that_is_cancelled_holds_nothing(crew: Crew, ref: CustomerRef, seconds: float) -> None:
    """Also when it is cancelled while the hold is being made, in a thread that nobody can stop."""
    assert crew.at_once(partial(hold_in_a_loop, ref, seconds)).values == ["cancelled"]
    assert (balance(ref), held(ref)) == (500, 0)
    assert {each.status for each in Hold.objects.all()} <= {"released"}
