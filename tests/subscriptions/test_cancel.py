"""Cancelling: at the end of the period or now, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from billable.models import Grant
from billable.services import OrderService, QuotaService, SubscriptionService
from tests.subscriptions.conftest import buy, day, left, now_is, pay, renew


def test_cancelled_it_runs_to_the_end_of_what_is_paid_for_and_no_longer(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    cancelled = door.subscriptions.cancel_subscription(subscription, reason="too dear")

    assert (cancelled.status, cancelled.cancelled_at, cancelled.reason) == ("cancelled", clock.instant, "too dear")
    assert cancelled.access_until == cancelled.paid_until == day(28, 2)
    assert door.subscriptions.cancel_subscription(subscription).replayed
    clock.instant = day(28, 2)
    assert now_is(subscription).status == "ended"
    assert left(customer) == 0


def test_cancelled_now_it_ends_with_all_that_it_gave(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer, "mixed")
    renew(subscription)

    ended = door.subscriptions.cancel_subscription(subscription, at_period_end=False)

    assert (ended.status, ended.ended_as, ended.ended_at) == ("ended", "cancelled", clock.instant)
    assert set(Grant.objects.values_list("ended_as", flat=True)) == {"revoked"}
    assert door.subscriptions.cancel_subscription(subscription, at_period_end=False).replayed
    assert not QuotaService.check_quota(customer, "sso")


def test_cancelling_calls_off_the_order_that_waited_for_the_next_period(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)

    SubscriptionService.cancel_subscription(subscription)

    assert OrderService.get_order(order).status == "cancelled"
    assert pay(order).code == "order_cancelled"
    assert now_is(subscription).renewal_id is None
    clock.instant = day(27, 2)
    assert SubscriptionService.make_renewals().orders == 0


def test_a_cancellation_is_undone_before_the_end(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.cancel_subscription(subscription, reason="too dear")

    after = door.subscriptions.undo_cancel(subscription)

    assert (after.status, after.cancelled_at, after.reason) == ("active", None, "")
    assert after.access_until == day(3, 3)
    assert door.subscriptions.undo_cancel(subscription).replayed
    clock.instant = day(1, 3)
    assert left(customer) == 100
    renew(subscription)


def test_one_that_is_past_due_ends_when_it_is_cancelled(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(1, 3)

    after = SubscriptionService.cancel_subscription(subscription)

    assert (after.status, after.ended_as) == ("ended", "cancelled")
    assert left(customer) == 0


def test_one_that_will_not_renew_is_cancelled_now_after_all(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.cancel_subscription(subscription)

    assert SubscriptionService.cancel_subscription(subscription, at_period_end=False).status == "ended"


def test_what_is_paid_while_it_is_cancelled_is_given_and_still_the_last(customer: Any, clock: Any) -> None:
    from billable.models import Subscription

    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)
    Subscription.objects.update(renewal=None)
    SubscriptionService.cancel_subscription(subscription)

    pay(order)

    after = now_is(subscription)
    assert (after.status, after.paid_until, after.access_until) == ("cancelled", day(31, 3), day(31, 3))


@pytest.mark.parametrize(
    ("verb", "named"),
    [("cancel_subscription", "cancelled"), ("undo_cancel", "taken up again"), ("pause_subscription", "paused"),
     ("resume_subscription", "resumed"), ("renew_subscription", "renewed")],
)  # fmt: skip
def test_what_ended_unpaid_is_over(door: Any, customer: Any, clock: Any, refused: Any, verb: str, named: str) -> None:
    subscription = buy(customer)
    clock.advance(days=90)

    with refused("wrong_subscription_state", subscription_status="ended", verb=named):
        getattr(door.subscriptions, verb)(subscription)


def test_what_was_cancelled_is_not_renewed(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.cancel_subscription(subscription)

    with refused("wrong_subscription_state", subscription_status="cancelled", verb="renewed"):
        SubscriptionService.renew_subscription(subscription)
    with refused("wrong_subscription_state", subscription_status="cancelled", verb="paused"):
        SubscriptionService.pause_subscription(subscription)


@pytest.mark.parametrize("wrong", [{"at_period_end": "no"}, {"reason": 5}, {"reason": "x" * 501}])
def test_nonsense_is_refused(customer: Any, clock: Any, refused: Any, wrong: dict[str, Any]) -> None:
    subscription = buy(customer)
    with refused("invalid"):
        SubscriptionService.cancel_subscription(subscription, **wrong)
