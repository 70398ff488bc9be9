"""Stories of people: two accounts of one person, friends who bring friends, and somebody who wants to be forgotten."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from billable.services import CustomerService, OrderService, QuotaService, ReferralService, TrialService
from tests.stories.conftest import Teller

KEY = "a-key-for-fingerprints-of-tests"


@pytest.fixture
def shop(story: Teller) -> Teller:
    story.sells("pack", "10.00", features=["pdf"], quantity=100)
    story.sells("pass", "30.00", features=["sso"], period="1 month")
    story.sells("thanks", features=["ai"], quantity=10)
    story.sells("welcome", features=["ai"], quantity=5)
    return story


def programme(story: Teller, **names: Any) -> None:
    story.do(
        ReferralService.create_programme,
        "friends",
        **{"referrer_product": "thanks", "referee_product": "welcome", **names},
    )


def test_two_accounts_become_one_and_the_keys_of_both_still_answer(shop: Teller) -> None:
    web, bot = shop.meets("web"), shop.meets("bot")
    absorbed = CustomerService.get_customer(bot.ref)
    shop.buys(web, "pack")
    shop.buys(bot, "pack")
    first = shop.uses(web, "pdf", 10, idempotency_key="job-1")
    second = shop.uses(bot, "pdf", 20, idempotency_key="job-2")
    shop.do(CustomerService.merge_customers, web.ref, bot.ref, reason="same person")
    assert shop.has(web, "pdf") == shop.has(bot, "pdf") == 170
    assert shop.uses(bot, "pdf", 20, idempotency_key="job-2").pk == second.pk
    assert shop.uses(web, "pdf", 10, idempotency_key="job-1").pk == first.pk
    assert QuotaService.check_quota(absorbed, "pdf").balance == 170
    shop.uses(bot, "pdf", 150)
    shop.do(QuotaService.reverse_usage, second, idempotency_key="undo")
    assert shop.has(web, "pdf") == 40
    shop.ends(paid={"EUR": 2000}, granted={"pdf": 200}, used={"pdf": 160}, left={"pdf": 40})


def test_an_order_of_the_absorbed_is_paid_and_refunded_after_the_merge(shop: Teller) -> None:
    web, bot = shop.meets("web"), shop.meets("bot")
    paid, pending = shop.buys(bot, "pack"), shop.orders(bot, "pack")
    shop.uses(bot, "pdf", 25)
    shop.do(CustomerService.merge_customers, web.ref, bot.ref)
    shop.pays(pending)
    assert shop.has(web, "pdf") == 175
    shop.refunds(paid)  # what was used of it stays used
    assert shop.has(web, "pdf") == 100
    shop.ends(
        paid={"EUR": 2000},
        refunded={"EUR": 1000},
        granted={"pdf": 200},
        used={"pdf": 25},
        left={"pdf": 100},
        gone={"pdf": 75},
    )


def test_a_merge_is_undone_and_what_was_used_meanwhile_stays_used(shop: Teller) -> None:
    web, bot = shop.meets("web"), shop.meets("bot")
    shop.buys(web, "pack")
    shop.clock.advance(days=1)
    shop.buys(bot, "pack")
    merge = shop.do(CustomerService.merge_customers, web.ref, bot.ref)
    shop.uses(web, "pdf", 130)  # all of web's, which is older, and 30 of bot's
    shop.do(CustomerService.unmerge_customers, merge)
    assert (shop.has(web, "pdf"), shop.has(bot, "pdf")) == (0, 70)
    shop.ends(paid={"EUR": 2000}, granted={"pdf": 200}, used={"pdf": 130}, left={"pdf": 70})


def test_a_merge_cannot_be_undone_after_a_refund(shop: Teller) -> None:
    web, bot = shop.meets("web"), shop.meets("bot")
    order = shop.buys(bot, "pack")
    merge = shop.do(CustomerService.merge_customers, web.ref, bot.ref)
    shop.refunds(order, amount="5.00", currency="EUR")
    shop.refuses("unmerge_refused", CustomerService.unmerge_customers, merge)
    assert shop.has(bot, "pdf") == 50
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 500}, granted={"pdf": 100}, left={"pdf": 50}, gone={"pdf": 50})


def test_a_trial_of_either_account_is_the_trial_of_both(shop: Teller, settings: Any) -> None:
    settings.BILLABLE_FINGERPRINT_KEYS = [KEY]
    shop.sells("taster", features=["pdf"], quantity=5, is_trial=True)
    web, bot = shop.meets("web"), shop.meets("bot")
    trial = shop.do(TrialService.start_trial, bot.ref, "taster", identities={"email": "bo@example.org"})
    shop.do(CustomerService.merge_customers, web.ref, bot.ref)
    again = shop.do(TrialService.start_trial, web.ref, "taster", identities={"email": "bo@example.org"})
    assert again.replayed
    assert again.pk == trial.pk
    assert shop.has(web, "pdf") == 5
    shop.ends(granted={"pdf": 5}, left={"pdf": 5})


def test_a_friend_pays_and_both_get_something_until_the_money_goes_back(shop: Teller) -> None:
    programme(shop)
    ann, bob = shop.meets("ann"), shop.meets("bob")
    shop.do(ReferralService.refer, ann.ref, bob.ref)
    assert (shop.has(ann, "ai"), shop.has(bob, "ai")) == (0, 0)
    order = shop.buys(bob, "pack")
    assert (shop.has(ann, "ai"), shop.has(bob, "ai")) == (10, 5)
    shop.uses(ann, "ai", 4)
    shop.refunds(order)
    assert (shop.has(ann, "ai"), shop.has(bob, "ai")) == (0, 0)
    shop.ends(
        paid={"EUR": 1000},
        refunded={"EUR": 1000},
        granted={"pdf": 100, "ai": 15},
        used={"ai": 4},
        gone={"pdf": 100, "ai": 11},
    )


def test_a_reward_waits_out_its_hold_period(shop: Teller) -> None:
    programme(shop, hold_days=14)
    ann, bob = shop.meets("ann"), shop.meets("bob")
    referral = shop.do(ReferralService.refer, ann.ref, bob.ref)
    shop.refuses("bonus_not_due", ReferralService.claim_bonus, referral.pk)
    shop.buys(bob, "pack")
    shop.clock.advance(days=13)
    shop.refuses("bonus_not_due", ReferralService.claim_bonus, referral.pk)
    shop.clock.advance(days=1)
    shop.do(ReferralService.claim_bonus, referral.pk)
    shop.do(ReferralService.claim_bonus, referral.pk)
    assert (shop.has(ann, "ai"), shop.has(bob, "ai")) == (10, 5)
    shop.ends(paid={"EUR": 1000}, granted={"pdf": 100, "ai": 15}, left={"pdf": 100, "ai": 15})


def test_a_referrer_is_rewarded_no_more_often_than_the_cap_says(shop: Teller) -> None:
    programme(shop, trigger="on_signup", cap_per_referrer=1)
    ann, bob, cid = shop.meets("ann"), shop.meets("bob"), shop.meets("cid")
    shop.do(ReferralService.refer, ann.ref, bob.ref)
    shop.do(ReferralService.refer, ann.ref, cid.ref)
    assert [shop.has(person, "ai") for person in (ann, bob, cid)] == [10, 5, 5]
    shop.refuses("already_referred", ReferralService.refer, bob.ref, cid.ref)
    shop.ends(granted={"ai": 20}, left={"ai": 20})


def test_four_friends_cannot_refer_each_other_in_a_ring(shop: Teller) -> None:
    people = [shop.meets(name) for name in ("ann", "bob", "cid", "dot")]
    for referrer, referee in pairwise(people):
        shop.do(ReferralService.refer, referrer.ref, referee.ref)
    shop.refuses("referral_cycle", ReferralService.refer, people[-1].ref, people[0].ref)
    shop.refuses("self_referral", ReferralService.refer, people[0].ref, people[0].ref)
    shop.ends()


def test_somebody_is_forgotten_and_the_books_are_not(shop: Teller) -> None:
    ann = shop.meets("ann")
    customer = CustomerService.get_customer(ann.ref)
    order = shop.buys(ann, "pack", metadata={"ip": "192.0.2.1"})
    shop.uses(ann, "pdf", 1, metadata={"file": "will.pdf"})
    shop.do(CustomerService.anonymize_customer, ann.ref, reason="asked for it")
    assert CustomerService.find_customer(ann.ref) is None
    assert shop.order(order).metadata == {}
    assert QuotaService.check_quota(customer, "pdf").balance == 99
    shop.refuses("already_anonymized", CustomerService.anonymize_customer, customer)
    shop.do(OrderService.refund_order, order.pk, refund_id="r", policy="unused_only")
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 990}, granted={"pdf": 100}, used={"pdf": 1}, gone={"pdf": 99})
