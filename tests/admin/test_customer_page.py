"""Everything about one customer on one page: what they have, owe and did."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billable.admin.panels import LIMIT
from billable.models import Customer
from billable.services import CatalogService, CustomerService, OrderService, QuotaService, TrialService

TITLES = [
    *("Balances", "Identities", "Users", "Grants", "Allowances", "Overdrawn", "Orders"),
    *("Subscriptions", "Trials"),
    *("Invoices", "Referrals", "Moves of its clock", "Absorbed", "Ledger history"),
]


@pytest.fixture
def customer(db: None, django_user_model: Any) -> Customer:
    """A customer who did a little of everything."""
    CatalogService.create_product(
        "pro", name="Pro", price="9.99", currency="EUR", features=["pdf_export"], quantity=100
    )
    CatalogService.create_product("try", features=["pdf_export"], quantity=3, period="14 days", is_trial=True)
    customer = CustomerService.identify("telegram", "4711").customer
    CustomerService.link_user(customer, django_user_model.objects.create_user("colleague"))
    order = OrderService.create_order(customer, [{"sku": "pro"}])
    OrderService.confirm_payment(order, payment_id="pi_1")
    TrialService.start_trial(customer, "try", identities={"email": "a@example.org"})
    QuotaService.consume_quota(customer, "pdf_export", quantity=7, idempotency_key="job-1")
    return customer


def page_of(client: Client, customer: Customer) -> str:
    page = client.get(reverse("admin:billable_customer_change", args=[customer.pk]))
    assert page.status_code == 200
    return page.content.decode()


def panel(page: str, title: str) -> str:
    """The text of one panel."""
    section = re.search(rf"<h2 id=\"panel-\d+\">{title}</h2>(.*?)</section>", page, re.DOTALL)
    assert section is not None, title
    return " ".join(re.sub(r"<[^>]+>", " ", section[1]).split())


def test_the_page_shows_what_the_customer_has_and_did(customer: Customer, admin_client: Client) -> None:
    page = page_of(admin_client, customer)

    assert re.findall(r"<h2 id=\"panel-\d+\">(.*?)</h2>", page) == TITLES
    assert "pdf_export 96 0" in panel(page, "Balances")
    assert "telegram 4711" in panel(page, "Identities")
    assert "colleague" in panel(page, "Users")
    assert "pdf_export pro order 100" in panel(page, "Grants")
    assert "paid 9.99 EUR 9.99 EUR" in panel(page, "Orders")
    assert "try try" in panel(page, "Trials")
    assert "consume pdf_export −" in panel(page, "Ledger history")


def test_the_newest_entry_of_the_ledger_comes_first(customer: Customer, admin_client: Client) -> None:
    page = page_of(admin_client, customer)

    numbers = re.findall(r'<a href="/admin/billable/ledgerentry/\d+/change/">(\d+)</a>', page)
    assert len(numbers) > 3
    assert numbers == [str(entry.seq) for entry in customer.entries.order_by("-seq")]


def test_a_panel_is_short_and_leads_to_the_rest(customer: Customer, admin_client: Client) -> None:
    for number in range(LIMIT + 5):
        QuotaService.consume_quota(customer, "pdf_export", idempotency_key=f"more-{number}")

    page = page_of(admin_client, customer)

    assert panel(page, "Ledger history").count("python") == LIMIT
    rest = f"/admin/billable/ledgerentry/?customer__exact={customer.pk}"
    assert f'href="{rest}"' in page
    listed = admin_client.get(rest)
    assert {entry.customer_id for entry in listed.context["cl"].result_list} == {customer.pk}
    assert f"/admin/billable/order/?customer__exact={customer.pk}" not in page


def test_the_page_of_a_busy_customer_asks_no_more_queries(customer: Customer, admin_client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page_of(admin_client, customer)
        return len(asked)

    queries()
    quiet = queries()
    for number in range(15):
        CatalogService.create_feature(f"feature-{number}")
        QuotaService.grant_feature(customer, f"feature-{number}", quantity=5)
        QuotaService.consume_quota(customer, f"feature-{number}")
        OrderService.create_order(customer, [{"sku": "pro"}])
        CustomerService.link_identity(customer, "telegram", f"more-{number}")

    assert queries() == quiet


def test_staff_see_only_the_panels_they_may_see(customer: Customer, staff: Any) -> None:
    page = page_of(staff("view_customer", "view_order"), customer)

    assert re.findall(r"<h2 id=\"panel-\d+\">(.*?)</h2>", page) == ["Orders"]


def test_an_order_shows_its_items_features_payments_and_grants(customer: Customer, admin_client: Client) -> None:
    order = customer.orders.get()

    page = admin_client.get(reverse("admin:billable_order_change", args=[order.pk])).content.decode()

    assert "1 pro Pro 1 9.99 EUR 9.99 EUR" in panel(page, "Items")
    assert "pro pdf_export 100 for ever" in panel(page, "Features")
    assert "pi_1 default succeeded" in panel(page, "Payments")
    assert "pdf_export pro order 100" in panel(page, "Grants")


def test_a_trial_shows_its_grants_and_fingerprints(customer: Customer, admin_client: Client) -> None:
    trial = customer.trials.get()

    page = admin_client.get(reverse("admin:billable_trial_change", args=[trial.pk])).content.decode()

    assert "pdf_export try trial 3" in panel(page, "Grants")
    assert "a@example.org" not in page


def test_a_customer_is_found_by_identity_user_and_id(customer: Customer, admin_client: Client) -> None:
    CustomerService.identify("telegram", "other")

    def found(words: str) -> list[Any]:
        page = admin_client.get(reverse("admin:billable_customer_changelist"), {"q": words})
        return [row.pk for row in page.context["cl"].result_list]

    for words in ("4711", "colleague", str(customer.pk), str(customer.pk).upper(), f" {customer.pk.hex} "):
        assert found(words) == [customer.pk], words
    # A short number may also be a part of somebody's name.
    assert customer.pk in found(str(CustomerService.user_id_of(customer)))


def test_what_a_stranger_called_themselves_is_escaped(customer: Customer, admin_client: Client) -> None:
    CustomerService.link_identity(customer, "web", "<script>alert(1)</script>", profile={"a": "<script>"})

    page = page_of(admin_client, customer)
    assert "<script>alert" not in page
    identity = customer.identities.get(provider="web")
    shown = admin_client.get(reverse("admin:billable_identity_change", args=[identity.pk])).content.decode()
    assert "<script>alert" not in shown
    assert "&quot;&lt;script&gt;&quot;" in shown
