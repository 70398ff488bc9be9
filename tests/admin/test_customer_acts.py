"""Merging, parting and anonymizing customers by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billable.models import Customer, Merge
from billable.services import CatalogService, CustomerService, QuotaService

ACTS = {"merge": "merge_customers", "unmerge": "merge_customers", "anonymize": "anonymize_customer"}


@pytest.fixture
def pair(db: None) -> tuple[Customer, Customer]:
    return CustomerService.identify("web", "ada").customer, CustomerService.identify("bot", "42").customer


def post(client: Client, act: str, customer: Customer, **answers: Any) -> Any:
    address = reverse(f"admin:billable_customer_{act}")
    return client.post(address, {"id": str(customer.pk), "idempotency_key": "k", **answers}, follow=True)


def test_customers_are_merged_parted_and_anonymized(pair: Any, admin_client: Client, admin_user: Any) -> None:
    web, bot = pair
    said = post(admin_client, "merge", web, absorbed=str(bot.pk), reason="one person").content.decode()
    assert f"absorbed {bot.pk}." in said
    assert Merge.objects.get().actor == f"user:{admin_user.pk}"
    assert "parted from" in post(admin_client, "unmerge", bot).content.decode()
    assert "had been parted already" in post(admin_client, "unmerge", bot).content.decode()
    assert "anonymized." in post(admin_client, "anonymize", web, reason="asked").content.decode()
    assert "was anonymized" in post(admin_client, "anonymize", web, reason="asked").content.decode()
    assert "cannot be merged" in post(admin_client, "merge", bot, absorbed=str(web.pk), reason="x").content.decode()
    assert QuotaService.verify_ledger()


def test_the_clock_of_a_sandbox_customer_is_moved(db: None, admin_client: Client) -> None:
    box = CustomerService.identify("web", "box", sandbox=True).customer
    CatalogService.create_feature("pdf")
    QuotaService.grant_feature(box, "pdf", quantity=1, period="1 month")
    said = post(admin_client, "advance", box, months="1", days="", hours="1").content.decode()
    assert "on the way: 1 expiry notices, 1 grants and holds." in said
    assert "had been moved already" in post(admin_client, "advance", box, months="1", hours="1").content.decode()
    page = admin_client.get(reverse("admin:billable_customer_change", args=[box.pk])).content.decode()
    assert "months=1 hours=1" in page
    said = post(admin_client, "advance", box, to="2001-01-01T00:00", idempotency_key="k2").content.decode()
    assert "must be after" in said


def test_the_clock_of_a_real_customer_is_not_moved(pair: Any, admin_client: Client) -> None:
    said = post(admin_client, "advance", pair[0], days="1").content.decode()
    assert "is a real one" in said
    assert Customer.objects.filter(clock_offset_seconds=0).count() == 2


def test_who_anonymizes_is_told_that_it_cannot_be_undone(pair: Any, admin_client: Client) -> None:
    address = f"{reverse('admin:billable_customer_anonymize')}?id={pair[0].pk}"
    assert "This cannot be undone." in admin_client.get(address).content.decode()


@pytest.mark.parametrize("act", ACTS)
def test_each_act_needs_its_permission(pair: Any, client: Client, django_user_model: Any, act: str) -> None:
    staff = django_user_model.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=["view_customer", "change_customer"]))
    client.force_login(staff)
    address = f"{reverse(f'admin:billable_customer_{act}')}?id={pair[0].pk}"
    assert client.get(address).status_code == 403
    page = client.get(reverse("admin:billable_customer_change", args=[pair[0].pk])).content.decode()
    assert f"act/{act}/" not in page

    staff.user_permissions.add(Permission.objects.get(codename=ACTS[act]))
    assert client.get(address).status_code == 200
    page = client.get(reverse("admin:billable_customer_change", args=[pair[0].pk])).content.decode()
    assert f"act/{act}/" in page
