"""forecast: when units run out, judged by recent use, with the numbers that it came from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from billable.models import Grant, LedgerEntry
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService


def use(user: Any, quantity: int, feature: str = "credits") -> Any:
    return QuotaService.consume_quota(user, feature, quantity=quantity)


def test_it_goes_on_as_it_went(door: Any, user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 100)
    start = clock()
    for _ in range(10):
        use(user, 4)
        clock.advance(days=1)

    outlook = door.quota.forecast(user, "credits")

    assert (outlook.feature, outlook.balance, outlook.used, outlook.since) == ("credits", 60, 40, start)
    assert (outlook.days, outlook.per_day) == (10.0, 4.0)
    assert outlook.runs_out_at == clock() + timedelta(days=15)


def test_only_the_window_counts(door: Any, user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 1000)
    use(user, 500)
    clock.advance(days=40)
    use(user, 30)
    clock.advance(days=1)

    outlook = door.quota.forecast(user, "credits", over="10 days")

    assert (outlook.used, outlook.days, outlook.per_day) == (30, 10.0, 3.0)
    assert outlook.since == clock() - timedelta(days=10)
    assert outlook.runs_out_at == clock() + timedelta(days=470) / 3
    assert door.quota.forecast(user, "credits", over="2 months").used == 530


def test_without_use_there_is_nothing_to_tell_from(door: Any, user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 100)
    nothing = door.quota.forecast(user, "credits")
    assert (nothing.balance, nothing.used, nothing.since, nothing.days) == (100, 0, None, 0.0)
    assert (nothing.per_day, nothing.runs_out_at) == (None, None)

    use(user, 1)
    clock.advance(days=31)

    assert door.quota.forecast(user, "credits") == nothing.__class__(
        feature="credits", balance=99, used=0, since=None, days=0.0, per_day=None, runs_out_at=None
    )


def test_a_first_hour_is_not_taken_for_every_hour(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 100)
    use(user, 10)
    clock.advance(hours=1)

    outlook = QuotaService.forecast(user, "credits")

    assert (outlook.days, outlook.per_day) == (1.0, 10.0)
    assert outlook.runs_out_at == clock() + timedelta(days=9)


def test_what_was_put_back_was_not_used_and_holds_are_no_use(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 100)
    usage = use(user, 30)
    QuotaService.reverse_usage(usage, quantity=20, idempotency_key="back")
    hold = QuotaService.hold_quota(user, "credits", 10)
    clock.advance(minutes=1)

    assert QuotaService.forecast(user, "credits").used == 10
    QuotaService.capture_hold(hold, 5)
    assert QuotaService.forecast(user, "credits").used == 15
    QuotaService.reverse_usage(usage, idempotency_key="more")
    assert QuotaService.forecast(user, "credits").used == 5


def test_everything_put_back_is_no_use(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 100)
    QuotaService.reverse_usage(use(user, 30), idempotency_key="back")

    assert QuotaService.forecast(user, "credits").per_day is None


def test_unlimited_use_never_runs_out(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits")
    use(user, 30)
    clock.advance(days=1)

    outlook = QuotaService.forecast(user, "credits")
    assert (outlook.balance, outlook.per_day, outlook.runs_out_at) == (None, 30.0, None)


def test_when_nothing_is_left_it_has_run_out(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 30)
    use(user, 30)
    clock.advance(days=1)

    outlook = QuotaService.forecast(user, "credits")
    assert (outlook.balance, outlook.runs_out_at) == (0, clock())


def test_a_feature_that_pays_for_another_is_used_by_it_and_the_other_by_itself(
    user: Any, clock: Any, give: Callable[..., Grant]
) -> None:
    CatalogService.set_cost("pdf_export", "credits", units=5)
    give(user, "credits", 100)
    give(user, "pdf_export", 2)
    use(user, 6, "pdf_export")
    use(user, 10)
    clock.advance(days=1)

    exports, credits = (QuotaService.forecast(user, name) for name in ("pdf_export", "credits"))

    assert (exports.used, exports.balance) == (6, 14)
    assert (credits.used, credits.balance) == (30, 70)


def test_a_payer_that_is_used_up_still_counts(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    CatalogService.set_cost("pdf_export", "credits", units=5)
    give(user, "credits", 10)
    use(user, 2, "pdf_export")
    give(user, "pdf_export", 4)
    clock.advance(days=1)

    assert QuotaService.forecast(user, "pdf_export").used == 2


def test_it_takes_three_statements(user: Any, clock: Any, give: Any, statements: Any) -> None:
    give(user, "credits", 100)
    use(user, 1)

    assert len(statements(lambda: QuotaService.forecast(user, "credits"))) == 3


def test_it_reads_no_more_than_the_window(user: Any, clock: Any, give: Any, statements: Any) -> None:
    give(user, "credits", 1000)
    for _ in range(3):
        use(user, 10)
        clock.advance(days=20)
    edge = LedgerEntry.objects.filter(kind="consume").order_by("-seq")[1].seq

    *_, sums = statements(lambda: QuotaService.forecast(user, "credits"))

    assert f'"seq" > {edge}' in sums
    assert QuotaService.forecast(user, "credits").used == 10


def test_a_feature_that_was_not_used_before_the_window_begins_with_its_first_use(
    user: Any, clock: Any, give: Any
) -> None:
    give(user, "credits", 100)
    give(user, "tokens", 100)
    use(user, 10)
    clock.advance(days=35)
    use(user, 10, "tokens")
    since = clock()
    clock.advance(days=5)

    assert QuotaService.forecast(user, "tokens").since == since
    assert QuotaService.forecast(user, "credits").since is None


def test_the_use_of_those_that_were_absorbed_is_theirs_too(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 100)
    use(user, 10)
    other = CustomerService.identify("test", "bob").customer
    CustomerService.merge_customers(other, user)
    clock.advance(days=1)

    outlook = QuotaService.forecast(other, "credits")
    assert (outlook.used, outlook.balance) == (10, 90)


def test_what_lasts_longer_than_the_calendar_has_no_end(user: Any, clock: Any, give: Any) -> None:
    give(user, "credits", 10**12)
    use(user, 1)

    assert QuotaService.forecast(user, "credits").runs_out_at is None
    assert QuotaService.forecast(user, "credits", over="1000 years").used == 1


def test_somebody_unknown_has_nothing(door: Any, user: Any, clock: Any) -> None:
    for subject in (user, CustomerRef(external_id="nobody")):
        outlook = door.quota.forecast(subject, "credits")
        assert (outlook.balance, outlook.used, outlook.per_day) == (0, 0, None)


@pytest.mark.parametrize(
    ("code", "feature", "wrong"),
    [
        ("feature_not_found", "no_feature", {}),
        ("invalid", "no way", {}),
        *(("invalid", "credits", {"over": over}) for over in ("soon", "0 days", 30, None)),
    ],
)
def test_what_makes_no_sense_is_refused(
    door: Any, user: Any, refused: Any, code: str, feature: str, wrong: dict[str, Any]
) -> None:
    with refused(code):
        door.quota.forecast(user, feature, **wrong)
