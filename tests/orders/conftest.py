"""A small catalogue to buy from."""

from __future__ import annotations

import pytest

from billable.services import CatalogService, Money
from tests.shelf import stock

FEATURES = [{"feature": "pdf_export", "quantity": 100, "period": "1 month"}, {"feature": "sso", "period": "1 month"}]


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    stock(_catalogue)


def _catalogue() -> None:
    prices = [Money(999, "EUR"), Money(1099, "USD")]
    CatalogService.create_product("pro", name="Pro", prices=prices, features=FEATURES)
    CatalogService.create_product("pack", price="5.00", currency="EUR", features=["pdf_export"], quantity=10)
    CatalogService.create_product("stars", prices=[Money(50, "XTR")], features=["pdf_export"], quantity=1)
    CatalogService.create_product("yen", prices=[Money(500, "JPY")], features=["pdf_export"], quantity=1)
    CatalogService.create_product("free", price="0", currency="EUR", features=["pdf_export"], quantity=1)
    CatalogService.create_product("try", features=["pdf_export"], quantity=1, is_trial=True)
    CatalogService.create_product("unpriced", features=["pdf_export"], quantity=1)
    CatalogService.create_product("old", price="1", currency="EUR", features=["pdf_export"], quantity=1)
    CatalogService.deactivate_product("old")
