"""Holds over time: the engine agrees with a plain-Python reference, swept or not.

How many examples and which: as for the other model test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from billable import models
from billable.errors import BillableError
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests import books, rows
from tests.models import holds_reference as reference
from tests.models.conftest import START, Clock
from tests.models.holds_reference import HoldsReference
from tests.models.reference import No
from tests.models.test_engine_against_reference import run

ANN = CustomerRef(provider="test", external_id="ann")
# Seven units of analysis cost two gold; one costs three credits.
COSTS = {"ai": [("credits", 1, 3), ("gold", 7, 2)]}
FEATURES = ("ai", "credits", "gold")
WAYS = {feature: [(feature, 1, 1), *COSTS.get(feature, [])] for feature in FEATURES}

nth = st.integers(0, 9)
features = st.sampled_from(["ai", "ai", "ai", "credits", "gold"])
quantities = st.integers(1, 9)
some = st.none() | quantities
times = st.sampled_from([1, 60, 900, 90_000])


class EngineAndReference(RuleBasedStateMachine):
    """Both, side by side, inside one transaction that is never committed."""

    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        self.reference = HoldsReference(START, WAYS)
        self.ids: dict[Any, Any] = {}
        self.keys = 0
        self.sound = True
        self.block = transaction.atomic()
        self.block.__enter__()

    def teardown(self) -> None:
        try:
            if self.sound:
                QuotaService.expire_grants()
                self._compare_rows()
                assert not books.problems()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @initialize(given=st.lists(st.tuples(features, some, st.sampled_from([None, None, 60, 90_000])), min_size=1))
    def begin(self, given: list[tuple[str, int | None, int | None]]) -> None:
        self.clock.start(START, seed=1)
        for feature, quantity, seconds in given:
            self._grant(feature, quantity, seconds)

    # --- acts

    @rule(feature=features, quantity=some, seconds=st.sampled_from([None, 60, 90_000]))
    def grant(self, feature: str, quantity: int | None, seconds: int | None) -> None:
        self._grant(feature, quantity, seconds)

    def _grant(self, feature: str, quantity: int | None, seconds: int | None) -> None:
        end = None if seconds is None else self.clock.now + timedelta(seconds=seconds)
        expected = self.reference.grant(feature, quantity, end)
        (made,) = QuotaService.grant_feature(ANN, feature, quantity=quantity, expires_at=end)
        self.ids[expected] = made.pk

    @rule(feature=features, quantity=quantities)
    def consume(self, feature: str, quantity: int) -> None:
        self._play(
            lambda: self.reference.consume(feature, quantity),
            lambda: QuotaService.consume_quota(ANN, feature, quantity=quantity),
            self._same_usage,
        )

    @rule(feature=features, quantity=quantities, seconds=times)
    def hold(self, feature: str, quantity: int, seconds: int) -> None:
        self._play(
            lambda: self.reference.hold(feature, quantity, seconds),
            lambda: QuotaService.hold_quota(ANN, feature, quantity, ttl=seconds),
            self._same_hold,
        )

    @precondition(lambda self: self.reference.holds)
    @rule(nth=nth, quantity=some, final=st.booleans(), key=st.sampled_from([None, "c1", "c2"]))
    def capture(self, nth: int, quantity: int | None, final: bool, key: str | None) -> None:
        hold = self._pick(self.reference.holds, nth)
        own = None if key is None else f"{self.reference.holds.index(hold)}:{key}"

        def same(expected: tuple[reference.Usage, bool], actual: models.Usage) -> None:
            usage, replayed = expected
            assert actual.replayed is replayed
            self._same_usage(usage, actual)

        self._play(
            lambda: self.reference.capture(hold, quantity, final=final, key=own),
            lambda: QuotaService.capture_hold(self.ids[hold], quantity, final=final, idempotency_key=own),
            same,
        )

    @precondition(lambda self: self.reference.holds)
    @rule(nth=nth)
    def release(self, nth: int) -> None:
        hold = self._pick(self.reference.holds, nth)
        self._play(
            lambda: self.reference.release(hold),
            lambda: QuotaService.release_hold(self.ids[hold]),
            lambda replayed, actual: self._equal(actual.replayed, replayed),
        )

    @precondition(lambda self: self.reference.holds)
    @rule(nth=nth, seconds=times)
    def extend(self, nth: int, seconds: int) -> None:
        hold, self.keys = self._pick(self.reference.holds, nth), self.keys + 1
        self._play(
            lambda: self.reference.extend(hold, seconds),
            lambda: QuotaService.extend_hold(self.ids[hold], ttl=seconds, idempotency_key=f"e{self.keys}"),
            lambda _, actual: self._equal(actual.expires_at, hold.end),
        )

    @precondition(lambda self: self.reference.grants)
    @rule(nth=nth, quantity=some)
    def revoke(self, nth: int, quantity: int | None) -> None:
        grant, self.keys = self._pick(self.reference.grants, nth), self.keys + 1
        self._play(
            lambda: self.reference.revoke(grant, quantity),
            lambda: QuotaService.revoke_grant(self.ids[grant], quantity=quantity, idempotency_key=f"v{self.keys}"),
            lambda replayed, actual: self._equal(actual.replayed, replayed),
        )

    @precondition(lambda self: self.reference.usages)
    @rule(nth=nth, quantity=some)
    def reverse(self, nth: int, quantity: int | None) -> None:
        usage, self.keys = self._pick(self.reference.usages, nth), self.keys + 1
        self._play(
            lambda: self.reference.reverse(usage, quantity),
            lambda: QuotaService.reverse_usage(self.ids[usage], quantity=quantity, idempotency_key=f"r{self.keys}"),
            lambda balance, actual: self._equal(actual.balance, balance),
        )

    @rule(
        span=st.sampled_from(["to the next end", "to just before it", 1, 60, 3600, 100_000]),
        swept=st.sampled_from([False, False, True]),
    )
    def let_time_pass(self, span: str | int, swept: bool) -> None:
        moment: datetime = min(self.reference.moments(), default=self.clock.now)
        if isinstance(span, int):
            moment = self.clock.now + timedelta(seconds=span)
        elif span == "to just before it":
            moment -= timedelta(microseconds=1)
        self.clock.now = max(self.clock.now, moment)
        self.reference.move(self.clock.now)
        self._compare()
        if swept:
            QuotaService.expire_grants()
            self._compare()
            self._compare_rows()

    # --- comparing

    def _play(self, expect: Callable[[], Any], act: Callable[[], Any], same: Callable[[Any, Any], None]) -> None:
        self.sound = False
        expected = _outcome(expect)
        before = rows.everything()
        actual = _outcome(act)
        if isinstance(expected, No):
            assert isinstance(actual, BillableError), f"answered {actual}, expected {expected.codes}"
            assert actual.code in expected.codes
            assert rows.everything() == before
        else:
            assert not isinstance(actual, BillableError), f"refused with {actual!r}"
            same(expected, actual)
            self._compare()
        self.sound = True

    def _same_usage(self, expected: reference.Usage, actual: models.Usage) -> None:
        assert self.ids.setdefault(expected, actual.pk) == actual.pk
        assert (actual.feature.key, actual.quantity, actual.late) == (
            expected.feature,
            expected.quantity,
            expected.late,
        )
        assert actual.balance == expected.balance

    def _same_hold(self, expected: reference.Hold, actual: models.Hold) -> None:
        self.ids[expected] = actual.pk
        assert (actual.quantity, actual.balance, actual.expires_at) == (
            expected.quantity,
            expected.balance,
            expected.end,
        )

    def _compare(self) -> None:
        listed = {each.feature: each for each in QuotaService.balances(ANN)}
        for feature in FEATURES:
            balance, held = self.reference.balance(feature), self.reference.held(feature)
            check = QuotaService.check_quota(ANN, feature, quantity=2)
            assert check.balance == balance
            assert check.allowed is (balance is None or balance >= 2)
            if feature in listed:
                assert (listed[feature].balance, listed[feature].held) == (balance, held)
            else:
                assert (balance, held) == (0, 0)

    def _compare_rows(self) -> None:
        """Everything is written down: each row is as it is in truth."""
        grants = dict(models.Grant.objects.values_list("pk", "remaining"))
        held = dict(models.Grant.objects.values_list("pk", "held"))
        for grant in self.reference.grants:
            assert (grants[self.ids[grant]], held[self.ids[grant]]) == (grant.left, grant.held)
        holds = {pk: tuple(values) for pk, *values in models.Hold.objects.values_list("pk", "closed_as", "captured")}
        for hold in self.reference.holds:
            assert holds[self.ids[hold]] == (hold.status.replace("held", ""), hold.captured)

    def _equal(self, actual: Any, expected: Any) -> None:
        assert actual == expected

    def _pick(self, choices: list[Any], nth: int) -> Any:
        """One of them; 0 is the latest."""
        return choices[-1 - nth % len(choices)]


def _outcome(act: Callable[[], Any]) -> Any:
    """The answer, or the refusal."""
    try:
        return act()
    except (BillableError, No) as refusal:
        return refusal


@pytest.mark.django_db
def test_holds_agree_after_every_step(clock: Clock) -> None:
    class Machine(EngineAndReference):
        pass

    Machine.clock = clock
    clock.start(START, seed=0)
    for feature in FEATURES:
        CatalogService.create_feature(feature)
    for feature, ways in COSTS.items():
        for payer, per, units in ways:
            CatalogService.set_cost(feature, payer, per=per, units=units)
    CustomerService.identify(ANN.provider, ANN.external_id)
    run(Machine)
