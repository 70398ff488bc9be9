"""Consume, revoke, expire and reverse meet on the same grants: each has its effect once, and no unit is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db.models import Sum

from billable import clock
from billable.errors import QuotaExceeded, RevocationTooLarge
from billable.models import Grant, LedgerEntry
from billable.services import CustomerRef, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, one_after_the_other, quietly, verb

ROUNDS = 3
SWEEP = verb("QuotaService.expire_grants")


def give(ref: CustomerRef, quantity: int, **kwargs: Any) -> Grant:
    (grant,) = QuotaService.grant_feature(ref, "credits", quantity=quantity, **kwargs)
    return grant


@pytest.fixture
def give_lapsed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Grant]:
    """Make a grant that ran out yesterday, some minutes after it was made, and that nobody has looked at since."""

    def give_yesterday(ref: CustomerRef, quantity: int, *, minutes: int = 1) -> Grant:
        yesterday = datetime.now(timezone.utc) - timedelta(days=1)
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: yesterday)
            return give(ref, quantity, expires_at=yesterday + timedelta(minutes=minutes))

    return give_yesterday


def kinds(*grants: Grant) -> Counter[str]:
    return Counter(LedgerEntry.objects.filter(grant__in=grants).values_list("kind", flat=True))


def units(grants: Sequence[Grant], kind: str) -> int:
    entries = LedgerEntry.objects.filter(grant__in=grants, kind=kind)
    return -(entries.aggregate(total=Sum("amount"))["total"] or 0)


def test_consume_and_revoke_and_expire_have_one_effect_each(
    crew: Crew, credits: str, give_lapsed: Callable[..., Grant]
) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        lapsed, spent = [give_lapsed(ref, 100), give_lapsed(ref, 7, minutes=2)], give(ref, 100)
        kept = give(ref, 1000, period="1 month")
        consumes = [consume(ref, quantity=60, idempotency_key=f"{number}-{n}") for n in range(8)]
        revoke = verb("QuotaService.revoke_grant", spent.pk, reason="moved away")

        results = crew.at_once(*consumes[:4], revoke, SWEEP, *consumes[4:], revoke, SWEEP)

        usages = [each for each in results.values if type(each).__name__ == "Usage"]
        revoked = [each for each in results.values if type(each).__name__ == "Grant"]
        assert len(usages) == 8
        assert [grant.replayed for grant in revoked].count(False) == 1
        assert [kinds(grant)["expire"] for grant in lapsed] == [1, 1]
        assert kinds(spent)["revoke"] == 1
        assert units(lapsed, "expire") == 107
        assert units([spent, kept], "consume") == 480
        assert balance(ref) == 1100 - 480 - units([spent], "revoke")


def test_revoking_in_parts_and_consuming_share_the_grant_to_the_last_unit(crew: Crew, credits: str) -> None:
    ref = customer("ada")
    grant = give(ref, 100)
    jobs = [
        *[consume(ref, quantity=15) for _ in range(6)],
        *[verb("QuotaService.revoke_grant", grant.pk, quantity=15, idempotency_key=f"part-{n}") for n in range(6)],
    ]

    results = crew.at_once(*jobs, refusing=(QuotaExceeded, RevocationTooLarge))

    assert (len(results.values), len(results.refusals)) == (6, 6)
    assert balance(ref) == 10


def test_one_part_revoked_eight_times_with_one_key_is_revoked_once(crew: Crew, ref: CustomerRef) -> None:
    grant = Grant.objects.get()

    crew.at_once(*[verb("QuotaService.revoke_grant", grant.pk, quantity=30, idempotency_key="part")] * 8)

    assert balance(ref) == 470


def test_what_is_reversed_into_a_grant_while_it_is_revoked_never_becomes_spendable(crew: Crew, credits: str) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        grant = give(ref, 100)
        usage = QuotaService.consume_quota(ref, "credits", quantity=40)

        crew.at_once(
            verb("QuotaService.reverse_usage", usage.pk, idempotency_key=f"undo-{number}"),
            verb("QuotaService.revoke_grant", grant.pk),
            consume(ref, quantity=1),
            refusing=QuotaExceeded,
        )

        assert balance(ref) == 0
        assert Grant.objects.get(pk=grant.pk).remaining == 0


def test_eight_sweeps_at_once_end_each_grant_once(crew: Crew, credits: str, give_lapsed: Callable[..., Grant]) -> None:
    grants = [give_lapsed(customer(f"customer-{number}"), 5) for number in range(12)]

    results = crew.at_once(*[SWEEP] * 8)

    assert sum(sweep.grants for sweep in results.values) == 12
    assert kinds(*grants) == {"grant": 12, "expire": 12}


def test_streams_of_everything_on_one_customer_conserve_every_unit(
    crew: Crew, credits: str, give_lapsed: Callable[..., Grant]
) -> None:
    ref = customer("ada")
    give_lapsed(ref, 40)
    grants = [give(ref, 40, period="1 month"), *[give(ref, 40) for _ in range(4)]]
    usages = [QuotaService.consume_quota(ref, "credits", quantity=3) for _ in range(6)]
    give_lapsed(ref, 40)
    undo = [verb("QuotaService.reverse_usage", usage.pk, idempotency_key=f"undo-{usage.pk}") for usage in usages]
    revoke = [verb("QuotaService.revoke_grant", grant.pk) for grant in grants[2:]]
    gift = verb("QuotaService.grant_feature", ref, "credits", quantity=4)
    streams = [
        *[one_after_the_other(*[quietly(consume(ref, quantity=5))] * 8)] * 2,
        *[one_after_the_other(*undo)] * 2,
        *[one_after_the_other(*revoke)] * 2,
        one_after_the_other(*[gift] * 8),
        one_after_the_other(*[SWEEP] * 8),
    ]

    crew.at_once(*streams)

    every = list(Grant.objects.all())
    assert kinds(*every)["reverse"] == len(LedgerEntry.objects.filter(kind="reverse").values("usage").distinct())
    assert all(kinds(grant)["revoke"] >= 1 for grant in grants[2:])
    given = sum(grant.quantity or 0 for grant in every)
    gone = sum(units(every, kind) for kind in ("consume", "expire", "revoke", "reverse"))
    assert sum(grant.remaining or 0 for grant in every) == given - gone
    assert balance(ref) == given - gone
