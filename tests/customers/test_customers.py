"""Customers: who is meant, who comes to be, and what never falls together."""

from __future__ import annotations

import uuid

import pytest
from django.db.models import QuerySet

from billable.customers.services import claim_identity
from billable.models import Customer, Identity, UserLink
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService


def test_identify_makes_a_customer_with_a_user_once(door, django_user_model):
    first = door.customers.identify("telegram", "4711", profile={"name": "Ada"})
    again = door.customers.identify("telegram", "4711", profile={"name": "Eve"})

    assert (first.created, again.created) == (True, False)
    assert (first.customer_id, first.user_id) == (again.customer_id, again.user_id)
    assert again.profile == {"name": "Ada"}
    made = django_user_model.objects.get(pk=first.user_id)
    assert made.username.startswith("billable-")
    assert not made.has_usable_password()


def test_identities_are_told_apart_byte_for_byte(door):
    names = [("telegram", "a"), ("telegram", "A"), ("n8n", "a"), ("telegram", "ä"), ("telegram", "a\u0308")]
    assert len({door.customers.identify(*name).customer_id for name in names}) == len(names)


def test_identify_never_takes_over_an_existing_user(door, django_user_model):
    existing = django_user_model.objects.create(username="4711", email="ada@example.com")
    found = door.customers.identify("email", "ada@example.com")
    assert found.user_id != existing.pk
    assert not UserLink.objects.filter(user=existing).exists()


def test_identify_does_not_resurrect_a_deleted_user_and_the_books_stay(door, django_user_model):
    found = door.customers.identify("telegram", "4711")
    CatalogService.create_feature("pdf_export")
    QuotaService.grant_feature(found.customer, "pdf_export", quantity=3)

    django_user_model.objects.get(pk=found.user_id).delete()
    again = door.customers.identify("telegram", "4711")

    assert (again.customer_id, again.user_id, again.created) == (found.customer_id, None, False)
    assert door.quota.check_quota(again.customer, "pdf_export").balance == 3
    assert not UserLink.objects.exists()


def test_without_a_factory_a_customer_has_no_user(door, settings):
    settings.BILLABLE_USER_FACTORY = None
    assert door.customers.identify("telegram", "4711").user_id is None


def make_ada(provider, external_id, profile):
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username=f"{provider}-{profile['team']}")[0]


def test_a_factory_of_the_host_may_return_a_known_user_but_not_her_customer(door, settings, refused):
    settings.BILLABLE_USER_FACTORY = "tests.customers.test_customers.make_ada"
    first = door.customers.identify("slack", "1", profile={"team": "x"})
    second = door.customers.identify("slack", "2", profile={"team": "x"})
    assert first.user_id is not None
    assert second.user_id is None
    assert first.customer_id != second.customer_id
    settings.BILLABLE_USER_FACTORY = "no.such.factory"
    with refused("misconfigured", setting="BILLABLE_USER_FACTORY"):
        door.customers.identify("slack", "3")


@pytest.mark.parametrize(
    ("provider", "external_id", "field"),
    [
        ("", "a", "provider"),
        ("x" * 65, "a", "provider"),
        (None, "a", "provider"),
        ("telegram", "", "external_id"),
        ("telegram", " a", "external_id"),
        ("telegram", "a\0", "external_id"),
        ("telegram", "a\u200b\n", "external_id"),
        ("telegram", "x" * 201, "external_id"),
        ("telegram", 4711, "external_id"),
    ],
)
def test_an_identity_that_cannot_be_compared_is_refused(door, refused, provider, external_id, field):
    with refused("invalid", field=field):
        door.customers.identify(provider, external_id)


def test_default_products_are_granted_to_every_new_customer_once(door, user):
    CatalogService.create_product("free", features=["pdf_export"], quantity=3, is_default=True)
    CatalogService.create_product("old", features=["pdf_export"], quantity=5, is_default=True)
    CatalogService.deactivate_product("old")

    found = door.customers.identify("telegram", "4711")
    door.customers.identify("telegram", "4711")
    QuotaService.grant_feature(user, "pdf_export", quantity=1)

    assert door.quota.check_quota(found.customer, "pdf_export").balance == 3
    assert door.quota.check_quota(user, "pdf_export").balance == 4


def test_an_identity_is_linked_to_one_customer(door, user, refused):
    mine = door.customers.link_identity(user, "telegram", "4711")
    assert door.customers.link_identity(user, "telegram", "4711").pk == mine.pk
    other = door.customers.identify("n8n", "1")
    with refused("identity_taken", provider="telegram", external_id="4711"):
        door.customers.link_identity(other.customer, "telegram", "4711")
    assert door.customers.get_customer(CustomerRef(provider="telegram", external_id="4711")).pk == mine.customer_id


def test_several_users_may_share_a_customer_and_the_oldest_link_is_shown(door, user, django_user_model, refused):
    second, third = (django_user_model.objects.create(username=name) for name in ("bob", "eve"))
    customer = door.customers.link_identity(user, "telegram", "4711").customer
    door.customers.link_user(customer, second)
    door.customers.link_user(customer, second)
    CatalogService.create_feature("pdf_export")
    QuotaService.grant_feature(user, "pdf_export", quantity=3)

    assert door.quota.check_quota(second, "pdf_export").balance == 3
    assert door.customers.user_id_of(customer) == user.pk
    QuotaService.grant_feature(third, "pdf_export", quantity=3)
    with refused("user_taken", user_id=str(third.pk)):
        door.customers.link_user(customer, third)
    with refused("invalid_subject"):
        door.customers.link_user(customer, django_user_model(username="unsaved"))


def test_deleting_a_user_never_deletes_the_books(door, user):
    CatalogService.create_product("pack", price="5", currency="EUR", features=["pdf_export"], quantity=10)
    order = OrderService.create_order(user, [{"sku": "pack"}])
    OrderService.confirm_payment(order, payment_id="a")

    user.delete()

    assert door.orders.get_order(order).status == "paid"
    assert door.quota.check_quota(order.customer, "pdf_export").balance == 10


@pytest.mark.parametrize("user_id", [True, 1.5, 10**30, "not a number", "1\0", [1]])
def test_a_user_id_that_can_be_nobodys_is_invalid(door, refused, user_id):
    with refused("invalid", field="user_id"):
        door.quota.check_quota(CustomerRef(user_id=user_id), "pdf_export")


def test_references_may_agree_and_must_not_contradict(door, user, refused):
    identity = door.customers.link_identity(user, "telegram", "4711")
    other = door.customers.identify("n8n", "1")
    agree = CustomerRef(user_id=user.pk, provider="telegram", external_id="4711", customer_id=identity.customer_id)
    assert door.customers.get_customer(agree).pk == identity.customer_id
    with refused("invalid", field="customer"):
        door.customers.get_customer(CustomerRef(user_id=user.pk, customer_id=other.customer_id))
    assert door.customers.get_customer(CustomerRef(user_id=user.pk, external_id="unknown")).pk == identity.customer_id
    with refused("invalid_subject"):
        door.customers.get_customer(CustomerRef())
    with refused("invalid", field="customer_id"):
        door.customers.get_customer(CustomerRef(customer_id="no id"))
    with refused("customer_not_found"):
        door.customers.get_customer(CustomerRef(customer_id=uuid.uuid4()))


def test_a_subject_in_a_room_of_many_is_found_through_its_lazy_wrapper(door, user):
    from django.utils.functional import SimpleLazyObject

    CatalogService.create_feature("pdf_export")
    lazy = SimpleLazyObject(lambda: user)
    QuotaService.grant_feature(lazy, "pdf_export", quantity=1)
    assert door.quota.check_quota(lazy, "pdf_export")


def test_a_customer_that_was_merged_is_found_as_its_survivor(door, user):
    CatalogService.create_feature("pdf_export")
    (grant,) = QuotaService.grant_feature(user, "pdf_export", quantity=2)
    absorbed = door.customers.identify("n8n", "1").customer
    door.customers.merge_customers(user, absorbed)
    assert door.quota.check_quota(absorbed, "pdf_export").balance == 2
    assert door.quota.consume_quota(absorbed, "pdf_export").customer.pk == grant.customer_id
    assert Identity.objects.get().customer_id == grant.customer_id


def test_billing_details_replace_what_was_said_before(door, user):
    said = {"name": " Ada Ltd ", "address": "1 Main Street\nLondon", "country": "GB", "tax_id": ""}
    customer = door.customers.set_billing_details(user, said)
    assert customer.billing_details == {"name": "Ada Ltd", "address": "1 Main Street\nLondon", "country": "GB"}

    door.customers.set_billing_details(user, {"email": "ada@example.com"})
    assert Customer.objects.get(pk=customer.pk).billing_details == {"email": "ada@example.com"}

    door.customers.set_billing_details(user, None)
    assert Customer.objects.get(pk=customer.pk).billing_details == {}


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ("Ada Ltd", "details"),
        ([], "details"),
        ({"vat": "GB1"}, "details.vat"),
        ({1: "GB1"}, "details.1"),
        ({"name": None}, "details.name"),
        ({"name": 7}, "details.name"),
        ({"name": "x" * 201}, "details.name"),
        ({"address": "x" * 501}, "details.address"),
        ({"email": "x" * 255}, "details.email"),
        ({"country": "x" * 101}, "details.country"),
        ({"tax_id": "x" * 65}, "details.tax_id"),
        ({"tax_id": "x\0"}, "details.tax_id"),
        ({"x" * 300: "x"}, "details." + "x" * 92),
    ],
)
def test_billing_details_that_say_nothing_are_refused(door, customer, refused, details, field):
    with refused("invalid", field=field):
        door.customers.set_billing_details(customer, details)


def test_billing_details_of_nobody_are_refused(door, refused):
    with refused("customer_not_found"):
        door.customers.set_billing_details(CustomerRef(external_id="nobody"), {"name": "Ada Ltd"})


@pytest.mark.parametrize("model", [UserLink, Identity])
def test_a_name_that_is_given_up_in_the_moment_it_is_claimed_is_claimed_anew(door, customer, user, monkeypatch, model):
    """Between the conflict and the look at who has it, its customer is anonymized, and that is committed."""
    insert, other = QuerySet.bulk_create, CustomerService.identify("crm", "7").customer

    def give_up(rows, objects, **how):
        made = insert(rows, objects, **how)
        rows.filter(customer=customer).delete()
        return made

    # The look before the claim finds nobody: the other one came and went in between.
    monkeypatch.setattr(QuerySet, "bulk_create", give_up)
    if model is UserLink:
        assert door.customers.link_user(other, user).customer_id == other.pk
    else:
        monkeypatch.setattr(QuerySet, "first", _blind_once(QuerySet.first))
        assert claim_identity(other.pk, "telegram", "4711", {}).customer_id == other.pk


def _blind_once(look):
    looks = iter([lambda rows: None])
    return lambda rows: next(looks, look)(rows)
