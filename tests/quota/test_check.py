"""check: one statement, no write, a "no" with a code for whatever is unknown."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from billable.services import CatalogService, CustomerRef, QuotaService


def test_yes_is_true_and_unpacks_into_four(door, user, give):
    give(user, "pdf_export", 3)

    check = door.quota.check_quota(user, "pdf_export")
    is_allowed, message, product, balance = check

    assert bool(check) is is_allowed is True
    assert (message, product, balance, check.code) == ("Allowed.", None, 3, "allowed")


def test_no_is_false_although_a_tuple_of_four_would_be_true(door, user):
    check = door.quota.check_quota(user, "pdf_export")
    assert not check
    assert (len(check), check.code, check.balance) == (4, "no_grant", 0)


def test_it_tells_what_is_missing(door, user, django_user_model, give, clock):
    unsaved, nobody = django_user_model(username="unsaved"), CustomerRef(provider="telegram", external_id="1")
    give(user, "pdf_export", 3, period="3 days")
    give(user, "credits", 1)
    QuotaService.consume_quota(user, "credits")

    def code(who, feature, **how):
        return door.quota.check_quota(who, feature, **how).code

    assert code(AnonymousUser(), "pdf_export") == "anonymous"
    assert code(unsaved, "pdf_export") == "anonymous"
    assert code(nobody, "pdf_export") == "unknown_customer"
    assert code(CustomerRef(user_id=987_654), "pdf_export") == "unknown_customer"
    assert code(user, "no_such_feature") == "unknown_feature"
    assert code(user, "not a key at all!") == "unknown_feature"
    assert code(user, "tokens") == "no_grant"
    assert code(user, "pdf_export", quantity=4) == "exhausted"
    assert code(user, "credits") == "exhausted"
    clock.advance(days=4)
    assert code(user, "pdf_export") == "expired"
    door.quota.expire_grants()
    assert code(user, "pdf_export") == "expired"


def test_it_runs_one_statement_whoever_asks_for_whatever(user, give, statements):
    (grant,) = QuotaService.grant_feature(user, "pdf_export", quantity=1)
    subjects = [
        user,
        grant.customer,
        CustomerRef(user_id=user.pk),
        CustomerRef(customer_id=grant.customer_id),
        CustomerRef(external_id="nobody"),
    ]
    for subject in subjects:
        for feature in ("pdf_export", "nothing"):
            assert len(statements(lambda: QuotaService.check_quota(subject, feature))) == 1  # noqa: B023  # called at once


def test_touching_the_answer_runs_no_query_except_for_the_offers(user, statements):
    CatalogService.create_product("pack", price="9.99", currency="EUR", features=["pdf_export"], quantity=2)
    QuotaService.grant_product(user, "pack")
    check = QuotaService.check_quota(user, "pdf_export")

    def touch():
        assert check.product.sku == "pack"
        assert check.product.metadata == {}
        assert [(each.product_sku, each.remaining, each.source) for each in check.grants] == [("pack", 2, "manual")]
        assert (check.grant_count, check.expires_at, check.feature) == (1, None, "pdf_export")

    assert statements(touch) == []
    assert [offer.sku for offer in check.offers] == ["pack"]


def test_offers_are_what_is_on_sale_and_gives_the_feature_or_pays_for_it(door, user):
    CatalogService.set_cost("ai_analysis", "credits")
    price = {"price": "9.99", "currency": "EUR"}
    CatalogService.create_product("direct", features=["ai_analysis"], **price)
    CatalogService.create_product("pool", features=["credits"], quantity=5, **price)
    CatalogService.create_product("other", features=["tokens"], **price)
    CatalogService.create_product("free", features=["credits"])
    CatalogService.create_product("try", features=["credits"], is_trial=True, **price)
    CatalogService.create_product("old", features=["credits"], **price)
    CatalogService.deactivate_product("old")

    check = QuotaService.check_quota(user, "ai_analysis")

    assert [offer.sku for offer in check.offers] == ["direct", "pool"]


def test_the_product_is_that_of_the_first_grant_in_burn_order(door, user, give):
    CatalogService.create_product("later", features=[{"feature": "pdf_export", "quantity": 1, "priority": 200}])
    CatalogService.create_product("first", features=["pdf_export"], quantity=1)
    QuotaService.grant_product(user, "later")
    QuotaService.grant_product(user, "first")

    assert door.quota.check_quota(user, "pdf_export").product.sku == "first"
    assert door.quota.check_quota(user, "pdf_export", sku="later").product.sku == "later"


def test_only_twenty_grants_are_shown_and_all_are_counted(door, user, give):
    for _ in range(23):
        give(user, "pdf_export", 1)
    check = door.quota.check_quota(user, "pdf_export", quantity=23)
    assert (check.allowed, check.balance, check.grant_count, len(check.grants)) == (True, 23, 23, 20)


def test_a_balance_counts_own_units_and_what_credits_would_pay_for(door, user, give):
    CatalogService.set_cost("ai_analysis", "credits", per=2, units=3)
    give(user, "ai_analysis", 1)
    give(user, "credits", 5)
    give(user, "credits", 2)

    assert door.quota.check_quota(user, "ai_analysis").balance == 1 + 7 * 2 // 3
    assert door.quota.check_quota(user, "ai_analysis", quantity=5)
    assert not door.quota.check_quota(user, "ai_analysis", quantity=6)


def test_a_feature_of_a_default_product_that_is_not_active_does_not_count(door, user, customer, django_user_model):
    CatalogService.create_product("free", features=["pdf_export", "tokens"], quantity=3, is_default=True)
    CatalogService.update_feature("pdf_export", is_active=False)
    check = door.quota.check_quota(user := django_user_model.objects.create(username="grace"), "pdf_export")
    assert (check.allowed, check.balance, check.code) == (False, 0, "no_grant")
    assert [each.feature for each in door.quota.balances(user)] == ["tokens"]


def test_default_products_count_for_a_user_before_there_is_a_customer(door, user, django_user_model):
    CatalogService.create_product("free", features=["pdf_export"], quantity=3, period="1 month", is_default=True)
    nobody = CustomerRef(external_id="nobody")

    check = door.quota.check_quota(user, "pdf_export", quantity=3)

    assert (check.allowed, check.balance, check.product.sku) == (True, 3, "free")
    assert door.quota.check_quota(CustomerRef(user_id=user.pk), "pdf_export").allowed
    assert door.quota.check_quota(CustomerRef(user_id=987_654), "pdf_export").code == "unknown_customer"
    assert door.quota.check_quota(nobody, "pdf_export").code == "unknown_customer"
    assert [each.balance for each in door.quota.balances(user)] == [3]
    assert door.quota.consume_quota(user, "pdf_export").balance == 2
    assert door.quota.check_quota(user, "pdf_export").balance == 2


def test_an_inactive_feature_is_still_spendable(door, user, give):
    from billable.models import Feature

    give(user, "pdf_export", 1)
    Feature.objects.filter(key="pdf_export").update(is_active=False)
    assert door.quota.check_quota(user, "pdf_export")


@pytest.mark.parametrize("quantity", [0, -1, True, "1", 1.0, 10**13])
def test_input_that_can_never_be_right_is_refused(door, user, refused, quantity):
    with refused("invalid", field="quantity"):
        door.quota.check_quota(user, "pdf_export", quantity=quantity)


def test_references_that_name_two_customers_are_refused(door, user, give, django_user_model, refused):
    other = django_user_model.objects.create(username="bob")
    mine, theirs = give(user, "pdf_export", 1), give(other, "pdf_export", 1)
    with refused("invalid", field="customer"):
        door.quota.check_quota(CustomerRef(user_id=user.pk, customer_id=theirs.customer_id), "pdf_export")
    assert door.quota.check_quota(CustomerRef(user_id=user.pk, customer_id=mine.customer_id), "pdf_export")


def test_balances_list_what_somebody_has_and_always_what_was_named(door, user, give, clock):
    CatalogService.set_cost("ai_analysis", "credits", units=2)
    give(user, "credits", 5, period="3 days")
    give(user, "pdf_export")

    found = {each.feature: each for each in door.quota.balances(user)}

    assert {key: each.balance for key, each in found.items()} == {"ai_analysis": 2, "credits": 5, "pdf_export": None}
    assert found["pdf_export"].unlimited
    assert found["credits"].expires_at == clock.instant.replace(month=2, day=3)
    (named,) = door.quota.balances(user, feature="tokens")
    assert (named.allowed, named.balance, named.held) == (False, 0, 0)
    (unknown,) = door.quota.balances(CustomerRef(external_id="nobody"), feature="pdf_export")
    assert unknown.balance == 0
    assert door.quota.balances(AnonymousUser()) == ()
