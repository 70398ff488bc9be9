"""A plan that is billed by the year and gives units anew each month: allowances within a period that is paid for."""

from __future__ import annotations

from typing import Any

import pytest

from billable.models import Allowance
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService
from tests.subscriptions.conftest import buy, day, left, now_is, renew


@pytest.fixture
def yearly(catalogue: None) -> str:
    monthly = {"feature": "pdf_export", "quantity": 10, "reset": "1 month", "rollover_quantity": 4}
    CatalogService.create_product(
        "yearly", price="99.00", currency="EUR", features=[monthly, "sso"], recurs="1 year", grace_days=40
    )
    return "yearly"


def test_units_come_anew_each_month_of_the_year_and_what_is_unused_goes_on(
    yearly: str, customer: Any, clock: Any
) -> None:
    buy(customer, yearly)  # on 31 January
    QuotaService.consume_quota(customer, "pdf_export", quantity=7)

    clock.instant = day(28, 2)
    assert left(customer) == 10 + 3
    clock.instant = day(31, 3)
    assert left(customer) == 10 + 4
    assert QuotaService.check_quota(customer, "sso")


def test_nothing_comes_in_the_grace_and_who_pays_late_has_what_is_paid_for(
    yearly: str, customer: Any, clock: Any
) -> None:
    subscription = buy(customer, yearly)
    QuotaService.consume_quota(customer, "pdf_export")
    clock.instant = day(30, 1, year=2027)
    assert left(customer) == 10 + 4

    clock.instant = day(31, 1, year=2027)
    assert (now_is(subscription).status, left(customer)) == ("past_due", 0)
    assert QuotaService.check_quota(customer, "sso")

    clock.instant = day(5, 3, year=2027)
    renew(subscription)
    assert now_is(subscription).paid_until == day(31, 1, year=2028)
    # The month that was slept through had units, too.
    assert left(customer) == 10 + 4
    clock.instant = day(31, 3, year=2027)
    assert left(customer) == 10 + 4


def test_a_year_that_is_paid_ahead_begins_where_the_first_one_ends(yearly: str, customer: Any, clock: Any) -> None:
    subscription = buy(customer, yearly)
    clock.instant = day(20, 1, year=2027)
    renew(subscription)
    assert left(customer) == 10 + 4

    clock.instant = day(31, 1, year=2027)
    assert left(customer) == 10
    assert {each.anchor for each in Allowance.objects.all()} == {day(31, 1), day(31, 1, year=2027)}


def test_whoever_cancels_now_gets_nothing_anew(yearly: str, customer: Any, clock: Any) -> None:
    subscription = buy(customer, yearly)
    SubscriptionService.cancel_subscription(subscription, at_period_end=False)

    assert left(customer) == 0
    clock.instant = day(28, 2)
    assert left(customer) == 0


def test_another_billing_date_ends_the_months_there(yearly: str, customer: Any, clock: Any) -> None:
    subscription = buy(customer, yearly)
    clock.instant = day(10, 2)
    SubscriptionService.move_billing_date(subscription, day(15, 4))

    clock.instant = day(14, 4)
    assert left(customer) == 10 + 4
    clock.instant = day(15, 4)
    assert left(customer) == 0
    renew(subscription)
    assert left(customer) == 10


def test_it_is_paused_at_the_end_of_its_period_only(
    yearly: str, door: Any, customer: Any, clock: Any, refused: Any
) -> None:
    subscription = buy(customer, yearly)
    clock.instant = day(2, 2)
    with refused("pause_refused", subscription=str(subscription.pk)):
        door.subscriptions.pause_subscription(subscription)

    door.subscriptions.pause_subscription(subscription, at_period_end=True)
    clock.instant = day(28, 2)
    assert (now_is(subscription).status, left(customer)) == ("active", 10 + 4)


def test_a_refund_takes_the_months_to_come(yearly: str, customer: Any, clock: Any) -> None:
    subscription = buy(customer, yearly)
    QuotaService.consume_quota(customer, "pdf_export", quantity=10)
    order = OrderService.list_orders(customer).items[0]
    clock.instant = day(10, 2)

    quote = OrderService.quote_refund(order, policy="unused_only")
    assert quote.amount.amount_minor == 9900 * 110 // 120
    OrderService.refund_order(order, refund_id="r")

    assert (now_is(subscription).status, left(customer)) == ("ended", 0)
    clock.instant = day(31, 3)
    assert left(customer) == 0
