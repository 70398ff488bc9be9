"""Granting, revoking, expiring: where units come from and how they end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from billable.models import Grant, LedgerEntry, Order
from billable.services import CatalogService, CustomerRef, QuotaService

MONTHLY = {"features": ["pdf_export"], "quantity": 100, "period": "1 month"}


def utc(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=timezone.utc)


def test_a_product_gives_each_of_its_lines(door, user, clock):
    lines = [
        {"feature": "pdf_export", "quantity": 100, "period": "1 month"},
        {"feature": "tokens"},
        {"feature": "credits", "quantity": 500},
        {"feature": "pdf_export", "quantity": 7},
    ]
    CatalogService.create_product("mix", features=lines)

    grants = door.quota.grant_product(user, "mix", quantity=2, reason="a gift")

    assert [(each.feature.key, each.quantity, each.expires_at) for each in grants] == [
        ("pdf_export", 200, utc(2026, 2, 28)),
        ("tokens", None, None),
        ("credits", 1000, None),
        ("pdf_export", 14, None),
    ]
    assert {each.reason for each in grants} == {"a gift"}


def test_a_limited_line_bought_again_runs_beside_the_first(door, user, clock):
    CatalogService.create_product("month", **MONTHLY)
    door.quota.grant_product(user, "month")
    clock.advance(days=10)
    (second,) = door.quota.grant_product(user, "month")
    assert (second.valid_from, second.expires_at) == (utc(2026, 2, 10), utc(2026, 3, 10))
    assert door.quota.check_quota(user, "pdf_export").balance == 200


def test_an_unlimited_period_bought_again_continues_from_the_same_anchor(door, user, clock):
    CatalogService.create_product("flat", features=["pdf_export"], period="1 month")
    (first,) = door.quota.grant_product(user, "flat")
    (second,) = door.quota.grant_product(user, "flat", quantity=2)
    (third,) = door.quota.grant_product(user, "flat")

    assert (first.valid_from, first.expires_at) == (utc(2026, 1, 31), utc(2026, 2, 28))
    assert (second.valid_from, second.expires_at) == (utc(2026, 2, 28), utc(2026, 4, 30))
    assert (third.valid_from, third.expires_at) == (utc(2026, 4, 30), utc(2026, 5, 31))


def test_a_limited_line_never_waits_for_an_unlimited_one_of_its_product(door, user, clock):
    lines = [{"feature": "tokens", "period": "1 month"}, {"feature": "tokens", "quantity": 11, "period": "1 month"}]
    CatalogService.create_product("both", features=lines)
    for _ in range(2):
        _, limited = door.quota.grant_product(user, "both")
        assert limited.valid_from == clock.instant


def test_an_unlimited_period_bought_after_it_ran_out_starts_anew(door, user, clock):
    CatalogService.create_product("flat", features=["pdf_export"], period="1 month")
    door.quota.grant_product(user, "flat")
    clock.advance(days=40)
    (again,) = door.quota.grant_product(user, "flat")
    assert again.valid_from == clock.instant


def test_a_period_is_counted_in_the_zone_of_the_customer(door, user, clock):
    (grant,) = door.quota.grant_feature(user, "pdf_export", quantity=1)
    customer = grant.customer
    customer.zone = "Europe/Berlin"
    customer.save()
    clock.instant = utc(2026, 2, 28)
    (grant,) = door.quota.grant_feature(user, "pdf_export", quantity=1, period="1 month")
    # Noon in UTC is one o'clock in Berlin in winter; summer time begins on 29 March 2026.
    assert grant.expires_at == utc(2026, 3, 28)
    (grant,) = door.quota.grant_feature(user, "pdf_export", quantity=1, period="2 months")
    assert grant.expires_at == utc(2026, 4, 28, 11)


def test_an_explicit_end_replaces_the_period(door, user, clock, refused):
    CatalogService.create_product("month", **MONTHLY)
    end = clock.instant + timedelta(days=3)
    (grant,) = door.quota.grant_product(user, "month", expires_at=end)
    assert grant.expires_at == end
    for wrong in (clock.instant, datetime(2027, 1, 1), "2027-01-01"):
        with refused("invalid", field="expires_at"):
            door.quota.grant_product(user, "month", expires_at=wrong)
    with refused("invalid", field="expires_at"):
        door.quota.grant_feature(user, "pdf_export", quantity=1, period="1 day", expires_at=end)


def test_a_key_grants_once(door, user, clock, refused):
    CatalogService.create_product("month", **MONTHLY)
    first = door.quota.grant_product(user, "month", idempotency_key="gift")
    again = door.quota.grant_product(user, "month", idempotency_key="gift")

    assert [each.pk for each in again] == [each.pk for each in first]
    assert (first[0].replayed, again[0].replayed) == (False, True)
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.grant_product(user, "month", quantity=2, idempotency_key="gift")
    with refused("idempotency_conflict", fields=["feature", "quantity", "sku"]):
        door.quota.grant_feature(user, "pdf_export", quantity=5, idempotency_key="gift")
    end = clock.instant + timedelta(days=9)
    with refused("idempotency_conflict", fields=["expires_at"]):
        door.quota.grant_product(user, "month", expires_at=end, idempotency_key="gift")
    door.quota.grant_feature(user, "tokens", quantity=5, period="1 day", idempotency_key="other")
    with refused("idempotency_conflict", fields=["period"]):
        door.quota.grant_feature(user, "tokens", quantity=5, idempotency_key="other")
    assert door.quota.grant_feature(user, "tokens", quantity=5, period="1 day", idempotency_key="other")[0].replayed


def test_what_cannot_be_granted_is_refused(door, user, refused):
    CatalogService.create_product("empty")
    CatalogService.create_product("old", **MONTHLY)
    CatalogService.deactivate_product("old")
    CatalogService.create_product("huge", features=["pdf_export"], quantity=10**12)
    with refused("product_not_found", sku="nothing"):
        door.quota.grant_product(user, "nothing")
    with refused("not_for_sale"):
        door.quota.grant_product(user, "empty")
    with refused("not_for_sale"):
        door.quota.grant_product(user, "old")
    with refused("invalid", field="quantity"):
        door.quota.grant_product(user, "huge", quantity=2)
    with refused("invalid", field="quantity"):
        door.quota.grant_product(user, "huge", quantity=10**6 + 1)
    with refused("feature_not_found"):
        door.quota.grant_feature(user, "nothing", quantity=1)
    with refused("customer_not_found"):
        door.quota.grant_feature(CustomerRef(external_id="nobody"), "pdf_export", quantity=1)


def test_revoking_ends_a_grant_for_good_and_a_second_time_does_nothing(door, user, give, clock):
    grant = give(user, "pdf_export", 10)
    usage = QuotaService.consume_quota(user, "pdf_export", quantity=4)

    ended = door.quota.revoke_grant(grant, reason="charge back")
    again = door.quota.revoke_grant(str(grant.pk))

    assert (ended.remaining, ended.ended_as, ended.ended_reason) == (0, "revoked", "charge back")
    assert again.replayed
    assert LedgerEntry.objects.filter(kind="revoke").count() == 1
    door.quota.reverse_usage(usage, idempotency_key="undo")
    assert door.quota.check_quota(user, "pdf_export").balance == 0


def test_an_unlimited_grant_can_be_revoked_whole_only(door, user, give, refused):
    grant = give(user, "pdf_export")
    with refused("invalid", field="quantity"):
        door.quota.revoke_grant(grant, quantity=1, idempotency_key="part")
    door.quota.revoke_grant(grant)
    assert not door.quota.check_quota(user, "pdf_export")


def test_revoking_a_part_needs_a_key_and_happens_once(door, user, give, left, refused):
    grant = give(user, "pdf_export", 10)
    with refused("invalid", field="idempotency_key"):
        door.quota.revoke_grant(grant, quantity=4)
    door.quota.revoke_grant(grant, quantity=4, idempotency_key="part")
    assert door.quota.revoke_grant(grant, quantity=4, idempotency_key="part").replayed
    assert left(grant) == 6
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.revoke_grant(grant, quantity=5, idempotency_key="part")
    with refused("revocation_too_large", requested=7, remaining=6):
        door.quota.revoke_grant(grant, quantity=7, idempotency_key="more")
    with refused("grant_not_found"):
        door.quota.revoke_grant("01900000-0000-7000-8000-000000000000")
    with refused("grant_not_found"):
        door.quota.revoke_grant("not an id")


def test_an_expired_grant_is_not_revoked(door, user, give, clock):
    grant = give(user, "pdf_export", 10, period="1 day")
    clock.advance(days=2)
    assert door.quota.revoke_grant(grant).ended_as == "expired"


def test_expire_grants_writes_what_is_due_once_and_changes_no_answer(door, user, give, clock, django_user_model):
    other = django_user_model.objects.create(username="bob")
    give(user, "pdf_export", 10, period="1 day")
    give(user, "tokens", None, period="2 days")
    give(user, "credits", 10, period="9 days")
    give(other, "pdf_export", 10, period="1 day")
    clock.advance(days=3)

    first, second = door.quota.expire_grants(), door.quota.expire_grants()

    assert (first.customers, first.grants) == (2, 3)
    assert (second.customers, second.grants) == (0, 0)
    assert Grant.objects.filter(ended_as="expired").count() == 3
    clock.advance(days=30)
    assert door.quota.expire_grants(limit=1).grants == 1


def test_reverse_puts_back_what_was_drawn_last_first(door, user, give, left, clock, refused):
    CatalogService.set_cost("ai_analysis", "credits", per=3, units=2)
    own, first, second = give(user, "ai_analysis", 2), give(user, "credits", 3), give(user, "credits", 9)
    usage = door.quota.consume_quota(user, "ai_analysis", quantity=9)
    assert (left(own), left(first), left(second)) == (0, 0, 7)

    adjustment = door.quota.reverse_usage(usage, quantity=3, idempotency_key="a", reason="failed")
    assert (left(own), left(first), left(second)) == (0, 0, 9)
    assert (adjustment.balance, adjustment.replayed) == (9 * 3 // 2, False)
    assert door.quota.reverse_usage(usage, quantity=3, idempotency_key="a").replayed
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.reverse_usage(usage, quantity=2, idempotency_key="a")
    with refused("reversal_too_large", reversible=6):
        door.quota.reverse_usage(str(usage.pk), quantity=7, idempotency_key="b")
    door.quota.reverse_usage(str(usage.pk), idempotency_key="rest")
    assert (left(own), left(first), left(second)) == (2, 3, 9)
    with refused("reversal_too_large", reversible=0):
        door.quota.reverse_usage(usage, idempotency_key="again")
    with refused("usage_not_found"):
        door.quota.reverse_usage("01900000-0000-7000-8000-000000000000", idempotency_key="x")
    with refused("usage_not_found"):
        door.quota.reverse_usage("not an id", idempotency_key="x")


def test_what_comes_back_to_an_expired_grant_leaves_it_again(door, user, give, left, clock):
    grant = give(user, "pdf_export", 2, period="1 day")
    usage = door.quota.consume_quota(user, "pdf_export", quantity=2)
    clock.advance(days=2)

    adjustment = door.quota.reverse_usage(usage, idempotency_key="undo")

    assert (left(grant), adjustment.balance) == (0, 0)
    kinds = LedgerEntry.objects.filter(grant=grant).order_by("seq").values_list("kind", "amount")
    assert list(kinds) == [("grant", 2), ("consume", -2), ("reverse", 2), ("expire", -2)]


def test_use_of_an_unlimited_grant_is_written_down_and_can_be_reversed(door, user, give):
    give(user, "pdf_export")
    usage = door.quota.consume_quota(user, "pdf_export", quantity=7)
    assert door.quota.reverse_usage(usage, quantity=3, idempotency_key="undo").balance is None
    amounts = LedgerEntry.objects.order_by("seq").values_list("kind", "amount", "remaining_after")
    assert list(amounts) == [("grant", 0, None), ("consume", -7, None), ("reverse", 3, None)]


def test_history_is_newest_first_in_pages(door, user, give, refused):
    give(user, "pdf_export", 10)
    give(user, "credits", 10)
    for number in range(4):
        door.quota.consume_quota(user, "pdf_export", metadata={"n": number})

    first = door.quota.history(user, limit=4)
    rest = door.quota.history(user, limit=4, cursor=first.next)

    assert [entry.seq for entry in [*first, *rest]] == [6, 5, 4, 3, 2, 1]
    assert rest.next is None
    assert first.items[0].usage.metadata == {"n": 3}
    assert len(door.quota.history(user, feature="credits")) == 1
    assert len(door.quota.history(user, kind="consume")) == 4
    assert len(door.quota.history(CustomerRef(external_id="nobody"))) == 0
    for wrong in ({"kind": "nothing"}, {"cursor": "!"}, {"cursor": "YWJj"}, {"limit": 0}, {"limit": 201}):
        with refused("invalid", field=next(iter(wrong))):
            door.quota.history(user, **wrong)


def test_grants_are_listed_newest_first_in_pages(door, user, give):
    made = [give(user, "pdf_export", 1) for _ in range(5)]
    give(user, "credits", 1)
    QuotaService.consume_quota(user, "pdf_export")
    first = door.quota.list_grants(user, feature="pdf_export", limit=3)
    rest = door.quota.list_grants(user, feature="pdf_export", limit=3, cursor=first.next)
    assert {each.pk for each in [*first, *rest]} == {each.pk for each in made}
    assert len(door.quota.list_grants(user, open_only=True)) == 5


def test_every_receipt_says_who_acted(door, user, give):
    from billable.actor import acting_as

    with acting_as("user:7"):
        give(user, "pdf_export", 10)
        usage = door.quota.consume_quota(user, "pdf_export")
    assert usage.actor == "user:7"
    assert set(LedgerEntry.objects.values_list("actor", flat=True)) == {"user:7"}
    assert door.quota.consume_quota(user, "pdf_export").actor == "python"


@pytest.mark.broken_books
def test_verify_names_a_row_that_was_changed_by_hand(door, user, give, clock):
    grant = give(user, "pdf_export", 10)
    usage = door.quota.consume_quota(user, "pdf_export", quantity=4)
    door.quota.reverse_usage(usage, quantity=1, idempotency_key="undo")
    assert door.quota.verify_ledger()
    assert door.quota.verify_ledger(user).entries == 3

    def problems(table, **change):
        rows = table._base_manager.all()
        before = {name: getattr(rows.latest("pk"), name) for name in change}
        last = rows.filter(pk=rows.latest("pk").pk)
        last.update(**change)
        found = door.quota.verify_ledger()
        last.update(**before)
        assert not found.ok
        return [(each.table, each.id) for each in found.problems]

    customer = grant.customer
    assert ("billable_grant", str(grant.pk)) in problems(Grant, remaining=8)
    assert ("billable_customer", str(customer.pk)) in problems(type(customer), seq=9)
    assert ("billable_ledgerentry", f"{customer.pk}#3") in problems(LedgerEntry, amount=2)
    assert ("billable_ledgerentry", f"{customer.pk}#3") in problems(LedgerEntry, remaining_after=2)
    assert ("billable_ledgerentry", f"{customer.pk}#3") in problems(LedgerEntry, cause_id=grant.pk)
    assert ("billable_usage", str(usage.pk)) in problems(type(usage), quantity=5)
    LedgerEntry.objects.filter(seq=2).delete()
    assert not door.quota.verify_ledger()
    assert Order.objects.count() == 0


def test_what_was_used_up_before_its_end_is_due_once(user, customer, clock, give):
    give(user, "pdf_export", 5, period="3 days")
    QuotaService.consume_quota(user, "pdf_export", quantity=5)
    clock.advance(days=4)

    QuotaService.expire_grants()

    assert QuotaService.expire_grants().customers == 0
