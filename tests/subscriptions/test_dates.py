"""Until when it can be used, and when it is paid for, are two things."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.services import CatalogService, SubscriptionService
from tests.subscriptions.conftest import buy, day, left, now_is, renew


def test_access_goes_on_and_the_billing_date_stays(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    after = door.subscriptions.extend_access(subscription, day(15, 3))

    assert (after.access_until, after.paid_until, after.renews_at) == (day(15, 3), day(28, 2), day(25, 2))
    assert door.subscriptions.extend_access(subscription, day(15, 3)).replayed
    clock.instant = day(14, 3)
    assert (now_is(subscription).status, left(customer)) == ("past_due", 100)
    renew(subscription)
    assert (now_is(subscription).paid_until, left(customer)) == (day(31, 3), 100)


def test_paid_more_than_a_period_late_the_next_one_begins_now(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.extend_access(subscription, day(15, 5))
    clock.instant = day(10, 5)

    renew(subscription)

    after = now_is(subscription)
    assert (after.status, after.paid_from, after.paid_until) == ("active", day(10, 5), day(10, 6))
    assert (after.period_index, left(customer)) == (1, 100)


def test_a_shorter_period_that_would_be_over_begins_now(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.extend_access(subscription, day(20, 3))
    CatalogService.update_product("pro", recurs="1 week")
    clock.instant = day(10, 3)

    renew(subscription)

    after = now_is(subscription)
    assert (after.status, after.paid_from, after.paid_until) == ("active", day(10, 3), day(17, 3))


def test_access_after_a_cancellation_may_be_extended(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.cancel_subscription(subscription)

    SubscriptionService.extend_access(subscription, day(15, 3))

    clock.instant = day(14, 3)
    assert (now_is(subscription).status, left(customer)) == ("cancelled", 100)
    clock.instant = day(15, 3)
    assert (now_is(subscription).status, left(customer)) == ("ended", 0)


def test_billed_later_the_period_becomes_longer(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    after = door.subscriptions.move_billing_date(subscription, day(15, 3))

    assert (after.paid_until, after.access_until, after.renews_at) == (day(15, 3), day(18, 3), day(12, 3))
    assert door.subscriptions.move_billing_date(subscription, day(15, 3)).replayed
    clock.instant = day(14, 3)
    assert (now_is(subscription).status, left(customer)) == ("active", 100)
    renew(subscription)
    assert now_is(subscription).paid_until == day(15, 4)


def test_billed_earlier_nothing_is_cut_that_was_paid_for(customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    SubscriptionService.move_billing_date(subscription, day(10, 2))

    clock.instant = day(27, 2)
    assert (now_is(subscription).status, left(customer)) == ("past_due", 100)
    renew(subscription)
    assert (now_is(subscription).paid_from, now_is(subscription).paid_until) == (day(10, 2), day(10, 3))


def test_a_missed_period_is_given_time_by_another_date(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(1, 3)

    SubscriptionService.move_billing_date(subscription, day(10, 3))

    assert now_is(subscription).status == "active"


def test_a_trial_is_made_longer_by_its_billing_date(customer: Any, clock: Any) -> None:
    from billable.services import TrialService

    trial = TrialService.start_trial(customer, "tried")

    after = SubscriptionService.move_billing_date(trial.subscription, day(20, 3))

    assert (after.status, after.trial_until, after.paid_until) == ("trialing", day(20, 3), day(20, 3))
    clock.instant = day(19, 3)
    assert left(customer) == 100


@pytest.mark.parametrize("wrong", [day(31), day(1), "tomorrow", None, day(27, 2)])
def test_access_ends_in_the_future_and_after_what_is_paid_for(
    door: Any, customer: Any, clock: Any, refused: Any, wrong: Any
) -> None:
    subscription = buy(customer)
    with refused("invalid", field="until"):
        door.subscriptions.extend_access(subscription, wrong)


@pytest.mark.parametrize("wrong", [day(31), day(1), "tomorrow", None, day(31, 12, year=9999)])
def test_the_billing_date_is_in_the_future(door: Any, customer: Any, clock: Any, refused: Any, wrong: Any) -> None:
    subscription = buy(customer)
    with refused("invalid", field="to"):
        door.subscriptions.move_billing_date(subscription, wrong)


def test_a_period_that_is_paid_ahead_is_not_billed_before_it_begins(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    renew(subscription)
    with refused("invalid", field="to"):
        SubscriptionService.move_billing_date(subscription, day(20, 2))


@pytest.mark.parametrize("verb", ["extend_access", "move_billing_date"])
def test_what_stands_still_has_no_dates(customer: Any, clock: Any, refused: Any, verb: str) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription)
    with refused("wrong_subscription_state", subscription_status="paused"):
        getattr(SubscriptionService, verb)(subscription, clock.instant + timedelta(days=90))
