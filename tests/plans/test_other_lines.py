"""What else a plan may give, when it changes: values that are read, caps, and units that come anew."""

from __future__ import annotations

from typing import Any

import pytest

from billable.errors import Invalid
from billable.services import CatalogService, Money, OrderService, QuotaService, SubscriptionService, TrialService
from tests.plans.conftest import buy, change, day, left, now_is, order_of, pay


@pytest.fixture
def plans(catalogue: None) -> None:
    CatalogService.create_feature("projects", value_type="limit")
    for sku, price, projects in (("small", "5.00", 3), ("large", "20.00", 10)):
        capped = {"feature": "pages", "quantity": 10 * projects, "cap_quantity": projects, "cap_period": "1 day"}
        lines = [capped, {"feature": "projects", "value": projects}]
        CatalogService.create_product(sku, price=price, currency="EUR", features=lines, recurs="1 month")
    weekly = {"feature": "pages", "quantity": 5, "reset": "1 week"}
    CatalogService.create_product("weekly", price="9.00", currency="EUR", features=[weekly], recurs="1 month")


def test_values_and_caps_are_those_of_the_new_plan(plans: None, customer: Any, clock: Any) -> None:
    clock.instant = day(1)
    subscription = buy(customer, "small")
    assert (QuotaService.entitlement_value(customer, "projects"), left(customer)) == (3, 3)

    change(subscription, "large")

    assert (QuotaService.entitlement_value(customer, "projects"), left(customer)) == (10, 10)
    QuotaService.consume_quota(customer, "pages", quantity=10)
    assert QuotaService.check_quota(customer, "pages").code == "cap_reached"


@pytest.mark.parametrize(("begins", "becomes"), [("small", "weekly"), ("weekly", "small")])
def test_a_plan_that_gives_units_anew_is_changed_at_the_end_of_its_period(
    plans: None, customer: Any, clock: Any, begins: str, becomes: str
) -> None:
    clock.instant = day(1)
    subscription = buy(customer, begins)

    with pytest.raises(Invalid, match="gives units anew"):
        change(subscription, becomes)
    SubscriptionService.change_plan(subscription, sku=becomes, at="period_end")

    assert now_is(subscription).next_product.sku == becomes


def test_a_roll_out_leaves_alone_what_a_change_gave(catalogue: None, customer: Any, clock: Any) -> None:
    clock.instant = day(1)
    subscription = buy(customer)
    QuotaService.consume_quota(customer, "pages", quantity=80)
    change(subscription, "pro")
    before = left(customer)

    QuotaService.roll_out_product_change("pro", policy="now")
    QuotaService.roll_out_product_change("basic", policy="now")

    assert left(customer) == before


def test_more_seats_are_of_the_period_that_runs_whatever_the_catalogue_says_now(
    catalogue: None, customer: Any, clock: Any
) -> None:
    clock.instant = day(1)
    subscription = buy(customer)
    CatalogService.update_product("basic", recurs="1 year")

    made = SubscriptionService.change_seats(subscription, 3)
    pay(order_of(made))

    assert now_is(subscription).seats == 3
    assert now_is(subscription).paid_until == day(1, 7)
    assert left(customer) == 300


def test_money_for_a_change_that_a_pause_overtook_is_kept_for_its_payer(
    catalogue: None, customer: Any, clock: Any
) -> None:
    clock.instant = day(1)
    subscription = buy(customer)
    made = SubscriptionService.change_plan(subscription, sku="pro")
    SubscriptionService.pause_subscription(subscription, at_period_end=True)

    payment = pay(order_of(made))

    assert (payment.status, now_is(subscription).product.sku, left(customer)) == ("unapplied", "basic", 100)


def test_whoever_tries_in_one_currency_and_buys_in_another_begins_anew(
    catalogue: None, customer: Any, clock: Any, settings: Any
) -> None:
    settings.BILLABLE_FINGERPRINT_KEYS = ["a secret of the tests"]
    prices = [Money(1000, "EUR"), Money(1500, "JPY")]
    CatalogService.create_product(
        "tried", prices=prices, features=["pages"], quantity=5, recurs="1 month", trial_period="14 days"
    )
    TrialService.start_trial(customer, "tried", identities={"email": "ada@example.com"}, currency="EUR")
    order = OrderService.create_order(customer, [{"sku": "tried"}], currency="JPY")
    pay(order)

    found = SubscriptionService.list_subscriptions(customer).items
    assert sorted((each.currency, each.status) for each in found) == [("EUR", "trialing"), ("JPY", "active")]
