"""One valid row of every table, written without the verbs: what the constraints alone accept."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from billable.models import (
    Adjustment,
    CatalogName,
    Customer,
    Feature,
    FeatureCost,
    Grant,
    Hold,
    HoldLeg,
    Identity,
    LedgerEntry,
    Order,
    OrderItem,
    OrderItemFeature,
    Payment,
    PaymentClaim,
    Price,
    Product,
    ProductFeature,
    Trial,
    TrialFingerprint,
    Usage,
    UserLink,
)

NOW = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
WRITTEN = {"actor": "python", "created_at": NOW}

Rows = dict[type[models.Model], models.Model]


def one_row_of_every_table() -> Rows:
    """The rows by their model. Quantities leave room on both sides of every bound."""
    rows = [*_catalogue()]
    product, feature = _only(rows, Product), _only(rows, Feature)
    customer = Customer.objects.create(**WRITTEN)
    rows += [customer, *_names(customer), *_quota(customer, feature), *_orders(customer, product, feature)]
    trial = Trial.objects.create(customer=customer, product=product, campaign="trial", **WRITTEN)
    fingerprint = TrialFingerprint.objects.create(
        campaign="trial", fingerprint="f" * 64, trial_id=trial.pk, customer_id=customer.pk
    )
    return {type(row): row for row in [*rows, trial, fingerprint]}


def another_feature() -> Feature:
    """A second feature, for rows that must differ in it."""
    return Feature.objects.get_or_create(key="another")[0]


def twin(row: models.Model, **changes: Any) -> models.Model:
    """An unsaved copy of a row under a primary key of its own, with some values changed."""
    other = copy.copy(row)
    other._state = copy.copy(row._state)
    other._state.adding = True
    other.pk = uuid4() if isinstance(row._meta.pk, models.UUIDField) else None
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def tables() -> list[type[models.Model]]:
    """Every model of the engine."""
    return list(apps.get_app_config("billable").get_models())


def _only(rows: list[Any], model: type[Any]) -> Any:
    return next(row for row in rows if isinstance(row, model))


def _catalogue() -> list[models.Model]:
    name = CatalogName.objects.create(name="pdf_export", kind="feature")
    feature = Feature.objects.create(key="pdf_export")
    credit = Feature.objects.create(key="credits")
    product = Product.objects.create(sku="pack")
    return [
        credit,
        name,
        feature,
        product,
        Price.objects.create(product=product, currency="EUR", amount_minor=999),
        ProductFeature.objects.create(
            product=product, line=1, feature=feature, quantity=100, period_count=1, period_unit="month"
        ),
        FeatureCost.objects.create(feature=feature, paid_from=credit, per=1, units=2, position=1),
    ]


def _names(customer: Customer) -> list[models.Model]:
    user = get_user_model()._default_manager.create(username="anna")
    return [
        UserLink.objects.create(user=user, customer=customer, **WRITTEN),
        Identity.objects.create(customer=customer, provider="telegram", external_id="1", **WRITTEN),
    ]


def _quota(customer: Customer, feature: Feature) -> list[models.Model]:
    grant = Grant.objects.create(
        customer=customer,
        feature=feature,
        source="order",
        source_id="1",
        line=1,
        quantity=10,
        remaining=4,
        held=1,
        valid_from=NOW,
        anchor=NOW,
        period_count=1,
        period_unit="month",
        **WRITTEN,
    )
    usage = Usage.objects.create(
        customer=customer, feature=feature, quantity=5, idempotency_key="k", event_seq=1, **WRITTEN
    )
    hold = Hold.objects.create(
        customer=customer, feature=feature, quantity=5, captured=2, idempotency_key="k", expires_at=NOW, **WRITTEN
    )
    leg = HoldLeg.objects.create(customer=customer, hold=hold, position=1, grant=grant, units=5, captured=2, released=1)
    adjustment = Adjustment.objects.create(
        customer=customer, kind="reverse", usage=usage, quantity=1, idempotency_key="k", reason="r", **WRITTEN
    )
    entry = LedgerEntry.objects.create(
        customer=customer,
        seq=1,
        grant=grant,
        usage=usage,
        kind="consume",
        cause_type="usage",
        cause_id=usage.pk,
        amount=-5,
        remaining_after=5,
        effective_at=NOW,
        **WRITTEN,
    )
    return [grant, usage, hold, leg, adjustment, entry]


def _orders(customer: Customer, product: Product, feature: Feature) -> list[models.Model]:
    order = Order.objects.create(
        customer=customer, currency="EUR", total_amount_minor=200, idempotency_key="k", **WRITTEN
    )
    item = OrderItem.objects.create(
        customer=customer,
        order=order,
        line=1,
        product=product,
        sku="pack",
        quantity=2,
        unit_amount_minor=100,
        total_amount_minor=200,
    )
    given = OrderItemFeature.objects.create(
        customer=customer, item=item, line=1, feature=feature, quantity=5, period_count=1, period_unit="month"
    )
    payment = Payment.objects.create(
        customer=customer,
        order=order,
        payment_id="p",
        status="succeeded",
        amount_minor=200,
        currency="EUR",
        **WRITTEN,
    )
    claim = PaymentClaim.objects.create(payment_id="p", payment_method="*")
    return [order, item, given, payment, claim]
