"""The catalogue is edited in the admin, and what is typed there is checked like anywhere else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from billable import errors
from billable.models import CatalogName, Feature, FeatureCost, Price, Product, ProductFeature
from billable.services import CatalogService, CustomerService, Money, OrderService

ADD_PRODUCT = "/admin/billable/product/add/"
ADD_FEATURE = "/admin/billable/feature/add/"


@pytest.fixture
def feature(db: None) -> Feature:
    return CatalogService.create_feature("pdf_export")


@pytest.fixture
def product(db: None) -> Product:
    return CatalogService.create_product(
        "pro",
        name="Pro",
        prices=[Money(999, "EUR"), Money(1099, "USD")],
        features=[{"feature": "pdf_export", "quantity": 100, "period": "1 month"}, {"feature": "sso"}],
    )


def at(row: Model) -> str:
    return reverse(f"admin:billable_{row._meta.model_name}_change", args=[row.pk])


def typed(client: Client, address: str) -> dict[str, Any]:
    """What a browser would post when nothing is changed on the page."""
    context = client.get(address).context
    forms = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    values: dict[str, Any] = {}
    for form in forms:
        for field in form:
            value = field.value()
            if value is not None and value is not False:
                values[field.html_name] = getattr(value, "pk", value)
    return values


def saved(client: Client, address: str, **changes: Any) -> Any:
    """Post the page with these changes; ``None`` leaves a field out."""
    values = {**typed(client, address), **{name.replace("__", "-"): value for name, value in changes.items()}}
    return client.post(address, {name: value for name, value in values.items() if value is not None})


def faults(page: Any) -> set[str]:
    """The fields with errors on a page that was not saved."""
    assert page.status_code == 200
    assert page.context["errors"]
    found = set(page.context["adminform"].form.errors)
    for inline in page.context["inline_admin_formsets"]:
        found |= {name for form in inline.formset.forms for name in form.errors}
        found |= {"duplicates"} if inline.formset.non_form_errors() else set()
    return found


# --- product


def test_a_product_is_made_with_its_prices_features_and_name(feature: Feature, admin_client: Client) -> None:
    page = saved(
        admin_client,
        ADD_PRODUCT,
        sku="Pro.Plus",
        name="Pro +",
        is_default="on",
        metadata='{"colour": "blue"}',
        prices__0__currency="eur",
        prices__0__amount="9.99",
        lines__0__feature=feature.pk,
        lines__0__quantity="100",
        lines__0__period_count="1",
        lines__0__period_unit="month",
    )

    assert page.status_code == 302
    product = CatalogService.get_product("pro.plus")
    assert (product.name, product.is_default, product.metadata) == ("Pro +", True, {"colour": "blue"})
    assert [str(price) for price in product.prices.all()] == [str(Price.objects.get())]
    assert (Price.objects.get().amount_minor, Price.objects.get().currency) == (999, "EUR")
    line = product.lines.get()
    assert (line.line, line.feature, line.quantity, str(line.period)) == (1, feature, 100, "1 month")
    assert CatalogName.objects.get(name="pro.plus").kind == "product"
    assert LogEntry.objects.get().object_id == str(product.pk)


def test_an_amount_has_the_decimals_of_its_currency(db: None, admin_client: Client) -> None:
    saved(admin_client, ADD_PRODUCT, sku="stars", prices__0__currency="XTR", prices__0__amount="500")

    assert Price.objects.get().amount_minor == 500


def test_a_product_is_changed(product: Product, admin_client: Client) -> None:
    page = saved(
        admin_client,
        at(product),
        name="Professional",
        is_active=None,
        prices__0__amount="8.00",
        prices__1__DELETE="on",
        prices__2__currency="JPY",
        prices__2__amount="1500",
        lines__0__quantity="",
        lines__1__priority="5",
    )

    assert page.status_code == 302
    changed = CatalogService.get_product("pro")
    assert (changed.name, changed.is_active) == ("Professional", False)
    assert [(p.currency, p.amount_minor) for p in changed.prices.all()] == [("EUR", 800), ("JPY", 1500)]
    assert [(one.feature.key, one.quantity, one.priority) for one in changed.lines.all()] == [
        ("pdf_export", None, 100),
        ("sso", None, 5),
    ]


def test_a_product_is_given_a_tax_rate_and_prices_in_units(product: Product, admin_client: Client) -> None:
    credits = CatalogService.create_feature("credits")

    saved(admin_client, at(product), tax_rate="5.5", unit_prices__0__feature=credits.pk, unit_prices__0__units="20")

    changed = CatalogService.get_product("pro")
    assert changed.tax_rate == Decimal("5.5")
    assert [(price.feature.key, price.units) for price in changed.unit_prices.all()] == [("credits", 20)]

    saved(admin_client, at(product), tax_rate="", unit_prices__0__DELETE="on")

    changed = CatalogService.get_product("pro")
    assert changed.tax_rate is None
    assert not changed.unit_prices.exists()


def test_a_tax_rate_or_a_price_in_units_that_cannot_be_is_an_error_of_the_form(
    product: Product, admin_client: Client
) -> None:
    feature = Feature.objects.get(key="sso")
    for rate in ("-1", "100.0001", "5.55555", "much"):
        assert faults(saved(admin_client, at(product), tax_rate=rate)) == {"tax_rate"}
    for units in ("0", "-1", "1.5", ""):
        page = saved(admin_client, at(product), unit_prices__0__feature=feature.pk, unit_prices__0__units=units)
        assert faults(page) == {"units"}
    twice = {f"unit_prices__{number}__feature": feature.pk for number in (0, 1)}
    numbers = {f"unit_prices__{number}__units": "5" for number in (0, 1)}
    page = saved(admin_client, at(product), unit_prices__TOTAL_FORMS="2", **twice, **numbers)
    assert "duplicates" in faults(page)


def test_a_line_is_taken_away_and_one_is_added(product: Product, admin_client: Client) -> None:
    credits = CatalogService.create_feature("credits")

    saved(admin_client, at(product), lines__0__DELETE="on", lines__2__feature=credits.pk, lines__2__quantity="7")

    lines = CatalogService.get_product("pro").lines.all()
    assert [(one.line, one.feature.key, one.quantity) for one in lines] == [(1, "sso", None), (2, "credits", 7)]


def test_saving_a_page_unchanged_changes_nothing(product: Product, admin_client: Client) -> None:
    before = [list(table.objects.values()) for table in (Price, ProductFeature, CatalogName)]

    assert saved(admin_client, at(product)).status_code == 302

    assert [list(table.objects.values()) for table in (Price, ProductFeature, CatalogName)] == before


def test_what_was_ordered_keeps_its_price_and_features(product: Product, admin_client: Client) -> None:
    customer = CustomerService.identify("telegram", "4711").customer
    order = OrderService.create_order(customer, [{"sku": "pro"}], currency="EUR")

    saved(admin_client, at(product), prices__0__amount="1.00", lines__0__quantity="1")
    payment = OrderService.confirm_payment(order, payment_id="pi_1")

    assert payment.amount_minor == 999
    assert customer.grants.get(feature__key="pdf_export").quantity == 100


def test_the_name_of_a_product_or_feature_is_not_typed_again(product: Product, admin_client: Client) -> None:
    saved(admin_client, at(product), sku="other", is_trial="on")
    saved(admin_client, at(Feature.objects.get(key="sso")), key="other")

    product.refresh_from_db()
    assert (product.sku, product.is_trial) == ("pro", False)
    assert not Feature.objects.filter(key="other").exists()


@pytest.fixture(params=[ADD_PRODUCT, ADD_FEATURE], ids=["product", "feature"])
def adding(request: pytest.FixtureRequest, db: None) -> tuple[str, str]:
    """Where something is added to the catalogue, and what its name is called there."""
    address: str = request.param
    return address, "sku" if address == ADD_PRODUCT else "key"


@pytest.mark.parametrize("name", ["", " ", "pro plus", "größe", "-pro", "a" * 65, "pro\x00", "PRO/1", "ⅷ"])
def test_a_name_that_cannot_be_one_is_an_error_of_the_form(
    adding: tuple[str, str], name: str, admin_client: Client
) -> None:
    address, field = adding

    assert faults(saved(admin_client, address, **{field: name})) == {field}
    assert not CatalogName.objects.exists()


@pytest.mark.parametrize("name", ["taken", "TAKEN", "sso", "Sso"])
def test_a_name_that_is_taken_by_either_kind_is_an_error_of_the_form(
    adding: tuple[str, str], name: str, admin_client: Client
) -> None:
    CatalogService.create_product("taken", features=["sso"])
    address, field = adding

    assert faults(saved(admin_client, address, **{field: name})) == {field}


def test_a_name_that_is_taken_while_the_form_is_saved_is_an_error_of_the_form(
    adding: tuple[str, str], admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*args: Any, **kwargs: Any) -> None:
        raise errors.NameTaken(name="pro")

    monkeypatch.setattr(CatalogService, "create_product", too_late)
    monkeypatch.setattr(CatalogService, "create_feature", too_late)
    address, field = adding

    page = saved(admin_client, address, **{field: "pro"}, name="kept")

    assert faults(page) == {"__all__"}
    assert "products and features share one namespace" in page.content.decode()
    assert "kept" in page.content.decode()


@pytest.mark.parametrize(
    ("currency", "amount", "field"),
    [
        ("EUR", "9,99", "amount"),
        ("EUR", "9.999", "amount"),
        ("EUR", "-1", "amount"),
        ("EUR", "", "amount"),
        ("EUR", "1e3", "amount"),
        ("EUR", "NaN", "amount"),
        ("EUR", "much", "amount"),
        ("EUR", "9" * 20, "amount"),
        ("XTR", "9.99", "amount"),
        ("ABC", "9.99", "currency"),
        ("", "9.99", "currency"),
    ],
)
def test_a_bad_price_is_an_error_of_the_form(
    currency: str, amount: str, field: str, db: None, admin_client: Client
) -> None:
    price = {"prices__0__currency": currency, "prices__0__amount": amount}

    assert faults(saved(admin_client, ADD_PRODUCT, sku="pro", **price)) == {field}
    assert not Product.objects.exists()


def test_two_prices_in_one_currency_are_an_error_of_the_form(product: Product, admin_client: Client) -> None:
    page = saved(admin_client, at(product), prices__2__currency="eur", prices__2__amount="1.00")

    assert faults(page) <= {"duplicates", "__all__"}
    assert Price.objects.count() == 2


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "-5"}, "quantity"),
        ({"quantity": "1.5"}, "quantity"),
        ({"quantity": str(10**12 + 1)}, "quantity"),
        ({"quantity": "True"}, "quantity"),
        ({"period_count": "1"}, "period_unit"),
        ({"period_unit": "month"}, "period_count"),
        ({"period_count": "0", "period_unit": "month"}, "period_count"),
        ({"period_count": "1001", "period_unit": "month"}, "period_count"),
        ({"period_count": "1", "period_unit": "fortnight"}, "period_unit"),
        ({"priority": "40000"}, "priority"),
        ({"priority": ""}, "priority"),
        ({"feature": "999999", "quantity": "1"}, "feature"),
        ({"feature": "", "quantity": "1"}, "feature"),
    ],
)
def test_a_bad_line_is_an_error_of_the_form(
    line: dict[str, str], field: str, feature: Feature, admin_client: Client
) -> None:
    typed_in = {f"lines__0__{name}": value for name, value in {"feature": feature.pk, **line}.items()}

    assert faults(saved(admin_client, ADD_PRODUCT, sku="pro", **typed_in)) == {field}
    assert not Product.objects.exists()


@pytest.mark.parametrize(
    "metadata", ["[]", "1", '"x"', "{", "{'a': 1}", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 100_000],
    ids=range(8),
)  # fmt: skip
def test_metadata_that_is_no_object_is_an_error_of_the_form(
    metadata: str, adding: tuple[str, str], admin_client: Client
) -> None:
    address, field = adding

    assert faults(saved(admin_client, address, **{field: "pro"}, metadata=metadata)) == {"metadata"}


def test_metadata_that_is_too_large_is_an_error_of_the_form(
    adding: tuple[str, str], admin_client: Client, settings: Any
) -> None:
    settings.BILLABLE_METADATA_MAX_BYTES = 10
    address, field = adding

    page = saved(admin_client, address, **{field: "pro"}, metadata='{"a": "0123456789"}')

    assert faults(page) == {"metadata"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "a\x01"), ("name", "a" * 201), ("trial_campaign", "no good"), ("description", "a\x01")],
)
def test_other_text_is_checked_too(field: str, value: str, db: None, admin_client: Client) -> None:
    assert faults(saved(admin_client, ADD_PRODUCT, sku="pro", **{field: value})) == {field}


def test_adding_the_same_product_twice_makes_one(db: None, admin_client: Client) -> None:
    assert saved(admin_client, ADD_PRODUCT, sku="pro").status_code == 302
    assert faults(saved(admin_client, ADD_PRODUCT, sku="pro")) == {"sku"}


# --- feature


def test_a_feature_is_made_and_changed(db: None, admin_client: Client) -> None:
    saved(admin_client, ADD_FEATURE, key="AI_Analysis", name="Analysis", unit="run")
    feature = Feature.objects.get(key="ai_analysis")
    assert CatalogName.objects.get(name="ai_analysis").kind == "feature"

    saved(admin_client, at(feature), name="AI", is_active=None, metadata='{"a": 1}')

    feature.refresh_from_db()
    assert (feature.name, feature.unit, feature.is_active, feature.metadata) == ("AI", "run", False, {"a": 1})


def test_a_feature_is_given_alerts_as_one_types_them(feature: Feature, admin_client: Client) -> None:
    saved(admin_client, at(feature), alerts=" 80%,100 % , 10 left,")
    feature.refresh_from_db()
    assert feature.alerts == "80%, 100%, 10 left"

    for typed in ("80", "101%", "soon", ", ".join(f"{number}%" for number in range(1, 12))):
        assert faults(saved(admin_client, at(feature), alerts=typed)) == {"alerts"}
    feature.refresh_from_db()
    assert feature.alerts == "80%, 100%, 10 left"
    saved(admin_client, at(feature), alerts="")
    feature.refresh_from_db()
    assert feature.alerts == ""


def test_a_feature_can_be_paid_from_another(feature: Feature, admin_client: Client) -> None:
    credits = CatalogService.create_feature("credits")

    saved(admin_client, at(feature), costs__0__paid_from=credits.pk, costs__0__per="1", costs__0__units="5")
    cost = FeatureCost.objects.get()
    assert (cost.feature, cost.paid_from, cost.per, cost.units, cost.position) == (feature, credits, 1, 5, 1)

    saved(admin_client, at(feature), costs__0__units="7")
    assert FeatureCost.objects.get().units == 7

    saved(admin_client, at(feature), costs__0__DELETE="on")
    assert not FeatureCost.objects.exists()


@pytest.mark.parametrize(
    ("cost", "field"),
    [
        ({"paid_from": "itself"}, "paid_from"),
        ({"paid_from": ""}, "paid_from"),
        ({"units": "0"}, "units"),
        ({"per": "-1"}, "per"),
        ({"per": str(10**12 + 1)}, "per"),
        ({"position": "0"}, "position"),
    ],
)
def test_a_bad_cost_is_an_error_of_the_form(
    cost: dict[str, str], field: str, feature: Feature, admin_client: Client
) -> None:
    credits = CatalogService.create_feature("credits")
    given = {"paid_from": credits.pk, "units": "5", **cost}
    if given["paid_from"] == "itself":
        given["paid_from"] = feature.pk

    page = saved(admin_client, at(feature), **{f"costs__0__{name}": value for name, value in given.items()})

    assert faults(page) == {field}
    assert not FeatureCost.objects.exists()


def test_two_costs_in_one_position_are_an_error_of_the_form(feature: Feature, admin_client: Client) -> None:
    CatalogService.create_feature("credits")
    stars = CatalogService.create_feature("stars")
    CatalogService.set_cost("pdf_export", "credits")

    page = saved(admin_client, at(feature), costs__1__paid_from=stars.pk, costs__1__position="1")

    assert faults(page) <= {"duplicates", "__all__"}


# --- who may


def test_staff_who_may_only_look_see_a_product_and_cannot_save_it(product: Product, staff: Any) -> None:
    client = staff("view_product", "view_price", "view_productfeature")

    page = client.get(at(product)).content.decode()

    assert "9.99 EUR" in page
    assert "pdf_export" in page
    assert client.post(at(product), {"name": "mine"}).status_code == 403
    assert client.get(ADD_PRODUCT).status_code == 403


def test_staff_who_may_not_touch_prices_leave_them_alone(product: Product, staff: Any) -> None:
    client = staff("view_product", "change_product", "view_price", "add_productfeature", "view_productfeature")
    credits = CatalogService.create_feature("credits")

    page = saved(client, at(product), name="Mine", lines__2__feature=credits.pk, lines__2__quantity="7")

    assert page.status_code == 302
    changed = CatalogService.get_product("pro")
    assert changed.name == "Mine"
    assert [(p.currency, p.amount_minor) for p in changed.prices.all()] == [("EUR", 999), ("USD", 1099)]
    assert [(one.feature.key, one.quantity) for one in changed.lines.all()] == [
        ("pdf_export", 100),
        ("sso", None),
        ("credits", 7),
    ]


def test_features_are_offered_as_one_types(product: Product, admin_client: Client) -> None:
    asked = {"term": "pdf", "app_label": "billable", "model_name": "productfeature", "field_name": "feature"}

    found = admin_client.get(reverse("admin:autocomplete"), asked).json()["results"]

    assert [one["text"] for one in found] == ["pdf_export"]
