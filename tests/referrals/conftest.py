"""What is given for a referral, and people who bring others."""

from __future__ import annotations

from typing import Any

import pytest

from billable.models import Customer
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, ReferralService
from tests.shelf import stock


@pytest.fixture(autouse=True)
def rewards(db: None) -> None:
    """What both sides may get, and something to buy."""
    stock(_products)


def _products() -> None:
    CatalogService.create_product("thanks", features=["pdf_export"], quantity=10)
    CatalogService.create_product("welcome", features=["pdf_export", "ai"], quantity=5)
    CatalogService.create_product("pack", price="9.99", currency="EUR", features=["pdf_export"], quantity=100)


@pytest.fixture
def programme(rewards: None) -> Any:
    """Both get something once the referee has paid."""
    return ReferralService.create_programme("friends", referrer_product="thanks", referee_product="welcome")


@pytest.fixture
def signup(rewards: None) -> Any:
    """Both get something at once."""
    return ReferralService.create_programme(
        "signup", referrer_product="thanks", referee_product="welcome", trigger="on_signup"
    )


def person(name: str) -> Customer:
    """A customer by name."""
    return CustomerService.identify("test", name).customer


def ref(name: str) -> CustomerRef:
    """Somebody by name, who may not be a customer yet."""
    return CustomerRef(provider="test", external_id=name)


def buy(customer: Any, payment_id: str, sku: str = "pack") -> Any:
    """A paid order."""
    order = OrderService.create_order(customer, [{"sku": sku}])
    return OrderService.confirm_payment(order, payment_id=payment_id)
