"""A subscription begins with a payment, and each renewal that is paid gives it the next period."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.models import Grant, Order, OrderItem, Subscription
from billable.services import CatalogService, Money, OrderService, QuotaService, SubscriptionService
from tests.subscriptions.conftest import LINES, buy, day, left, now_is, pay, renew


def test_paying_for_what_recurs_begins_a_subscription(customer: Any, clock: Any, told: Any, commit: Any) -> None:
    with commit():
        subscription = buy(customer, quantity=2)

    assert (subscription.status, subscription.seats, subscription.period_index) == ("active", 2, 0)
    assert (subscription.paid_from, subscription.paid_until) == (day(31), day(28, 2))
    assert subscription.access_until == day(3, 3)
    assert subscription.renews_at == day(25, 2)
    assert told == ["subscription.started"]
    item = OrderItem.objects.get()
    assert (item.period_index, item.period_from, item.period_until) == (0, day(31), day(28, 2))


def test_an_order_alone_begins_nothing(customer: Any, clock: Any) -> None:
    OrderService.create_order(customer, [{"sku": "pro"}], currency="EUR")

    assert SubscriptionService.list_subscriptions(customer).items == ()
    assert left(customer) == 0


def test_what_recurs_and_is_free_begins_at_once(customer: Any, clock: Any) -> None:
    CatalogService.create_product("gift", price="0", currency="EUR", features=["sso"], recurs="1 year")

    OrderService.create_order(customer, [{"sku": "gift"}], currency="EUR")

    (subscription,) = SubscriptionService.list_subscriptions(customer)
    assert subscription.paid_until == day(31, year=2027)


def test_lines_without_a_period_last_as_long_as_the_subscription(customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    windows = set(Grant.objects.values_list("valid_from", "expires_at", "subscription", "period_index"))
    assert windows == {(day(31), subscription.access_until, subscription.pk, 0)}
    clock.instant = subscription.access_until - timedelta(seconds=1)
    assert left(customer) == 100
    clock.instant = subscription.access_until
    assert left(customer) == 0


def test_lines_with_a_period_of_their_own_keep_it(customer: Any, clock: Any) -> None:
    buy(customer, "mixed")

    assert left(customer) == 110
    clock.advance(days=7)
    assert left(customer) == 100


def test_of_several_seats_all_run_at_once(customer: Any, clock: Any) -> None:
    buy(customer, "mixed", quantity=3)

    assert left(customer) == 330
    assert {grant.expires_at for grant in Grant.objects.filter(quantity=None, period_count=1)} == {day(7, 2)}


def test_buying_twice_is_two_subscriptions(customer: Any, clock: Any) -> None:
    first, second = buy(customer), buy(customer)

    assert first != second
    assert left(customer) == 200


def test_one_order_may_begin_several(customer: Any, clock: Any) -> None:
    lines = [{"sku": "pro"}, {"sku": "mixed"}, {"sku": "pack"}, {"sku": "pro"}]
    pay(OrderService.create_order(customer, lines, currency="EUR"))

    assert [each.product.sku for each in SubscriptionService.list_subscriptions(customer)] == ["pro", "mixed", "pro"]
    assert left(customer) == 320


def test_a_renewal_is_ordered_at_the_price_of_the_day(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    CatalogService.update_product("pro", prices=[Money(1234, "EUR")])

    order = door.subscriptions.renew_subscription(subscription)

    assert (order.status, order.total_amount_minor, order.currency) == ("pending", 1234, "EUR")
    assert order.expires_at == subscription.access_until
    assert door.subscriptions.renew_subscription(subscription).replayed
    assert Order.objects.count() == 2


def test_a_renewal_that_is_paid_ahead_begins_where_the_period_ends(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(25, 2)

    order = renew(subscription)

    after = now_is(subscription)
    assert (after.period_index, after.paid_from, after.paid_until) == (1, day(28, 2), day(31, 3))
    assert (after.status, after.renewal_id) == ("active", None)
    (item,) = order.items.all()
    assert (item.period_index, item.period_from) == (1, day(28, 2))
    assert left(customer) == 100


def test_units_of_a_period_do_not_leak_into_the_next_one_that_is_paid(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    QuotaService.consume_quota(customer, "pdf_export", quantity=60)
    clock.instant = day(25, 2)
    renew(subscription)

    assert left(customer) == 40
    clock.instant = day(28, 2)
    assert left(customer) == 100


def test_who_pays_within_the_grace_loses_no_day_and_gains_none(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(2, 3)
    assert now_is(subscription).status == "past_due"
    assert left(customer) == 100

    renew(subscription)

    after = now_is(subscription)
    assert (after.status, after.paid_from, after.paid_until) == ("active", day(28, 2), day(31, 3))
    assert left(customer) == 100
    old = Grant.objects.filter(period_index=0)
    assert {(grant.ended_as, grant.ended_at) for grant in old} == {("expired", day(2, 3))}


def test_nobody_pays_and_it_ends_with_the_grace(customer: Any, clock: Any) -> None:
    subscription = buy(customer)

    clock.instant = day(3, 3)

    after = now_is(subscription)
    assert (after.status, after.ended_at) == ("ended", None)
    assert not QuotaService.check_quota(customer, "sso")


def test_money_that_comes_after_the_end_brings_it_back_from_now_on(
    customer: Any, clock: Any, told: Any, commit: Any
) -> None:
    subscription = buy(customer)
    order = SubscriptionService.renew_subscription(subscription)
    clock.instant = day(20, 3)

    with commit():
        OrderService.expire_orders()
        payment = pay(order)

    assert payment.status == "succeeded"
    after = now_is(subscription)
    assert (after.status, after.paid_from, after.paid_until) == ("active", day(20, 3), day(20, 4))
    assert (after.period_index, after.ended_as) == (1, "")
    assert left(customer) == 100
    assert told == ["subscription.past_due", "subscription.ended", "subscription.renewed"]


def test_it_comes_back_to_the_31st_after_every_short_month(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    ends = []
    for _ in range(13):
        clock.instant = now_is(subscription).paid_until
        renew(subscription)
        ends.append(now_is(subscription).paid_until)

    assert [(end.month, end.day) for end in ends] == [
        *((3, 31), (4, 30), (5, 31), (6, 30), (7, 31), (8, 31), (9, 30)),
        *((10, 31), (11, 30), (12, 31), (1, 31), (2, 28), (3, 31)),
    ]


def test_a_sweep_orders_what_is_due_once(door: Any, customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(25, 2) - timedelta(seconds=1)
    assert door.subscriptions.make_renewals().orders == 0

    clock.advance(seconds=1)

    assert door.subscriptions.make_renewals(limit=5).orders == 1
    assert door.subscriptions.make_renewals().orders == 0
    assert now_is(subscription).renewal_id == Order.objects.get(status="pending").pk


def test_what_cannot_be_renewed_is_told_and_tried_again(customer: Any, clock: Any) -> None:
    subscription, other = buy(customer), buy(customer, "mixed")
    CatalogService.deactivate_product("pro")
    clock.instant = day(25, 2)

    sweep = SubscriptionService.make_renewals()

    assert sweep.orders == 1
    assert [(each.subscription, each.code) for each in sweep.failures] == [(subscription.pk, "not_for_sale")]
    CatalogService.update_product("pro", is_active=True)
    assert SubscriptionService.make_renewals().orders == 1
    assert now_is(other).renewal_id is not None


def test_a_renewal_that_was_called_off_is_made_again_by_hand_and_takes_no_money(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    first = SubscriptionService.renew_subscription(subscription)
    OrderService.expire_orders(older_than=timedelta(microseconds=1))
    clock.advance(days=1)
    OrderService.expire_orders(older_than=timedelta(hours=1))

    second = SubscriptionService.renew_subscription(subscription)

    assert second.pk != first.pk
    assert pay(first).code == "order_cancelled"
    pay(second)
    assert now_is(subscription).period_index == 1


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_a_renewal_that_nobody_will_pay_is_made_again_once(customer: Any, clock: Any, how: str) -> None:
    subscription = buy(customer)
    clock.instant = day(26, 2)
    SubscriptionService.make_renewals()
    first = Order.objects.get(status="pending")
    if how == "cancelled":
        OrderService.cancel_order(first)
    else:
        clock.advance(hours=2)
        OrderService.expire_orders(older_than=timedelta(hours=1))

    sweeps = [SubscriptionService.make_renewals().orders for _ in range(2)]

    assert sweeps == [1, 0]
    assert pay(first).code == "order_cancelled"
    second = Order.objects.get(status="pending")
    assert (now_is(subscription).renewal_id, now_is(subscription).renews_at) == (second.pk, None)
    pay(second)
    assert now_is(subscription).period_index == 1


def test_a_renewal_is_made_again_when_access_was_given_for_longer(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    first = SubscriptionService.renew_subscription(subscription)
    SubscriptionService.extend_access(subscription, day(20, 3))
    clock.instant = day(4, 3)
    OrderService.expire_orders()
    assert OrderService.get_order(first).status == "expired"

    assert SubscriptionService.make_renewals().orders == 1
    assert Order.objects.get(status="pending").expires_at == day(20, 3)


@pytest.mark.broken_books  # the credit is of no change
def test_credit_is_taken_off_the_next_renewal_first(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    Subscription.objects.update(credit_minor=300)

    order = SubscriptionService.renew_subscription(subscription)

    assert (order.total_amount_minor, order.discount_minor) == (699, 300)
    assert now_is(subscription).credit_minor == 300
    pay(order)
    assert now_is(subscription).credit_minor == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_renewal_of_nothing_to_pay_is_not_made_twice(customer: Any, clock: Any, late: bool) -> None:
    CatalogService.create_product("free", price="0", currency="EUR", features=LINES, recurs="1 month", grace_days=3)
    order = OrderService.create_order(customer, [{"sku": "free"}], currency="EUR")
    subscription = SubscriptionService.get_subscription(order.items.all()[0].subscription_id)
    clock.instant = day(1, 3) if late else day(14, 2)

    first = SubscriptionService.renew_subscription(subscription)
    again = SubscriptionService.renew_subscription(subscription)

    assert (again.pk, again.replayed, now_is(subscription).period_index) == (first.pk, True, 1)
    clock.instant = day(29, 3)
    assert [SubscriptionService.make_renewals().orders for _ in range(2)] == [1, 0]
    assert now_is(subscription).period_index == 2


@pytest.mark.broken_books  # the credit is of no change
def test_a_renewal_that_credit_paid_is_the_answer_until_its_period_begins(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    Subscription.objects.update(credit_minor=1500)
    first = SubscriptionService.renew_subscription(subscription)

    assert SubscriptionService.renew_subscription(subscription).pk == first.pk

    clock.instant = day(1, 3)
    assert SubscriptionService.renew_subscription(subscription).total_amount_minor == 498


@pytest.mark.broken_books  # the credit is of no change
def test_credit_waits_with_a_subscription_that_has_ended(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    Subscription.objects.update(credit_minor=300)
    order = SubscriptionService.renew_subscription(subscription)
    Subscription.objects.update(credit_minor=500)
    clock.instant = day(1, 5)
    OrderService.expire_orders()
    SubscriptionService.settle_subscriptions()
    assert (now_is(subscription).status, now_is(subscription).credit_minor) == ("ended", 500)

    pay(order)

    assert (now_is(subscription).status, now_is(subscription).credit_minor) == ("active", 200)


@pytest.mark.broken_books  # the credit is of no change
def test_a_renewal_that_credit_pays_whole_is_paid(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    Subscription.objects.update(credit_minor=1500)

    order = SubscriptionService.renew_subscription(subscription)

    after = now_is(subscription)
    assert (order.status, after.period_index, after.credit_minor, after.renewal_id) == ("paid", 1, 501, None)


@pytest.mark.parametrize("renewals", [1, 2])
def test_periods_may_be_paid_far_ahead(customer: Any, clock: Any, renewals: int) -> None:
    subscription = buy(customer)
    for _ in range(renewals):
        renew(subscription)

    assert left(customer) == 100
    assert now_is(subscription).paid_until == day(31 if renewals == 1 else 30, 2 + renewals)
    clock.instant = day(28, 2)
    assert left(customer) == 100


def test_an_unknown_subscription_is_refused(door: Any, refused: Any, clock: Any) -> None:
    for nobody in ("nonsense", "01900000-0000-7000-8000-000000000000"):
        with refused("subscription_not_found", subscription=nobody):
            door.subscriptions.get_subscription(nobody)
        with refused("subscription_not_found"):
            door.subscriptions.renew_subscription(nobody)


def test_what_has_ended_is_not_renewed(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    clock.advance(days=60)

    with refused("wrong_subscription_state", subscription_status="ended", verb="renewed"):
        SubscriptionService.renew_subscription(subscription)


def test_given_by_hand_what_recurs_lasts_for_one_period_and_begins_nothing(customer: Any, clock: Any) -> None:
    grants = QuotaService.grant_product(customer, "pro")

    assert {grant.expires_at for grant in grants} == {day(28, 2)}
    assert not SubscriptionService.list_subscriptions(customer).items
    again = QuotaService.grant_product(customer, "pro")
    assert {grant.valid_from for grant in again if grant.quantity is None} == {day(28, 2)}


def test_a_renewal_that_is_paid_ahead_repays_what_is_owed(customer: Any, clock: Any) -> None:
    CatalogService.create_feature("calls", overdraft="record")
    CatalogService.create_product(
        "phone", price="5.00", currency="EUR", features=["calls"], quantity=100, recurs="1 month"
    )
    subscription = buy(customer, "phone")
    QuotaService.consume_quota(customer, "calls", quantity=130)
    clock.instant = day(27, 2)

    renew(subscription)

    assert left(customer, "calls") == 0
    clock.instant = day(28, 2)
    assert left(customer, "calls") == 70
