"""What is true at an instant is true whoever swept: lists, events, and what is written down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.models import Subscription
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService, TrialService
from billable.subscriptions.lifecycle import SubscriptionStatus
from tests.subscriptions.conftest import buy, day, left, now_is, pay, renew

STATUSES = [each.value for each in SubscriptionStatus]


@pytest.fixture
def one_of_each(customer: Any, clock: Any) -> list[Subscription]:
    """Subscriptions that stand in every way there is, some of them only later."""
    every = [buy(customer, "mixed") for _ in range(7)]
    SubscriptionService.cancel_subscription(every[0])
    SubscriptionService.cancel_subscription(every[1], at_period_end=False)
    SubscriptionService.pause_subscription(every[2])
    SubscriptionService.pause_subscription(every[3], resumes_at=day(15, 2))
    SubscriptionService.pause_subscription(every[4], at_period_end=True)
    SubscriptionService.pause_subscription(every[5], at_period_end=True, resumes_at=day(15, 3))
    every.append(TrialService.start_trial(customer, "tried").subscription)
    disputed = buy(customer)
    (item,) = disputed.items.all()
    OrderService.dispute_payment(item.order.payments.get(), dispute_id="d")
    return [*every, disputed]


@pytest.mark.parametrize("days", [0, 1, 13, 14, 15, 19, 27, 28, 29, 30, 31, 43, 44, 60, 200])
def test_a_list_by_status_finds_those_that_stand_so(
    customer: Any, one_of_each: list[Subscription], clock: Any, days: int
) -> None:
    clock.advance(days=days)

    for _ in ("nobody swept", "somebody did"):
        for status in STATUSES:
            listed = {each.pk for each in SubscriptionService.list_subscriptions(customer, status=status, limit=200)}
            assert listed == {each.pk for each in one_of_each if now_is(each).status == status}, status
        before = [now_is(each).status for each in one_of_each], left(customer)
        SubscriptionService.settle_subscriptions()
        QuotaService.expire_grants()
        assert ([now_is(each).status for each in one_of_each], left(customer)) == before


def test_an_unknown_status_is_refused(door: Any, refused: Any, clock: Any) -> None:
    for wrong in ("alive", "", 5):
        with refused("invalid", field="status"):
            door.subscriptions.list_subscriptions(status=wrong)


def test_lists_have_pages(door: Any, customer: Any, clock: Any) -> None:
    every = [buy(customer) for _ in range(3)]

    page = door.subscriptions.list_subscriptions(customer, limit=2)
    rest = door.subscriptions.list_subscriptions(customer, limit=2, cursor=page.next)

    assert [each.pk for each in (*page, *rest)] == [each.pk for each in reversed(every)]
    assert rest.next is None


def test_what_time_did_is_told_once_by_whoever_comes_first(
    door: Any, customer: Any, clock: Any, told: Any, commit: Any
) -> None:
    with commit():
        buy(customer)
    clock.instant = day(1, 3)
    with commit():
        assert door.subscriptions.settle_subscriptions(limit=10).past_due == 1
        assert door.subscriptions.settle_subscriptions().past_due == 0
    clock.instant = day(1, 4)
    with commit():
        assert door.subscriptions.settle_subscriptions().ended == 1
        assert door.subscriptions.settle_subscriptions().ended == 0

    assert told == ["subscription.started", "subscription.past_due", "subscription.ended"]
    ended = Subscription.objects.get()
    assert (ended.ended_at, ended.ended_as, ended.due_at) == (day(3, 3), "unpaid", None)


def test_a_verb_tells_what_time_did_before_it_acts(customer: Any, clock: Any, told: Any, commit: Any) -> None:
    with commit():
        subscription = buy(customer)
    clock.instant = day(1, 3)
    with commit():
        renew(subscription)

    assert told[1:] == ["subscription.past_due", "renewal.created", "subscription.renewed"]


def test_who_looks_late_sees_everything_in_its_order(customer: Any, clock: Any, told: Any, commit: Any) -> None:
    with commit():
        subscription = buy(customer)
        SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=day(15, 3))
    clock.instant = day(1, 6)
    with commit():
        sweep = SubscriptionService.settle_subscriptions()

    assert (sweep.paused, sweep.resumed, sweep.past_due, sweep.ended) == (1, 1, 1, 1)
    assert told[2:] == ["subscription.paused", "subscription.resumed", "subscription.past_due", "subscription.ended"]


@pytest.mark.parametrize("limit", [0, -1, "5", True, 1.5])
def test_a_limit_is_a_whole_number(door: Any, refused: Any, clock: Any, limit: Any) -> None:
    for verb in (door.subscriptions.settle_subscriptions, door.subscriptions.make_renewals):
        with refused("invalid", field="limit"):
            verb(limit=limit)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
def test_periods_are_counted_in_the_zone_that_was_the_customers_then(customer: Any, clock: Any, zone: str) -> None:
    from zoneinfo import ZoneInfo

    customer.zone = zone
    customer.save(update_fields=["zone"])
    subscription = buy(customer)
    customer.zone = "UTC"
    customer.save(update_fields=["zone"])

    for _ in range(3):
        renew(subscription)

    local = now_is(subscription).paid_until.astimezone(ZoneInfo(zone))
    assert (local.day, local.hour) == (31, day(31).astimezone(ZoneInfo(zone)).hour)


def test_what_is_bought_is_what_was_said_when_it_was_ordered(customer: Any, clock: Any) -> None:
    order = OrderService.create_order(customer, [{"sku": "pro"}], currency="EUR")
    once = OrderService.create_order(customer, [{"sku": "pack"}], currency="EUR")
    CatalogService.update_product("pro", recurs="")
    CatalogService.update_product("pack", recurs="1 week", grace_days=1)

    pay(order)
    pay(once)

    (subscription,) = SubscriptionService.list_subscriptions(customer)
    assert (str(subscription.interval), subscription.grace_days) == ("1 month", 3)


def test_a_renewal_takes_over_what_the_catalogue_says_by_then(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    CatalogService.update_product("pro", recurs="1 year", grace_days=10)

    renew(subscription)

    after = now_is(subscription)
    assert (str(after.interval), after.grace_days, after.paid_until) == ("1 year", 10, day(28, 2, year=2027))


def test_what_does_not_recur_any_more_is_not_renewed(customer: Any, clock: Any, refused: Any) -> None:
    subscription = buy(customer)
    CatalogService.update_product("pro", recurs="", grace_days="")

    with refused("not_for_sale"):
        SubscriptionService.renew_subscription(subscription)


def test_the_grace_ends_no_later_than_the_period_that_would_be_paid_for(customer: Any, clock: Any) -> None:
    CatalogService.create_product("daily", price="1", currency="EUR", features=["sso"], recurs="1 day", grace_days=30)
    subscription = buy(customer, "daily")

    assert subscription.access_until == subscription.paid_until + timedelta(days=1)
    clock.advance(days=1, hours=20)
    renew(subscription)
    assert now_is(subscription).status == "active"


@pytest.mark.parametrize(
    "wrong",
    [{"recurs": "0 months"}, {"recurs": "hour"}, {"recurs": 5}, {"recurs": "1 month", "trial_period": "0 days"},
     {"trial_period": "1 week"}, {"grace_days": 3}, {"recurs": "1 month", "grace_days": 366},
     {"recurs": "1 month", "grace_days": -1}, {"recurs": "1 month", "grace_days": "3"},
     {"recurs": "1 month", "is_trial": True}, {"recurs": "1 month", "is_default": True}],
)  # fmt: skip
def test_what_cannot_recur_is_refused(door: Any, refused: Any, clock: Any, wrong: dict[str, Any]) -> None:
    with refused("invalid"):
        door.catalog.create_product("wrong", **wrong)


def test_a_year_of_a_monthly_subscription_with_daily_use(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    clock.instant = day(31)
    for _ in range(365):
        clock.advance(days=1)
        if SubscriptionService.make_renewals().orders:
            pay(OrderService.get_order(now_is(subscription).renewal_id))
        QuotaService.consume_quota(customer, "pdf_export", quantity=3)

    after = now_is(subscription)
    assert (after.status, after.period_index, after.paid_until) == ("active", 12, day(28, 2, year=2027))
    assert (after.paid_from, left(customer)) == (day(31, year=2027), 97)
