"""Changes of plan: what is credited, charged and given, and that no sequence of them yields units for less."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.changes import proration
from billable.changes.kinds import MoneyPolicy, UnitPolicy
from billable.changes.proration import Agreed, Left, Outcome, Paid, Plan, Promise, Tally, add, change
from billable.errors import UnpaidUnits
from billable.shares import time_left
from tests.pure.farm import START, Offer, Shop, search
from tests.pure.proof import proof

MONTH = timedelta(days=30)
END = START + MONTH
PRO_RATA, GIFT = MoneyPolicy.PRO_RATA_SECONDS, MoneyPolicy.NONE


def paid(value: int, granted: int | None, unused: int | None, *, begins: int = 0, feature: str = "pages") -> Paid:
    left = Left(feature=feature, granted=granted, unused=unused)
    return Paid(value_minor=value, begins=START + timedelta(days=begins), ends=END, lines=(left,))


def plan(price: int, *quantities: int | None, is_new_period: bool = False) -> Plan:
    lines = tuple(Promise(feature="pages", quantity=each) for each in quantities)
    return Plan(price_minor=price, begins=START, ends=END, lines=lines, is_new_period=is_new_period)


def changed(old: Paid, new: Plan, units: str, *, day: int = 15, **facts: Any) -> Outcome:
    facts = {"money": PRO_RATA, "tally": Tally(), **facts}
    return change((old,), new, units=UnitPolicy(units), now=START + timedelta(days=day), **facts)


# --- what each policy does ----------------------------------------------------------------------


def test_the_smaller_share_is_credited_and_the_larger_is_charged() -> None:
    used = Tally(used={"pages": 70})
    up = changed(paid(1000, 100, 30), plan(2400, 300), "carry_usage", tally=used)
    # Of the old, half the time and 30 % of the units are left; of the new, half the time and 230 of 300 are given.
    assert (up.credited_minor, up.charged_minor, up.given, up.due_minor) == (300, 1840, (230,), 1540)
    untouched = changed(paid(1000, 100, 100), plan(2400, 300), "pro_rata_units")
    assert (untouched.credited_minor, untouched.charged_minor, untouched.given) == (500, 1200, (150,))


def test_units_given_again_are_paid_for_in_full() -> None:
    again = changed(paid(1000, 100, 30), plan(2400, 300), "regrant")
    assert (again.credited_minor, again.charged_minor, again.given) == (300, 2400, (300,))


def test_a_balance_that_is_kept_is_not_credited() -> None:
    kept = changed(paid(1000, 100, 30), plan(2400, 300), "carry_balance")
    assert (kept.credited_minor, kept.charged_minor, kept.given) == (0, 2400, (300,))
    # Unlimited use is no balance that anybody could keep: it is credited by time.
    assert changed(paid(1000, None, None), plan(2400, 300), "carry_balance").credited_minor == 500


def test_going_down_leaves_credit_and_no_units_that_were_used() -> None:
    down = changed(paid(2400, 300, 150), plan(1000, 100), "carry_usage", tally=Tally(used={"pages": 150}))
    assert (down.credited_minor, down.charged_minor, down.given) == (1200, 500, (0,))
    assert (down.due_minor, down.left_over_minor) == (0, 700)


def test_what_a_plan_gives_twice_pays_for_what_was_used_line_by_line() -> None:
    twice = changed(paid(1000, 100, 0), plan(2400, 80, 300), "carry_usage", tally=Tally(used={"pages": 100}))
    assert twice.given == (0, 280)
    assert twice.charged_minor == 2240


def test_unlimited_features_are_credited_and_charged_by_time() -> None:
    unlimited = changed(paid(1000, None, None), plan(2400, None), "carry_usage", day=10)
    assert (unlimited.credited_minor, unlimited.charged_minor, unlimited.given) == (666, 1600, (None,))


def test_a_new_period_has_no_use_in_it_and_costs_its_whole_price() -> None:
    year = dataclasses.replace(plan(9900, 1500, is_new_period=True), begins=START + timedelta(days=15), ends=None)
    new = changed(paid(1000, 100, 30), year, "carry_usage", tally=Tally(used={"pages": 70}))
    assert (new.credited_minor, new.charged_minor, new.given) == (300, 9900, (1500,))


def test_added_seats_cost_and_give_the_time_that_is_left() -> None:
    two = add(plan(2000, 201), now=START + timedelta(days=15))
    assert (two.credited_minor, two.charged_minor, two.given) == (0, 1000, (100,))


def test_a_gift_carries_the_value_on_and_never_more_units_than_the_plan_has() -> None:
    gift = changed(paid(1000, 100, 30), plan(2400, 300), "carry_usage", money=GIFT, tally=Tally(used={"pages": 70}))
    assert (gift.credited_minor, gift.charged_minor, gift.due_minor, gift.given) == (300, 300, 0, (230,))
    kept = Tally(used={"pages": 70}, kept={"pages": 200})
    assert changed(paid(1000, 100, 30), plan(2400, 300), "pro_rata_units", money=GIFT, tally=kept).given == (30,)


def test_a_plan_that_costs_nothing_gives_no_more_than_it_has_in_a_period() -> None:
    free = plan(0, 10)
    assert changed(paid(0, 10, 10), free, "regrant", tally=Tally(used={"pages": 4})).given == (6,)
    assert changed(paid(0, 10, 6), free, "carry_balance", tally=Tally(used={"pages": 4})).given == (0,)


@pytest.mark.parametrize("units", ["regrant", "carry_balance"])
def test_units_are_not_given_again_for_nothing(units: str) -> None:
    with pytest.raises(UnpaidUnits) as refusal:
        changed(paid(1000, 100, 30), plan(2400, 300), units, money=GIFT)
    assert (refusal.value.field, refusal.value.code) == ("units", "unpaid_units")


@pytest.mark.parametrize(("price", "money"), [(2400, GIFT), (0, PRO_RATA)])
def test_a_period_does_not_begin_for_nothing(price: int, money: MoneyPolicy) -> None:
    with pytest.raises(UnpaidUnits) as refusal:
        changed(paid(1000, 100, 30), plan(price, 300, is_new_period=True), "carry_usage", money=money)
    assert refusal.value.field == "at"


def test_units_used_while_the_money_was_under_way_are_not_credited_and_not_given() -> None:
    asked = changed(paid(2400, 300, 150), plan(5000, 400), "regrant")
    assert (asked.credited_minor, asked.due_minor) == (1200, 3800)
    agreed = Agreed(credited_minor=1200, paid_minor=3800)
    settled = changed(paid(2400, 300, 0), plan(5000, 400), "regrant", agreed=agreed)
    # 1200 of credit is gone, so 3800 of 5000 is paid: 304 of 400.
    assert (settled.credited_minor, settled.charged_minor, settled.given) == (0, 3800, (304,))


def test_units_that_came_back_while_the_money_was_under_way_are_not_credited_either() -> None:
    settled = changed(paid(2400, 300, 300), plan(5000, 400), "regrant", agreed=Agreed(credited_minor=9, paid_minor=1))
    assert (settled.credited_minor, settled.charged_minor, settled.given) == (9, 10, (0,))


# --- what the proof says, for any numbers -------------------------------------------------------

FEATURES = ("pages", "images")
quantities = st.none() | st.integers(1, 1000)
olds = st.builds(
    lambda value, begins, ends, lines: Paid(
        value_minor=value,
        begins=START + timedelta(hours=begins),
        ends=None if ends is None else START + timedelta(hours=begins + ends),
        lines=tuple(
            Left(feature=name, granted=granted, unused=None if granted is None else min(unused, granted))
            for name, granted, unused in lines
        ),
    ),
    st.integers(0, 10**6),
    st.integers(0, 700),
    st.none() | st.integers(1, 700),
    st.lists(st.tuples(st.sampled_from(FEATURES), quantities, st.integers(0, 1000)), max_size=3),
)
news = st.builds(
    lambda price, lines, is_new: Plan(
        price_minor=price,
        begins=START,
        ends=END,
        lines=tuple(Promise(feature=name, quantity=quantity) for name, quantity in lines),
        is_new_period=is_new,
    ),
    st.integers(0, 10**6),
    st.lists(st.tuples(st.sampled_from(FEATURES), quantities), max_size=3),
    st.booleans(),
)
counts = st.dictionaries(st.sampled_from(FEATURES), st.integers(0, 1500))
tallies = st.builds(lambda used, kept: Tally(used=used, kept=kept), counts, counts)
agreements = st.none() | st.builds(
    lambda credit, cash: Agreed(credited_minor=credit, paid_minor=cash), st.integers(0, 10**6), st.integers(0, 10**6)
)


@proof
@given(
    old=st.lists(olds, max_size=3),
    new=news,
    money=st.sampled_from(MoneyPolicy),
    units=st.sampled_from(UnitPolicy),
    tally=tallies,
    hours=st.integers(0, 719),
    agreed=agreements,
)
def test_kept_and_charged_are_never_less_than_the_units_cost(
    old: Sequence[Paid],
    new: Plan,
    money: MoneyPolicy,
    units: UnitPolicy,
    tally: Tally,
    hours: int,
    agreed: Agreed | None,
) -> None:
    now = START + timedelta(hours=hours)
    try:
        outcome = change(old, new, money=money, units=units, tally=tally, now=now, agreed=agreed)
    except UnpaidUnits:
        assert money is GIFT or not new.price_minor
        return
    for each, credit in zip(old, outcome.credits_minor, strict=True):
        assert 0 <= credit <= each.value_minor
        if each.ends is not None:
            assert credit <= time_left(each.begins, each.ends, now) * each.value_minor
        for line in each.lines:
            if line.granted:
                used = line.granted if units is UnitPolicy.CARRY_BALANCE else line.granted - (line.unused or 0)
                assert (each.value_minor - credit) * line.granted >= each.value_minor * used
    is_free = money is GIFT or not new.price_minor
    for line, units_given in zip(new.lines, outcome.given, strict=True):
        assert (units_given is None) == (line.quantity is None)
        if line.quantity is not None and units_given is not None:
            assert 0 <= units_given <= line.quantity
            if not is_free:
                assert outcome.charged_minor * line.quantity >= new.price_minor * units_given
    if is_free:
        for feature in FEATURES:
            every = [line.quantity for line in new.lines if line.feature == feature]
            given_now = sum(
                each or 0 for line, each in zip(new.lines, outcome.given, strict=True) if line.feature == feature
            )
            if None not in every and given_now:
                stood = tally.used.get(feature, 0) + tally.kept.get(feature, 0)
                assert given_now + stood <= sum(each or 0 for each in every)
    if agreed is None and not is_free:
        assert outcome.charged_minor >= time_left(new.begins, END, now) * new.price_minor
    if agreed is not None:
        assert outcome.credited_minor <= agreed.credited_minor
    assert outcome.charged_minor - outcome.credited_minor == outcome.due_minor - outcome.left_over_minor


# --- the search ---------------------------------------------------------------------------------

# A market where every unit costs the same, so that one unit or one cent too much is seen at once.
FLAT = Shop(
    plans=(Offer("basic", 1000, 100, 30), Offer("pro", 3000, 300, 30), Offer("year", 15000, 1500, 365)),
    packs=(Offer("pack", 1000, 100, 0),),
)
# And one as usual, where who buys more pays less, with a code. BILLABLE_SEARCH_DEPTH=6 walks it as far as the other.
USUAL = Shop(
    plans=(Offer("basic", 1000, 100, 30), Offer("pro", 2400, 300, 30), Offer("year", 9900, 1500, 365)),
    packs=(Offer("pack", 900, 100, 0),),
    code_percent=20,
)
SEARCHES = {"flat": (FLAT, 6), "usual": (USUAL, int(os.environ.get("BILLABLE_SEARCH_DEPTH", "5")))}


@pytest.mark.parametrize(
    ("market", "number"),
    [(name, number) for name, (shop, _) in SEARCHES.items() for number, _ in enumerate(shop.starts())],
)
def test_no_sequence_of_six_steps_yields_more_units_per_money_than_the_best_single_purchase(
    market: str, number: int
) -> None:
    shop, depth = SEARCHES[market]
    first, gain = list(shop.starts())[number]
    shop.remembered.clear()
    walked = 0
    for largest, count in search(shop, {first: gain}, depth):
        assert largest <= 0
        walked += count
    assert walked > 20_000


def test_the_search_looks_at_every_sequence() -> None:
    together = [gain for gain, _ in search(USUAL, dict(USUAL.starts()), 3)]
    assert together == [gain for gain, _ in search(USUAL, dict(USUAL.starts()), 3, merging=False)]


def farmed(depth: int) -> int:
    """The largest gain in a market that remembers nothing yet."""
    market = dataclasses.replace(USUAL, remembered={}, seats={})
    return max(gain for gain, _ in search(market, dict(market.starts()), depth))


def _time_alone(each: Paid, units: UnitPolicy, now: Any) -> int:
    return int(time_left(each.begins, each.ends or END, now) * each.value_minor)


def _time_charged(new: Plan, given: object, now: Any) -> Fraction:
    return time_left(new.begins, new.ends or END, now)


@pytest.mark.parametrize(("rule", "instead"), [("_credit", _time_alone), ("_charged_share", _time_charged)])
def test_the_search_finds_the_farm_that_time_alone_would_be(
    rule: str, instead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proration, rule, instead)
    assert farmed(3) > 0


def test_money_that_comes_late_would_be_a_farm_at_the_numbers_of_the_day_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proration, "_no_more_than_paid", lambda new, given, value: given)
    assert farmed(4) > 0


@pytest.mark.parametrize(("prices", "money"), [((1000, 2400, 5000), GIFT), ((0, 0, 1000), PRO_RATA)])
def test_changes_that_charge_nothing_never_mint(prices: tuple[int, int, int], money: MoneyPolicy) -> None:
    plans = [Offer(name, price, size, 30) for name, price, size in zip("abc", prices, (100, 300, 200), strict=True)]
    shop = Shop(plans=tuple(plans), money=money)
    assert largest_use(shop, 6) == 300


def largest_use(shop: Shop, depth: int) -> int:
    """The most units that anybody gets by changes and use alone."""
    most, places = 0, {(place, place.alive) for place, _ in shop.starts()}
    for _ in range(depth):
        reached = set()
        for place, units in places:
            for step in shop.steps(place):
                if step.cash == 0 and step.act[0] not in ("ask", "ask seat", "seat"):
                    reached.add((step.lead(), units + step.units + step.used))
        places = reached
        most = max([most, *(units for _, units in places)])
    return most
