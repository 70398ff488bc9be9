"""A small catalogue, and somebody who buys from it."""

from __future__ import annotations

import pytest

from billable.models import Grant
from billable.services import CatalogService, Money, OrderService, QuotaService
from tests.shelf import stock

PRODUCTS = {
    "pack": {"price": "10.00", "features": ["pdf_export"], "quantity": 100},
    "monthly": {"price": "10.00", "features": ["sso"], "period": "1 month"},
    "forever": {"price": "10.00", "features": ["sso"]},
    "both": {
        "price": "10.00",
        "features": [{"feature": "pdf_export", "quantity": 100}, {"feature": "ocr", "quantity": 10}],
    },
    "mixed": {
        "price": "9.99",
        "features": [
            {"feature": "pdf_export", "quantity": 100, "period": "1 month"},
            {"feature": "sso", "period": "1 month"},
        ],
    },
    "gift": {"price": "0", "features": ["ocr"], "quantity": 5},
    "cent": {"price": "0.01", "features": ["ocr"], "quantity": 1},
    "advice": {"price": "30.00", "features": []},
}


@pytest.fixture(autouse=True)
def catalogue(db):
    stock(_catalogue)


def _catalogue():
    for sku, terms in PRODUCTS.items():
        CatalogService.create_product(sku, currency="EUR", **terms)
    prices = [Money(500, "JPY"), Money(1999, "KWD"), Money(50, "XTR")]
    CatalogService.create_product("worldwide", prices=prices, features=["pdf_export"], quantity=7)


@pytest.fixture
def buy(clock, user):
    """Order and pay: ``buy("pack", mixed=2)``; the order as it stands afterwards."""
    numbers = iter(range(1, 1000))

    def buy(*skus, currency="EUR", **pieces):
        items = [{"sku": sku} for sku in skus] + [{"sku": sku, "quantity": n} for sku, n in pieces.items()]
        order = OrderService.create_order(user, items, currency=currency)
        if order.status == "pending":
            OrderService.confirm_payment(order, payment_id=f"pi_{next(numbers)}", payment_method="stripe")
        return OrderService.get_order(order)

    return buy


@pytest.fixture
def use(user):
    def use(quantity, feature="pdf_export"):
        return QuotaService.consume_quota(user, feature, quantity=quantity)

    return use


@pytest.fixture
def balance(user):
    """What is usable now: a number, None for unlimited."""

    def balance(feature="pdf_export"):
        check = QuotaService.check_quota(user, feature)
        return check.balance if check else 0

    return balance


@pytest.fixture
def state():
    """Status, what went back in minor units, and the units that are left of each grant of an order."""

    def state(order):
        fresh = OrderService.get_order(order)
        grants = Grant.objects.filter(source_id=str(order.pk)).order_by("line")
        return fresh.status, fresh.refunded_amount_minor, [grant.remaining for grant in grants]

    return state
