"""Pauses: what is left of time and units is kept, not lost and not made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.models import Grant, LedgerEntry, SubscriptionPause
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService
from tests.subscriptions.conftest import buy, day, left, now_is, pay, renew


@pytest.mark.parametrize("sku", ["pro", "mixed"])
def test_paused_until_further_notice_and_resumed(door: Any, customer: Any, clock: Any, sku: str) -> None:
    subscription = buy(customer, sku)
    QuotaService.consume_quota(customer, "pdf_export", quantity=5)
    before = left(customer)
    clock.instant = day(2, 2)

    paused = door.subscriptions.pause_subscription(subscription, reason="holiday")

    assert (paused.status, paused.renews_at) == ("paused", None)
    assert door.subscriptions.pause_subscription(subscription).replayed
    clock.instant = day(2, 5)
    assert now_is(subscription).status == "paused"
    assert left(customer) == 0
    assert not QuotaService.check_quota(customer, "sso")

    resumed = door.subscriptions.resume_subscription(subscription)

    assert (resumed.status, left(customer)) == ("active", before)
    assert resumed.paid_until == day(2, 5) + (day(28, 2) - day(2, 2))
    assert resumed.access_until == resumed.paid_until + timedelta(days=3)
    assert door.subscriptions.resume_subscription(subscription).replayed
    pause = SubscriptionPause.objects.get()
    assert (pause.begins_at, pause.ends_at, pause.reason) == (day(2, 2), day(2, 5), "holiday")
    if sku == "mixed":
        clock.advance(days=5)
        assert left(customer) == 100


def test_a_pause_with_an_end_needs_nobody_when_that_comes(customer: Any, clock: Any, told: Any, commit: Any) -> None:
    subscription = buy(customer)
    QuotaService.consume_quota(customer, "pdf_export", quantity=40)
    with commit():
        SubscriptionService.pause_subscription(subscription, resumes_at=day(10, 2))

    assert (now_is(subscription).status, left(customer)) == ("paused", 0)
    clock.instant = day(10, 2)
    after = now_is(subscription)
    assert (after.status, left(customer)) == ("active", 60)
    assert after.paid_until == day(10, 3)
    assert after.renews_at == day(7, 3)
    with commit():
        assert SubscriptionService.settle_subscriptions().resumed == 1
    assert told == ["subscription.paused", "subscription.resumed"]


def test_a_pause_writes_no_ledger(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    entries = LedgerEntry.objects.count()

    SubscriptionService.pause_subscription(subscription)
    clock.advance(days=3)
    SubscriptionService.resume_subscription(subscription)

    assert LedgerEntry.objects.count() == entries
    assert Grant.objects.count() == 2


def test_a_pause_with_an_end_is_ended_early(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    renew(subscription)
    SubscriptionService.pause_subscription(subscription, resumes_at=day(10, 4))
    clock.advance(days=5)

    after = SubscriptionService.resume_subscription(subscription)

    assert (after.status, left(customer)) == ("active", 100)
    assert after.paid_until == day(31, 3) + timedelta(days=5)
    clock.instant = day(28, 2) + timedelta(days=5)
    assert left(customer) == 100
    assert Grant.objects.filter(ended_at=None).count() == 4


def test_paused_at_the_end_of_the_period_it_runs_until_then(customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    SubscriptionService.pause_subscription(subscription, at_period_end=True)

    assert (now_is(subscription).status, left(customer)) == ("active", 100)
    clock.instant = day(28, 2)
    assert (now_is(subscription).status, left(customer)) == ("paused", 0)
    clock.instant = day(20, 3)
    after = SubscriptionService.resume_subscription(subscription)
    assert (after.status, after.paid_until, left(customer)) == ("past_due", day(20, 3), 0)
    renew(subscription)
    assert (now_is(subscription).paid_until, left(customer)) == (day(20, 4), 100)


def test_paused_at_the_end_of_the_period_until_a_day(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=day(15, 3))

    clock.instant = day(1, 3)
    assert now_is(subscription).status == "paused"
    clock.instant = day(12, 3)
    assert SubscriptionService.make_renewals().orders == 0
    clock.instant = day(15, 3)
    assert now_is(subscription).status == "past_due"
    renew(subscription)
    assert (now_is(subscription).paid_until, left(customer)) == (day(15, 4), 100)


@pytest.mark.parametrize("resumes_at", [None, day(15, 3)])
def test_a_pause_that_is_to_come_is_called_off(customer: Any, clock: Any, resumes_at: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=resumes_at)
    clock.advance(days=2)

    after = SubscriptionService.resume_subscription(subscription)

    same = ("status", "anchor", "anchor_index", "paid_from", "paid_until", "access_until", "renews_at", "paused_at")
    assert [getattr(after, name) for name in same] == [getattr(subscription, name) for name in same]
    clock.instant = day(2, 3)
    assert left(customer) == 100


def test_the_order_that_waited_is_called_off_and_made_again(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)

    SubscriptionService.pause_subscription(subscription)

    assert OrderService.get_order(order).status == "cancelled"
    SubscriptionService.resume_subscription(subscription)
    assert SubscriptionService.renew_subscription(subscription).pk != order.pk


def test_a_trial_may_be_paused(customer: Any, clock: Any) -> None:
    from billable.services import TrialService

    trial = TrialService.start_trial(customer, "tried")
    subscription = SubscriptionService.get_subscription(trial.subscription)
    SubscriptionService.pause_subscription(subscription)
    clock.advance(days=100)

    after = SubscriptionService.resume_subscription(subscription)

    assert (after.status, after.trial_until, left(customer)) == ("trialing", clock.instant + timedelta(days=14), 100)


def test_paused_and_cancelled_it_ends_when_what_was_left_is_over(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription)
    SubscriptionService.cancel_subscription(subscription)
    clock.advance(days=50)
    assert now_is(subscription).status == "paused"

    after = SubscriptionService.resume_subscription(subscription)

    assert (after.status, after.access_until) == ("cancelled", clock.instant + timedelta(days=28))


def test_units_that_come_back_in_a_pause_wait_with_the_others(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    usage = QuotaService.consume_quota(customer, "pdf_export", quantity=100)
    SubscriptionService.pause_subscription(subscription)

    QuotaService.reverse_usage(usage, quantity=30, idempotency_key="back")

    assert left(customer) == 0
    SubscriptionService.resume_subscription(subscription)
    assert left(customer) == 30


def test_what_is_held_in_a_pause_is_captured_and_released(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    hold = QuotaService.hold_quota(customer, "pdf_export", 50, ttl=3600)
    SubscriptionService.pause_subscription(subscription)

    QuotaService.capture_hold(hold, 20)

    assert left(customer) == 0
    SubscriptionService.resume_subscription(subscription)
    assert left(customer) == 80


def test_money_that_comes_in_a_pause_ends_it(customer: Any, clock: Any) -> None:
    from billable.models import Subscription

    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)
    Subscription.objects.update(renewal=None)
    SubscriptionService.pause_subscription(subscription)
    clock.advance(days=60)

    pay(order)

    after = now_is(subscription)
    assert (after.status, after.paid_from, left(customer)) == ("active", clock.instant + timedelta(days=28), 100)


@pytest.mark.parametrize("wrong", [day(31), day(30), "tomorrow", 5, day(1, year=9999).replace(tzinfo=None)])
def test_a_pause_ends_after_it_begins(customer: Any, clock: Any, refused: Any, wrong: Any) -> None:
    subscription = buy(customer)
    with refused("invalid", field="resumes_at"):
        SubscriptionService.pause_subscription(subscription, resumes_at=wrong)


def test_a_pause_that_is_to_come_ends_after_it_begins(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    with refused("invalid", field="resumes_at"):
        SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=day(27, 2))


def test_what_is_past_due_is_not_paused(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(1, 3)
    with refused("wrong_subscription_state", subscription_status="past_due", verb="paused"):
        SubscriptionService.pause_subscription(subscription)


@pytest.mark.parametrize("resumes_at", [None, day(15, 3)])
def test_cancelled_before_a_pause_that_is_to_come_it_ends_where_that_would_begin(
    customer: Any, clock: Any, resumes_at: Any
) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=resumes_at)

    cancelled = SubscriptionService.cancel_subscription(subscription)

    assert (cancelled.status, cancelled.access_until, cancelled.paused_at) == ("cancelled", day(28, 2), None)
    clock.instant = day(28, 2)
    assert (now_is(subscription).status, left(customer)) == ("ended", 0)


@pytest.mark.parametrize("resumes_at", [None, day(15, 3)])
def test_access_that_is_extended_stops_for_a_pause_that_is_to_come(
    customer: Any, clock: Any, refused: Any, resumes_at: Any
) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=resumes_at)
    with refused("invalid", field="to"):
        SubscriptionService.move_billing_date(subscription, day(20, 4))

    SubscriptionService.extend_access(subscription, day(1, 5))

    clock.instant = day(1, 3)
    assert (now_is(subscription).status, left(customer)) == ("paused", 0)


@pytest.mark.parametrize("resumes_at", [None, day(15, 3)])
def test_who_pays_for_the_next_period_calls_off_the_pause_before_it(customer: Any, clock: Any, resumes_at: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=resumes_at)

    renew(subscription)

    after = now_is(subscription)
    assert (after.status, after.paid_from, after.paid_until) == ("active", day(28, 2), day(31, 3))
    clock.instant = day(1, 3)
    assert left(customer) == 100


def test_money_that_comes_in_a_pause_with_an_end_waits_for_that(customer: Any, clock: Any) -> None:
    from billable.models import Subscription

    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)
    Subscription.objects.update(renewal=None)
    SubscriptionService.pause_subscription(subscription, resumes_at=day(10, 2))

    pay(order)

    after = now_is(subscription)
    assert (after.status, after.paid_from, left(customer)) == ("paused", day(10, 3), 0)
    clock.instant = day(10, 2)
    assert (now_is(subscription).status, left(customer)) == ("active", 100)
    clock.instant = day(10, 3)
    assert left(customer) == 100


@pytest.mark.parametrize("resumes_at", [None, day(10, 3)])
def test_without_a_grace_the_next_period_can_be_paid_after_a_pause_all_the_same(
    customer: Any, clock: Any, resumes_at: Any
) -> None:
    CatalogService.update_product("pro", grace_days=0)
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=resumes_at)
    clock.instant = day(10, 3)
    if resumes_at is None:
        SubscriptionService.resume_subscription(subscription)

    assert (now_is(subscription).status, left(customer)) == ("past_due", 0)
    assert now_is(subscription).access_until == day(13, 3)
    assert SubscriptionService.make_renewals().orders == 1
    renew(subscription)
    assert (now_is(subscription).status, now_is(subscription).paid_from, left(customer)) == ("active", day(10, 3), 100)


def test_what_lasts_longer_than_the_period_is_paused_now_and_not_at_its_end(
    customer: Any, clock: Any, refused: Any
) -> None:
    lines = [{"feature": "pdf_export", "quantity": 10, "period": "3 months"}]
    CatalogService.create_product("slow", price="5.00", currency="EUR", features=lines, recurs="1 month")
    subscription = buy(customer, "slow")

    with refused("pause_refused"):
        SubscriptionService.pause_subscription(subscription, at_period_end=True)

    SubscriptionService.pause_subscription(subscription)
    assert left(customer) == 0
    clock.advance(days=200)
    SubscriptionService.resume_subscription(subscription)
    assert left(customer) == 10
