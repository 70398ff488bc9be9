"""``billable_seed_demo``: the products of a tool for documents, to try things with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from billable.actor import acting_as

FEATURES = {
    "pdf_export": ("PDF export", "export"),
    "ai_summary": ("AI summary", "page"),
    "ocr": ("Text recognition", "page"),
    "sso": ("Single sign-on", ""),
    "credits": ("Credits", "credit"),
}

# feature, what pays for it, and how many of the one cost how many of the other
COSTS = (("pdf_export", "credits", 1, 2), ("ai_summary", "credits", 1, 5), ("ocr", "credits", 2, 1))

# Minor units: 1200 is 12.00 EUR, and 600 is 600 Telegram Stars.
PRODUCTS: tuple[dict[str, Any], ...] = (
    {
        "sku": "free",
        "name": "Free",
        "description": "Five exports to get started.",
        "features": [{"feature": "pdf_export", "quantity": 5}],
        "is_default": True,
    },
    {
        "sku": "pro_monthly",
        "name": "Pro, one month",
        "description": "Unlimited exports, single sign-on, and 100 credits, for a month.",
        "prices": {"EUR": 1200, "USD": 1300, "XTR": 600},
        "features": [
            {"feature": "pdf_export", "period": "1 month"},
            {"feature": "sso", "period": "1 month"},
            {"feature": "credits", "quantity": 100, "period": "1 month"},
        ],
    },
    {
        "sku": "credits_100",
        "name": "100 credits",
        "description": "For exports, summaries and text recognition. They never run out of time.",
        "prices": {"EUR": 500, "USD": 550, "XTR": 250},
        "features": [{"feature": "credits", "quantity": 100}],
    },
    {
        "sku": "credits_1000",
        "name": "1000 credits",
        "description": "The large pack.",
        "prices": {"EUR": 3900, "USD": 4200, "XTR": 1950},
        "features": [{"feature": "credits", "quantity": 1000}],
    },
    {
        "sku": "lifetime",
        "name": "Lifetime",
        "description": "Unlimited exports and single sign-on, for ever.",
        "prices": {"EUR": 24900, "USD": 26900, "XTR": 12500},
        "features": ["pdf_export", "sso"],
    },
    {
        "sku": "pro_trial",
        "name": "Pro, 14 days to try",
        "description": "Once per person: unlimited exports and 20 credits for two weeks.",
        "features": [
            {"feature": "pdf_export", "period": "14 days"},
            {"feature": "credits", "quantity": 20, "period": "14 days"},
        ],
        "is_trial": True,
    },
)


class Command(BaseCommand):
    help = "Put the demo products (a tool for documents) into an empty catalogue."

    def handle(self, *args: Any, **options: Any) -> None:
        with acting_as("command:billable_seed_demo"), transaction.atomic():
            seeded = seed()
        names = ", ".join(product["sku"] for product in PRODUCTS)
        self.stdout.write(f"demo products: {names}" if seeded else "kept as it is: it is not empty")


def seed() -> bool:
    """Make the demo catalogue, unless there is one already. Returns whether it was made."""
    from billable.money import Money
    from billable.services import CatalogService

    products = CatalogService.list_products(include_inactive=True)
    if products or CatalogService.list_features(include_inactive=True):
        return False
    for key, (name, unit) in FEATURES.items():
        CatalogService.create_feature(key, name=name, unit=unit)
    for feature, paid_from, per, units in COSTS:
        CatalogService.set_cost(feature, paid_from, per=per, units=units)
    for product in PRODUCTS:
        prices = [Money(amount, currency) for currency, amount in product.get("prices", {}).items()]
        CatalogService.create_product(**{**product, "prices": prices})
    return True
