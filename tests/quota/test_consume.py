"""consume: units are taken once, in order, all or none."""

from __future__ import annotations

import pytest

from billable.models import LedgerEntry, Usage
from billable.services import CatalogService, CustomerRef, QuotaService


def test_consume_burns_the_grant_that_expires_first(door, user, clock, give, left):
    late = give(user, "pdf_export", 5, period="30 days")
    soon = give(user, "pdf_export", 5, period="3 days")
    never = give(user, "pdf_export", 5)

    door.quota.consume_quota(user, "pdf_export", quantity=6)

    assert (left(soon), left(late), left(never)) == (0, 4, 5)


def test_priority_goes_before_expiry(door, user, clock, give, left):
    soon = give(user, "pdf_export", 5, period="3 days", priority=200)
    first = give(user, "pdf_export", 5)

    door.quota.consume_quota(user, "pdf_export", quantity=5)

    assert (left(first), left(soon)) == (0, 5)


def test_an_unlimited_grant_is_used_before_a_finite_one(door, user, give, left):
    finite = give(user, "pdf_export", 5)
    give(user, "pdf_export")

    usage = door.quota.consume_quota(user, "pdf_export", quantity=1000)

    assert usage.balance is None
    assert left(finite) == 5


def test_own_units_go_before_credits_and_one_unit_is_never_split(door, user, give, left):
    CatalogService.set_cost("ai_analysis", "credits", per=1, units=5)
    own = give(user, "ai_analysis", 4)
    credits = give(user, "credits", 13)

    usage = door.quota.consume_quota(user, "ai_analysis", quantity=6)

    assert (left(own), left(credits)) == (0, 3)
    assert usage.balance == 0
    assert usage.costs == [{"feature": "credits", "quantity": 2, "per": 1, "units": 5}]


def test_a_cost_is_rounded_up_over_the_whole_and_not_per_grant(door, user, give, left):
    CatalogService.set_cost("ai_analysis", "credits", per=3, units=2)
    first, second = give(user, "credits", 1), give(user, "credits", 1)

    usage = door.quota.consume_quota(user, "ai_analysis", quantity=3)

    assert (left(first), left(second)) == (0, 0)
    assert usage.quantity == 3


def test_costs_are_tried_in_their_order_and_do_not_chain(door, user, refused, give, left):
    CatalogService.set_cost("ai_analysis", "tokens", units=2)
    CatalogService.set_cost("ai_analysis", "credits")
    CatalogService.set_cost("tokens", "credits")
    tokens, credits = give(user, "tokens", 5), give(user, "credits", 1)

    door.quota.consume_quota(user, "ai_analysis", quantity=3)

    assert (left(tokens), left(credits)) == (1, 0)
    with refused("quota_exceeded", balance=0, requested=1):
        door.quota.consume_quota(user, "ai_analysis")


def test_a_usage_keeps_the_cost_of_its_day(door, user, give, left):
    CatalogService.set_cost("ai_analysis", "credits", units=5)
    credits = give(user, "credits", 100)
    usage = door.quota.consume_quota(user, "ai_analysis", quantity=2)
    CatalogService.set_cost("ai_analysis", "credits", units=7)

    door.quota.reverse_usage(usage, quantity=1, idempotency_key="undo")

    assert left(credits) == 95


def test_a_refusal_says_what_was_there_and_the_same_key_may_succeed_later(door, user, refused, give):
    give(user, "pdf_export", 3)
    with refused("quota_exceeded", requested=4, balance=3, reason="exhausted", feature="pdf_export"):
        door.quota.consume_quota(user, "pdf_export", quantity=4, idempotency_key="job")
    give(user, "pdf_export", 1)

    usage = door.quota.consume_quota(user, "pdf_export", quantity=4, idempotency_key="job")

    assert (usage.balance, usage.replayed) == (0, False)


def test_the_same_key_gives_the_stored_answer_and_takes_nothing(door, user, give):
    give(user, "pdf_export", 10)
    first = door.quota.consume_quota(user, "pdf_export", quantity=3, idempotency_key="job", metadata={"try": 1})
    door.quota.consume_quota(user, "pdf_export", quantity=1)

    again = door.quota.consume_quota(user, "PDF_Export", quantity=3, idempotency_key="job", metadata={"try": 2})

    assert (again.pk, again.replayed, again.balance) == (first.pk, True, 7)
    assert Usage.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"quantity": 2}, ["quantity"]),
        ({"sku": "pack"}, ["sku"]),
        ({"feature": "credits"}, ["feature"]),
        ({"feature": "credits", "quantity": 2}, ["feature", "quantity"]),
    ],
)
def test_the_same_key_for_something_else_is_a_conflict_that_names_the_fields(door, user, refused, change, fields, give):
    give(user, "pdf_export", 10)
    given = {"feature": "pdf_export", "quantity": 1}
    door.quota.consume_quota(user, idempotency_key="job", **given)

    with refused("idempotency_conflict", fields=fields):
        door.quota.consume_quota(user, idempotency_key="job", **{**given, **change})


def test_keys_are_compared_byte_for_byte_and_per_customer(door, user, django_user_model, give):
    other = django_user_model.objects.create(username="bob")
    give(user, "pdf_export", 10)
    give(other, "pdf_export", 10)
    for who, key in [(user, "job"), (user, "JOB"), (user, "jöb"), (user, "jo\u0308b"), (other, "job")]:
        assert not door.quota.consume_quota(who, "pdf_export", idempotency_key=key).replayed


def test_a_sku_narrows_to_the_grants_of_one_product(door, user, refused, give, left):
    CatalogService.create_product("pack", features=["pdf_export"], quantity=2)
    QuotaService.grant_product(user, "pack")
    loose = give(user, "pdf_export", 5)

    usage = door.quota.consume_quota(user, "pdf_export", quantity=2, sku="pack")

    assert (left(loose), usage.balance) == (5, 5)
    with refused("quota_exceeded", balance=0):
        door.quota.consume_quota(user, "pdf_export", sku="pack")


def test_a_sku_may_stand_for_its_only_feature(door, user, refused):
    CatalogService.create_product("pack", features=["pdf_export"], quantity=2)
    CatalogService.create_product("both", features=["pdf_export", "credits"], quantity=2)
    QuotaService.grant_product(user, "pack")

    usage = door.quota.consume_quota(user, "pack", idempotency_key="job")

    assert usage.feature.key == "pdf_export"
    assert door.quota.consume_quota(user, "pdf_export", idempotency_key="job").replayed
    assert door.quota.consume_quota(user, "pack", idempotency_key="job").replayed
    with refused("ambiguous_sku", field="feature"):
        door.quota.consume_quota(user, "both")


def test_an_expired_grant_is_not_used_whether_anybody_swept_or_not(door, user, clock, refused, give):
    give(user, "pdf_export", 5, period="3 days")
    clock.advance(days=3)
    with refused("quota_exceeded", reason="expired", balance=0):
        door.quota.consume_quota(user, "pdf_export")
    door.quota.expire_grants()
    with refused("quota_exceeded", reason="expired", balance=0):
        door.quota.consume_quota(user, "pdf_export")


def test_what_became_due_is_written_by_the_next_write_at_its_own_instant(door, user, clock, give):
    old = give(user, "pdf_export", 5, period="3 days")
    give(user, "pdf_export", 5)
    clock.advance(days=10)

    door.quota.consume_quota(user, "pdf_export")

    old.refresh_from_db()
    assert (old.remaining, old.ended_as, old.ended_at) == (0, "expired", old.expires_at)
    expiry = LedgerEntry.objects.get(grant=old, kind="expire")
    assert (expiry.amount, expiry.effective_at) == (-5, old.expires_at)
    assert LedgerEntry.objects.get(kind="consume").seq == expiry.seq + 1


def test_a_grant_that_has_not_started_is_not_used(door, user, clock, refused):
    CatalogService.create_product("month", features=["pdf_export"], period="1 month")
    QuotaService.grant_product(user, "month")
    QuotaService.grant_product(user, "month")
    assert door.quota.check_quota(user, "pdf_export").grant_count == 1


def test_an_empty_grant_is_closed_and_units_that_come_back_open_it(door, user, clock, give):
    grant = give(user, "pdf_export", 2)
    usage = door.quota.consume_quota(user, "pdf_export", quantity=2)
    grant.refresh_from_db()
    assert grant.closed_at == clock.instant

    door.quota.reverse_usage(usage, idempotency_key="undo")

    grant.refresh_from_db()
    assert (grant.closed_at, grant.remaining) == (None, 2)


@pytest.mark.parametrize("quantity", [0, -1, 1.0, 1.5, True, "1", None, 10**12 + 1, 10**400])
def test_a_quantity_that_is_no_whole_number_of_units_is_refused(door, user, refused, quantity, give):
    give(user, "pdf_export", 5)
    with refused("invalid", field="quantity"):
        door.quota.consume_quota(user, "pdf_export", quantity=quantity)


@pytest.mark.parametrize("feature", ["", " ", "ümlaut", "a b", "a" * 65, "a\0b", 7, None, "-x"])
def test_a_feature_key_that_cannot_exist_is_invalid(door, user, refused, feature):
    with refused("invalid", field="feature"):
        door.quota.consume_quota(user, feature)


@pytest.mark.parametrize("key", ["", " x", "x ", "a\0b", "a\nb", "x" * 201, 7, "\ud800"])
def test_a_key_that_cannot_be_compared_is_invalid(door, user, refused, key, give):
    give(user, "pdf_export", 5)
    with refused("invalid", field="idempotency_key"):
        door.quota.consume_quota(user, "pdf_export", idempotency_key=key)


@pytest.mark.parametrize(
    "metadata", [[], "text", {"x": float("nan")}, {"x": object()}, {"x": "y" * 20_000}, {"x": "\0"}]
)
def test_metadata_must_be_a_small_json_object(door, user, refused, metadata, give):
    give(user, "pdf_export", 5)
    with refused("invalid", field="metadata"):
        door.quota.consume_quota(user, "pdf_export", metadata=metadata)


def test_unknown_features_and_customers_are_not_found(door, user, refused, give):
    give(user, "pdf_export", 5)
    with refused("feature_not_found"):
        door.quota.consume_quota(user, "nothing")
    for unknown in (
        CustomerRef(external_id="nobody"),
        CustomerRef(user_id=987_654),
        CustomerRef(customer_id="01900000-0000-7000-8000-000000000000"),
    ):
        with refused("customer_not_found"):
            door.quota.consume_quota(unknown, "pdf_export")


def test_a_user_who_never_bought_anything_is_refused_and_no_customer_is_made(door, user, refused):
    with refused("quota_exceeded", balance=0, reason="no_grant"):
        door.quota.consume_quota(user, "pdf_export")
    with refused("quota_exceeded", balance=0, reason="no_grant"):
        door.quota.consume_quota(CustomerRef(user_id=user.pk), "pdf_export")


def test_who_must_be_somebody(door, django_user_model, refused):
    from django.contrib.auth.models import AnonymousUser

    for nobody in (AnonymousUser(), django_user_model(username="unsaved"), 7, "ada", None):
        with refused("invalid_subject") as refusal:
            door.quota.consume_quota(nobody, "pdf_export")
        assert isinstance(refusal.error, TypeError)


@pytest.mark.django_db(transaction=True)
def test_statements_of_a_consume_are_counted(user, statements, give):
    grant = give(user, "pdf_export", 100)
    customer = grant.customer

    assert len(statements(lambda: QuotaService.consume_quota(user, "pdf_export", idempotency_key="a"))) <= 9
    assert len(statements(lambda: QuotaService.consume_quota(user, "pdf_export", idempotency_key="a"))) <= 3
    assert len(statements(lambda: QuotaService.consume_quota(customer, "pdf_export"))) <= 8
    assert len(statements(lambda: QuotaService.check_quota(user, "pdf_export"))) == 1


def test_the_number_of_statements_does_not_grow_with_the_number_of_grants(user, statements, give):
    for _ in range(20):
        give(user, "pdf_export", 1)
    few = len(statements(lambda: QuotaService.consume_quota(user, "pdf_export", quantity=2)))
    many = len(statements(lambda: QuotaService.consume_quota(user, "pdf_export", quantity=15)))
    assert few == many
