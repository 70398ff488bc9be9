"""Subscriptions under contention: no period is sold twice, and of two who change one, one wins."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billable.errors import WrongSubscriptionState
from billable.models import Grant, Order, OrderItem, Subscription
from billable.services import CatalogService, CustomerRef, OrderService, SubscriptionService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import verb

ROUNDS = 3


@pytest.fixture(autouse=True)
def plan(credits: str) -> None:
    CatalogService.create_product("plan", price="9.99", features=[credits], quantity=100, recurs="1 month")


def subscribe(ref: CustomerRef) -> Subscription:
    order = OrderService.create_order(ref, [{"sku": "plan"}])
    OrderService.confirm_payment(order, payment_id=str(order.pk))
    return Subscription.objects.get(items__order=order)


def now(subscription: Subscription) -> Subscription:
    return SubscriptionService.get_subscription(subscription)


def test_a_renewal_that_is_paid_eight_times_is_one_period(crew: Crew) -> None:
    subscription = subscribe(customer("ada"))
    order = SubscriptionService.renew_subscription(subscription)

    crew.at_once(*[verb("OrderService.confirm_payment", order.pk, payment_id="pi_1")] * 8)

    assert (now(subscription).period_index, Grant.objects.count()) == (1, 2)
    assert sorted(OrderItem.objects.values_list("period_index", flat=True)) == [0, 1]


def test_an_order_and_another_payment_for_it_are_one_period(crew: Crew) -> None:
    subscription = subscribe(customer("ada"))
    order = SubscriptionService.renew_subscription(subscription)

    results = crew.at_once(
        *(verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}") for number in range(4))
    )

    assert sorted(payment.status for payment in results.values) == ["succeeded", "unapplied", "unapplied", "unapplied"]
    assert now(subscription).period_index == 1


def test_eight_who_renew_make_one_order(crew: Crew) -> None:
    subscription = subscribe(customer("ada"))

    results = crew.at_once(*[verb("SubscriptionService.renew_subscription", subscription.pk)] * 8)

    assert len({order.pk for order in results.values}) == 1
    assert [order.replayed for order in results.values].count(False) == 1
    assert Order.objects.filter(status="pending").count() == 1


def test_sweeps_at_once_make_one_order_for_each(crew: Crew) -> None:
    every = [subscribe(customer(f"customer {number}")) for number in range(12)]
    Subscription.objects.update(renews_at=timezone.now() - timedelta(seconds=1))

    results = crew.at_once(*[verb("SubscriptionService.make_renewals")] * 4)

    assert sum(sweep.orders for sweep in results.values) == 12
    assert Order.objects.filter(status="pending").count() == 12
    assert {now(each).renewal_id for each in every} == set(
        Order.objects.filter(status="pending").values_list("pk", flat=True)
    )


def test_of_renewing_and_cancelling_nothing_is_left_to_be_paid(crew: Crew) -> None:
    for number in range(ROUNDS):
        subscription = subscribe(customer(f"customer {number}"))

        crew.at_once(
            *[
                verb("SubscriptionService.renew_subscription", subscription.pk),
                verb("SubscriptionService.cancel_subscription", subscription.pk),
            ]
            * 2,
            refusing=WrongSubscriptionState,
        )

        after = now(subscription)
        assert (after.status, after.renewal_id, after.renews_at) == ("cancelled", None, None)
        assert not Order.objects.filter(status="pending").exists()


def test_of_paying_and_cancelling_the_money_is_kept_either_way(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"customer {number}")
        subscription = subscribe(ref)
        order = SubscriptionService.renew_subscription(subscription)

        results = crew.at_once(
            verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}"),
            verb("SubscriptionService.cancel_subscription", subscription.pk),
        )

        (payment,) = [each for each in results.values if hasattr(each, "payment_id")]
        after = now(subscription)
        assert after.cancelled_at is not None
        assert (after.period_index, payment.code) in [(1, ""), (0, "order_cancelled")]
        assert balance(ref) == 100


def test_of_pausing_and_paying_nothing_is_lost(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"customer {number}")
        subscription = subscribe(ref)
        order = SubscriptionService.renew_subscription(subscription)

        results = crew.at_once(
            verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}"),
            verb("SubscriptionService.pause_subscription", subscription.pk),
        )

        (payment,) = [each for each in results.values if hasattr(each, "payment_id")]
        SubscriptionService.resume_subscription(subscription)
        assert (now(subscription).period_index, payment.code) in [(1, ""), (0, "order_cancelled")]
        assert balance(ref) == 100


def test_eight_who_resume_move_it_once(crew: Crew) -> None:
    ref = customer("ada")
    subscription = subscribe(ref)
    SubscriptionService.pause_subscription(subscription)
    before: Any = now(subscription).paid_until

    results = crew.at_once(*[verb("SubscriptionService.resume_subscription", subscription.pk)] * 8)

    assert [each.replayed for each in results.values].count(False) == 1
    assert timedelta(0) < now(subscription).paid_until - before < timedelta(minutes=5)
    assert balance(ref) == 100
