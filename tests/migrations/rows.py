"""One valid row of every table, written without the verbs: what the constraints alone accept."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import AutoField, BigAutoField, Model, UUIDField

from billable import models

NOW = datetime(2026, 1, 15, 12, tzinfo=timezone.utc)
RECURS: dict[str, Any] = {"recurs_count": 1, "recurs_unit": "month"}
WRITTEN: dict[str, Any] = {"actor": "python", "created_at": NOW}

Rows = dict[type[Model], Any]


def one_row_of_every_table() -> Rows:
    """The rows by their model. Quantities leave room on both sides of every bound."""
    rows: Rows = {}
    rooms = (
        _catalogue, _customers, _quota, _subscriptions, _orders, _trials,
        _refunds, _exchanges, _promotions, _referrals, _invoices,
    )  # fmt: skip
    for room in rooms:
        for row in room(rows):
            rows[type(row)] = row
    return rows


def another_customer() -> models.Customer:
    """A customer of whom there is nothing yet."""
    return models.Customer.objects.create(**WRITTEN)


def another_feature() -> models.Feature:
    """A second feature, for rows that must differ in it."""
    return models.Feature.objects.get_or_create(key="another")[0]


def another_product() -> models.Product:
    """A second product, for rows that must differ in it."""
    return models.Product.objects.get_or_create(sku="another")[0]


def twin(row: Model, **changes: Any) -> Model:
    """An unsaved copy of a row under a primary key of its own, with some values changed."""
    other = copy.copy(row)
    other._state = copy.copy(row._state)
    other._state.adding = True
    if isinstance(row._meta.pk, UUIDField):
        other.pk = uuid4()
    elif isinstance(row._meta.pk, (AutoField, BigAutoField)):
        other.pk = None
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def tables() -> list[type[Model]]:
    """Every model of the engine."""
    return list(apps.get_app_config("billable").get_models())


def _catalogue(rows: Rows) -> Iterator[Model]:
    credits = models.Feature.objects.create(key="credits")
    yield models.CatalogName.objects.create(name="pdf_export", kind="feature")
    yield (feature := models.Feature.objects.create(key="pdf_export"))
    yield (
        product := models.Product.objects.create(sku="pack", **RECURS, trial_count=1, trial_unit="week", grace_days=3)
    )
    yield models.Price.objects.create(product=product, currency="EUR", amount_minor=999)
    yield models.UnitPrice.objects.create(product=product, feature=credits, units=50)
    yield models.ProductFeature.objects.create(
        product=product, line=1, feature=feature, quantity=100, period_count=1, period_unit="month"
    )
    yield models.FeatureCost.objects.create(feature=feature, paid_from=credits, per=1, units=2, position=1)


def _customers(rows: Rows) -> Iterator[Model]:
    user = get_user_model()._default_manager.create(username="anna")
    yield (customer := models.Customer.objects.create(**WRITTEN))
    yield models.UserLink.objects.create(user=user, customer=customer, **WRITTEN)
    yield models.Identity.objects.create(customer=customer, provider="telegram", external_id="1", **WRITTEN)
    yield models.Merge.objects.create(customer=customer, absorbed=another_customer(), **WRITTEN)
    yield models.ClockMove.objects.create(
        customer=customer, asked="days=1", idempotency_key="k", started_at=NOW, from_offset_seconds=10,
        to_offset_seconds=20, **WRITTEN,
    )  # fmt: skip


def _quota(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    feature = rows[models.Feature]
    period = {"anchor": NOW, "period_count": 1, "period_unit": "month"}
    yield (
        grant := models.Grant.objects.create(
            **whose, feature=feature, source="order", source_id="1", line=1, quantity=10, remaining=4, held=1,
            valid_from=NOW, **period, **WRITTEN,
        )
    )  # fmt: skip
    yield (
        usage := models.Usage.objects.create(
            **whose, feature=feature, quantity=5, idempotency_key="k", event_seq=1, **WRITTEN
        )
    )
    yield (
        hold := models.Hold.objects.create(
            **whose,
            feature=feature,
            quantity=5,
            captured=2,
            idempotency_key="k",
            expires_at=NOW,
            lapses_at=NOW,
            **WRITTEN,
        )
    )
    yield models.HoldLeg.objects.create(**whose, hold=hold, position=1, grant=grant, units=5, captured=2, released=1)
    yield models.Adjustment.objects.create(
        **whose, kind="reverse", usage=usage, quantity=1, idempotency_key="k", reason="r", **WRITTEN
    )
    yield models.Allowance.objects.create(
        **whose, feature=feature, source="order", source_id="1", line=1, quantity=10, reset_count=1, reset_unit="month",
        rollover_quantity=4, rollover_periods=2, anchor=NOW, expires_at=NOW + timedelta(days=365), next_index=1,
        next_at=NOW + timedelta(days=30), **WRITTEN,
    )  # fmt: skip
    yield models.Debt.objects.create(**whose, feature=feature, usage=usage, units=5, repaid=2, forgiven=1, **WRITTEN)
    yield models.RollOut.objects.create(
        **whose,
        product=rows[models.Product],
        policy="now",
        kind="units",
        holding_source="order",
        holding_id="1",
        grant=grant,
        quantity=5,
        **WRITTEN,
    )
    yield models.LedgerEntry.objects.create(
        **whose, seq=1, grant=grant, usage=usage, kind="consume", cause_type="usage", cause_id=usage.pk,
        amount=-5, remaining_after=5, effective_at=NOW, **WRITTEN,
    )  # fmt: skip
    yield models.AlertNotice.objects.create(
        **whose, feature=feature, threshold="80%", since=NOW, used=8, granted=10, usage=usage, **WRITTEN
    )
    yield models.ExpiryNotice.objects.create(**whose, grant=grant, expires_at=NOW, units=4, **WRITTEN)


def _subscriptions(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    yield (
        subscription := models.Subscription.objects.create(
            **whose, product=rows[models.Product], currency="EUR", interval_count=1, interval_unit="month",
            grace_days=3, anchor=NOW, paid_from=NOW, paid_until=NOW.replace(month=2),
            access_until=NOW.replace(month=2, day=18), paused_at=NOW, resumes_at=NOW.replace(day=20),
            renews_at=NOW.replace(month=2, day=12), due_at=NOW.replace(month=2), **WRITTEN,
        )
    )  # fmt: skip
    yield models.SubscriptionPause.objects.create(
        **whose, subscription=subscription, begins_at=NOW, ends_at=NOW.replace(day=20), **WRITTEN
    )
    product = rows[models.Product]
    yield models.PlanChange.objects.create(
        **whose, subscription=subscription, kind="plan", at="now", money="pro_rata_seconds", units="regrant",
        period_index=0, from_product=product, from_seats=1, to_product=product, to_seats=2, currency="EUR",
        interval_count=1, interval_unit="month", grace_days=3,
        price_minor=200, credited_minor=5, charged_minor=100, time_left=timedelta(days=15), effective_at=NOW,
        applied_at=NOW, idempotency_key="k", **WRITTEN,
    )  # fmt: skip


def _orders(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    period = {"period_count": 1, "period_unit": "month"}
    yield (
        order := models.Order.objects.create(
            **whose, currency="EUR", total_amount_minor=200, tax_minor=20, idempotency_key="k", **WRITTEN
        )
    )
    yield (
        item := models.OrderItem.objects.create(
            **whose, order=order, line=1, product=rows[models.Product], sku="pack", quantity=2, unit_amount_minor=110,
            discount_minor=20, tax_rate=10, tax_minor=20, total_amount_minor=200, credit_minor=10, **RECURS,
            subscription=rows[models.Subscription], period_index=0, period_from=NOW, period_until=NOW.replace(month=2),
            change=rows[models.PlanChange], credited_by=rows[models.PlanChange], credited_minor=5,
        )
    )  # fmt: skip
    yield models.OrderItemFeature.objects.create(
        **whose, item=item, line=1, feature=rows[models.Feature], quantity=5, **period
    )
    yield models.Payment.objects.create(
        **whose, order=order, payment_id="p", status="succeeded", amount_minor=200, currency="EUR", **WRITTEN
    )
    yield models.PaymentClaim.objects.create(payment_id="p", payment_method="*")


def _trials(rows: Rows) -> Iterator[Model]:
    customer = rows[models.Customer]
    yield (
        trial := models.Trial.objects.create(
            customer=customer,
            product=rows[models.Product],
            campaign="trial",
            subscription=rows[models.Subscription],
            **WRITTEN,
        )
    )
    yield models.TrialFingerprint.objects.create(
        campaign="trial", fingerprint="f" * 64, trial_id=trial.pk, customer_id=customer.pk
    )


def _refunds(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    bought = {"order": rows[models.Order], "payment": rows[models.Payment]}
    money = {"amount_minor": 100, "currency": "EUR"}
    yield (
        refund := models.Refund.objects.create(
            **whose, **bought, refund_id="r", origin="merchant", policy="full", **money, **WRITTEN
        )
    )
    yield (
        part := models.RefundItem.objects.create(
            **whose, refund=refund, item=rows[models.OrderItem], pieces=1, amount_minor=100
        )
    )
    yield models.RefundGrant.objects.create(
        **whose, part=part, grant=rows[models.Grant], used=5, unused=5, taken_back=4
    )
    yield models.Dispute.objects.create(
        **whose, **bought, dispute_id="d", payment_status="succeeded", **money, **WRITTEN
    )


def _exchanges(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    yield models.Exchange.objects.create(
        **whose, product=rows[models.Product], sku="pack", quantity=1, feature=rows[models.Feature], units=50,
        refunded_units=10, usage=rows[models.Usage], idempotency_key="k", **WRITTEN,
    )  # fmt: skip


def _promotions(rows: Rows) -> Iterator[Model]:
    yield (
        promotion := models.Promotion.objects.create(
            code="SPRING", percent_off=10, max_uses=5, used=1, starts_at=NOW, ends_at=NOW.replace(year=2027)
        )
    )
    yield models.PromotionAmount.objects.create(promotion=promotion, currency="EUR", amount_minor=100)
    yield models.PromotionProduct.objects.create(promotion=promotion, product=rows[models.Product])
    yield models.PromotionUse.objects.create(
        customer=rows[models.Customer], promotion=promotion, order_id=rows[models.Order].pk, currency="EUR",
        discount_minor=20, **WRITTEN,
    )  # fmt: skip


def _referrals(rows: Rows) -> Iterator[Model]:
    yield (programme := models.ReferralProgramme.objects.create(key="friends", trigger="on_signup"))
    yield models.Referral.objects.create(
        customer=rows[models.Customer], referrer=another_customer(), programme=programme, **WRITTEN
    )


def _invoices(rows: Rows) -> Iterator[Model]:
    whose = {"customer": rows[models.Customer]}
    order = rows[models.Order]
    amounts = {"net_minor": 180, "tax_minor": 20, "total_minor": 200}
    yield models.InvoiceSeries.objects.create(series="R", year=2026, last_number=1)
    yield (
        invoice := models.Invoice.objects.create(
            **whose, kind="receipt", order=order, source_id=order.pk, series="R", year=2026, number=1, issued_at=NOW,
            currency="EUR", **amounts, **WRITTEN,
        )
    )  # fmt: skip
    yield models.InvoiceLine.objects.create(
        **whose, invoice=invoice, line=1, sku="pack", quantity=2, unit_amount_minor=110, discount_minor=20,
        tax_rate=10, **amounts,
    )  # fmt: skip
