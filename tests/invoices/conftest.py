"""Somebody who sells, something to buy, and orders that are paid or refunded in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from billable.ids import new_id
from billable.models import Order, Promotion, Refund
from billable.services import CatalogService, Money, OrderLine, OrderService, PromotionService
from tests.shelf import stock

NOTHING: Mapping[str, str] = {}
SELLER = {
    "name": "Fine Tools GmbH",
    "address": "Hafenstraße 7\n20457 Hamburg",
    "country": "Germany",
    "email": "billing@example.com",
    "tax_id": "DE123456789",
    "zone": "Europe/Berlin",
}


@pytest.fixture(autouse=True)
def shop(db: None, settings: Any) -> None:
    settings.BILLABLE_SELLER = SELLER
    stock(_catalogue)


def _catalogue() -> None:
    prices = [Money(999, "EUR"), Money(500, "JPY"), Money(1234567, "KWD"), Money(50, "XTR")]
    CatalogService.create_product("pro", name="Pro", prices=prices, features=["pdf_export"], quantity=100)
    CatalogService.create_product("pack", price="5.00", currency="EUR", features=["pdf_export"], quantity=10)
    CatalogService.create_product("free", price="0", currency="EUR", features=["pdf_export"], quantity=1)


@pytest.fixture
def buy(user: Any, settings: Any) -> Callable[..., Any]:
    """Order and pay, without what follows: ``buy(("pro", 2), "pack", tax="19", rates={"pack": "7"}, off="1.00")``."""

    def bought(
        *items: str | tuple[str, int],
        currency: str = "EUR",
        tax: str = "0",
        rates: Mapping[str, str] = NOTHING,
        included: bool = True,
        off: str | None = None,
    ) -> Any:
        settings.BILLABLE_TAX_RATE, settings.BILLABLE_PRICES_INCLUDE_TAX = tax, included
        for sku, rate in rates.items():
            CatalogService.update_product(sku, tax_rate=rate)
        code = None if off is None else promotion(Money.parse(off, currency))
        pairs = [(item, 1) if isinstance(item, str) else item for item in items]
        lines: list[OrderLine] = [{"sku": sku, "quantity": quantity} for sku, quantity in pairs]
        order = OrderService.create_order(user, lines, currency=currency, promotion_code=code)
        if order.amount_due_minor:
            OrderService.confirm_payment(order, payment_id=f"pi_{order.pk}", payment_method="stripe")
        return OrderService.get_order(order)

    return bought


def promotion(off: Money) -> str:
    code = f"OFF{Promotion.objects.count()}"
    PromotionService.create_promotion(code, amounts_off=[off], products=["pro"])
    return code


def refund(order: Order, line: int, **what: Any) -> Refund:
    """``refund(order, 1, quantity=2)`` gives pieces of a line back, ``refund(order, 1, amount_minor=250)`` money."""
    amount = {"amount_minor": what["amount_minor"], "currency": order.currency} if "amount_minor" in what else {}
    item = {"line": line} if amount else {"line": line, **what}
    return OrderService.refund_order(order, refund_id=str(new_id()), items=[item], **amount)
