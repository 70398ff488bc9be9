"""Changing plans and seats in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billable.models import PlanChange, Subscription
from billable.services import CatalogService, CustomerService, OrderService, SubscriptionService

NOW = {"sku": "pro", "at": "now", "units": "carry_usage", "money": "pro_rata_seconds"}


@pytest.fixture
def subscription(db: None, clock: Any) -> Subscription:
    for sku, price, pages in (("basic", "10.00", 100), ("pro", "24.00", 300)):
        lines = [{"feature": "pages", "quantity": pages}]
        CatalogService.create_product(sku, price=price, currency="EUR", features=lines, recurs="1 month", grace_days=3)
    customer = CustomerService.identify("telegram", "1").customer
    order = OrderService.create_order(customer, [{"sku": "basic"}])
    OrderService.confirm_payment(order, payment_id="p1")
    return Subscription.objects.get()


def post(client: Client, row: Subscription, name: str, **answers: Any) -> Any:
    page = reverse(f"admin:billable_subscription_{name}")
    assert client.get(page, {"id": row.pk}).status_code == 200
    answer = client.post(page, {"id": row.pk, "idempotency_key": "k", **answers}, follow=True)
    assert answer.status_code == 200
    return answer


def act(client: Client, row: Subscription, name: str, **answers: Any) -> str:
    return str(post(client, row, name, **answers).content.decode())


def test_staff_see_what_a_change_would_do_and_then_do_it(admin_client: Client, subscription: Subscription) -> None:
    shown = post(admin_client, subscription, "change_plan", **NOW)
    assert "14.00 EUR would be due" in shown.content.decode()
    assert PlanChange.objects.count() == 0

    said = act(admin_client, subscription, "change_plan", **NOW, seen=shown.context["seen"])

    assert "waits for 14.00 EUR of the order" in said
    assert "stays as it is" in act(admin_client, subscription, "undo_change")
    assert "had nothing to undo" in act(admin_client, subscription, "undo_change")


def test_staff_change_the_seats(admin_client: Client, subscription: Subscription) -> None:
    assert "waits for 20.00 EUR" in act(admin_client, subscription, "change_seats", seats=3)
    SubscriptionService.undo_change(subscription)
    assert "already has this plan" in act(admin_client, subscription, "change_seats", seats=1, idempotency_key="other")


@pytest.mark.parametrize(("seats", "told"), [("", "1 seat"), (2, "2 seats")])
def test_staff_schedule_a_change(admin_client: Client, subscription: Subscription, seats: Any, told: str) -> None:
    answers = {**NOW, "at": "period_end", "seats": seats}
    shown = post(admin_client, subscription, "change_plan", **answers)

    said = act(admin_client, subscription, "change_plan", **answers, seen=shown.context["seen"])

    assert f"becomes pro with {told} at" in said
    page = admin_client.get(reverse("admin:billable_subscription_change", args=[subscription.pk]))
    assert "Changes" in page.content.decode()
