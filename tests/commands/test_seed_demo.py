"""`billable_seed_demo`."""

import pytest
from django.core.management import call_command

from billable.models import Product
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService

pytestmark = pytest.mark.django_db


def test_it_sells_every_kind_of_product_in_three_currencies() -> None:
    call_command("billable_seed_demo")

    products = {product.sku: product for product in CatalogService.list_products()}
    assert set(products) == {
        "papermill_free",
        "papermill_team_monthly",
        "papermill_credits_100",
        "papermill_credits_1000",
        "papermill_lifetime",
        "papermill_team_trial",
    }
    assert products["papermill_free"].is_default
    assert products["papermill_team_trial"].is_trial
    for sku in ("papermill_team_monthly", "papermill_credits_100", "papermill_credits_1000", "papermill_lifetime"):
        assert {price.currency for price in products[sku].prices.all()} == {"EUR", "USD", "XTR"}


def test_what_it_sells_can_be_bought_and_used() -> None:
    call_command("billable_seed_demo")
    ada = CustomerRef(customer_id=CustomerService.identify("test", "ada").customer_id)

    order = OrderService.create_order(ada, [{"sku": "papermill_credits_100"}], currency="XTR")
    OrderService.confirm_payment(order, payment_id="p1").raise_if_unapplied()

    assert order.total_amount_minor == 250
    balances = {balance.feature: balance.balance for balance in QuotaService.balances(ada)}
    assert balances["papermill_credits"] == 100
    assert balances["papermill_export"] == 5 + 50
    assert balances["papermill_scan"] == 200


def test_it_changes_nothing_where_there_is_a_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    CatalogService.create_product("mine", features=["thing"])

    call_command("billable_seed_demo")
    call_command("billable_seed_demo")

    assert [product.sku for product in Product.objects.all()] == ["mine"]
    assert capsys.readouterr().out == "kept as it is: it is not empty\n" * 2


def test_a_second_run_makes_nothing_twice() -> None:
    call_command("billable_seed_demo")
    before = set(Product.objects.values_list("pk", "updated_at"))

    call_command("billable_seed_demo")

    assert set(Product.objects.values_list("pk", "updated_at")) == before


def test_its_names_are_its_own_so_that_no_example_means_something_else() -> None:
    call_command("billable_seed_demo")

    names = [product.sku for product in CatalogService.list_products()]
    names += [feature.key for feature in CatalogService.list_features()]
    assert [name for name in names if not name.startswith("papermill_")] == []
