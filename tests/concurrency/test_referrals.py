"""Referrals that meet: no ring is ever closed, one reward is given once, a cap holds, nobody waits for ever."""

from __future__ import annotations

from itertools import pairwise

import pytest

from billable.errors import AlreadyReferred, ReferralCycle
from billable.models import Customer, Grant, Referral
from billable.services import CatalogService, CustomerRef, ReferralService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import in_one_transaction, verb
from tests.concurrency.worker import Job

ROUNDS = 5


@pytest.fixture(autouse=True)
def thanks(credits: str) -> str:
    CatalogService.create_product("thanks", features=[credits], quantity=10)
    return "thanks"


@pytest.fixture
def programme(thanks: str) -> str:
    """Both sides get something a second after the referral: the step after its commit comes too early."""
    made = ReferralService.create_programme("friends", trigger="on_signup", hold_days=1, referrer_product=thanks)
    return made.key


def refer(referrer: CustomerRef, referee: CustomerRef) -> Job:
    return verb("ReferralService.refer", referrer, referee)


def due(referrer: CustomerRef, number: int) -> Referral:
    """A referral whose hold is over."""
    referral = ReferralService.refer(referrer, customer(f"brought-{number}"))
    Referral.objects.filter(pk=referral.pk).update(due_at=referral.qualified_at)
    return referral


def is_a_ring(names: list[Customer]) -> bool:
    referrers = dict(Referral.objects.values_list("customer_id", "referrer_id"))
    here, steps = names[0].pk, 0
    while here in referrers and steps <= len(referrers):
        here, steps = referrers[here], steps + 1
    return steps > len(referrers)


@pytest.mark.parametrize("size", [2, 4, 7])
@pytest.mark.parametrize("in_callers_transaction", [False, True])
def test_referrals_that_would_close_a_ring_do_not(crew: Crew, size: int, in_callers_transaction: bool) -> None:
    for number in range(ROUNDS):
        ring = [customer(f"{number}-{place}") for place in range(size)]
        jobs = [refer(ring[place], ring[(place + 1) % size]) for place in range(size)]

        results = crew.at_once(
            *[in_one_transaction(job) if in_callers_transaction else job for job in jobs], refusing=ReferralCycle
        )

        assert (len(results.values), len(results.refusals)) == (size - 1, 1)
        members = list(Customer.objects.filter(pk__in=[str(each.customer_id) for each in ring]))
        assert not any(is_a_ring([member]) for member in members)
        Referral.objects.all().delete()


def test_chains_that_grow_at_both_ends_at_once_stay_chains(crew: Crew) -> None:
    for number in range(ROUNDS):
        people = [customer(f"{number}-{place}") for place in range(9)]
        jobs = [refer(above, below) for above, below in pairwise(people)]

        results = crew.at_once(*jobs)

        assert len(results.values) == 8


def test_strangers_that_refer_each_other_at_once_are_one_referral(crew: Crew) -> None:
    for number in range(ROUNDS):
        ada, bob = (CustomerRef(provider="test", external_id=f"{number}-{name}") for name in ("ada", "bob"))

        results = crew.at_once(*[refer(ada, bob), refer(bob, ada)] * 2, refusing=ReferralCycle)

        assert len({referral.pk for referral in results.values}) == 1
        assert [referral.replayed for referral in results.values].count(False) == 1
        assert len(results.refusals) == 2
        assert Customer.objects.count() == 2 * (number + 1)


def test_two_who_claim_one_referee_at_once(crew: Crew) -> None:
    for number in range(ROUNDS):
        ada = customer(f"{number}-ada")
        jobs = [refer(customer(f"{number}-{n}"), ada) for n in range(2)]

        results = crew.at_once(*jobs * 2, refusing=AlreadyReferred)

        assert (len(results.values), len(results.refusals)) == (2, 2)
        assert Referral.objects.filter(customer__pk=str(ada.customer_id)).count() == 1


def test_eight_claims_of_one_bonus_are_one_reward(crew: Crew, programme: str) -> None:
    bob = customer("bob")
    for number in range(ROUNDS):
        referral = due(bob, number)

        results = crew.at_once(*[verb("ReferralService.claim_bonus", referral.pk)] * 8)

        assert [claimed.replayed for claimed in results.values].count(False) == 1
        assert {claimed.status for claimed in results.values} == {"rewarded"}
        assert len({grant.pk for claimed in results.values for grant in claimed.grants}) == 1
        assert balance(bob) == 10 * (number + 1)


def test_claims_and_sweeps_at_once_give_each_reward_once(crew: Crew, programme: str) -> None:
    bob = customer("bob")
    made = [due(bob, number) for number in range(4)]
    claims = [verb("ReferralService.claim_bonus", referral.pk) for referral in made]

    crew.at_once(*claims, *[verb("ReferralService.settle_referrals")] * 4)

    assert balance(bob) == 40
    assert Grant.objects.filter(source="referral").count() == 4


def test_a_cap_of_one_holds_when_two_are_claimed_at_once(crew: Crew, thanks: str) -> None:
    ReferralService.create_programme(
        "friends", trigger="on_signup", hold_days=1, referrer_product=thanks, cap_per_referrer=1
    )
    for number in range(ROUNDS):
        bob = customer(f"bob-{number}")
        made = [due(bob, 10 * number + n) for n in range(2)]

        results = crew.at_once(*[verb("ReferralService.claim_bonus", referral.pk) for referral in made])

        assert sorted(claimed.status for claimed in results.values) == ["capped", "rewarded"]
        assert balance(bob) == 10


def test_one_who_is_on_both_sides_at_once_waits_for_nobody_for_ever(crew: Crew, programme: str) -> None:
    people = [customer(str(number)) for number in range(4)]
    made = [ReferralService.refer(above, below) for above, below in pairwise(people)]
    for referral in made:
        Referral.objects.filter(pk=referral.pk).update(due_at=referral.qualified_at)

    crew.at_once(*[verb("ReferralService.claim_bonus", referral.pk) for referral in reversed(made)] * 2)

    assert [balance(person) for person in people] == [10, 10, 10, 0]
