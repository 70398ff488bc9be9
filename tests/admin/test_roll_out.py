"""Roll-outs by hand: rehearsed on the page before they are done. And what is static or overdrawn, shown and edited."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from billable.models import Customer, Feature, Product, RollOut
from billable.services import CatalogService, CustomerService, QuotaService
from tests.admin.test_acts import page_of, shown
from tests.admin.test_catalog import ADD_FEATURE, at, saved


@pytest.fixture
def product(db: None) -> Product:
    """A product that somebody holds, and that gives more since."""
    CatalogService.create_product("pro", features=[{"feature": "calls", "quantity": 10, "reset": "1 month"}])
    QuotaService.grant_product(CustomerService.identify("test", "ada").customer, "pro")
    lines = [{"feature": "calls", "quantity": 15, "reset": "1 month"}, {"feature": "seats", "value": 3}]
    return CatalogService.update_product("pro", features=lines)


def test_a_roll_out_is_shown_before_it_is_done(product: Product, admin_client: Client, admin_user: Any) -> None:
    form = shown(admin_client, "roll_out", product).context["form"]
    initial = {field.name: field.value() for field in form if field.value() is not None}
    answers = {"id": str(product.pk), **initial, "policy": "next_period"}

    page = admin_client.post(page_of("roll_out", product), answers, follow=True)

    assert not RollOut.objects.exists()
    (panel,) = page.context["panels"]
    told = dict(row.cells for row in panel.rows)
    assert (told["customers"], told["changed"], told["terms"], told["seats: left, new_line"]) == ("1", "1", "1", "1")
    answers["seen"] = page.context["seen"]
    done = admin_client.post(page_of("roll_out", product), answers, follow=True)
    assert "1 of 1 customers changed." in done.content.decode()
    assert RollOut.objects.get().actor == f"user:{admin_user.pk}"


def test_a_static_feature_and_its_value_are_edited(product: Product, admin_client: Client) -> None:
    answer = saved(admin_client, ADD_FEATURE, key="sso", value_type="flag")
    assert answer.status_code == 302
    sso = Feature.objects.get(key="sso")
    assert sso.value_type == "flag"
    lines = {"lines-TOTAL_FORMS": "3", "lines-2-feature": str(sso.pk), "lines-2-value": "false"}
    assert saved(admin_client, at(product), **lines).status_code == 302
    assert [line.value for line in Product.objects.get().lines.all()] == [None, 3, False]
    wrong = saved(admin_client, at(product), **{"lines-1-value": '"many"'})
    assert "seats is a limit" in wrong.content.decode()


def test_the_overdraft_of_a_feature_is_edited(product: Product, admin_client: Client) -> None:
    calls = Feature.objects.get(key="calls")
    assert saved(admin_client, at(calls), overdraft="allow", overdraft_limit="5").status_code == 302
    calls.refresh_from_db()
    assert (calls.overdraft, calls.overdraft_limit) == ("allow", 5)
    for how in ({"overdraft": "allow", "overdraft_limit": ""}, {"overdraft": "record"}):
        assert saved(admin_client, at(calls), **how).status_code in (200, 302)


def test_a_customer_shows_what_it_reads_and_owes(product: Product, admin_client: Client) -> None:
    CatalogService.update_feature("calls", overdraft="record")
    customer = Customer.objects.get()
    QuotaService.grant_feature(customer, "seats", value=7)
    QuotaService.consume_quota(customer, "calls", quantity=14)

    panels = {panel.title: panel for panel in admin_client.get(at(customer)).context["panels"]}

    assert [row.cells[:4] for row in panels["Balances"].rows] == [("calls", "-4", "0", "4")]
    assert [row.cells[:2] for row in panels["Entitlements"].rows] == [("seats", "7")]
    assert [list(row.cells[1:]) for row in panels["Overdrawn"].rows] == [["calls", "4", "0", "0", "4"]]
