"""change_seats: more of them now, for the time that is left; fewer from the next period on."""

from __future__ import annotations

from typing import Any

import pytest

from billable.errors import IdempotencyConflict, Invalid, NothingToChange
from billable.models import OrderItem, PlanChange
from billable.services import OrderService, QuotaService, SubscriptionService
from tests.plans.conftest import buy, change, day, left, now_is, order_of, pay


@pytest.fixture
def subscription(customer: Any, clock: Any) -> Any:
    """Two seats of basic since 1 June; it is the 16th, and half of the time is left."""
    clock.instant = day(1)
    subscription = buy(customer, quantity=2)
    clock.instant = day(16)
    return subscription


def test_seats_are_added_for_the_time_that_is_left(customer: Any, subscription: Any, door: Any) -> None:
    QuotaService.consume_quota(customer, "pages", quantity=150)

    made = door.subscriptions.change_seats(subscription, 5)

    assert (made.credited_minor, made.charged_minor, made.status, left(customer)) == (0, 1500, "waiting", 50)
    pay(order_of(made))
    assert (now_is(subscription).seats, left(customer)) == (5, 200)
    assert SubscriptionService.renew_subscription(subscription).total_amount_minor == 5000


def test_seats_are_lowered_with_the_next_period(customer: Any, subscription: Any, door: Any) -> None:
    made = door.subscriptions.change_seats(subscription, 1)

    assert (made.status, made.at, now_is(subscription).seats, left(customer)) == ("scheduled", "period_end", 2, 200)
    pay(SubscriptionService.renew_subscription(subscription))
    assert (now_is(subscription).seats, now_is(subscription).next_seats) == (1, None)


def test_a_change_of_plan_credits_what_was_paid_for_added_seats_too(customer: Any, subscription: Any) -> None:
    pay(order_of(SubscriptionService.change_seats(subscription, 3)))

    made = change(subscription, "pro", units="regrant")

    # Of 20.00 half, of the 5.00 for the added seat all: it was bought for the time that is left.
    assert (made.credited_minor, made.charged_minor, made.to_seats) == (1500, 7200, 3)
    assert (left(customer), now_is(subscription).seats) == (900, 3)


def test_added_seats_leave_a_plan_that_is_scheduled_alone(customer: Any, subscription: Any) -> None:
    SubscriptionService.change_plan(subscription, sku="pro", seats=1, at="period_end")

    pay(order_of(SubscriptionService.change_seats(subscription, 3)))

    standing = now_is(subscription)
    assert (standing.seats, standing.next_product.sku, standing.next_seats) == (3, "pro", 1)


def test_refunding_added_seats_does_not_end_the_subscription(customer: Any, subscription: Any) -> None:
    made = SubscriptionService.change_seats(subscription, 3)
    pay(order_of(made))

    OrderService.refund_order(order_of(made), refund_id="all")

    assert (now_is(subscription).status, left(customer)) == ("active", 200)
    assert now_is(subscription).seats == 2
    assert SubscriptionService.renew_subscription(subscription).total_amount_minor == 2000


@pytest.mark.parametrize("added", [False, True])
def test_a_seat_that_went_back_for_its_time_is_not_credited_again(
    customer: Any, subscription: Any, clock: Any, added: bool
) -> None:
    order = OrderItem.objects.get().order
    if added:
        made = SubscriptionService.change_seats(subscription, 3)
        order = order_of(made)
        pay(order)
        clock.instant = day(24)
    lines = [{"line": 1, "quantity": 1}]
    OrderService.refund_order(order, refund_id="one", items=lines, policy="pro_rata_time")

    made = SubscriptionService.change_plan(subscription, sku="free")

    # Of each seat that stays what is left of its time.
    assert made.credited_minor == (466 if added else 500)


def test_a_key_adds_seats_once(customer: Any, subscription: Any) -> None:
    first = SubscriptionService.change_seats(subscription, 5, idempotency_key="more")
    pay(order_of(first))

    again = SubscriptionService.change_seats(subscription, 5, idempotency_key="more")

    assert (again.pk, again.replayed, again.status, OrderItem.objects.count()) == (first.pk, True, "applied", 2)
    with pytest.raises(IdempotencyConflict):
        SubscriptionService.change_seats(subscription, 6, idempotency_key="more")


@pytest.mark.parametrize(("seats", "refusal"), [(2, NothingToChange), (0, Invalid), (True, Invalid), ("3", Invalid)])
def test_what_cannot_be_is_refused(customer: Any, subscription: Any, seats: Any, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        SubscriptionService.change_seats(subscription, seats)
    assert PlanChange.objects.count() == 0


def test_fewer_seats_of_the_same_plan_are_no_change_for_now(customer: Any, subscription: Any) -> None:
    with pytest.raises(Invalid) as refusal:
        SubscriptionService.change_plan(subscription, seats=1)
    assert refusal.value.field == "at"
    assert SubscriptionService.change_plan(subscription, seats=1, at="period_end").status == "scheduled"
