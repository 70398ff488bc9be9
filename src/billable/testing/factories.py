"""People, products and purchases for a test, made through the front door."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from django.db import models

from billable.models import Customer, Feature, Grant, Order, Product, UserLink
from billable.services import CatalogService, CustomerService, FeatureLine, OrderService, QuotaService, Subject
from billable.testing.hooks import run_commit_hooks

PROVIDER = "testing"
_numbers = count(1)


def make_user(**fields: Any) -> Any:
    """A user of your user model, with a name nobody else has; ``fields`` are the model's own."""
    users: Any = UserLink._meta.get_field("user").related_model
    name = getattr(users, "USERNAME_FIELD", None)
    if name is not None and name not in fields:
        number = next(_numbers)
        is_email = isinstance(users._meta.get_field(name), models.EmailField)
        fields[name] = f"user-{number}@example.com" if is_email else f"user-{number}"
    return users._base_manager.create(**fields)


def make_customer(user: Any = None, *, sandbox: bool = False) -> Customer:
    """A customer with an identity, of ``user`` if one is given; of the sandbox its clock can be moved alone."""
    name = f"customer-{next(_numbers)}"
    with run_commit_hooks():
        if user is not None and not sandbox:
            CustomerService.link_identity(user, PROVIDER, name)
            return CustomerService.get_customer(user)
        customer = CustomerService.identify(PROVIDER, name, sandbox=sandbox).customer
        if user is not None:
            CustomerService.link_user(customer, user)
        return customer


def make_feature(key: str, *, name: str = "", unit: str = "") -> Feature:
    """A feature; one that exists already is answered as it is."""
    known = next((feature for feature in CatalogService.list_features() if feature.key == key), None)
    return known or CatalogService.create_feature(key, name=name, unit=unit)


def make_product(
    sku: str | None = None,
    *,
    price: str | None = "10.00",
    features: Sequence[str | FeatureLine] = ("units",),
    quantity: int | None = 10,
    period: str | None = None,
    **details: Any,
) -> Product:
    """A product: unless you say otherwise, ten ``units`` for 10.00. ``details`` are those of ``create_product``.

    ``quantity`` is of features named by a plain text; a feature line says its own.
    """
    by_name = any(isinstance(feature, str) for feature in features)
    return CatalogService.create_product(
        sku or f"product-{next(_numbers)}",
        price=price,
        features=features,
        quantity=quantity if by_name else None,
        period=period,
        **details,
    )


def make_grant(
    user: Subject,
    feature: str = "units",
    quantity: int | None = 10,
    *,
    period: str | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Units of a feature for somebody, by hand; the feature is made if there is none. ``quantity`` None: unlimited."""
    make_feature(feature)
    with run_commit_hooks():
        (grant,) = QuotaService.grant_feature(user, feature, quantity=quantity, period=period, expires_at=expires_at)
    return grant


def paid_order(user: Subject, *products: Product | str, quantity: int = 1, **details: Any) -> Order:
    """An order of products (or SKUs), so many of each, that is paid; with its receipt and all that follows.

    ``details`` are those of ``create_order``.
    """
    skus = [product.sku if isinstance(product, Product) else product for product in products]
    with run_commit_hooks():
        order = OrderService.create_order(user, [{"sku": sku, "quantity": quantity} for sku in skus], **details)
        if order.status == "pending":
            OrderService.confirm_payment(order, payment_id=f"testing-{order.pk}", payment_method=PROVIDER)
    return OrderService.get_order(order)
