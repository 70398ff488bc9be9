"""What recurs goes with a merge, and comes back when the two are parted."""

from __future__ import annotations

import pytest

from billable.models import Allowance, Grant
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    Money,
    OrderService,
    QuotaService,
    ReferralService,
)

WEB = CustomerRef(provider="web", external_id="ada")
BOT = CustomerRef(provider="telegram", external_id="42")


@pytest.fixture
def bot(db, clock):
    line = {"feature": "pdf", "quantity": 10, "reset": "1 month", "rollover_quantity": 4}
    CatalogService.create_product("free", features=[line])
    CatalogService.create_product("pro", prices=[Money(900, "USD")], features=[{**line, "period": "1 year"}])
    CustomerService.identify(WEB.provider, WEB.external_id)
    return CustomerService.identify(BOT.provider, BOT.external_id).customer


def balance(who, feature="pdf"):
    return QuotaService.check_quota(who, feature).balance


def test_the_survivor_goes_on_with_the_same_periods(door, bot, clock):
    QuotaService.grant_product(BOT, "free")
    QuotaService.consume_quota(BOT, "pdf", quantity=8)
    clock.advance(days=10)
    door.customers.merge_customers(WEB, BOT)
    assert balance(WEB) == 2
    first, heir = Allowance.objects.order_by("pk")
    assert (first.ended_as, heir.origin_id, heir.next_index, heir.next_at) == ("transferred", first.pk, 1, heir.next_at)
    clock.advance(days=18)
    assert balance(WEB) == 10 + 2
    QuotaService.consume_quota(WEB, "pdf", quantity=12)
    assert Grant.objects.filter(allowance=heir).count() == 3
    clock.advance(days=31)
    assert balance(BOT) == 10


def test_what_fell_due_before_the_merge_is_written_first(bot, clock):
    QuotaService.grant_product(BOT, "free")
    clock.advance(days=40)
    CustomerService.merge_customers(WEB, BOT)
    assert balance(WEB) == 10 + 4


def test_parted_each_has_its_own_again_with_the_periods_that_came_meanwhile(door, bot, clock):
    QuotaService.grant_product(WEB, "free")
    QuotaService.grant_product(BOT, "free")
    CustomerService.merge_customers(WEB, BOT)
    clock.advance(days=40)
    QuotaService.consume_quota(WEB, "pdf", quantity=3)
    assert balance(WEB) == 2 * (10 + 4) - 3
    door.customers.unmerge_customers(bot)
    assert balance(WEB) + balance(BOT) == 2 * (10 + 4) - 3
    clock.advance(days=28)
    assert (balance(WEB), balance(BOT)) == (14, 14)
    CustomerService.merge_customers(WEB, BOT)
    assert balance(WEB) == 28
    CustomerService.unmerge_customers(bot)
    assert (balance(WEB), balance(BOT)) == (14, 14)


def test_a_usage_from_before_the_merge_comes_back_to_the_survivor(bot, clock):
    QuotaService.grant_product(BOT, "free")
    usage = QuotaService.consume_quota(BOT, "pdf", quantity=10)
    CustomerService.merge_customers(WEB, BOT)
    QuotaService.reverse_usage(usage, quantity=6, idempotency_key="r")
    assert balance(WEB) == 6
    clock.advance(days=28)
    assert balance(WEB) == 10 + 4
    QuotaService.expire_grants()
    assert balance(WEB) == 10 + 4


def test_an_order_of_the_absorbed_is_refunded_where_its_allowance_is(bot, clock):
    order = OrderService.create_order(BOT, [{"sku": "pro", "quantity": 2}], currency="USD")
    OrderService.confirm_payment(order, payment_id="pi_1")
    CustomerService.merge_customers(WEB, BOT)
    clock.advance(days=28)
    assert balance(WEB) == 20 + 8
    OrderService.refund_order(order, refund_id="re_1", items=[{"line": 1, "quantity": 1}])
    assert balance(WEB) == 18
    with pytest.raises(Exception, match="refunded"):
        CustomerService.unmerge_customers(bot)
    OrderService.refund_order(order, refund_id="re_2")
    clock.advance(days=90)
    assert balance(WEB) == 0


def test_a_revocation_finds_the_allowance_where_it_is(door, bot, clock):
    QuotaService.grant_product(BOT, "free")
    first = Allowance.objects.get()
    CustomerService.merge_customers(WEB, BOT)
    ended = door.quota.revoke_allowance(first, reason="abuse")
    assert (ended.origin_id, ended.ended_as, ended.status, balance(WEB)) == (first.pk, "revoked", "revoked", 0)
    assert door.quota.revoke_allowance(first).replayed
    clock.advance(days=90)
    assert balance(WEB) == 0


def test_the_state_and_the_lists_of_a_customer_show_what_recurs(door, bot, clock):
    QuotaService.grant_product(BOT, "free")
    CustomerService.merge_customers(WEB, BOT)
    assert [each.status for each in door.quota.list_allowances(WEB)] == ["running", "transferred"]
    (listed,) = door.customers.customer_state(WEB).allowances
    assert (listed.feature.key, listed.next_reset_at) == ("pdf", listed.next_at)


def test_anonymizing_empties_what_somebody_wrote_about_it(bot, clock):
    QuotaService.grant_product(BOT, "free", reason="asked by mail", metadata={"mail": "a@b"})
    QuotaService.revoke_allowance(Allowance.objects.get(), reason="rude")
    CustomerService.anonymize_customer(BOT)
    row = Allowance.objects.get()
    assert (row.reason, row.ended_reason, row.metadata) == ("", "", {})


def test_a_reward_that_recurs_is_taken_back_whole(bot, clock):
    ReferralService.create_programme("friends", trigger="on_first_payment", referee_product="free")
    ReferralService.refer(WEB, BOT, programme="friends")
    order = OrderService.create_order(BOT, [{"sku": "pro"}], currency="USD")
    OrderService.confirm_payment(order, payment_id="pi_1")
    ReferralService.settle_referrals()
    assert balance(BOT) == 20
    clock.advance(days=40)
    OrderService.refund_order(order, refund_id="re_1")
    ReferralService.settle_referrals()
    assert balance(BOT) == 0
    clock.advance(days=40)
    assert balance(BOT) == 0
    assert {row.ended_as for row in Allowance.objects.all()} == {"refunded", "revoked"}
