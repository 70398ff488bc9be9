"""What else a plan may give, when it changes: values that are read, caps, and units that come anew."""

from __future__ import annotations

from typing import Any

import pytest

from billable.errors import Invalid
from billable.services import CatalogService, QuotaService, SubscriptionService
from tests.plans.conftest import buy, change, day, left, now_is


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
