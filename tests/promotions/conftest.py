"""A small catalogue to buy from for less."""

from __future__ import annotations

import pytest

from billable.services import CatalogService, Money
from tests.shelf import stock


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    stock(_catalogue)


def _catalogue() -> None:
    CatalogService.create_product("pro", prices=[Money(999, "EUR"), Money(1500, "JPY")], features=["pdf"], quantity=100)
    CatalogService.create_product("pack", price="5.00", currency="EUR", features=["pdf"], quantity=10)
    CatalogService.create_product("free", price="0", currency="EUR", features=["pdf"], quantity=1)


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create(username="bob")
