"""One row of every table, made below the front door: pages must show whatever is there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from billable import models

TABLES = sorted(apps.get_app_config("billable").get_models(), key=lambda model: model.__name__)


@pytest.fixture
def rows(db: None, admin_user: Any) -> dict[type[Model], Any]:
    """One row of every table, by model."""
    now = timezone.now()
    by = {"actor": "python", "created_at": now}
    facts = {"metadata": {"note": "läuft"}, **by}
    customer = models.Customer.objects.create(**facts)
    whose = {"customer": customer}
    feature = models.Feature.objects.create(key="pdf_export", name="PDF export")
    credits = models.Feature.objects.create(key="credits")
    product = models.Product.objects.create(sku="pro", name="Pro")
    unlimited = {"quantity": None, "remaining": None}
    window = {"valid_from": now, "anchor": now}
    grant = models.Grant.objects.create(
        **whose, feature=feature, product=product, source="manual", source_id="by-hand", line=1, quantity=10,
        remaining=7, expires_at=now + timedelta(days=30), **window, **facts,
    )  # fmt: skip
    models.Grant.objects.create(
        **whose, feature=credits, source="manual", source_id="2", line=1, **unlimited, **window, **facts
    )
    usage = models.Usage.objects.create(
        **whose, feature=feature, quantity=3, costs=[], balance_after=7, event_seq=1, idempotency_key="job-1", **facts
    )
    hold = models.Hold.objects.create(**whose, feature=feature, quantity=1, expires_at=now, lapses_at=now, **facts)
    order = models.Order.objects.create(**whose, currency="EUR", total_amount_minor=1998, **facts)
    item = models.OrderItem.objects.create(
        **whose, order=order, line=1, product=product, sku="pro", quantity=2, unit_amount_minor=999,
        total_amount_minor=1998,
    )  # fmt: skip
    subscription = models.Subscription.objects.create(
        **whose, product=product, currency="EUR", interval_count=1, interval_unit="month", grace_days=3, anchor=now,
        paid_from=now, paid_until=now + timedelta(days=30), access_until=now + timedelta(days=33), **facts,
    )  # fmt: skip
    trial = models.Trial.objects.create(**whose, product=product, campaign="pro", subscription=subscription, **by)
    payment = models.Payment.objects.create(
        **whose, order=order, payment_id="pi_1", status="pending", amount_minor=1998, currency="EUR", **facts
    )
    money = {"amount_minor": 999, "currency": "EUR"}
    refund = models.Refund.objects.create(
        **whose, order=order, payment=payment, refund_id="re_1", origin="merchant", policy="full", **money, **facts
    )
    part = models.RefundItem.objects.create(**whose, refund=refund, item=item, pieces=1, amount_minor=999)
    promotion = models.Promotion.objects.create(code="SPRING", percent_off=Decimal("12.5"))
    programme = models.ReferralProgramme.objects.create(key="friends", referrer_product=product)
    amounts = {"net_minor": 1665, "tax_minor": 333, "total_minor": 1998}
    invoice = models.Invoice.objects.create(
        **whose, kind="receipt", order=order, source_id=order.pk, series="R", year=2026, number=1, issued_at=now,
        currency="EUR", **amounts, **by,
    )  # fmt: skip
    made = [
        customer, feature, product, grant, usage, hold, order, item, trial, payment, refund, part, promotion, programme,
        invoice, subscription,
        models.SubscriptionPause.objects.create(**whose, subscription=subscription, begins_at=now, **by),
        models.PlanChange.objects.create(
            **whose, subscription=subscription, kind="plan", at="period_end", period_index=0, from_product=product,
            from_seats=1, to_product=product, to_seats=2, interval_count=1, interval_unit="month", grace_days=3,
            currency="EUR", price_minor=999, **by,
        ),
        models.CatalogName.objects.create(name="pro", kind="product"),
        models.Price.objects.create(product=product, currency="EUR", amount_minor=999),
        models.ProductFeature.objects.create(
            product=product, line=1, feature=feature, quantity=5, period_count=1, period_unit="month"
        ),
        models.FeatureCost.objects.create(feature=feature, paid_from=credits, position=1),
        models.UserLink.objects.create(**whose, user=admin_user, **by),
        models.Identity.objects.create(**whose, provider="telegram", external_id="4711", **by),
        models.HoldLeg.objects.create(**whose, hold=hold, position=1, grant=grant, units=1),
        models.AlertNotice.objects.create(
            **whose, feature=feature, threshold="80%", since=now, used=8, granted=10, usage=usage, **by
        ),
        models.ExpiryNotice.objects.create(**whose, grant=grant, expires_at=now, units=7, **by),
        models.Allowance.objects.create(
            **whose, feature=feature, product=product, source="manual", source_id="by-hand", line=1, quantity=10,
            reset_count=1, reset_unit="month", anchor=now, next_at=now + timedelta(days=30), **facts,
        ),
        models.Debt.objects.create(**whose, feature=feature, usage=usage, units=5, repaid=2, **by),
        models.RollOut.objects.create(
            **whose, product=product, policy="now", kind="units", holding_source="manual", holding_id="by-hand",
            grant=grant, quantity=5, **by,
        ),
        models.Adjustment.objects.create(
            **whose, kind="reverse", usage=usage, quantity=1, idempotency_key="undo-1", reason="failed job", **facts
        ),
        models.LedgerEntry.objects.create(
            **whose, seq=1, grant=grant, usage=usage, kind="consume", cause_type="usage", cause_id=usage.pk,
            amount=-3, remaining_after=7, effective_at=now, **by,
        ),
        models.OrderItemFeature.objects.create(**whose, item=item, line=1, feature=feature, quantity=5),
        models.PaymentClaim.objects.create(
            payment_id="pi_1", payment_method="*", order_id=order.pk, customer_id=customer.pk
        ),
        models.TrialFingerprint.objects.create(
            campaign="pro", fingerprint="ab" * 32, trial_id=trial.pk, customer_id=customer.pk
        ),
        models.UnitPrice.objects.create(product=product, feature=credits, units=50),
        models.Merge.objects.create(**whose, absorbed=models.Customer.objects.create(**by), reason="one person", **by),
        models.ClockMove.objects.create(
            **whose, asked="days=1", started_at=now, from_offset_seconds=0, to_offset_seconds=86_400, **by
        ),
        models.RefundGrant.objects.create(**whose, part=part, grant=grant, used=3, unused=7, taken_back=5),
        models.Dispute.objects.create(
            **whose, order=order, payment=payment, dispute_id="dp_1", payment_status="succeeded", **money, **facts
        ),
        models.Exchange.objects.create(
            **whose, product=product, sku="pro", quantity=1, feature=credits, units=50, usage=usage,
            idempotency_key="exchange-1", **facts,
        ),
        models.PromotionAmount.objects.create(promotion=promotion, currency="EUR", amount_minor=100),
        models.PromotionProduct.objects.create(promotion=promotion, product=product),
        models.PromotionUse.objects.create(
            **whose, promotion=promotion, order_id=order.pk, currency="EUR", discount_minor=100, **by
        ),
        models.Referral.objects.create(
            **whose, referrer=models.Customer.objects.create(**by), programme=programme, **facts
        ),
        models.InvoiceSeries.objects.create(series="R", year=2026, last_number=1),
        models.InvoiceLine.objects.create(
            **whose, invoice=invoice, line=1, sku="pro", quantity=2, unit_amount_minor=999, tax_rate=20, **amounts
        ),
    ]  # fmt: skip
    return {type(row): row for row in made}


@pytest.fixture
def staff(db: None) -> Any:
    """A client logged in as staff with exactly the named permissions, such as ``view_order``."""

    def logged_in(*codenames: str) -> Client:
        user = get_user_model()._default_manager.create_user("staff", password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(user)
        return client

    return logged_in


def make_many(rows: dict[type[Model], Any]) -> None:
    """A few more customers with a row of every table each, so that a query per row would show."""
    for number in range(5):
        customer = copy_of(rows[models.Customer])
        whose = {"customer": customer}
        copy_of(rows[models.Identity], **whose, external_id=f"many-{number}")
        feature = models.Feature.objects.create(key=f"feature-{number}")
        product = models.Product.objects.create(sku=f"product-{number}")
        models.CatalogName.objects.create(name=product.sku, kind="product")
        copy_of(rows[models.Price], product=product)
        copy_of(rows[models.ProductFeature], product=product, feature=feature)
        copy_of(rows[models.FeatureCost], paid_from=feature, feature=rows[models.Feature], position=number + 2)
        grant = copy_of(rows[models.Grant], **whose, feature=feature, product=product)
        usage = copy_of(rows[models.Usage], **whose, feature=feature)
        hold = copy_of(rows[models.Hold], **whose, feature=feature)
        copy_of(rows[models.HoldLeg], **whose, hold=hold, grant=grant)
        copy_of(rows[models.AlertNotice], **whose, feature=feature, usage=usage)
        copy_of(rows[models.ExpiryNotice], **whose, grant=grant)
        copy_of(rows[models.Allowance], **whose, feature=feature, product=product)
        copy_of(rows[models.Debt], **whose, usage=usage, feature=feature)
        copy_of(rows[models.RollOut], **whose, product=product, grant=grant)
        copy_of(rows[models.Adjustment], **whose, usage=usage)
        copy_of(rows[models.LedgerEntry], **whose, usage=usage, grant=grant)
        order = copy_of(rows[models.Order], **whose)
        item = copy_of(rows[models.OrderItem], **whose, order=order, product=product)
        copy_of(rows[models.OrderItemFeature], **whose, item=item, feature=feature)
        payment = copy_of(rows[models.Payment], **whose, order=order)
        copy_of(rows[models.PaymentClaim], payment_id=f"many-{number}")
        subscription = copy_of(rows[models.Subscription], **whose, product=product)
        copy_of(rows[models.SubscriptionPause], **whose, subscription=subscription)
        copy_of(rows[models.PlanChange], **whose, subscription=subscription, from_product=product, to_product=product)
        trial = copy_of(rows[models.Trial], **whose, product=product, subscription=subscription)
        copy_of(rows[models.TrialFingerprint], fingerprint=f"{number:064}", trial_id=trial.pk)
        copy_of(rows[models.UnitPrice], product=product, feature=feature)
        copy_of(rows[models.Merge], **whose)
        refund = copy_of(rows[models.Refund], **whose, order=order, payment=payment)
        part = copy_of(rows[models.RefundItem], **whose, refund=refund, item=item)
        copy_of(rows[models.RefundGrant], **whose, part=part, grant=grant)
        copy_of(rows[models.Dispute], **whose, order=order, payment=payment)
        copy_of(rows[models.Exchange], **whose, product=product, feature=feature, usage=usage)
        promotion = copy_of(rows[models.Promotion], code=f"CODE-{number}", percent_off=None)
        copy_of(rows[models.PromotionAmount], promotion=promotion)
        copy_of(rows[models.PromotionProduct], promotion=promotion, product=product)
        copy_of(rows[models.PromotionUse], **whose, promotion=promotion, order_id=order.pk)
        programme = copy_of(rows[models.ReferralProgramme], key=f"programme-{number}", referrer_product=product)
        copy_of(rows[models.Referral], **whose, programme=programme)
        copy_of(rows[models.InvoiceSeries], year=2027 + number)
        invoice = copy_of(rows[models.Invoice], **whose, order=order, source_id=order.pk, number=number + 2)
        copy_of(rows[models.InvoiceLine], **whose, invoice=invoice)
        user = get_user_model()._default_manager.create_user(f"user-{number}")
        models.UserLink.objects.create(**whose, user=user, actor="python", created_at=timezone.now())


def copy_of(row: Any, **changes: Any) -> Any:
    """Another row like this one."""
    values = {field.name: getattr(row, field.name) for field in row._meta.concrete_fields if not field.primary_key}
    return type(row)._default_manager.create(**{**values, **changes})
