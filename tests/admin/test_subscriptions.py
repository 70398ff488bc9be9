"""Subscriptions in the admin: what staff may do to them, and how a product comes to recur."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billable.models import Order, Product, Subscription
from billable.services import CatalogService, CustomerService, OrderService, SubscriptionService


@pytest.fixture
def subscription(db: None, clock: Any) -> Subscription:
    CatalogService.create_product("pro", price="9.99", currency="EUR", features=["sso"], recurs="1 month", grace_days=3)
    customer = CustomerService.identify("telegram", "1").customer
    order = OrderService.create_order(customer, [{"sku": "pro"}])
    OrderService.confirm_payment(order, payment_id="p1")
    return Subscription.objects.get()


def act(client: Client, row: Subscription, name: str, **answers: Any) -> str:
    page = reverse(f"admin:billable_subscription_{name}")
    assert client.get(page, {"id": row.pk}).status_code == 200
    answer = client.post(page, {"id": row.pk, "idempotency_key": "k", **answers}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def now(subscription: Subscription) -> Subscription:
    return SubscriptionService.get_subscription(subscription)


def test_staff_order_the_next_period(admin_client: Client, subscription: Subscription) -> None:
    assert "ordered by" in act(admin_client, subscription, "renew")
    assert Order.objects.get(status="pending").pk == now(subscription).renewal_id
    assert "waits for its money already" in act(admin_client, subscription, "renew")


def test_staff_cancel_and_think_again(admin_client: Client, subscription: Subscription) -> None:
    assert "cancelled; it is cancelled" in act(admin_client, subscription, "cancel", reason="asked")
    assert "had been cancelled already" in act(admin_client, subscription, "cancel")
    assert "will renew; it is active" in act(admin_client, subscription, "undo")
    assert "had not been cancelled" in act(admin_client, subscription, "undo")
    assert "cancelled; it is ended" in act(admin_client, subscription, "cancel", at_once="on")
    assert "cannot be paused" in act(admin_client, subscription, "pause")


def test_staff_pause_and_resume(admin_client: Client, subscription: Subscription, clock: Any) -> None:
    assert "paused until it is resumed" in act(admin_client, subscription, "pause")
    assert "had been paused already" in act(admin_client, subscription, "pause")
    clock.advance(days=5)
    assert "resumed; paid for until" in act(admin_client, subscription, "resume")
    assert "was not paused" in act(admin_client, subscription, "resume")
    act(admin_client, subscription, "pause", resumes_at_0="2026-02-20", resumes_at_1="12:00:00")
    assert now(subscription).resumes_at is not None


def test_a_pause_that_is_to_come_is_not_told_as_one_that_is(admin_client: Client, subscription: Subscription) -> None:
    page = act(admin_client, subscription, "pause", at_period_end="on")

    assert "will be paused from" in page
    assert now(subscription).status == "active"


def test_the_dates_that_staff_are_asked_for_have_names(admin_client: Client, subscription: Subscription) -> None:
    for name, label in (("extend", "Access until"), ("move", "Next period begins")):
        page = admin_client.get(reverse(f"admin:billable_subscription_{name}"), {"id": subscription.pk})
        assert label in page.content.decode()


def test_staff_move_the_dates(admin_client: Client, subscription: Subscription) -> None:
    then = {"instant_0": "2026-04-01", "instant_1": "12:00:00"}
    assert "access ends at" in act(admin_client, subscription, "extend", **then)
    assert "the next period begins at" in act(admin_client, subscription, "move", **then)
    assert now(subscription).paid_until == now(subscription).access_until.replace(month=4, day=1, hour=12)
    past = {"instant_0": "2020-04-01", "instant_1": "12:00:00"}
    assert "must be in the next ten years" in act(admin_client, subscription, "extend", **past)


def test_the_page_of_a_subscription_shows_its_orders_grants_and_pauses(
    admin_client: Client, subscription: Subscription
) -> None:
    SubscriptionService.pause_subscription(subscription)

    page = admin_client.get(reverse("admin:billable_subscription_change", args=[subscription.pk])).content.decode()

    for title in ("Orders", "Grants", "Pauses", "Status:", "paused"):
        assert title in page


def test_who_may_only_look_may_not_act(staff: Any, subscription: Subscription) -> None:
    client = staff("view_subscription")
    assert client.get(reverse("admin:billable_subscription_change", args=[subscription.pk])).status_code == 200
    assert client.post(reverse("admin:billable_subscription_cancel"), {"id": subscription.pk}).status_code == 403


FORM = {
    "sku": "plan", "name": "", "description": "", "trial_campaign": "", "tax_rate": "", "metadata": "{}",
    **{f"{name}-TOTAL_FORMS": "0" for name in ("prices", "unit_prices", "lines")},
    **{f"{name}-INITIAL_FORMS": "0" for name in ("prices", "unit_prices", "lines")},
}  # fmt: skip


def test_a_product_is_made_to_recur_and_not_to(admin_client: Client, db: None) -> None:
    add = {**FORM, "recurs": "month", "trial_period": "14 days", "grace_days": "7"}
    assert admin_client.post(reverse("admin:billable_product_add"), add).status_code == 302
    plan = Product.objects.get()
    assert (str(plan.recurs), str(plan.trial_period), plan.grace_days) == ("1 month", "14 days", 7)

    change = reverse("admin:billable_product_change", args=[plan.pk])
    assert 'value="14 days"' in admin_client.get(change).content.decode()
    edited = {**FORM, "is_active": "on", "recurs": "", "trial_period": "", "grace_days": ""}
    assert admin_client.post(change, edited).status_code == 302
    plan.refresh_from_db()
    assert (plan.recurs, plan.trial_period, plan.grace_days) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"recurs": "hourly"}, "recurs"), ({"trial_period": "1 week"}, "trial_period"),
     ({"grace_days": "3"}, "grace_days"), ({"recurs": "1 month", "is_default": "on"}, "recurs"),
     ({"recurs": "0 months"}, "recurs")],
)  # fmt: skip
def test_what_cannot_recur_is_an_error_of_the_form(
    admin_client: Client, db: None, wrong: dict[str, str], field: str
) -> None:
    answer = admin_client.post(reverse("admin:billable_product_add"), {**FORM, **wrong})

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Product.objects.exists()
