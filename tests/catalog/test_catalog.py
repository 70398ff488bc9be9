"""The catalogue: one call makes a product, one namespace holds the names."""

from __future__ import annotations

import pytest

from billable.errors import Invalid
from billable.models import CatalogName, Feature, Price, Product
from billable.services import CatalogService, Money


def lines_of(product):
    return [
        (each.feature.key, each.quantity, each.period and str(each.period), each.priority)
        for each in product.lines.all()
    ]


def test_one_call_makes_a_simple_product(door):
    product = door.catalog.create_product(
        "Premium_Monthly", price="9.99", currency="EUR", features=["PDF_export"], quantity=100, period="month"
    )
    assert (product.sku, product.is_active, product.is_trial) == ("premium_monthly", True, False)
    assert [(each.amount_minor, each.currency) for each in product.prices.all()] == [(999, "EUR")]
    assert lines_of(product) == [("pdf_export", 100, "1 month", 100)]


@pytest.mark.parametrize("features", [[], [{"feature": "pdf_export", "reset": "1 month"}], [{"feature": "sso"}]])
@pytest.mark.parametrize("given", [{"quantity": 100}, {"period": "1 month"}])
def test_a_quantity_that_no_feature_would_take_is_refused(door, features, given):
    with pytest.raises(Invalid, match="is for features named by a plain text"):
        door.catalog.create_product("pro", features=features, **given)
    assert not Product.objects.exists()


def test_a_product_may_mix_anything_in_several_currencies(door, statements):
    product = door.catalog.create_product(
        "mix",
        name="Mix",
        prices=[Money(999, "EUR"), Money(500, "JPY"), Money(50, "XTR"), Money(1500, "KWD")],
        features=[
            {"feature": "pdf_export", "quantity": 100, "period": "1 month"},
            {"feature": "sso"},
            {"feature": "credits", "quantity": 500, "priority": 5},
            {"feature": "pdf_export", "quantity": 7},
        ],
    )
    assert statements(lambda: lines_of(product)) == []
    assert lines_of(product) == [
        ("pdf_export", 100, "1 month", 100),
        ("sso", None, None, 100),
        ("credits", 500, None, 5),
        ("pdf_export", 7, None, 100),
    ]
    assert {each.currency: each.amount_minor for each in product.prices.all()} == {
        "EUR": 999,
        "JPY": 500,
        "XTR": 50,
        "KWD": 1500,
    }


def test_skus_and_feature_keys_share_one_namespace(door, refused):
    door.catalog.create_product("pack", features=["pdf_export"])
    door.catalog.create_feature("sso")
    with refused("name_taken", name="pack"):
        door.catalog.create_product("PACK")
    with refused("name_taken", name="pack"):
        door.catalog.create_feature("pack")
    with refused("name_taken", name="pdf_export"):
        door.catalog.create_product("pdf_export")
    with refused("name_taken"):
        door.catalog.create_product("other", features=["pack"])
    assert set(CatalogName.objects.values_list("name", "kind")) == {
        ("pack", "product"),
        ("pdf_export", "feature"),
        ("sso", "feature"),
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sku": ""}, "sku"),
        ({"sku": "ümlaut"}, "sku"),
        ({"sku": "a b"}, "sku"),
        ({"sku": "x" * 65}, "sku"),
        ({"sku": ".a"}, "sku"),
        ({"sku": 7}, "sku"),
        ({"price": "9.999"}, "price"),
        ({"price": "-1"}, "prices"),
        ({"price": 9.99}, "price"),
        ({"price": "9", "currency": "ABC"}, "currency"),
        ({"price": "9", "currency": 7}, "currency"),
        ({"prices": [9]}, "prices"),
        ({"prices": [Money(True, "EUR")]}, "prices"),
        ({"features": [7]}, "features[0]"),
        ({"features": [{"feature": "a", "units": 3}]}, "features[0].units"),
        ({"features": [{"quantity": 3}]}, "features[0].feature"),
        ({"features": [{"feature": "a", "quantity": 0}]}, "features[0].quantity"),
        ({"features": [{"feature": "a", "quantity": 1.5}]}, "features[0].quantity"),
        ({"features": [{"feature": "a", "priority": "high"}]}, "features[0].priority"),
        ({"features": ["a"], "quantity": 10**12 + 1}, "features[0].quantity"),
        ({"features": ["a"], "period": "fortnight"}, "period"),
        ({"features": [{"feature": "a", "period": "0 days"}]}, "features[0].period"),
        ({"features": "pdf_export"}, "features"),
        ({"features": ["a"] * 51}, "features"),
        ({"name": "x" * 201}, "name"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_a_product_that_can_never_be_right_is_refused(door, refused, given, field):
    with refused("invalid", field=field):
        door.catalog.create_product(**{"sku": "pack", **given})


def test_updating_leaves_alone_what_it_does_not_name(door, refused):
    door.catalog.create_product("pack", name="Pack", prices=[Money(100, "EUR"), Money(200, "USD")], features=["a"])
    door.catalog.update_product("pack", prices=[Money(300, "EUR")], description="New", metadata={"tier": 1})
    product = door.catalog.update_product("pack", features=[{"feature": "b", "quantity": 2}], is_default=True)

    assert (product.name, product.description, product.is_default, product.metadata) == (
        "Pack",
        "New",
        True,
        {"tier": 1},
    )
    assert set(Price.objects.values_list("currency", "amount_minor")) == {("EUR", 300), ("USD", 200)}
    assert lines_of(product) == [("b", 2, None, 100)]
    with refused("product_not_found", sku="nothing"):
        door.catalog.update_product("nothing", name="x")


def test_deactivating_hides_and_deletes_nothing(door):
    door.catalog.create_product("pack", features=["a"])
    door.catalog.create_product("trial", features=["a"], is_trial=True)
    assert not door.catalog.deactivate_product("pack").is_active
    assert [each.sku for each in door.catalog.list_products()] == ["trial"]
    assert [each.sku for each in door.catalog.list_products(include_inactive=True, include_trials=False)] == ["pack"]
    assert door.catalog.get_product("PACK").sku == "pack"
    assert Product.objects.count() == 2


def test_a_feature_is_renamed_and_hidden_but_keeps_its_key(door, refused):
    door.catalog.create_feature("pdf_export", unit="export", metadata={"a": 1})
    feature = door.catalog.update_feature("PDF_export", name="PDF export", is_active=False)
    assert (feature.key, feature.name, feature.unit, feature.metadata) == (
        "pdf_export",
        "PDF export",
        "export",
        {"a": 1},
    )
    assert door.catalog.list_features() == ()
    assert len(door.catalog.list_features(include_inactive=True)) == 1
    with refused("feature_not_found"):
        door.catalog.update_feature("nothing", name="x")


def test_costs_are_set_changed_and_ordered(door, refused):
    for key in ("analysis", "credits", "tokens"):
        door.catalog.create_feature(key)
    first = door.catalog.set_cost("analysis", "credits", per=1, units=5)
    second = door.catalog.set_cost("analysis", "tokens", per=10)
    changed = door.catalog.set_cost("analysis", "credits", units=7)

    assert (first.position, second.position, changed.pk, changed.units) == (1, 2, first.pk, 7)
    (analysis,) = [each for each in door.catalog.list_features() if each.key == "analysis"]
    assert [each.paid_from.key for each in analysis.costs.all()] == ["credits", "tokens"]
    with refused("invalid", field="paid_from"):
        door.catalog.set_cost("credits", "credits")
    with refused("feature_not_found", feature="nothing"):
        door.catalog.set_cost("credits", "nothing")
    with refused("invalid", field="position"):
        door.catalog.set_cost("analysis", "credits", position=2)
    for wrong in ({"per": 0}, {"units": -1}, {"per": 1.5}):
        with refused("invalid", field=next(iter(wrong))):
            door.catalog.set_cost("analysis", "credits", **wrong)


def test_further_currencies_come_from_a_setting(door, settings, refused):
    with refused("invalid", field="currency"):
        door.catalog.create_product("pack", price="5", currency="POINTS")
    settings.BILLABLE_CURRENCIES = {"POINTS": 0}
    assert door.catalog.create_product("pack", price="5", currency="POINTS").prices.get().amount_minor == 5


def test_the_statements_of_listing_do_not_grow_with_the_catalogue(statements):
    for number in range(10):
        CatalogService.create_product(f"p{number}", price="1", features=[f"f{number}"])
    assert len(statements(CatalogService.list_products)) == 4
    assert Feature.objects.count() == 10
