"""A small catalogue to subscribe to, and the everyday acts of a subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from billable.models import Order, Subscription
from billable.services import CatalogService, Money, OrderService, QuotaService, SubscriptionService
from tests.shelf import stock

LINES = [{"feature": "pdf_export", "quantity": 100}, {"feature": "sso"}]


@pytest.fixture(autouse=True)
def catalogue(db: None, settings: Any) -> None:
    settings.BILLABLE_FINGERPRINT_KEYS = ["a secret of the tests"]
    stock(_catalogue)


def _catalogue() -> None:
    prices = [Money(999, "EUR"), Money(1099, "USD")]
    CatalogService.create_product("pro", prices=prices, features=LINES, recurs="1 month", grace_days=3)
    CatalogService.create_product(
        "tried", price="20.00", currency="EUR", features=LINES, recurs="1 month", trial_period="14 days", grace_days=5
    )
    weekly = [{"feature": "pdf_export", "quantity": 10, "period": "1 week"}, {"feature": "sso", "period": "1 week"}]
    CatalogService.create_product("mixed", price="5.00", currency="EUR", features=[*weekly, *LINES], recurs="1 month")
    CatalogService.create_product("pack", price="5.00", currency="EUR", features=["pdf_export"], quantity=10)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The events of subscriptions and renewals, in order, as they were sent."""
    from billable.signals import EVENTS

    heard: list[str] = []
    keep = []
    for name, signal in EVENTS.items():
        if name.startswith(("subscription.", "renewal.")):

            def hear(sender: Any, name: str = name, **payload: Any) -> None:
                heard.append(name)

            signal.connect(hear)
            keep.append((signal, hear))
    yield heard
    for signal, hear in keep:
        signal.disconnect(hear)


def day(number: int, month: int = 1, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, number, hour, tzinfo=timezone.utc)


def buy(customer: Any, sku: str = "pro", quantity: int = 1) -> Subscription:
    """Order, pay, and the subscription that it began (or went on)."""
    order = OrderService.create_order(customer, [{"sku": sku, "quantity": quantity}], currency="EUR")
    pay(order)
    (item,) = OrderService.get_order(order).items.all()
    return SubscriptionService.get_subscription(item.subscription_id)


def pay(order: Order) -> Any:
    return OrderService.confirm_payment(order, payment_id=f"pay-{order.pk}")


def renew(subscription: Subscription) -> Order:
    order = SubscriptionService.renew_subscription(subscription)
    pay(order)
    return OrderService.get_order(order)


def left(customer: Any, feature: str = "pdf_export") -> int | None:
    return QuotaService.check_quota(customer, feature).balance


def now_is(subscription: Subscription) -> Subscription:
    return SubscriptionService.get_subscription(subscription)
