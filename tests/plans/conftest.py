"""Plans to change between: by month and by year, with units that are counted and one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from billable.models import Order, PlanChange, Subscription
from billable.services import CatalogService, Money, OrderService, QuotaService, SubscriptionService
from billable.signals import EVENTS
from tests.shelf import stock


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    stock(_catalogue)


def _catalogue() -> None:
    def plan(sku: str, cents: int, pages: int, recurs: str = "1 month", extra: Any = ()) -> None:
        prices = [Money(cents, "EUR")]
        lines = [{"feature": "pages", "quantity": pages}, *extra]
        CatalogService.create_product(sku, prices=prices, features=lines, recurs=recurs, grace_days=3)

    plan("basic", 1000, 100)
    plan("pro", 2400, 300, extra=[{"feature": "sso"}])
    plan("year", 9900, 1500, "1 year")
    plan("free", 0, 10)
    CatalogService.create_product("dollars", price="9.00", currency="USD", features=["pages"], recurs="1 month")
    CatalogService.create_product("pack", price="9.00", currency="EUR", features=["pages"], quantity=100)


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The events of changes, in order, as they were sent."""
    heard: list[str] = []
    keep = []
    for name, signal in EVENTS.items():
        if name.startswith("subscription.change"):

            def hear(sender: Any, name: str = name, **payload: Any) -> None:
                heard.append(name)

            signal.connect(hear)
            keep.append((signal, hear))
    yield heard
    for signal, hear in keep:
        signal.disconnect(hear)


def day(number: int, month: int = 6) -> datetime:
    return datetime(2026, month, number, tzinfo=timezone.utc)


def buy(customer: Any, sku: str = "basic", quantity: int = 1) -> Subscription:
    """Order, pay, and the subscription that it began."""
    order = OrderService.create_order(customer, [{"sku": sku, "quantity": quantity}], currency="EUR")
    pay(order)
    (item,) = OrderService.get_order(order).items.all()
    return SubscriptionService.get_subscription(item.subscription_id)


def pay(order: Order) -> Any:
    return OrderService.confirm_payment(order, payment_id=f"pay-{order.pk}") if order.amount_due_minor else None


def order_of(change: PlanChange) -> Order:
    return OrderService.get_order(change.item.order_id)


def change(subscription: Subscription, sku: str | None = None, **how: Any) -> PlanChange:
    """Change the plan now, and pay what is due."""
    made = SubscriptionService.change_plan(subscription, sku=sku, **how)
    pay(order_of(made))
    return made


def left(customer: Any, feature: str = "pages") -> int | None:
    return QuotaService.check_quota(customer, feature).balance


def now_is(subscription: Subscription) -> Subscription:
    return SubscriptionService.get_subscription(subscription)
