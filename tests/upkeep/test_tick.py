"""tick: everything that is due, for everybody, and nobody depends on it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from billable import duties, upkeep
from billable.errors import InsideTransaction, Invalid
from billable.models import Customer, Grant, Hold, Invoice, LedgerEntry, Order, Referral
from billable.services import CustomerService, OrderService, QuotaService, UpkeepReport, UpkeepService
from tests import rows
from tests.until import run_until
from tests.upkeep.conftest import person

NAMES = [duty.name for duty in upkeep.DUTIES]


def counts(report: UpkeepReport, what: str = "done") -> dict[str, int]:
    """What is not 0 of each step."""
    found = {step.name: getattr(step, what) for step in report.steps}
    return {name: number for name, number in found.items() if number}


def test_tick_does_whatever_is_due(door: Any, everything_due: Customer) -> None:
    report = door.upkeep.tick()

    assert [step.name for step in report.steps] == NAMES
    assert counts(report) == {
        "grants_and_holds": 1,
        "unpaid_orders": 1,
        "referral_rewards": 1,
        "receipts": 2,
        "credit_notes": 1,
    }
    assert report.complete
    assert (report.done, report.left, report.failed, report.dry_run) == (6, 0, 0, False)
    assert report.seconds >= max(step.seconds for step in report.steps) >= 0
    assert Hold.objects.get().closed_as == "lapsed"
    assert Grant.objects.filter(ended_as="expired").count() == 1
    assert Order.objects.filter(status="expired").count() == 1
    assert Referral.objects.get().status == "rewarded"
    assert sorted(Invoice.objects.values_list("kind", flat=True)) == ["credit_note", "receipt", "receipt"]


def test_a_second_tick_has_nothing_to_do(door: Any, everything_due: Customer) -> None:
    door.upkeep.tick()
    before = dict(rows.everything())

    report = door.upkeep.tick()

    assert (counts(report), report.complete) == ({}, True)
    assert dict(rows.everything()) == before


def test_a_dry_run_counts_what_is_due_and_writes_nothing(door: Any, everything_due: Customer) -> None:
    before = dict(rows.everything())

    report = door.upkeep.tick(dry_run=True)

    assert dict(rows.everything()) == before
    assert (report.dry_run, report.done, report.complete) == (True, 0, False)
    # The credit note brings the receipt that it corrects, where that is missing.
    assert counts(report, "left") == {
        "grants_and_holds": 1,
        "unpaid_orders": 1,
        "referral_rewards": 1,
        "receipts": 2,
        "credit_notes": 1,
    }


def test_nothing_that_a_customer_may_do_depends_on_it(
    everything_due: Customer, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers() -> Any:
        state = CustomerService.customer_state(everything_due)
        check = QuotaService.check_quota(everything_due, "credits", quantity=20)
        held = [hold.status for hold in QuotaService.list_holds(everything_due)]
        return tuple(check), check.code, state.balances, state.active_periods, [each.pk for each in state.holds], held

    before = answers()
    savepoint = transaction.savepoint()
    without = QuotaService.consume_quota(everything_due, "credits", quantity=3, idempotency_key="job").balance
    transaction.savepoint_rollback(savepoint)

    assert UpkeepService.tick().complete

    assert answers() == before
    after = QuotaService.consume_quota(everything_due, "credits", quantity=3, idempotency_key="job").balance
    assert after == without


def test_the_numbers_of_a_batch_change_nothing(everything_due: Customer, month: Any, clock: Any) -> None:
    for number in range(5):
        month(f"month-{number}")
    clock.advance(days=60)

    assert counts(UpkeepService.tick(batch_size=2))["grants_and_holds"] == 6


def test_a_customer_that_fails_is_named_and_counted_and_stops_nobody(
    month: Callable[[str], Customer], clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    customers = [month(f"month-{number}") for number in range(5)]
    clock.advance(days=60)
    ill = customers[0].pk
    monkeypatch.setattr(upkeep, "DUTIES", (failing(upkeep.GRANTS_AND_HOLDS, {ill}), *upkeep.DUTIES[1:]))

    with caplog.at_level(logging.ERROR, "billable"):
        report = UpkeepService.tick()

    (step, *_) = report.steps
    assert (step.done, step.left, step.failed) == (4, 0, 1)
    assert (report.complete, report.failed) == (False, 1)
    (record,) = caplog.records
    assert record.getMessage() == f"upkeep: grants_and_holds of {ill} failed"
    assert record.exc_info is not None
    assert list(Customer.objects.filter(next_change_at__lte=clock()).values_list("pk", flat=True)) == [ill]
    monkeypatch.undo()
    monkeypatch.setattr("billable.clock.now", clock)
    assert counts(UpkeepService.tick()) == {"grants_and_holds": 1}


def test_those_that_fail_do_not_come_first_every_time(
    month: Callable[[str], Customer], clock: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    customers = [month(f"month-{number}") for number in range(6)]
    clock.advance(days=60)
    ill = {customer.pk for customer in customers[:5]}
    monkeypatch.setattr(upkeep, "DUTIES", (failing(upkeep.GRANTS_AND_HOLDS, ill),))
    monkeypatch.setattr("billable.upkeep.time.monotonic", Stopwatch())
    caplog.set_level(logging.CRITICAL, "billable")

    # Each sweep has the time for two of the six.
    runs = [UpkeepService.tick(limit_seconds=12) for _ in range(40)]

    assert max(run.done + run.failed for run in runs) < 6
    assert sum(run.done for run in runs) == 1


def failing(duty: duties.Duty, ill: set[Any]) -> duties.Duty:
    def do(key: Any) -> object:
        if key in ill:
            raise RuntimeError("ill")
        return duty.do(key)

    return duties.Duty(name=duty.name, due=duty.due, do=do, owner=duty.owner, next_at=duty.next_at)


class Stopwatch:
    """Time that passes whenever somebody looks: two seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 2
        return self.seconds


def test_when_its_time_is_over_the_rest_is_left_and_the_next_one_does_it(
    door: Any, month: Callable[[str], Customer], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        month(f"month-{number}")
    clock.advance(days=60)
    monkeypatch.setattr(upkeep, "DUTIES", upkeep.DUTIES[:1])
    monkeypatch.setattr("billable.upkeep.time.monotonic", Stopwatch())

    first = door.upkeep.tick(limit_seconds=20, batch_size=3)

    assert 0 < first.done < 20
    assert (first.left, first.failed, first.complete) == (20 - first.done, 0, False)
    assert Grant.objects.filter(ended_as="expired").count() == first.done
    second = door.upkeep.tick(batch_size=3)
    assert (second.done, second.complete) == (first.left, True)


def test_whoever_has_little_to_do_does_not_wait_for_somebody_who_has_more(
    everything_due: Customer, month: Callable[[str], Customer], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        month(f"month-{number}")
    clock.advance(days=60)
    monkeypatch.setattr("billable.upkeep.time.monotonic", Stopwatch())

    report = UpkeepService.tick(limit_seconds=80, batch_size=2)

    assert counts(report, "left").keys() == {"grants_and_holds"}
    assert counts(report, "done")["unpaid_orders"] == 1


def test_progress_is_told_step_by_step(everything_due: Customer) -> None:
    told: list[tuple[str, int, int]] = []

    UpkeepService.tick(progress=lambda *progress: told.append(progress))

    assert told[0] == ("grants_and_holds", 1, 1)
    assert {name for name, _, _ in told} == {*NAMES} - {"expiry_notices", "subscriptions", "renewals"}
    assert all(tried <= total for _, tried, total in told)


def test_it_refuses_to_run_inside_a_transaction(everything_due: Customer) -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        UpkeepService.tick()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"limit_seconds": value} for value in (0, -1, 1.5, "60", True, 86_401)),
        *({"batch_size": value} for value in (0, None, 10_001, "x")),
        {"dry_run": 1},
    ],
)
def test_bad_input_is_refused(everything_due: Customer, refused: Any, wrong: dict[str, Any]) -> None:
    with refused("invalid"):
        UpkeepService.tick(**wrong)


# ------------------------------------------------------------------------------------------------- for one customer


def test_one_customers_things_are_done_in_order_of_instants(
    everything_due: Customer, month: Callable[[str], Customer], clock: Any
) -> None:
    clock.instant -= timedelta(days=60)
    start, other = clock(), month("other")
    moments: list[timedelta] = []

    def move(instant: datetime) -> None:
        moments.append(instant - start)
        clock.instant = instant

    done = run_until(everything_due, start + timedelta(days=60), move)

    # What was lost in a crash at once, the hold after an hour, the order after a day, the reward after two weeks.
    days = [timedelta(days=number) for number in (1, 14, 25, 28, 60)]
    assert moments == [timedelta(hours=1), *days]
    assert done == {
        "grants_and_holds": 2,
        "unpaid_orders": 1,
        "referral_rewards": 2,
        "receipts": 2,
        "credit_notes": 1,
        "expiry_notices": 1,
    }
    assert Customer.objects.get(pk=other.pk).next_change_at == start + timedelta(hours=1)
    entries = LedgerEntry.objects.filter(customer=everything_due).order_by("seq")
    assert [(each.kind, each.effective_at - start) for each in entries][-2:] == [
        ("release", timedelta(hours=1)),
        ("expire", timedelta(days=28)),
    ]
    assert Referral.objects.get().rewarded_at == start + timedelta(days=14)


def test_what_is_due_of_one_customer_is_done_of_those_that_it_absorbed(clock: Any, settings: Any) -> None:
    settings.BILLABLE_ORDER_TTL_HOURS = 1
    ada, bob = person("ada"), person("bob")
    OrderService.create_order(bob, [{"sku": "pack"}])
    CustomerService.merge_customers(ada, bob)

    done = run_until(ada, clock.advance(hours=2), lambda instant: None)

    assert done == {"unpaid_orders": 1}
    assert Order.objects.get().status == "expired"


def test_one_customer_without_anything_is_moved_and_no_more(clock: Any) -> None:
    moved: list[datetime] = []

    assert run_until(person("ada"), clock() + timedelta(days=400), moved.append) == {}
    assert moved == [clock() + timedelta(days=400)]


def test_each_kind_of_duty_has_a_name_of_its_own() -> None:
    assert len({*NAMES}) == len(NAMES)


def test_a_wrong_limit_is_invalid_in_every_sense() -> None:
    with pytest.raises(Invalid) as refusal:
        UpkeepService.tick(limit_seconds=0)
    assert refusal.value.field == "limit_seconds"
