"""A little of everything that becomes due by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billable.models import Customer
from billable.orders.confirm import confirm_payment
from billable.refunds.refund import refund_order
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService, ReferralService
from tests.fixtures import Clock
from tests.shelf import stock


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    stock(_catalogue)


def _catalogue() -> None:
    CatalogService.create_product("pack", price="5.00", currency="EUR", features=["credits"], quantity=10)
    CatalogService.create_product("thanks", features=["credits"], quantity=3)


def person(name: str) -> Customer:
    """A customer by name."""
    return CustomerService.identify("test", name).customer


@pytest.fixture
def month(clock: Clock) -> Callable[[str], Customer]:
    """Somebody with seven credits that last a month, five of them held for an hour."""

    def make(name: str) -> Customer:
        customer = person(name)
        QuotaService.grant_feature(customer, "credits", quantity=7, period="1 month")
        QuotaService.hold_quota(customer, "credits", 5, ttl=3600)
        return customer

    return make


@pytest.fixture
def everything_due(clock: Clock, settings: Any, month: Callable[[str], Customer]) -> Customer:
    """A grant and a hold that ran out, an unpaid order, a reward, a receipt and a credit note: one of each is due."""
    settings.BILLABLE_ORDER_TTL_HOURS = 24
    ReferralService.create_programme("friends", referrer_product="thanks", hold_days=14)
    ada = month("ada")
    ReferralService.refer(person("bob"), CustomerRef(customer_id=ada.pk))
    OrderService.create_order(ada, [{"sku": "pack"}])
    # As if what follows a payment and a refund was lost in a crash.
    bought = [OrderService.create_order(ada, [{"sku": "pack"}]) for _ in range(2)]
    for number, order in enumerate(bought):
        confirm_payment(order, payment_id=f"pi_{number}")
    refund_order(bought[1], refund_id="re_1")
    clock.advance(days=60)
    return ada
