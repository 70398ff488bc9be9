"""Money that goes back, and money that may have to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.models import Order, Payment
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService
from tests.subscriptions.conftest import buy, day, left, now_is, pay, renew


def order_of(subscription: Any, index: int = 0) -> Order:
    return Order.objects.get(items__subscription=subscription, items__period_index=index)


def test_the_latest_period_refunded_whole_ends_it(customer: Any, clock: Any) -> None:
    subscription = buy(customer, "mixed")
    renewal = SubscriptionService.renew_subscription(subscription)

    OrderService.refund_order(order_of(subscription), refund_id="r1")

    after = now_is(subscription)
    assert (after.status, after.ended_as) == ("ended", "refunded")
    assert OrderService.get_order(renewal).status == "cancelled"
    assert left(customer) == 0


@pytest.mark.parametrize("policy", ["pro_rata_time", "unused_only"])
def test_of_the_latest_period_every_piece_goes_back_and_it_ends(customer: Any, clock: Any, policy: str) -> None:
    subscription = buy(customer)
    renewal = SubscriptionService.renew_subscription(subscription)
    clock.instant = day(14, 2)

    refund = OrderService.refund_order(order_of(subscription), refund_id="r1", policy=policy)

    after = now_is(subscription)
    assert (refund.amount_minor, left(customer)) == (499, 0)
    assert (after.status, after.ended_as) == ("ended", "refunded")
    assert OrderService.get_order(renewal).status == "cancelled"


def test_a_part_of_the_money_ends_nothing(customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    OrderService.refund_order(order_of(subscription), refund_id="r1", amount_minor=99)

    assert now_is(subscription).status == "active"
    assert QuotaService.check_quota(customer, "sso")


def test_of_several_seats_one_goes_back_and_the_others_stay(customer: Any, clock: Any) -> None:
    subscription = buy(customer, "mixed", quantity=3)

    OrderService.refund_order(order_of(subscription), refund_id="r1", items=[{"line": 1, "quantity": 1}])

    assert (now_is(subscription).status, left(customer)) == ("active", 220)
    assert QuotaService.check_quota(customer, "sso")


def test_a_seat_that_went_back_is_not_renewed(customer: Any, clock: Any) -> None:
    subscription = buy(customer, quantity=3)
    waiting = SubscriptionService.renew_subscription(subscription)

    OrderService.refund_order(order_of(subscription), refund_id="r1", items=[{"line": 1, "quantity": 1}])

    assert now_is(subscription).seats == 2
    assert OrderService.get_order(waiting).status == "cancelled"
    assert renew(subscription).total_amount_minor == 2 * 999
    OrderService.refund_order(order_of(subscription, 1), refund_id="r2", items=[{"line": 1, "quantity": 1}])
    OrderService.refund_order(order_of(subscription, 1), refund_id="r3", items=[{"line": 1, "quantity": 1}])
    assert (now_is(subscription).status, now_is(subscription).seats) == ("cancelled", 1)


def test_a_period_that_has_not_begun_goes_back_and_the_one_before_stays(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    renew(subscription)

    OrderService.refund_order(order_of(subscription, 1), refund_id="r1")

    after = now_is(subscription)
    assert (after.status, after.access_until, left(customer)) == ("cancelled", day(28, 2), 100)
    SubscriptionService.undo_cancel(subscription)
    renew(subscription)
    assert (now_is(subscription).period_index, now_is(subscription).paid_until) == (2, day(28, 3))


def test_an_earlier_period_goes_back_and_nothing_changes(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(28, 2)
    renew(subscription)

    OrderService.refund_order(order_of(subscription), refund_id="r1")

    assert (now_is(subscription).status, left(customer)) == ("active", 100)


@pytest.mark.parametrize("paused", [False, True])
def test_the_time_that_is_left_is_that_of_the_period_and_not_of_its_grace(
    customer: Any, clock: Any, paused: bool
) -> None:
    subscription = buy(customer)
    clock.instant = day(14, 2)
    if paused:
        SubscriptionService.pause_subscription(subscription, resumes_at=day(1, 6))
        clock.advance(days=30)

    quote = OrderService.quote_refund(order_of(subscription), policy="pro_rata_time")

    assert quote.amount.amount_minor == 999 // 2


def test_in_the_grace_nothing_of_the_time_is_left(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(1, 3)

    for policy in ("pro_rata_time", "unused_only"):
        with pytest.raises(Exception, match="nothing"):
            OrderService.quote_refund(order_of(subscription), policy=policy)


def dispute(subscription: Any, index: int = 0) -> Any:
    payment = Payment.objects.get(order=order_of(subscription, index))
    return OrderService.dispute_payment(payment, dispute_id=f"d{index + 1}")


def test_disputed_it_is_suspended_and_comes_back_when_it_is_won(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    raised = dispute(subscription)

    assert (now_is(subscription).status, left(customer)) == ("suspended", 0)
    with refused("wrong_subscription_state", subscription_status="suspended"):
        SubscriptionService.renew_subscription(subscription)
    clock.advance(days=3)
    OrderService.resolve_dispute(raised, "won")

    assert (now_is(subscription).status, left(customer)) == ("active", 100)
    assert now_is(subscription).renews_at == day(25, 2)


def test_won_when_its_time_is_over_the_next_period_can_be_paid(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    raised = dispute(subscription)
    clock.instant = day(10, 5)
    assert now_is(subscription).status == "suspended"

    OrderService.resolve_dispute(raised, "won")

    assert (now_is(subscription).status, left(customer)) == ("past_due", 0)
    renew(subscription)
    assert (now_is(subscription).paid_from, left(customer)) == (day(10, 5), 100)


def test_lost_it_ends(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    raised = dispute(subscription)
    clock.advance(days=3)

    OrderService.resolve_dispute(raised, "lost")

    assert (now_is(subscription).ended_as, left(customer)) == ("refunded", 0)


def test_cancelled_while_it_is_disputed_it_ends_when_that_is_decided(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    raised = dispute(subscription)
    SubscriptionService.cancel_subscription(subscription)
    clock.advance(days=60)

    OrderService.resolve_dispute(raised, "won")

    after = now_is(subscription)
    assert (after.status, after.ended_as, after.ended_at) == ("ended", "cancelled", day(28, 2))


def test_a_disputed_pause_stays_a_pause(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription)
    raised = dispute(subscription)
    with refused("wrong_subscription_state", subscription_status="suspended"):
        SubscriptionService.resume_subscription(subscription)

    OrderService.resolve_dispute(raised, "won")

    assert (now_is(subscription).status, left(customer)) == ("paused", 0)
    clock.advance(days=9)
    SubscriptionService.resume_subscription(subscription)
    assert left(customer) == 100
    assert now_is(subscription).paid_until == day(28, 2) + timedelta(days=9)


def test_one_of_several_disputes_lifts_no_suspension(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    renew(subscription)
    clock.instant = day(5, 3)
    early, late = (dispute(subscription, index) for index in (0, 1))
    assert now_is(subscription).status == "suspended"

    OrderService.resolve_dispute(early, "won")
    assert now_is(subscription).status == "suspended"

    OrderService.resolve_dispute(late, "won")
    assert now_is(subscription).status == "active"


def test_won_what_comes_back_does_not_last_into_a_period_that_was_paid_since(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    renewal = SubscriptionService.renew_subscription(subscription)
    raised = dispute(subscription)
    clock.instant = day(1, 3)
    OrderService.confirm_payment(renewal, payment_id="late")

    OrderService.resolve_dispute(raised, "won")

    after = now_is(subscription)
    assert (after.status, after.paid_from, left(customer)) == ("active", day(1, 3), 100)


def test_a_period_that_stands_still_has_begun_and_ends_when_it_goes_back(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, resumes_at=clock() + timedelta(days=12))
    OrderService.refund_order(order_of(subscription), refund_id="r1")

    after = now_is(subscription)
    assert (after.status, after.ended_as, left(customer)) == ("ended", "refunded", 0)


def test_a_period_to_come_that_went_back_leaves_the_grace_to_the_one_before(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    renew(subscription)
    OrderService.refund_order(order_of(subscription, 1), refund_id="r1")

    SubscriptionService.undo_cancel(subscription)

    clock.instant = day(1, 3)
    assert (now_is(subscription).status, left(customer)) == ("past_due", 100)
    renew(subscription)
    assert (now_is(subscription).paid_from, left(customer)) == (day(28, 2), 100)
    clock.instant = day(27, 3)
    assert left(customer) == 100


@pytest.mark.parametrize("now", [False, True])
def test_added_seats_that_are_won_after_the_end_give_nothing(customer: Any, clock: Any, now: bool) -> None:
    subscription = buy(customer)
    added = SubscriptionService.change_seats(subscription, 2)
    pay(OrderService.get_order(added.item.order_id))
    raised = OrderService.dispute_payment(added.item.order.payments.get(), dispute_id="d1")
    assert (now_is(subscription).status, left(customer)) == ("active", 100)
    SubscriptionService.cancel_subscription(subscription, at_period_end=not now)
    clock.instant = day(1, 3)

    OrderService.resolve_dispute(raised, "won")

    assert (now_is(subscription).status, left(customer)) == ("ended", 0)


def test_without_a_grace_the_next_period_can_be_paid_after_a_dispute_that_was_won(customer: Any, clock: Any) -> None:
    CatalogService.update_product("pro", grace_days=0)
    subscription = buy(customer)
    raised = dispute(subscription)
    clock.instant = day(10, 5)

    OrderService.resolve_dispute(raised, "won")

    after = now_is(subscription)
    assert (after.status, after.access_until, left(customer)) == ("past_due", day(13, 5), 0)
    renew(subscription)
    assert (now_is(subscription).paid_from, left(customer)) == (day(10, 5), 100)
