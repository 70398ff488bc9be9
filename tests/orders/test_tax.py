"""Tax: a rate per product, prices that contain it or not, and every line rounded by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from billable.services import CatalogService, Money, PromotionService


@pytest.fixture(autouse=True)
def taxed(catalogue):
    CatalogService.create_product("book", price="10.70", currency="EUR", features=["pdf_export"], tax_rate="7")
    CatalogService.create_product("lamp", price="11.90", currency="EUR", features=["pdf_export"])


def lines(order):
    return [(item.tax_rate, item.tax_minor, item.total_amount_minor) for item in order.items.all()]


def test_the_tax_is_in_the_prices_unless_settings_say_otherwise(door, user, settings):
    settings.BILLABLE_TAX_RATE = "19"
    order = door.orders.create_order(user, [{"sku": "book", "quantity": 2}, {"sku": "lamp"}])
    assert lines(order) == [(7, 140, 2140), (19, 190, 1190)]
    assert (order.total_amount_minor, order.tax_minor, order.tax_included) == (3330, 330, True)


def test_the_tax_is_added_to_net_prices(door, user, settings):
    settings.BILLABLE_TAX_RATE, settings.BILLABLE_PRICES_INCLUDE_TAX = "19", False
    order = door.orders.create_order(user, [{"sku": "book", "quantity": 2}, {"sku": "lamp"}])
    assert lines(order) == [(7, 150, 2290), (19, 226, 1416)]
    assert (order.total_amount_minor, order.tax_minor, order.tax_included) == (3706, 376, False)
    settings.BILLABLE_PRICES_INCLUDE_TAX = True
    door.orders.confirm_payment(order, payment_id="a", amount_minor=3706)
    assert door.orders.get_order(order).status == "paid"


def test_without_a_rate_there_is_no_tax(door, user):
    order = door.orders.create_order(user, [{"sku": "lamp"}])
    assert (order.tax_minor, lines(order)) == (0, [(0, 0, 1190)])


@pytest.mark.parametrize(("included", "charged"), [(True, (171, 1071)), (False, (203, 1274))])
def test_the_discount_comes_off_before_the_tax(door, user, settings, included, charged):
    settings.BILLABLE_TAX_RATE, settings.BILLABLE_PRICES_INCLUDE_TAX = "19", included
    PromotionService.create_promotion("TEN", percent_off=10)
    order = door.orders.create_order(user, [{"sku": "lamp"}], promotion_code="TEN")
    (item,) = order.items.all()
    assert (item.discount_minor, item.tax_minor, item.total_amount_minor) == (119, *charged)


def test_an_order_keeps_the_rate_of_its_day(door, user, settings):
    settings.BILLABLE_TAX_RATE = "19"
    order = door.orders.create_order(user, [{"sku": "book"}, {"sku": "lamp"}])
    settings.BILLABLE_TAX_RATE = "21"
    CatalogService.update_product("book", tax_rate="9")
    assert [rate for rate, *_ in lines(door.orders.get_order(order))] == [7, 19]


def test_a_rate_is_a_percentage_and_can_be_taken_away_again(door, refused):
    assert door.catalog.get_product("book").effective_tax_rate == 7
    assert door.catalog.update_product("book", tax_rate=Decimal("8.8750")).tax_rate == Decimal("8.875")
    assert door.catalog.update_product("book", name="Book").tax_rate == Decimal("8.875")
    assert door.catalog.update_product("book", tax_rate="").tax_rate is None
    for wrong in ("101", "-1", "x", 7.5, True, "1.23456", "1e1"):
        with refused("invalid", field="tax_rate"):
            door.catalog.update_product("book", tax_rate=wrong)
        with refused("invalid", field="tax_rate"):
            door.catalog.create_product("new", tax_rate=wrong)


def test_a_rate_that_is_none_in_the_settings_is_named(door, user, settings, refused):
    settings.BILLABLE_TAX_RATE = "a lot"
    with refused("misconfigured", setting="BILLABLE_TAX_RATE"):
        door.orders.create_order(user, [{"sku": "lamp"}])


def test_net_prices_past_the_largest_amount_are_refused(door, user, settings, refused):
    settings.BILLABLE_TAX_RATE, settings.BILLABLE_PRICES_INCLUDE_TAX = "50", False
    CatalogService.create_product("dear", prices=[Money(10**15, "EUR")], features=["pdf_export"])
    with refused("invalid", field="items"):
        door.orders.create_order(user, [{"sku": "dear"}])
