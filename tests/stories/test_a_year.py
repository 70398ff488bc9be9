"""A year of a monthly subscription with daily use. How long it takes is for `--durations` to say."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db.models import Q, Sum

from billable.models import Grant, Order, Payment, Usage
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService
from tests import books
from tests.fixtures import Clock

A_DAY = timedelta(days=1)


@pytest.fixture
def plan(db: None) -> None:
    monthly = {"feature": "pdf_export", "quantity": 100, "cap_quantity": 5, "cap_period": "1 day"}
    CatalogService.create_product(
        "pro", price="9.99", currency="EUR", features=[monthly, "sso"], recurs="1 month", grace_days=3
    )


def pay(order: Order) -> None:
    assert OrderService.confirm_payment(order, payment_id=f"pay-{order.pk}").status == "succeeded"


def test_a_year_of_a_monthly_subscription_with_daily_use(plan: None, customer: Any, clock: Clock) -> None:
    begins = clock.instant
    pay(OrderService.create_order(customer, [{"sku": "pro"}], currency="EUR"))
    (subscription,) = SubscriptionService.list_subscriptions(customer)

    while clock.instant < datetime(2027, 1, 31, 12, tzinfo=timezone.utc):
        usage = QuotaService.consume_quota(customer, "pdf_export", quantity=3)
        assert usage.balance == 2  # of the five that a day lets out
        if SubscriptionService.make_renewals().orders:
            pay(Order.objects.get(status="pending"))
        clock.instant += A_DAY

    subscription = SubscriptionService.get_subscription(subscription)
    assert (subscription.status, subscription.period_index) == ("active", 12)
    assert subscription.paid_until == datetime(2027, 2, 28, 12, tzinfo=timezone.utc)
    assert Payment.objects.aggregate(paid=Sum("amount_minor"))["paid"] == 13 * 999
    assert Usage.objects.aggregate(used=Sum("quantity"))["used"] == 3 * (clock.instant - begins).days == 3 * 365
    months = Grant.objects.filter(feature__key="pdf_export").order_by("valid_from")
    taken = months.annotate(taken=-Sum("entries__amount", filter=Q(entries__kind="consume")))
    assert [(grant.valid_from.day, grant.taken) for grant in taken] == [
        *((31, 84), (28, 93), (31, 90), (30, 93), (31, 90), (30, 93), (31, 93)),
        *((31, 90), (30, 93), (31, 90), (30, 93), (31, 93), (31, None)),
    ]
    assert QuotaService.check_quota(customer, "pdf_export", quantity=5).code == "allowed"
    QuotaService.expire_grants()
    assert not books.problems()
