"""Changes of plan under contention: one at a time, made once, and weighed by what is true when they are made."""

from __future__ import annotations

import pytest

from billable.errors import ChangeWaiting, QuotaExceeded
from billable.models import Grant, Order, PlanChange, Subscription
from billable.services import CatalogService, CustomerRef, OrderService, SubscriptionService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import verb

ROUNDS = 3


@pytest.fixture(autouse=True)
def plans(credits: str) -> None:
    for sku, price, units in (("small", "10.00", 100), ("large", "24.00", 300)):
        CatalogService.create_product(sku, price=price, features=[credits], quantity=units, recurs="1 month")


def subscribe(ref: CustomerRef) -> Subscription:
    order = OrderService.create_order(ref, [{"sku": "small"}])
    OrderService.confirm_payment(order, payment_id=str(order.pk))
    return Subscription.objects.get(items__order=order)


def test_of_eight_who_change_a_plan_one_does(crew: Crew) -> None:
    subscription = subscribe(customer("ada"))

    results = crew.at_once(
        *[verb("SubscriptionService.change_plan", subscription.pk, sku="large")] * 8, refusing=ChangeWaiting
    )

    assert (len(results.values), PlanChange.objects.count(), Order.objects.count()) == (1, 1, 2)


def test_one_key_is_one_change(crew: Crew) -> None:
    subscription = subscribe(customer("ada"))

    call = verb("SubscriptionService.change_plan", subscription.pk, sku="large", idempotency_key="up")
    results = crew.at_once(*[call] * 8)

    assert len({change.pk for change in results.values}) == 1
    assert sorted(change.replayed for change in results.values) == [False, *[True] * 7]


def test_a_change_that_is_paid_eight_times_is_made_once(crew: Crew) -> None:
    ref = customer("ada")
    made = SubscriptionService.change_plan(subscribe(ref), sku="large")

    crew.at_once(*[verb("OrderService.confirm_payment", made.order.pk, payment_id="pi_1")] * 8)

    assert (balance(ref), Grant.objects.count()) == (300, 2)


def test_what_is_used_while_a_change_is_paid_is_not_given_again(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"customer {number}")
        made = SubscriptionService.change_plan(subscribe(ref), sku="large")

        results = crew.at_once(
            verb("OrderService.confirm_payment", made.order.pk, payment_id=f"pi_{number}"),
            *[verb("QuotaService.consume_quota", ref, "credits", quantity=50)] * 3,
            refusing=QuotaExceeded,
        )

        used = 50 * (len(results.values) - 1)
        # Whichever came first: of all that the larger plan gives, what was used is gone, and no more.
        assert used + balance(ref) <= 300
        assert used in (100, 150)
