"""The state machine over time: every act goes to the reference and, through the front door, to the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from billable import models
from billable.errors import BillableError
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests import books, rows
from tests.models import time_reference as reference
from tests.models.conftest import START, Clock
from tests.models.reference import No, Span
from tests.models.time_reference import Line, TimeReference

# Seven units of analysis cost two gold; one costs three credits.
COSTS = {"ai": [("credits", 1, 3), ("gold", 7, 2)]}
FEATURES = ("ai", "credits", "gold")
WAYS = {feature: [(feature, 1, 1), *COSTS.get(feature, [])] for feature in FEATURES}
# How far below nothing each may go; None is without end.
OVERDRAFT = {"ai": 4, "credits": 0, "gold": None}

MONTH, WEEK, DAY, YEAR = (1, "month"), (1, "week"), (1, "day"), (1, "year")
# So little of everything that an act often needs several grants, and ends that do not fall on a reset.
CATALOGUE: dict[str, list[Line]] = {
    "free": [Line(feature="ai", quantity=3, reset=MONTH)],
    "pro": [
        Line(feature="ai", quantity=5, span=YEAR, reset=MONTH, rollover=(4, 2)),
        Line(feature="credits", quantity=6, span=YEAR, reset=WEEK, rollover=(9, 1)),
    ],
    "burst": [Line(feature="credits", quantity=7, span=(10, "day"), priority=50, reset=(3, "day"), rollover=(10, 2))],
    "daily": [Line(feature="gold", quantity=4, span=(5, "week"), reset=DAY, rollover=(3, 3))],
    "yearly": [Line(feature="ai", quantity=2, reset=YEAR, rollover=(1, 1))],
    "calm": [Line(feature="ai", quantity=9, reset=MONTH, rollover=(3, 1), cap=(4, DAY))],
    "steady": [Line(feature="gold", cap=(3, WEEK)), Line(feature="seats", value=9, priority=101)],
    "pack": [
        Line(feature="credits", quantity=5),
        Line(feature="gold", quantity=8, span=MONTH, cap=(5, (3, "day"))),
        Line(feature="seats", value=3),
    ],
    "team": [Line(feature="seats", value=5), Line(feature="ai", quantity=2, span=DAY)],
}

# Where an example begins: the last of a long month, the nights in which clocks change, a day left out.
STARTS = [
    (START, "UTC"),
    (datetime(2026, 3, 7, 7, 30, tzinfo=timezone.utc), "America/New_York"),
    (datetime(2026, 10, 24, 0, 30, tzinfo=timezone.utc), "Europe/Berlin"),
    (datetime(2028, 8, 31, 2, 0, tzinfo=timezone.utc), "Australia/Lord_Howe"),
    (datetime(2011, 12, 29, 20, 0, tzinfo=timezone.utc), "Pacific/Apia"),
]

nth = st.integers(0, 9)
features = st.sampled_from(["ai", "ai", "ai", "credits", "gold"])
skus = st.sampled_from(list(CATALOGUE))
quantities = st.integers(1, 9)
some = st.none() | quantities
times = st.sampled_from([1, 60, 900, 90_000, 500_000])
days = st.sampled_from([None, None, None, 1, 33])
moments = st.sampled_from(["to the next moment", "to the next moment", "to just before it", "to the fifth"])
spans = moments | st.sampled_from([timedelta(minutes=1), timedelta(hours=25), timedelta(days=9), timedelta(days=33)])
spans |= st.just(timedelta(days=400))


def world(clock: Clock) -> CustomerRef:
    """What every example begins with, made once: the catalogue and the customer, who is returned by their id."""
    clock.start(START, seed=0)
    for feature in FEATURES:
        most = OVERDRAFT[feature]
        how = "record" if most is None else "allow" if most else "refuse"
        CatalogService.create_feature(feature, overdraft=how, overdraft_limit=most or None)
    CatalogService.create_feature("seats", value_type="limit")
    for feature, ways in COSTS.items():
        for payer, per, units in ways:
            CatalogService.set_cost(feature, payer, per=per, units=units)
    for sku, lines in CATALOGUE.items():
        CatalogService.create_product(sku, features=[_line(line) for line in lines])
    return CustomerRef(customer_id=CustomerService.identify("test", "ann").customer_id)


class TimeAndReference(RuleBasedStateMachine):
    """Both, side by side, inside one transaction that is never committed: a refusal has no rollback to hide in."""

    clock: Clock
    ann: CustomerRef

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[Any, Any] = {}
        self.by_id: dict[Any, Any] = {}
        self.keys = 0
        self.sound = True
        self.block = transaction.atomic()
        self.block.__enter__()

    def teardown(self) -> None:
        try:
            if self.sound:
                self._sweep()
                found = books.problems()
                assert not found, [str(problem) for problem in found]
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @initialize(begins=st.sampled_from(STARTS), opening=st.lists(skus, min_size=1, max_size=3))
    def begin(self, begins: tuple[datetime, str], opening: list[str]) -> None:
        start, zone = begins
        self.clock.start(start, seed=1)
        models.Customer.objects.update(zone=zone)
        self.reference = TimeReference(start, zone, WAYS, OVERDRAFT)
        for sku in opening:
            self._grant_product(sku, 1, None)

    # --- acts

    @rule(sku=skus, pieces=st.sampled_from([1, 1, 2]), days=days)
    def grant_product(self, sku: str, pieces: int, days: int | None) -> None:
        self._grant_product(sku, pieces, days)

    def _grant_product(self, sku: str, pieces: int, days: int | None) -> None:
        end = None if days is None else self.clock.now + timedelta(days=days)
        expected = [self.reference.grant(line, end, pieces) for line in CATALOGUE[sku]]
        self.sound = False
        made = QuotaService.grant_product(self.ann, sku, quantity=pieces, expires_at=end)
        for grant, row in zip(expected, made, strict=True):
            self._name(grant, row.pk)
            if grant.allowance is not None:
                self._name(grant.allowance, row.allowance_id)
        self._compare()
        self.sound = True

    @rule(feature=features, quantity=some, seconds=st.sampled_from([None, 60, 90_000]))
    def grant_feature(self, feature: str, quantity: int | None, seconds: int | None) -> None:
        end = None if seconds is None else self.clock.now + timedelta(seconds=seconds)
        expected = self.reference.grant(Line(feature=feature, quantity=quantity), end)
        self.sound = False
        (made,) = QuotaService.grant_feature(self.ann, feature, quantity=quantity, expires_at=end)
        self._name(expected, made.pk)
        self._compare()
        self.sound = True

    @rule(feature=features, quantity=quantities)
    def consume(self, feature: str, quantity: int) -> None:
        self._play(
            lambda: self.reference.consume(feature, quantity),
            lambda: QuotaService.consume_quota(self.ann, feature, quantity=quantity),
            self._same_usage,
        )

    @rule(feature=features, quantity=quantities, seconds=times)
    def hold(self, feature: str, quantity: int, seconds: int) -> None:
        self._play(
            lambda: self.reference.hold(feature, quantity, seconds),
            lambda: QuotaService.hold_quota(self.ann, feature, quantity, ttl=seconds),
            self._same_hold,
        )

    @precondition(lambda self: self.reference.holds)
    @rule(nth=nth, quantity=some, final=st.booleans(), key=st.sampled_from([None, "c1", "c2"]))
    def capture(self, nth: int, quantity: int | None, final: bool, key: str | None) -> None:
        hold = _pick(self.reference.holds, nth)
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
        hold = _pick(self.reference.holds, nth)
        self._play(
            lambda: self.reference.release(hold),
            lambda: QuotaService.release_hold(self.ids[hold]),
            lambda replayed, actual: _equal(actual.replayed, replayed),
        )

    @precondition(lambda self: self.reference.holds)
    @rule(nth=nth, seconds=times)
    def extend(self, nth: int, seconds: int) -> None:
        hold = _pick(self.reference.holds, nth)
        self._play(
            lambda: self.reference.extend(hold, seconds),
            lambda: QuotaService.extend_hold(self.ids[hold], ttl=seconds, idempotency_key=self._key()),
            lambda _, actual: _equal(actual.expires_at, hold.end),
        )

    @rule(nth=nth, quantity=some, allowance=st.sampled_from([False, False, False, True]))
    def revoke(self, nth: int, quantity: int | None, allowance: bool) -> None:
        """A grant that has a row: one of an allowance has none until somebody writes. Or an allowance."""
        if allowance and self.reference.allowances:
            self._revoke_allowance(nth)
            return
        known = list(models.Grant.objects.order_by("pk").values_list("pk", flat=True))
        if not known:
            return
        pk = _pick(known, nth)
        grant = self._grant(pk)
        self._play(
            lambda: self.reference.revoke(grant, quantity),
            lambda: QuotaService.revoke_grant(pk, quantity=quantity, idempotency_key=self._key()),
            lambda replayed, actual: _equal(actual.replayed, replayed),
        )

    def _revoke_allowance(self, nth: int) -> None:
        allowance = _pick(self.reference.allowances, nth)
        self._play(
            lambda: self.reference.revoke_allowance(allowance),
            lambda: QuotaService.revoke_allowance(self.ids[allowance]),
            lambda replayed, actual: _equal(actual.replayed, replayed),
        )

    @precondition(lambda self: self.reference.usages)
    @rule(nth=nth, quantity=some)
    def reverse(self, nth: int, quantity: int | None) -> None:
        usage = _pick(self.reference.usages, nth)
        self._play(
            lambda: self.reference.reverse(usage, quantity),
            lambda: QuotaService.reverse_usage(self.ids[usage], quantity=quantity, idempotency_key=self._key()),
            lambda balance, actual: _equal(actual.balance, balance),
        )

    @rule(
        span=spans,
        swept=st.sampled_from([False, False, True]),
    )
    def let_time_pass(self, span: str | timedelta, swept: bool) -> None:
        if isinstance(span, timedelta):
            moment = self.clock.now + span
        else:
            moments = sorted({at for at in self.reference.moments() if at > self.clock.now}) or [self.clock.now]
            moment = moments[min(4, len(moments) - 1)] if span == "to the fifth" else moments[0]
            moment -= timedelta(microseconds=span == "to just before it")
        self._move_to(max(self.clock.now, moment))
        self.sound = False
        self._compare_all()
        if swept:
            self._sweep()
        self.sound = True

    def _move_to(self, moment: datetime) -> None:
        self.clock.now = moment
        self.reference.move(moment)

    # --- comparing

    def _play(
        self,
        expect: Callable[[], Any],
        act: Callable[[], Any],
        same: Callable[[Any, Any], None],
        *,
        moves_units: bool = True,
    ) -> None:
        self.sound = False
        expected = _outcome(expect)
        # What an act let end now has ended.
        self.reference.move(self.clock.now)
        before = _writes()
        actual = _outcome(act)
        if isinstance(expected, No):
            assert isinstance(actual, BillableError), f"answered {actual}, expected {expected.codes}"
            assert actual.code in expected.codes
            assert _writes() == before
        else:
            assert not isinstance(actual, BillableError), f"refused with {actual!r}"
            same(expected, actual)
            if moves_units:
                self._compare()
        self.sound = True

    def _same_usage(self, expected: reference.Usage, actual: models.Usage) -> None:
        assert self.ids.setdefault(expected, actual.pk) == actual.pk
        assert (actual.feature.key, actual.quantity) == (expected.feature, expected.quantity)
        assert (actual.late, actual.balance) == (expected.late, expected.balance)

    def _same_hold(self, expected: reference.Hold, actual: models.Hold) -> None:
        self.ids[expected] = actual.pk
        assert (actual.quantity, actual.balance) == (expected.quantity, expected.balance)
        assert actual.expires_at == expected.end

    def _compare(self) -> None:
        """What is left of everything: one statement."""
        listed = {each.feature: each for each in QuotaService.balances(self.ann)}
        assert set(listed) == {feature for feature in FEATURES if self.reference.is_listed(feature)}
        for feature, each in listed.items():
            ends = [grant.end for grant in self.reference.in_burn_order(feature) if grant.end is not None]
            assert (each.balance, each.held) == (self.reference.balance(feature), self.reference.held(feature))
            assert each.owed == self.reference.owed(feature)
            assert each.allowed is self.reference.may(feature, 1, overdraw=True)
            assert each.next_reset_at == self.reference.next_reset(feature)
            assert each.expires_at == min(ends, default=None)
            assert (each.cap and (each.cap.used, each.cap.quantity, each.cap.resets_at)) == self.reference.cap(feature)

    def _compare_all(self) -> None:
        """And what pays for what, in which order."""
        self._compare()
        for feature in FEATURES:
            grants = self.reference.in_burn_order(feature)
            check = QuotaService.check_quota(self.ann, feature, quantity=2)
            assert check.balance == self.reference.balance(feature)
            assert check.allowed is self.reference.may(feature, 2, overdraw=True)
            if not check.allowed and not self.reference.owed(feature):
                lifted = self.reference.without_caps(feature)
                assert (check.code == "cap_reached") is (lifted is None or lifted >= 2)
            assert check.grant_count == len(grants)
            told = [
                (each.feature, each.source, each.remaining, each.available, each.expires_at) for each in check.grants
            ]
            assert told == [
                (grant.feature, grant.source, grant.left, grant.gives(self.clock.now), grant.end)
                for grant in grants[:20]
            ]
        assert QuotaService.entitlement_value(self.ann, "seats") == self.reference.value("seats")

    def _sweep(self) -> None:
        """Write down what is due: no answer changes, and each row is as it is in truth."""
        before = _answers(self.ann)
        QuotaService.expire_grants()
        assert _answers(self.ann) == before
        self._compare_rows()

    def _compare_rows(self) -> None:
        columns = ("pk", "allowance", "rolled_from", "period_index", "origin", "remaining", "held")
        seen = set()
        for pk, *found, left, held in models.Grant.objects.order_by("pk").values_list(*columns):
            grant = self._grant(pk, *found)
            assert (left, held) == (grant.left, grant.held)
            seen.add(grant)
        assert all(grant in seen for grant in self.reference.running if grant.left != 0)
        holds = {pk: tuple(values) for pk, *values in models.Hold.objects.values_list("pk", "closed_as", "captured")}
        for hold in self.reference.holds:
            assert holds[self.ids[hold]] == (hold.status.replace("held", ""), hold.captured)

    def _name(self, thing: Any, pk: Any) -> None:
        self.ids[thing], self.by_id[pk] = pk, thing

    def _grant(self, pk: Any, *found: Any) -> reference.Grant:
        """What a row stands for; one that an allowance gave is known by its period, an heir by its line and its age."""
        if pk not in self.by_id:
            columns = ("allowance", "rolled_from", "period_index", "origin")
            allowance, rolled, index, origin = found or models.Grant.objects.values_list(*columns).get(pk=pk)
            if origin is not None:
                line = models.Grant.objects.filter(origin=origin).order_by("pk").values_list("pk", flat=True)
                for heir, each in zip(self.by_id[origin].heirs, line, strict=True):
                    self._name(heir, each)
                return self.by_id[pk]
            period = (index, "allowance") if rolled is None else (rolled, "rollover")
            self._name(self.reference.named[self.by_id[allowance].number, period[1], period[0]], pk)
        grant: reference.Grant = self.by_id[pk]
        return grant

    def _key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"


def _answers(customer: CustomerRef) -> Any:
    """Everything that can be asked, but for the ids of what has no row yet."""
    checks = [QuotaService.check_quota(customer, feature, quantity=2) for feature in FEATURES]
    grants = [[asdict(each) | {"grant_id": None} for each in check.grants] for check in checks]
    return QuotaService.balances(customer), [tuple(check) for check in checks], [check.code for check in checks], grants


def _writes() -> Any:
    """What is the same as long as nobody wrote."""
    if connection.vendor == "sqlite":
        return connection.connection.total_changes
    return rows.everything()


def _outcome(act: Callable[[], Any]) -> Any:
    """The answer, or the refusal."""
    try:
        return act()
    except (BillableError, No) as refusal:
        return refusal


def _equal(actual: Any, expected: Any) -> None:
    assert actual == expected


def _pick(choices: list[Any], nth: int) -> Any:
    """One of them; 0 is the latest."""
    return choices[-1 - nth % len(choices)]


def _line(line: Line) -> dict[str, Any]:
    given: dict[str, Any] = {"feature": line.feature, "quantity": line.quantity, "priority": line.priority}
    given |= {"period": _span(line.span), "reset": _span(line.reset)}
    if line.rollover is not None:
        given["rollover_quantity"], given["rollover_periods"] = line.rollover
    if line.value is not None:
        given["value"] = line.value
    if line.cap is not None:
        given["cap_quantity"], given["cap_period"] = line.cap[0], _span(line.cap[1])
    return given


def _span(span: Span | None) -> str | None:
    return None if span is None else f"{span[0]} {span[1]}"
