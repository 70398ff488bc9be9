"""refer: one referrer for each, and nobody above themselves."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import pytest

from billable.models import Customer, Referral
from billable.services import CustomerRef, CustomerService, ReferralService
from tests.referrals.conftest import person, ref


def merged(absorbed: Customer, survivor: Customer) -> None:
    CustomerService.merge_customers(survivor, absorbed)
    absorbed.refresh_from_db()


def test_a_referral_says_who_brought_whom(door, programme, user, clock):
    referral = door.referrals.refer(person("bob"), user, metadata={"from": "link"})
    assert (referral.referrer, referral.programme, referral.status) == (person("bob"), programme, "pending")
    assert (referral.customer.user_links.get().user_id, referral.metadata) == (user.pk, {"from": "link"})
    assert (referral.replayed, referral.created_at, referral.due_at) == (False, clock.instant, None)


def test_strangers_on_both_sides_become_customers(door, programme):
    referral = door.referrals.refer(ref("bob"), ref("ada"))
    names = [side.identities.get().external_id for side in (referral.referrer, referral.customer)]
    assert names == ["bob", "ada"]
    assert Customer.objects.count() == 2


def test_the_sides_may_be_named(door, programme):
    referral = door.referrals.refer(referee=ref("ada"), referrer=ref("bob"))
    assert referral.customer.identities.get().external_id == "ada"


def test_a_repeat_answers_with_the_first(door, programme):
    first = door.referrals.refer(ref("bob"), ref("ada"), metadata={"a": 1})
    again = door.referrals.refer(person("bob"), person("ada"), programme="friends", metadata={"b": 2})
    assert (again.pk, again.replayed, again.metadata) == (first.pk, True, {"a": 1})
    ReferralService.update_programme("friends", is_active=False)
    assert door.referrals.refer(ref("bob"), ref("ada")).replayed


def test_a_customer_has_one_referrer(door, programme, refused):
    first = door.referrals.refer(ref("bob"), ref("ada"))
    with refused("already_referred", referee=str(person("ada").pk), referral=str(first.pk)):
        door.referrals.refer(ref("carol"), ref("ada"))
    ReferralService.create_programme("others")
    with refused("already_referred"):
        door.referrals.refer(ref("bob"), ref("ada"), programme="others")


def test_nobody_refers_themselves(door, programme, user, refused):
    for side in (user, ref("ada")):
        with refused("self_referral"):
            door.referrals.refer(side, side)
    bob, other = person("bob"), person("other bob")
    merged(other, bob)
    with refused("self_referral", customer=str(bob.pk)):
        door.referrals.refer(other, bob)


@pytest.mark.parametrize("length", [2, 3, 4, 7])
def test_nobody_is_brought_by_those_they_brought(door, programme, refused, length):
    people = [person(str(number)) for number in range(length)]
    for above, below in pairwise(people):
        door.referrals.refer(above, below)
    with refused("referral_cycle", referrer=str(people[-1].pk), referee=str(people[0].pk)):
        door.referrals.refer(people[-1], people[0])


def test_a_ring_through_merged_customers_is_refused(door, programme, refused):
    ada, bob, carol, dan, eve = map(person, ("ada", "bob", "carol", "dan", "eve"))
    door.referrals.refer(ada, bob)
    door.referrals.refer(carol, dan)
    merged(bob, carol)  # bob's referrer stands above carol now
    with refused("referral_cycle", referrer=str(dan.pk), referee=str(ada.pk)):
        door.referrals.refer(dan, ada)
    with refused("already_referred"):
        door.referrals.refer(eve, carol)
    assert door.referrals.refer(ada, carol).customer_id == bob.pk


def test_without_an_active_programme_a_referral_is_only_written_down(door, refused):
    assert door.referrals.refer(ref("bob"), ref("ada")).programme is None
    with refused("bonus_not_due", reason="not_earned"):
        door.referrals.claim_bonus(Referral.objects.get())


def test_one_of_several_programmes_must_be_named(door, programme, refused):
    ReferralService.create_programme("others")
    with refused("invalid", field="programme"):
        door.referrals.refer(ref("bob"), ref("ada"))
    assert door.referrals.refer(ref("bob"), ref("ada"), programme="OTHERS").programme.key == "others"
    ReferralService.update_programme("friends", is_active=False)
    with refused("invalid", problem="'friends' is not active"):
        door.referrals.refer(ref("bob"), ref("carol"), programme="friends")
    with refused("programme_not_found", programme="none"):
        door.referrals.refer(ref("bob"), ref("carol"), programme="none")


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("invalid_subject", (7, ref("ada"))),
        ("invalid_subject", (ref("bob"), 7)),
        ("invalid_subject", (ref("bob"), CustomerRef())),
        ("customer_not_found", (ref("bob"), CustomerRef(customer_id="00000000-0000-0000-0000-000000000000"))),
        ("customer_not_found", (CustomerRef(user_id=10**6), ref("ada"))),
        ("invalid", (ref("bob"), ref(""))),
    ],
)
def test_sides_that_are_nobody_are_refused(door, programme, refused, code, arguments):
    with refused(code):
        door.referrals.refer(*arguments)


@pytest.mark.parametrize("wrong", [{"metadata": [1]}, {"programme": "no key"}, {"programme": 7}])
def test_bad_input_is_refused(door, programme, refused, wrong):
    with refused("invalid"):
        door.referrals.refer(ref("bob"), ref("ada"), **wrong)


def test_anonymous_users_bring_nobody(door, programme, refused, django_user_model):
    from django.contrib.auth.models import AnonymousUser

    for nobody in (AnonymousUser(), django_user_model(username="unsaved")):
        with refused("invalid_subject", field="referee"):
            door.referrals.refer(ref("bob"), nobody)
    assert door.referrals.referral_stats(AnonymousUser()).total == 0


def test_stats_and_lists_count_what_became_of_those_one_brought(door, programme, refused):
    bob = person("bob")
    made = [door.referrals.refer(bob, ref(name)) for name in ("ada", "carol", "dan")]
    door.referrals.refer(ref("eve"), bob)
    zeros = dict.fromkeys(("qualified", "rewarded", "capped", "taken_back"), 0)
    assert asdict(door.referrals.referral_stats(bob)) == {
        **{"customer_id": bob.pk, "referred_by": person("eve").pk, "total": 3, "pending": 3},
        **zeros,
    }
    assert asdict(door.referrals.referral_stats(ref("nobody"))) == {
        **{"customer_id": None, "referred_by": None, "total": 0, "pending": 0},
        **zeros,
    }
    page = door.referrals.list_referrals(bob, limit=2)
    rest = door.referrals.list_referrals(bob, limit=2, cursor=page.next)
    assert [each.pk for each in (*page, *rest)] == [each.pk for each in reversed(made)]
    assert len(door.referrals.list_referrals()) == 4
    assert len(door.referrals.list_referrals(status="rewarded")) == 0
    assert len(door.referrals.list_referrals(ref("nobody"))) == 0
    assert door.referrals.get_referral(str(made[0].pk)).pk == made[0].pk
    with refused("referral_not_found"):
        door.referrals.get_referral("x")
    with refused("invalid", field="status"):
        door.referrals.list_referrals(status="done")
    with refused("invalid", field="cursor"):
        door.referrals.list_referrals(cursor="x")


def test_stats_count_the_family(door, programme):
    ada, bob = person("ada"), person("bob")
    for referrer, name in ((ada, "1"), (bob, "2")):
        door.referrals.refer(referrer, ref(name))
    merged(ada, bob)
    assert door.referrals.referral_stats(ada).total == 2
    assert len(door.referrals.list_referrals(bob)) == 2


def test_signals_tell_of_it_after_the_commit(programme, signup, commit):
    from billable.signals import referral_created, referral_qualified, referral_rewarded

    told = []
    for signal in (referral_created, referral_qualified, referral_rewarded):
        signal.connect(lambda sender, referral, signal, **_: told.append((signal, referral.status)), weak=False)
    try:
        with commit():
            ReferralService.refer(ref("bob"), ref("ada"), programme="friends")
            ReferralService.refer(ref("bob"), ref("carol"), programme="signup")
            assert told == []
    finally:
        for signal in (referral_created, referral_qualified, referral_rewarded):
            signal.receivers = []
            signal.sender_receivers_cache.clear()
    assert [signal for signal, _ in told] == [
        referral_created,
        referral_created,
        referral_qualified,
        referral_rewarded,
    ]
