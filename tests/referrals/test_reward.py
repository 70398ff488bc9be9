"""Rewards: earned once, given once, taken back once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import Sum

from billable.models import Customer, Grant, LedgerEntry, Order, Payment, Referral, Refund
from billable.referrals.sweep import reward_after_payment, reward_after_refund
from billable.services import CatalogService, CustomerService, OrderService, QuotaService, ReferralService
from tests.referrals.conftest import buy, person, ref


@pytest.fixture
def referral(programme):
    return ReferralService.refer(ref("bob"), ref("ada"))


def units(name: str, feature: str = "pdf_export") -> int:
    balance = QuotaService.check_quota(person(name), feature).balance
    assert balance is not None
    return int(balance)


def refund(order: Order, **how: Any) -> Refund:
    """Money of an order goes back, all of it unless ``how`` says otherwise."""
    refund: Refund = OrderService.refund_order(order, refund_id="re_1", **how)
    return refund


def test_the_first_payment_earns_the_reward(door, referral, commit):
    with commit():
        payment = buy(person("ada"), "p1")
    referral.refresh_from_db()
    assert (referral.status, referral.order_id) == ("rewarded", payment.order_id)
    assert referral.qualified_at == payment.order.paid_at == referral.due_at
    assert (units("ada"), units("ada", "ai"), units("bob")) == (105, 5, 10)
    claimed = door.referrals.claim_bonus(referral)
    assert (claimed.replayed, len(claimed.grants)) == (True, 3)
    assert {grant.source_id for grant in claimed.grants} == {str(referral.pk)}
    entries = LedgerEntry.objects.filter(cause_type="referral", cause_id=referral.pk)
    assert entries.filter(kind="grant").aggregate(units=Sum("amount"))["units"] == 20


def test_a_reward_waits_for_its_hold(door, clock, commit, refused):
    ReferralService.create_programme("slow", referrer_product="thanks", hold_days=14)
    referral = door.referrals.refer(ref("bob"), ref("ada"))
    with refused("bonus_not_due", reason="not_earned", due_at=None):
        door.referrals.claim_bonus(referral)
    with commit():
        buy(person("ada"), "p1")
    referral.refresh_from_db()
    assert referral.status == "qualified"
    with refused("bonus_not_due", reason="on_hold", due_at=referral.due_at.isoformat()):
        door.referrals.claim_bonus(referral.pk)
    clock.advance(days=13, hours=23)
    assert door.referrals.settle_referrals().referrals == 0
    clock.advance(hours=1)
    claimed = door.referrals.claim_bonus(str(referral.pk))
    assert (claimed.status, claimed.rewarded_at, claimed.replayed) == ("rewarded", clock.instant, False)
    assert [(grant.quantity, grant.customer_id) for grant in claimed.grants] == [(10, person("bob").pk)]
    assert door.referrals.settle_referrals().referrals == 0


def test_signing_up_may_be_enough(door, signup, commit):
    with commit():
        referral = door.referrals.refer(ref("bob"), ref("ada"))
    assert (referral.status, referral.order_id) == ("rewarded", None)
    assert (units("ada"), units("bob")) == (5, 10)
    with commit():
        again = door.referrals.refer(ref("bob"), ref("ada"))
    assert (again.replayed, units("bob")) == (True, 10)


@pytest.mark.django_db(transaction=True)
def test_the_answer_is_what_stands_after_the_reward(signup):
    referral = ReferralService.refer(ref("bob"), ref("ada"))
    assert (referral.status, referral.referee_grants, referral.referrer_grants) == ("rewarded", 2, 1)


def test_the_second_payment_earns_nothing_more(door, referral, commit):
    for number in range(3):
        with commit():
            buy(person("ada"), f"p{number}")
    assert (units("ada"), units("bob")) == (305, 10)


def test_what_costs_nothing_earns_nothing(door, referral, commit, refused):
    CatalogService.create_product("gift", price="0", currency="EUR", features=["pdf_export"], quantity=1)
    with commit():
        order = OrderService.create_order(person("ada"), [{"sku": "gift"}])
        OrderService.confirm_payment(order, payment_id="p0")
    reward_after_payment(Payment.objects.get())
    with refused("bonus_not_due", reason="not_earned"):
        door.referrals.claim_bonus(referral)
    assert door.referrals.settle_referrals().referrals == 0


def test_part_of_the_money_earns_nothing(door, referral, commit):
    with commit():
        order = OrderService.create_order(person("ada"), [{"sku": "pack"}])
        OrderService.confirm_payment(order, payment_id="p1", amount_minor=500)
    referral.refresh_from_db()
    assert referral.status == "pending"


def test_who_paid_before_was_not_brought_by_it(door, programme, commit, clock, refused):
    with commit():
        buy(person("ada"), "p0")
    clock.advance(days=1)
    referral = door.referrals.refer(ref("bob"), ref("ada"))
    with commit():
        buy(person("ada"), "p1")
    assert door.referrals.settle_referrals().referrals == 0
    with refused("bonus_not_due", reason="not_earned"):
        door.referrals.claim_bonus(referral)


def test_a_claim_and_the_sweep_do_what_a_lost_step_left_undone(door, programme):
    claimed, swept = (door.referrals.refer(ref("bob"), ref(name)) for name in ("ada", "carol"))
    for name in ("ada", "carol"):
        buy(person(name), f"of {name}")  # no commit, so no step
    assert door.referrals.claim_bonus(claimed).status == "rewarded"
    sweep = door.referrals.settle_referrals()
    assert (sweep.referrals, sweep.rewarded, sweep.taken_back) == (1, 1, 0)
    swept.refresh_from_db()
    assert (swept.status, units("bob"), units("carol")) == ("rewarded", 20, 105)


def test_a_sweep_looks_at_no_more_than_its_limit(door, programme, refused):
    for number in range(3):
        ReferralService.refer(ref("bob"), ref(str(number)))
        buy(person(str(number)), f"p{number}")
    assert [door.referrals.settle_referrals(limit=2).rewarded for _ in range(3)] == [2, 1, 0]
    with refused("invalid", field="limit"):
        door.referrals.settle_referrals(limit=0)


def test_a_referrer_gets_no_more_than_the_cap(door, commit, clock):
    ReferralService.create_programme(
        "capped", referrer_product="thanks", referee_product="welcome", cap_per_referrer=2, trigger="on_signup"
    )
    with commit():
        made = [door.referrals.refer(ref("bob"), ref(str(number))) for number in range(3)]
    for each in made:
        each.refresh_from_db()
    assert [each.status for each in made] == ["rewarded", "rewarded", "capped"]
    assert (units("bob"), units("2"), made[2].referrer_grants) == (20, 5, 0)
    again = door.referrals.claim_bonus(made[2])
    assert (again.status, again.replayed, len(again.grants)) == ("capped", True, 2)
    assert door.referrals.referral_stats(ref("bob")).capped == 1
    ReferralService.update_programme("capped", cap_per_referrer=3)
    with commit():
        assert door.referrals.refer(ref("bob"), ref("3")).status == "qualified"
    assert units("bob") == 30


def test_the_cap_counts_those_that_the_referrer_absorbed(door, commit):
    ReferralService.create_programme("capped", referrer_product="thanks", cap_per_referrer=1, trigger="on_signup")
    bob, other = person("bob"), person("other bob")
    with commit():
        door.referrals.refer(other, ref("1"))
    for grant in Grant.objects.filter(customer=other):
        QuotaService.revoke_grant(grant)
    absorb(other, bob)
    with commit():
        second = door.referrals.refer(bob, ref("2"))
    second.refresh_from_db()
    assert second.status == "capped"


def test_an_inactive_programme_keeps_its_word(door, referral, commit):
    ReferralService.update_programme("friends", is_active=False)
    CatalogService.deactivate_product("thanks")
    with commit():
        buy(person("ada"), "p1")
    assert units("bob") == 10


def test_a_whole_refund_takes_back_what_is_left(door, referral, commit):
    with commit():
        payment = buy(person("ada"), "p1")
    QuotaService.consume_quota(person("bob"), "pdf_export", quantity=4)
    used = QuotaService.consume_quota(person("bob"), "pdf_export", quantity=2)
    QuotaService.consume_quota(person("ada"), "ai", quantity=5)
    with commit():
        refunded = refund(payment.order)
    reward_after_refund(refunded)
    referral.refresh_from_db()
    assert (referral.status, units("ada"), units("ada", "ai"), units("bob")) == ("taken_back", 0, 0, 0)
    taken = LedgerEntry.objects.filter(cause_type="referral", kind="revoke")
    assert sorted(taken.values_list("amount", flat=True)) == [-5, -4, 0]
    QuotaService.reverse_usage(used, idempotency_key="failed")
    assert units("bob") == 0


def test_what_was_bought_behind_a_reward_that_is_taken_back_begins_now(door, commit, clock):
    CatalogService.create_feature("sso")
    CatalogService.create_product("pro", price="9.99", currency="EUR", features=["sso"], period="1 month")
    ReferralService.create_programme("months", referrer_product="pro")
    ReferralService.refer(ref("bob"), ref("ada"))
    with commit():
        payment = buy(person("ada"), "p1")
    clock.advance(days=1)
    bought = buy(person("bob"), "p2", "pro")
    assert Grant.objects.get(source="order", product__sku="pro").valid_from > clock.instant
    clock.advance(days=1)
    with commit():
        refund(payment.order)
    paid = Grant.objects.get(source="order", source_id=str(bought.order.pk))
    assert paid.valid_from == clock.instant
    assert door.quota.check_quota(person("bob"), "sso")


def test_what_is_refunded_before_the_hold_is_over_is_never_given(door, commit, clock, refused):
    ReferralService.create_programme("slow", referrer_product="thanks", hold_days=14)
    referral = door.referrals.refer(ref("bob"), ref("ada"))
    with commit():
        payment = buy(person("ada"), "p1")
    refund(payment.order)
    with refused("bonus_not_due", reason="taken_back"):
        door.referrals.claim_bonus(referral)
    sweep = door.referrals.settle_referrals()
    assert (sweep.referrals, sweep.taken_back) == (1, 1)
    referral.refresh_from_db()
    assert (referral.status, referral.rewarded_at, Grant.objects.filter(source="referral").count()) == (
        *("taken_back", None, 0),
    )
    clock.advance(days=15)
    assert door.referrals.settle_referrals().referrals == 0
    with refused("bonus_not_due", reason="taken_back"):
        door.referrals.claim_bonus(referral)


def test_a_refund_in_part_takes_nothing_back(door, referral, commit):
    with commit():
        payment = buy(person("ada"), "p1")
    with commit():
        refund(payment.order, amount_minor=1)
    referral.refresh_from_db()
    assert referral.status == "rewarded"


def test_a_dispute_keeps_the_reward_waiting_and_a_lost_one_takes_it_back(door, referral, refused, commit):
    payment = buy(person("ada"), "p1")
    dispute = OrderService.dispute_payment(payment, dispute_id="d1")
    with refused("bonus_not_due", reason="disputed"):
        door.referrals.claim_bonus(referral)
    sweep = door.referrals.settle_referrals()
    assert (sweep.referrals, sweep.rewarded) == (1, 0)
    with commit():
        OrderService.resolve_dispute(dispute, "won")
    referral.refresh_from_db()
    assert (referral.status, units("bob")) == ("rewarded", 10)
    again = OrderService.dispute_payment(payment, dispute_id="d2")
    assert units("bob") == 10
    with commit():
        OrderService.resolve_dispute(again, "lost")
    referral.refresh_from_db()
    assert (referral.status, units("bob")) == ("taken_back", 0)


def test_a_dispute_about_money_that_the_order_never_took_is_none_about_the_reward(door, referral, commit):
    with commit():
        payment = buy(person("ada"), "p1")
    paid_twice = OrderService.confirm_payment(payment.order, payment_id="p2")
    dispute = OrderService.dispute_payment(paid_twice, dispute_id="d1")
    with commit():
        OrderService.resolve_dispute(dispute, "lost")
    assert door.referrals.settle_referrals().referrals == 0
    referral.refresh_from_db()
    assert (referral.status, units("bob"), units("ada")) == ("rewarded", 10, 105)


def test_a_payment_that_was_lost_before_the_order_was_paid_costs_no_reward(door, referral, commit):
    order = OrderService.create_order(person("ada"), [{"sku": "pack"}])
    part = OrderService.confirm_payment(order, payment_id="p1", amount_minor=500)
    OrderService.resolve_dispute(OrderService.dispute_payment(part, dispute_id="d1"), "lost")
    with commit():
        OrderService.confirm_payment(order, payment_id="p2", amount_minor=999)
    assert door.referrals.get_referral(referral).status == "rewarded"


def test_an_order_that_a_won_dispute_pays_earns_the_reward(door, referral, commit):
    order = OrderService.create_order(person("ada"), [{"sku": "pack"}])
    part = OrderService.confirm_payment(order, payment_id="p1", amount_minor=500)
    dispute = OrderService.dispute_payment(part, dispute_id="d1")
    with commit():
        OrderService.confirm_payment(order, payment_id="p2", amount_minor=499)
    assert door.referrals.get_referral(referral).status == "pending"
    with commit():
        OrderService.resolve_dispute(dispute, "won")
    assert door.referrals.get_referral(referral).status == "rewarded"


def absorb(absorbed: Customer, survivor: Customer) -> None:
    CustomerService.merge_customers(survivor, absorbed)
    absorbed.refresh_from_db()


def test_rewards_go_to_those_who_absorbed_the_sides(door, referral, commit):
    ada, bob, new_ada, new_bob = map(person, ("ada", "bob", "new ada", "new bob"))
    absorb(ada, new_ada)
    absorb(bob, new_bob)
    with commit():
        payment = buy(new_ada, "p1")
    assert (units("new ada"), units("new bob")) == (105, 10)
    with commit():
        refund(payment.order)
    assert (units("new ada"), units("new bob")) == (0, 0)


def test_a_reward_is_taken_back_from_both_who_parted_and_what_comes_back_later_stays_out(door, referral, commit):
    with commit():
        payment = buy(person("ada"), "p1")
    merge = CustomerService.merge_customers(person("web"), person("bob"))
    usage = QuotaService.consume_quota(person("web"), "pdf_export", quantity=4)
    CustomerService.unmerge_customers(merge)
    QuotaService.reverse_usage(usage, quantity=3, idempotency_key="some")
    assert (units("web"), units("bob")) == (3, 6)
    with commit():
        refund(payment.order)
    QuotaService.reverse_usage(usage, idempotency_key="the rest")
    assert (units("web"), units("bob")) == (0, 0)


def test_who_turns_out_to_be_one_person_gets_nothing(door, referral, commit, refused):
    absorb(person("ada"), person("bob"))
    with commit():
        buy(person("bob"), "p1")
    with refused("bonus_not_due", reason="one_person"):
        door.referrals.claim_bonus(referral)
    referral.refresh_from_db()
    assert (referral.status, door.referrals.settle_referrals().referrals) == ("pending", 0)


def test_what_one_buys_while_both_are_one_does_not_bar_the_way_apart(door, referral, commit):
    merge = door.customers.merge_customers(person("bob"), person("ada"))
    with commit():
        buy(person("bob"), "p1")
    door.customers.unmerge_customers(merge)
    assert door.referrals.settle_referrals().referrals == 0
    with commit():
        buy(person("ada"), "p2")
    assert door.referrals.get_referral(referral).status == "rewarded"


def test_what_waits_for_its_hold_is_not_given_while_both_are_one(door, clock, commit):
    ReferralService.create_programme("later", referrer_product="thanks", hold_days=1)
    referral = ReferralService.refer(ref("bob"), ref("ada"))
    with commit():
        buy(person("ada"), "p1")
    merge = door.customers.merge_customers(person("bob"), person("ada"))
    clock.advance(days=2)
    assert door.referrals.settle_referrals().referrals == 0
    door.customers.unmerge_customers(merge)
    assert door.referrals.settle_referrals().rewarded == 1
    assert door.referrals.get_referral(referral).status == "rewarded"


def test_of_two_referrals_that_a_merge_brings_together_one_payment_earns_one(door, referral, commit, refused):
    """bob brought ada, and carol brought dan, who is ada."""
    second = door.referrals.refer(person("carol"), person("dan"))
    absorb(person("dan"), person("ada"))
    with commit():
        buy(person("ada"), "p1")
    assert (units("bob"), units("carol"), units("ada")) == (10, 0, 105)
    with refused("bonus_not_due", reason="not_earned"):
        door.referrals.claim_bonus(second)
    with commit():
        buy(person("ada"), "p2")
    assert (door.referrals.settle_referrals().referrals, units("carol")) == (0, 0)


def test_a_payment_that_earned_a_reward_before_a_merge_earns_no_other_after(door, referral, commit):
    door.referrals.refer(person("carol"), person("dan"))
    with commit():
        buy(person("ada"), "p1")
    absorb(person("dan"), person("ada"))
    assert (door.referrals.settle_referrals().referrals, units("carol"), units("ada")) == (0, 0, 105)


def test_unknown_referrals_cannot_be_claimed(door, refused):
    for unknown in ("x", "00000000-0000-0000-0000-000000000000", 7):
        with refused("referral_not_found"):
            door.referrals.claim_bonus(unknown)


def test_a_payment_without_a_referral_costs_one_more_statement(programme, commit, statements):
    order = OrderService.create_order(person("ada"), [{"sku": "pack"}])
    with commit():
        payment = OrderService.confirm_payment(order, payment_id="p1")
    assert len(statements(lambda: reward_after_payment(payment))) == 1
    half = OrderService.create_order(person("ada"), [{"sku": "pack"}])
    part = OrderService.confirm_payment(half, payment_id="p2", amount_minor=1)
    assert statements(lambda: reward_after_payment(part)) == []


def test_a_claim_inside_a_callers_transaction_leaves_it_usable(door, programme):
    from django.db import transaction

    from billable.errors import BonusNotDue

    referral = ReferralService.refer(ref("bob"), ref("ada"))
    with transaction.atomic():
        with pytest.raises(BonusNotDue):
            ReferralService.claim_bonus(referral)
        assert Referral.objects.get().status == "pending"
