"""Every page of every table opens, finds, and changes nothing that it may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core import checks
from django.db import connection
from django.db.models import JSONField, Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billable import models
from tests.admin.conftest import TABLES, make_many

Table = type[Model]
Rows = dict[Table, Any]

CATALOG = {models.Product, models.Feature, models.Promotion, models.ReferralProgramme}
BOOKS = [table for table in TABLES if table not in CATALOG]
OF_CUSTOMERS = [
    table
    for table in TABLES
    if table is models.Customer or "customer_id" in [field.attname for field in table._meta.concrete_fields]
]


def address(table: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:billable_{table._meta.model_name}_{page}", args=args)


def named(tables: list[Table]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("table", tables, ids=lambda table: table.__name__)


def test_every_table_has_an_admin_that_searches() -> None:
    for table in TABLES:
        assert admin.site._registry[table].search_fields, table


def test_the_checks_of_the_admin_find_nothing() -> None:
    assert [message for message in checks.run_checks() if message.id and message.id.startswith("admin")] == []


@named(TABLES)
def test_the_list_opens_with_rows(table: Table, rows: Rows, admin_client: Client) -> None:
    assert admin_client.get(address(table, "changelist")).status_code == 200


@named(TABLES)
def test_the_list_can_be_searched(table: Table, rows: Rows, admin_client: Client) -> None:
    for words in ("pro", "', --", "4711 pdf_export", "01890a5d-ac96-774b-bcce-b302099a8057", "\x00"):
        assert admin_client.get(address(table, "changelist"), {"q": words}).status_code == 200, words


@named(OF_CUSTOMERS)
def test_a_row_of_a_customer_is_found_by_the_customers_id(table: Table, rows: Rows, admin_client: Client) -> None:
    page = admin_client.get(address(table, "changelist"), {"q": str(rows[models.Customer].pk)})

    assert rows[table] in page.context["cl"].result_list


@named(TABLES)
def test_the_filters_of_the_list_work(table: Table, rows: Rows, admin_client: Client) -> None:
    page = admin_client.get(address(table, "changelist"))

    for one in page.context["cl"].filter_specs:
        for choice in one.choices(page.context["cl"]):
            found = admin_client.get(address(table, "changelist") + choice["query_string"])
            assert found.status_code == 200, choice


@named(TABLES)
def test_the_page_of_a_row_opens(table: Table, rows: Rows, admin_client: Client) -> None:
    page = admin_client.get(address(table, "change", quote(rows[table].pk)))

    assert page.status_code == 200


@pytest.mark.parametrize(
    ("table", "label"),
    [
        (models.Subscription, "Status:"),
        (models.PlanChange, "Status:"),
        (models.Allowance, "Status:"),
        (models.Hold, "Status:"),
        (models.Grant, "State:"),
        (models.Debt, "Owed:"),
    ],
)
def test_the_page_of_a_row_says_what_follows_from_its_fields(
    table: Table, label: str, rows: Rows, admin_client: Client
) -> None:
    page = admin_client.get(address(table, "change", rows[table].pk))

    assert f"<label>{label}</label>" in page.content.decode()


@named(TABLES)
def test_the_history_of_a_row_opens(table: Table, rows: Rows, admin_client: Client) -> None:
    assert admin_client.get(address(table, "history", rows[table].pk)).status_code == 200


@named(sorted(CATALOG, key=lambda table: table.__name__))
def test_the_page_to_add_to_the_catalogue_opens(table: Table, rows: Rows, admin_client: Client) -> None:
    page = admin_client.get(address(table, "add"))
    assert page.status_code == 200
    assert page.context["adminform"].form["metadata"].value() == "{}"


@named(BOOKS)
def test_books_cannot_be_added_to(table: Table, rows: Rows, admin_client: Client) -> None:
    before = table._default_manager.count()

    assert admin_client.get(address(table, "add")).status_code == 403
    assert admin_client.post(address(table, "add"), {}).status_code == 403
    assert table._default_manager.count() == before


@named(BOOKS)
def test_books_cannot_be_changed(table: Table, rows: Rows, admin_client: Client) -> None:
    row = rows[table]
    posted = {field.name: "1" for field in table._meta.concrete_fields}

    assert admin_client.post(address(table, "change", row.pk), posted).status_code == 403
    fresh = table._default_manager.get(pk=row.pk)
    fields = [field.attname for field in table._meta.concrete_fields]
    assert [getattr(fresh, name) for name in fields] == [getattr(row, name) for name in fields]


@named(TABLES)
def test_nothing_is_deleted(table: Table, rows: Rows, admin_client: Client) -> None:
    row = rows[table]
    selected = {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}

    assert admin_client.get(address(table, "delete", row.pk)).status_code == 403
    assert admin_client.post(address(table, "delete", row.pk), {"post": "yes"}).status_code == 403
    admin_client.post(address(table, "changelist"), selected)
    assert table._default_manager.filter(pk=row.pk).exists()


def test_a_list_of_many_rows_asks_no_more_queries_than_a_list_of_one(rows: Rows, admin_client: Client) -> None:
    def queries(table: Table) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert admin_client.get(address(table, "changelist")).status_code == 200
        return len(asked)

    before = {table: queries(table) for table in TABLES}
    make_many(rows)

    assert {table: queries(table) for table in TABLES} == before


@named(BOOKS)
def test_metadata_is_shown_as_indented_json(table: Table, rows: Rows, admin_client: Client) -> None:
    shown_by = admin.site._registry[table]

    for field in table._meta.concrete_fields:
        if isinstance(field, JSONField):
            assert hasattr(shown_by, f"{field.name}_shown"), field


def test_an_amount_is_shown_with_its_currency_and_metadata_is_readable(rows: Rows, admin_client: Client) -> None:
    page = admin_client.get(address(models.Order, "change", rows[models.Order].pk)).content.decode()

    assert "19.98 EUR" in page
    assert "<pre>{\n  &quot;note&quot;: &quot;läuft&quot;\n}</pre>" in page


def test_no_limit_is_called_unlimited_and_no_end_never(rows: Rows, admin_client: Client) -> None:
    grant = models.Grant.objects.get(quantity=None)

    page = admin_client.get(address(models.Grant, "change", grant.pk)).content.decode()

    assert "unlimited" in page
    assert "never" in page


def test_an_amount_whose_currency_was_forgotten_is_still_shown(rows: Rows, admin_client: Client) -> None:
    models.Price.objects.update(currency="OLD")

    assert b"999 minor units of OLD" in admin_client.get(address(models.Product, "changelist")).content
    assert b"999 minor units of OLD" in admin_client.get(address(models.Price, "changelist")).content


def test_a_page_of_an_unknown_or_malformed_id_is_no_error(rows: Rows, admin_client: Client) -> None:
    for key in ("nothing", "01890a5d-ac96-774b-bcce-b302099a8057"):
        assert admin_client.get(address(models.Order, "change", key)).status_code == 302


def test_nobody_without_a_login_sees_anything(rows: Rows, client: Client) -> None:
    for table in TABLES:
        assert client.get(address(table, "changelist")).status_code == 302


def test_staff_without_permission_see_nothing(rows: Rows, staff: Any) -> None:
    client = staff()

    for table in TABLES:
        assert client.get(address(table, "changelist")).status_code == 403


def test_a_user_can_be_deleted_in_the_hosts_admin_and_only_the_link_goes(
    rows: Rows, admin_client: Client, django_user_model: Any
) -> None:
    customer = rows[models.Customer]
    user = django_user_model.objects.create_user("leaver")
    models.UserLink.objects.create(customer=customer, user=user, actor="python", created_at=customer.created_at)

    left = admin_client.post(reverse("admin:auth_user_delete", args=[user.pk]), {"post": "yes"})

    assert left.status_code == 302
    assert not django_user_model.objects.filter(pk=user.pk).exists()
    assert models.Customer.objects.filter(pk=customer.pk).exists()
    assert not models.UserLink.objects.filter(pk=user.pk).exists()


def test_a_link_to_a_vanished_user_is_still_shown(rows: Rows, admin_client: Client, django_user_model: Any) -> None:
    customer = rows[models.Customer]
    user = django_user_model.objects.create_user("gone")
    models.UserLink.objects.create(customer=customer, user=user, actor="python", created_at=customer.created_at)
    django_user_model.objects.filter(pk=user.pk)._raw_delete("default")

    for page in (
        address(models.UserLink, "changelist"),
        address(models.UserLink, "change", user.pk),
        address(models.Customer, "change", customer.pk),
    ):
        shown = admin_client.get(page)
        assert shown.status_code == 200
        assert f"{user.pk} (deleted)" in shown.content.decode()
