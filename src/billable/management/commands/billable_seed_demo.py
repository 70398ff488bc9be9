"""``billable_seed_demo``: the products of Papermill, a made-up tool for documents, to try things with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated

# What the demo catalogue is, for help texts. Its names are Papermill's own: no example in the docs shares one.
CONTENTS = "plans, credit packs and a trial of Papermill, a made-up document tool, to try things with"

FEATURES = {
    "papermill_export": ("Export", "export"),
    "papermill_summary": ("Summary", "page"),
    "papermill_scan": ("Text recognition", "page"),
    "papermill_sso": ("Single sign-on", ""),
    "papermill_credits": ("Credits", "credit"),
}

# feature, what pays for it, and how many of the one cost how many of the other
COSTS = (
    ("papermill_export", "papermill_credits", 1, 2),
    ("papermill_summary", "papermill_credits", 1, 5),
    ("papermill_scan", "papermill_credits", 2, 1),
)

# Minor units: 1200 is 12.00 EUR, and 600 is 600 Telegram Stars.
PRODUCTS: tuple[dict[str, Any], ...] = (
    {
        "sku": "papermill_free",
        "name": "Papermill Free",
        "description": "Five exports to get started.",
        "features": [{"feature": "papermill_export", "quantity": 5}],
        "is_default": True,
    },
    {
        "sku": "papermill_team_monthly",
        "name": "Papermill Team, one month",
        "description": "Unlimited exports, single sign-on, and 100 credits, for a month.",
        "prices": {"EUR": 1200, "USD": 1300, "XTR": 600},
        "features": [
            {"feature": "papermill_export", "period": "1 month"},
            {"feature": "papermill_sso", "period": "1 month"},
            {"feature": "papermill_credits", "quantity": 100, "period": "1 month"},
        ],
    },
    {
        "sku": "papermill_credits_100",
        "name": "100 Papermill credits",
        "description": "For exports, summaries and text recognition. They never run out of time.",
        "prices": {"EUR": 500, "USD": 550, "XTR": 250},
        "features": [{"feature": "papermill_credits", "quantity": 100}],
    },
    {
        "sku": "papermill_credits_1000",
        "name": "1000 Papermill credits",
        "description": "The large pack.",
        "prices": {"EUR": 3900, "USD": 4200, "XTR": 1950},
        "features": [{"feature": "papermill_credits", "quantity": 1000}],
    },
    {
        "sku": "papermill_lifetime",
        "name": "Papermill, lifetime",
        "description": "Unlimited exports and single sign-on, for ever.",
        "prices": {"EUR": 24900, "USD": 26900, "XTR": 12500},
        "features": ["papermill_export", "papermill_sso"],
    },
    {
        "sku": "papermill_team_trial",
        "name": "Papermill Team, 14 days to try",
        "description": "Once per person: unlimited exports and 20 credits for two weeks.",
        "features": [
            {"feature": "papermill_export", "period": "14 days"},
            {"feature": "papermill_credits", "quantity": 20, "period": "14 days"},
        ],
        "is_trial": True,
    },
)


class Command(BaseCommand):
    help = f"Put the demo catalogue into an empty one: {CONTENTS}."

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
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
