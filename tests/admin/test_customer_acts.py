"""Merging, parting and anonymizing customers by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billable.models import Customer, Merge
from billable.services import CustomerService, QuotaService

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
