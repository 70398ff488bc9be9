"""What staff do about payments that went astray, and about disputes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billable.models import Customer, Dispute, Order, Payment
from billable.services import CatalogService, CustomerService, OrderService, QuotaService
from tests.admin.test_acts import done, page_of, said


@pytest.fixture
def customer(db: None) -> Customer:
    CatalogService.create_product("pro", price="9.99", currency="EUR", features=["pdf_export"], quantity=100)
    return CustomerService.identify("telegram", "4711").customer


def order_of(customer: Customer) -> Order:
    return OrderService.create_order(customer, [{"sku": "pro"}])


@pytest.fixture
def paid(customer: Customer) -> Payment:
    return OrderService.confirm_payment(order_of(customer), payment_id="pi_1")


@pytest.fixture
def surplus(paid: Payment) -> Payment:
    return OrderService.confirm_payment(paid.order, payment_id="pi_2")


def test_the_work_list_is_one_filter(surplus: Payment, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:billable_payment_changelist"), {"attention": "unapplied"})

    assert [row.pk for row in page.context["cl"].queryset] == [surplus.pk]


def test_unapplied_money_is_applied(
    customer: Customer, surplus: Payment, admin_client: Client, admin_user: Any
) -> None:
    order = order_of(customer)

    page = done(admin_client, "apply", surplus, order=str(order.pk), reason="paid twice")

    assert said(page) == [("success", f"{surplus}: applied to the order {order.pk}.")]
    assert OrderService.get_order(order).status == "paid"
    again = done(admin_client, "apply", surplus, order=str(order.pk))
    assert said(again) == [("success", f"{surplus}: had been applied already.")]


def test_an_order_that_cannot_take_it_is_a_message(surplus: Payment, admin_client: Client) -> None:
    ((level, message),) = said(done(admin_client, "apply", surplus, order=str(surplus.order_id)))

    assert level == "error"
    assert message.endswith("order_already_paid.")
    assert done(admin_client, "apply", surplus, order="nonsense").context["form"].errors["order"]


def test_unapplied_money_is_returned(surplus: Payment, admin_client: Client) -> None:
    page = done(admin_client, "return", surplus, reason="by wire")

    assert said(page) == [("success", f"{surplus}: marked as returned.")]
    returned = Payment.objects.get(pk=surplus.pk)
    assert (returned.status, returned.reason) == ("returned", "by wire")


@pytest.mark.parametrize(("act", "outcome", "left"), [("win", "won", 100), ("lose", "lost", 60)])
def test_a_dispute_is_opened_and_decided(
    customer: Customer, paid: Payment, admin_client: Client, act: str, outcome: str, left: int
) -> None:
    page = done(admin_client, "dispute", paid, dispute_id="dp_1", amount="4.00", reason="fraudulent")

    assert said(page) == [("success", f"{paid}: opened dispute dp_1 of 4.00 EUR.")]
    assert not QuotaService.check_quota(customer, "pdf_export")
    dispute = Dispute.objects.get()

    page = done(admin_client, act, dispute)

    assert said(page) == [("success", f"{dispute}: {outcome}.")]
    assert QuotaService.check_quota(customer, "pdf_export").balance == left
    assert said(done(admin_client, act, dispute)) == [("success", f"{dispute}: had been {outcome} already.")]


def test_who_may_only_look_may_not_act(paid: Payment, staff: Any) -> None:
    client = staff("view_payment", "view_dispute")

    for act in ("apply", "return", "dispute"):
        assert client.get(page_of(act, paid), {"id": str(paid.pk)}).status_code == 403
