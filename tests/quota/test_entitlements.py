"""Static values: what is read of a customer's grants, and never consumed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from billable.errors import FeatureInUse
from billable.models import Feature, Grant, Order, OrderItemFeature, ProductFeature
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService


@pytest.fixture(autouse=True)
def static(features):
    CatalogService.create_feature("sso", value_type="flag")
    CatalogService.create_feature("seats", value_type="limit")
    CatalogService.create_feature("region", value_type="text")


def product(sku, **how):
    lines = [{"feature": key, "value": value} for key, value in how.pop("values").items()]
    return CatalogService.create_product(sku, features=lines, **how)


def test_a_value_is_read_and_nothing_is_used(door, user):
    product("pro", values={"sso": True, "seats": 10, "region": "eu-west"})
    door.quota.grant_product(user, "pro")
    values = [door.quota.entitlement_value(user, key) for key in ("sso", "seats", "region")]
    assert values == [True, 10, "eu-west"]
    assert type(values[0]) is bool
    listed = [(each.feature, each.value_type, each.value, each.product_sku) for each in door.quota.entitlements(user)]
    assert listed == [
        ("region", "text", "eu-west", "pro"),
        ("seats", "limit", 10, "pro"),
        ("sso", "flag", True, "pro"),
    ]
    assert door.quota.balances(user) == ()


def test_without_a_value_the_default_is_answered(door, user, django_user_model):
    for who in (user, AnonymousUser(), CustomerRef(external_id="nobody"), django_user_model(username="unsaved")):
        assert door.quota.entitlement_value(who, "seats") is None
        assert door.quota.entitlement_value(who, "seats", default=3) == 3
        assert door.quota.entitlements(who) == ()
    assert door.quota.entitlement_value(user, "nothing", default=False) is False


def test_the_lowest_priority_decides_and_then_the_best_value(door, user, clock):
    def give(feature, value, **how):
        door.quota.grant_feature(user, feature, value=value, **how)
        return door.quota.entitlement_value(user, feature)

    assert [give("sso", False), give("sso", True), give("sso", False)] == [False, True, True]
    assert [give("seats", 5), give("seats", 20), give("seats", 10)] == [5, 20, 20]
    assert give("seats", 3, priority=50) == 3
    assert give("region", "us") == "us"
    clock.advance(seconds=1)
    assert give("region", "eu") == "eu"
    clock.advance(seconds=1)
    assert give("region", "asia", priority=200) == "eu"


def test_a_value_lasts_as_long_as_its_grant(door, user, clock):
    door.quota.grant_feature(user, "seats", value=5)
    door.quota.grant_feature(user, "seats", value=50, expires_at=clock() + timedelta(days=1))
    (listed,) = door.quota.entitlements(user)
    assert (listed.value, listed.expires_at) == (50, clock() + timedelta(days=1))
    clock.advance(days=1)
    assert door.quota.entitlement_value(user, "seats") == 5
    door.quota.revoke_grant(Grant.objects.get(value=5))
    assert door.quota.entitlement_value(user, "seats", default=0) == 0
    assert door.quota.check_quota(user, "seats").code == "expired"


def test_check_says_whether_there_is_such_a_thing(door, user):
    def said(feature, **how):
        check = door.quota.check_quota(user, feature, **how)
        return check.code, check.balance, check.value, bool(check)

    assert said("sso") == ("no_grant", 0, None, False)
    door.quota.grant_feature(user, "sso", value=False)
    assert said("sso") == ("no_grant", 0, False, False)
    door.quota.grant_feature(user, "sso", value=True)
    assert said("sso") == ("allowed", None, True, True)
    door.quota.grant_feature(user, "seats", value=0)
    assert said("seats") == ("no_grant", 0, 0, False)
    door.quota.grant_feature(user, "seats", value=10)
    assert said("seats", quantity=10) == ("allowed", 10, 10, True)
    assert said("seats", quantity=11) == ("over_limit", 10, 10, False)
    door.quota.grant_feature(user, "region", value="eu")
    assert said("region") == ("allowed", None, "eu", True)
    (line,) = door.quota.balances(user, feature="seats")
    assert (line.allowed, line.balance, line.unlimited) == (True, 10, False)


def test_reading_is_one_statement_whoever_asks(user, statements):
    QuotaService.grant_feature(user, "seats", value=10)
    for who in (user, AnonymousUser(), CustomerRef(external_id="nobody")):
        assert len(statements(lambda: QuotaService.entitlement_value(who, "seats"))) <= 1  # noqa: B023  # called at once
        assert len(statements(lambda: QuotaService.entitlements(who))) <= 1  # noqa: B023  # as above
        assert len(statements(lambda: QuotaService.check_quota(who, "seats"))) <= 1  # noqa: B023  # as above


def test_a_user_who_is_no_customer_yet_has_the_values_of_the_defaults(door, user):
    product("free", is_default=True, values={"seats": 2, "sso": False})
    assert door.quota.entitlement_value(user, "seats") == 2
    assert door.quota.entitlement_value(user, "sso", default=True) is False
    assert door.quota.check_quota(user, "seats", quantity=2).allowed


def test_an_order_carries_the_value_that_it_was_made_at(door, user):
    product("pro", price="9", currency="EUR", values={"seats": 10})
    order = door.orders.create_order(user, [{"sku": "pro", "quantity": 3}])
    CatalogService.update_product("pro", features=[{"feature": "seats", "value": 99}])
    door.orders.confirm_payment(order, payment_id="p1", status="paid")
    assert door.quota.entitlement_value(user, "seats") == 10


def test_a_merge_carries_values_on(door, user, django_user_model):
    door.quota.grant_feature(user, "seats", value=7)
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    door.customers.merge_customers(other, user)
    assert door.quota.entitlement_value(other, "seats") == 7


# --- what is refused


def test_what_is_read_is_not_consumed(door, user, refused):
    field = {"field": "feature", "problem": "sso is read, not consumed: it has no units"}
    with refused("wrong_feature_type", **field):
        door.quota.consume_quota(user, "sso")
    door.quota.grant_feature(user, "sso", value=True)
    for act in (door.quota.consume_quota, door.quota.hold_quota):
        with refused("wrong_feature_type", **field):
            act(user, "sso")
    with refused("wrong_feature_type", field="quantity"):
        door.quota.grant_feature(user, "sso", quantity=3)


def test_what_is_consumed_is_not_read(door, user, refused, give):
    give(user, "pdf_export", 5)
    with refused("wrong_feature_type", field="feature"):
        door.quota.entitlement_value(user, "pdf_export")


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        *(("sso", 1), ("sso", "yes"), ("sso", None), ("seats", True), ("seats", "10"), ("seats", None)),
        *(("region", 1), ("region", False), ("region", None), ("pdf_export", True), ("pdf_export", 0)),
    ],
)
def test_a_value_must_fit_its_feature(door, user, refused, feature, value):
    CatalogService.create_product("p")
    with refused("wrong_feature_type", field="features[0].value"):
        door.catalog.update_product("p", features=[{"feature": feature, "value": value}])
    with refused("wrong_feature_type", field="features[0].value"):
        door.catalog.create_product("q", features=[{"feature": feature, "value": value}])
    if feature != "pdf_export" or value is not None:
        with refused("wrong_feature_type", field="value"):
            door.quota.grant_feature(user, feature, value=value)


@pytest.mark.parametrize("value", [-1, 1.5, "", "x" * 201, [], 10**13, "a\x00b"])
def test_a_value_is_true_false_a_number_or_a_text(door, user, refused, value):
    with refused("invalid"):
        door.quota.grant_feature(user, "seats", value=value)


def test_a_value_has_no_units_beside_it(door, refused):
    with refused("invalid", field="features[0].value"):
        door.catalog.create_product("p", features=[{"feature": "seats", "value": 3, "quantity": 5}])


def test_a_feature_that_a_line_with_a_value_brings_has_its_type(door):
    lines = [{"feature": "dark_mode", "value": True}, {"feature": "projects", "value": 3}, {"feature": "pdf_2"}]
    door.catalog.create_product("p", features=lines)
    types = Feature.objects.filter(key__in=["dark_mode", "projects", "pdf_2"]).values_list("key", "value_type")
    assert dict(types) == {"dark_mode": "flag", "projects": "limit", "pdf_2": ""}


def test_a_type_changes_only_while_nothing_names_the_feature(door, user, refused):
    assert door.catalog.update_feature("seats", value_type="text").value_type == "text"
    assert door.catalog.update_feature("seats", value_type="").value_type == ""
    CatalogService.create_product("p", price="1", currency="EUR", features=[{"feature": "seats", "quantity": 3}])
    assert door.catalog.update_feature("seats", value_type="").value_type == ""
    with refused("feature_in_use", feature="seats"):
        door.catalog.update_feature("seats", value_type="limit")
    OrderService.create_order(user, [{"sku": "p"}])
    CatalogService.update_product("p", features=[])
    assert (ProductFeature.objects.count(), OrderItemFeature.objects.count(), Order.objects.count()) == (0, 1, 1)
    with pytest.raises(FeatureInUse):
        door.catalog.update_feature("seats", value_type="limit")


def test_an_unknown_type_is_refused(door, refused):
    with refused("invalid", field="value_type"):
        door.catalog.create_feature("x", value_type="colour")
    with refused("invalid", field="value_type"):
        door.catalog.update_feature("seats", value_type=7)


def test_what_is_read_pays_for_nothing_and_costs_nothing(door, refused):
    with refused("wrong_feature_type", field="feature"):
        door.catalog.set_cost("sso", "credits")
    with refused("wrong_feature_type", field="paid_from"):
        door.catalog.set_cost("credits", "sso")
    with refused("wrong_feature_type", field="unit_prices.seats"):
        door.catalog.create_product("p", features=["pdf_export"], unit_prices={"seats": 3})


def test_a_key_grants_one_value(door, user, refused):
    (grant,) = door.quota.grant_feature(user, "seats", value=5, idempotency_key="k")
    (again,) = door.quota.grant_feature(user, "seats", value=5, idempotency_key="k")
    assert (again.pk, again.replayed) == (grant.pk, True)
    with refused("idempotency_conflict", fields=["value"]):
        door.quota.grant_feature(user, "seats", value=6, idempotency_key="k")


def test_what_is_read_is_not_used_up(door, user, refused):
    with refused("wrong_feature_type", field="alerts"):
        door.catalog.update_feature("seats", alerts=["80%"])
    with refused("wrong_feature_type", field="alerts"):
        door.catalog.create_feature("rooms", value_type="limit", alerts=["80%"])
    with refused("wrong_feature_type", field="feature"):
        door.quota.forecast(user, "seats")
