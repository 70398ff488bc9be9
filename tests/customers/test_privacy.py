"""Who asks to be forgotten is forgotten, and the books stay."""

from __future__ import annotations

import pytest
from django.apps import apps

from billable.models import Adjustment, Customer, Grant, Identity, Merge, Order, Payment, Usage, UserLink
from billable.privacy import personal_columns
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    Money,
    OrderService,
    QuotaService,
    ReferralService,
)

ADA, BOT = CustomerRef(provider="web", external_id="ada"), CustomerRef(provider="telegram", external_id="42")


@pytest.fixture
def ada(db, clock, django_user_model):
    """Somebody about whom a lot was written, on both sides of a merge."""
    CatalogService.create_product("pack", prices=[Money(1000, "USD")], features=["pdf"], quantity=10)
    web, bot = (
        CustomerService.identify(ref.provider, ref.external_id, profile={"n": 1}).customer for ref in (ADA, BOT)
    )
    CustomerService.link_user(bot, django_user_model.objects.create(username="ada@example.com"))
    for side in (web, bot):
        QuotaService.grant_feature(side, "pdf", quantity=10, reason="Ada asked", metadata={"who": "Ada"})
        usage = QuotaService.consume_quota(side, "pdf", quantity=3, metadata={"file": "ada.pdf"})
        QuotaService.reverse_usage(usage, quantity=1, reason="Ada", metadata={"a": 1}, idempotency_key="undo")
        order = OrderService.create_order(side, [{"sku": "pack"}], metadata={"who": "Ada"})
        OrderService.confirm_payment(order, payment_id=f"p-{side.pk}", metadata={"card": "Ada"})
    CustomerService.set_billing_details(web, {"name": "Ada"})
    CustomerService.merge_customers(web, bot, reason="both are Ada")
    return Customer.objects.get(pk=web.pk)


def test_names_and_words_go_and_the_books_stay(door, ada, django_user_model):
    before = door.quota.check_quota(ada, "pdf").balance

    erased = door.customers.anonymize_customer(ADA, reason="Article 17")

    assert (erased.pk, erased.anonymized_by, erased.anonymized_reason) == (ada.pk, "python", "Article 17")
    assert erased.anonymized_at is not None
    assert not Identity.objects.exists()
    assert UserLink.objects.count() == 0
    assert django_user_model.objects.count() == 3, "users are the host's"
    for model, column in personal_columns():
        values = set(map(str, model._base_manager.values_list(column, flat=True)))
        assert values <= {"", "{}", "[]"}, (model, column)
    assert Customer.objects.filter(anonymized_at=None).count() == 0
    merge = Merge.objects.get()
    assert (merge.reason, merge.moved["identities"], merge.moved["users"]) == ("", [], [])
    assert door.quota.check_quota(erased, "pdf").balance == before
    assert door.quota.verify_ledger()


@pytest.mark.parametrize("forgotten", ["referrer", "referee"])
def test_what_is_said_of_a_referral_is_said_of_both_sides(door, forgotten):
    sides = {"referrer": ADA, "referee": BOT}
    referral = ReferralService.refer(**sides, metadata={"invited": "Ada asked Bob"})
    door.customers.anonymize_customer(sides[forgotten])
    assert ReferralService.get_referral(referral).metadata == {}


def test_what_a_merge_was_for_is_forgotten_with_either_of_those_who_parted(door, ada):
    merge = CustomerService.unmerge_customers(Merge.objects.get())
    door.customers.anonymize_customer(BOT)
    merge.refresh_from_db()
    assert (merge.reason, merge.moved["identities"], merge.moved["users"]) == ("", [], [])


def test_an_identity_is_free_again(door, ada):
    door.customers.anonymize_customer(ada)
    found = door.customers.identify(BOT.provider, BOT.external_id)
    assert found.created
    assert found.customer_id != ada.pk


def test_nobody_becomes_known_again(door, ada, refused, django_user_model):
    other = CustomerService.identify("app", "7").customer
    door.customers.anonymize_customer(ada)
    with refused("already_anonymized", customer=str(ada.pk)):
        door.customers.anonymize_customer(ada)
    with refused("already_anonymized"):
        door.customers.link_identity(ada, "web", "new")
    with refused("already_anonymized"):
        door.customers.link_user(ada, django_user_model.objects.get(username="ada@example.com"))
    with refused("already_anonymized"):
        door.customers.set_billing_details(ada, {"name": "Ada"})
    for pair in ((ada, other), (other, ada)):
        with refused("merge_refused", reason="anonymized"):
            door.customers.merge_customers(*pair)
    with refused("unmerge_refused", reason="anonymized"):
        door.customers.unmerge_customers(Merge.objects.get())


def test_anonymizing_nobody_is_refused(door, refused):
    with refused("customer_not_found"):
        door.customers.anonymize_customer(CustomerRef(external_id="nobody"))
    with refused("invalid", field="reason"):
        door.customers.anonymize_customer(CustomerRef(external_id="nobody"), reason=None)


def test_the_event_names_the_customer_alone(door, ada, commit):
    from billable.signals import customer_anonymized

    seen = []

    def receiver(customer, **_):
        seen.append((customer.pk, customer.metadata, customer.billing_details))

    customer_anonymized.connect(receiver)
    try:
        with commit():
            door.customers.anonymize_customer(ada)
    finally:
        customer_anonymized.disconnect(receiver)
    assert seen == [(ada.pk, {}, {})]


def test_every_table_of_a_customer_is_looked_at():
    """Whoever adds a table with words in it either erases them or says here why they stay."""
    stay = {("Invoice", "reason")}
    words = {"metadata", "reason", "ended_reason", "profile", "notices", "billing_details"}
    found = {
        (model.__name__, field.name)
        for model in apps.get_app_config("billable").get_models()
        for field in model._meta.concrete_fields
        if field.name in words and (model is Customer or hasattr(model, "customer"))
    }
    erased = {(model.__name__, column) for model, column in personal_columns()}
    assert found - erased <= stay
    assert {("Usage", "metadata"), ("Adjustment", "reason"), ("Customer", "billing_details")} <= erased
    assert {Grant, Order, Payment, Usage, Adjustment} <= {model for model, _ in personal_columns()}
