"""A shop that is paid in credits."""

from __future__ import annotations

import pytest

from billable.services import CatalogService, QuotaService
from tests.shelf import stock


@pytest.fixture(autouse=True)
def shop(db: None) -> None:
    stock(_catalogue)


def _catalogue() -> None:
    for key in ("credits", "gems", "ai"):
        CatalogService.create_feature(key)
    CatalogService.create_product("pdf_pack", name="PDFs", features=["pdf"], quantity=10, unit_prices={"credits": 20})
    CatalogService.create_product("pro", features=["sso"], period="1 month", unit_prices={"credits": 30, "gems": 3})
    CatalogService.create_product("both", features=["pdf", "xls"], quantity=10, unit_prices={"credits": 7})
    CatalogService.create_product("money_only", price="5", features=["pdf"], quantity=10)


@pytest.fixture
def rich(user):
    """The user, with 100 credits: 40 that end in ten days, 60 for ever."""
    QuotaService.grant_feature(user, "credits", quantity=40, period="10 days")
    QuotaService.grant_feature(user, "credits", quantity=60)
    return user
