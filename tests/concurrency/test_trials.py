"""One person, many accounts, one trial: also when they all ask in the same moment."""

from __future__ import annotations

import pytest

from billable.errors import TrialAlreadyUsed
from billable.models import Customer, Grant, Trial, TrialFingerprint
from billable.services import CatalogService, CustomerRef
from tests.concurrency.conftest import customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import in_one_transaction, verb
from tests.concurrency.worker import Job

PERSON = {
    "email": "ada@example.com",
    "phone": "+44 20 7946 0000",
    "telegram": "ada",
    "device": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "passport": "AB 123456",
    "card": "4f2a",
}
ROUNDS = 3


@pytest.fixture(autouse=True)
def taste(credits: str) -> str:
    CatalogService.create_product("taste", features=[credits], quantity=10, period="7 days", is_trial=True)
    return "taste"


def start(ref: CustomerRef, identities: dict[str, str]) -> Job:
    return verb("TrialService.start_trial", ref, "taste", identities=identities)


def turned(by: int) -> dict[str, str]:
    """The same identities in another order."""
    pairs = list(PERSON.items())
    by %= len(pairs)
    pairs = [*pairs[by:], *pairs[:by]]
    return dict(pairs if by % 2 else reversed(pairs))


@pytest.mark.parametrize("in_callers_transaction", [False, True])
def test_eight_accounts_of_one_person_start_one_trial(crew: Crew, in_callers_transaction: bool) -> None:
    refs = [customer(f"account-{number}") for number in range(8)]
    jobs = [start(ref, turned(number)) for number, ref in enumerate(refs)]

    results = crew.at_once(
        *[in_one_transaction(job) if in_callers_transaction else job for job in jobs], refusing=TrialAlreadyUsed
    )

    assert (len(results.values), len(results.refusals)) == (1, 7)
    trial = Trial.objects.get()
    assert Grant.objects.get().customer_id == trial.customer_id
    assert set(TrialFingerprint.objects.values_list("trial_id", flat=True)) == {trial.pk}
    assert TrialFingerprint.objects.count() == len(PERSON) + 2  # the customer and its identity count too


def test_in_a_ring_where_neighbours_share_an_identity_nobody_starts_beside_a_winner(crew: Crew) -> None:
    for number in range(ROUNDS):
        refs = [customer(f"account-{number}-{n}") for n in range(8)]
        # What they share hashes to any order, so some claim theirs in the opposite order of their neighbours.
        shared = [{f"kind-{n}": f"{number}-{n}"} for n in range(8)]
        jobs = [start(refs[n], shared[n] | shared[(n + 1) % 8]) for n in range(8)]

        results = crew.at_once(*jobs, refusing=TrialAlreadyUsed)

        won = [outcome.refusal is None for outcome in results.outcomes]
        for n in range(8):
            beside_a_winner = won[n - 1] or won[(n + 1) % 8]
            assert won[n] is not beside_a_winner, f"a winner stands beside a winner, or a loser beside none: {won}"


def test_one_customer_that_asks_eight_times_at_once_has_one_trial(crew: Crew) -> None:
    ref = customer("ada")

    results = crew.at_once(*[start(ref, turned(number)) for number in range(8)])

    assert {trial.pk for trial in results.values} == {Trial.objects.get().pk}
    assert [trial.replayed for trial in results.values].count(False) == 1
    assert {len(trial.grants) for trial in results.values} == {1}
    assert Grant.objects.count() == 1


def test_an_identity_nobody_knew_that_asks_eight_times_at_once_is_one_customer(crew: Crew) -> None:
    stranger = CustomerRef(provider="telegram", external_id="4711")

    results = crew.at_once(*[start(stranger, {})] * 8)

    assert {trial.customer_id for trial in results.values} == {Customer.objects.get().pk}
    assert Trial.objects.count() == 1


def test_strangers_that_are_one_person_leave_no_customer_behind_but_the_winner(crew: Crew) -> None:
    strangers = [CustomerRef(provider="telegram", external_id=str(number)) for number in range(8)]

    results = crew.at_once(
        *[start(ref, turned(number)) for number, ref in enumerate(strangers)], refusing=TrialAlreadyUsed
    )

    assert len(results.refusals) == 7
    assert Customer.objects.get().pk == results.values[0].customer_id
