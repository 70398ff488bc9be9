"""What goes back: parts add up to the whole, in any order, and never to more than was paid."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billable.refunds import shares
from billable.refunds.kinds import RefundPolicy
from billable.refunds.shares import Stock
from billable.shares import portion
from tests.pure.proof import proof

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
moments = st.integers(-40, 40).map(lambda hours: NOON + timedelta(hours=hours))
amounts = st.integers(0, 10**15)


@proof
@given(paid=amounts, pieces=st.integers(1, 30), seed=st.integers(0, 10**6))
def test_pieces_add_up_to_what_was_paid_however_they_are_divided(paid: int, pieces: int, seed: int) -> None:
    chance, before, went = random.Random(seed), 0, 0
    while before < pieces:
        taken = chance.randint(1, pieces - before)
        went += shares.price_of_pieces(paid, pieces, before=before, taken=taken)
        before += taken
        assert went <= paid
    assert went == paid


@proof
@given(granted=st.integers(1, 10**12), parts=st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_units_follow_the_money_to_the_last_one(granted: int, parts: list[int]) -> None:
    paid, refunded, went = sum(parts), 0, 0
    if not paid:
        return
    for part in parts:
        refunded += part
        went += shares.units_for(granted, refunded=refunded, paid=paid, before=went)
        assert went <= granted
        assert went * paid <= granted * refunded
    assert went == granted


stocks = st.builds(
    lambda granted, unused, untouched, begins, hours, is_over: Stock(
        granted=granted,
        unused=None if granted is None else unused,
        untouched=untouched,
        begins=begins,
        ends=None if hours is None else begins + timedelta(hours=hours),
        is_over=is_over,
    ),
    st.none() | st.integers(1, 20),
    st.integers(0, 25),
    st.booleans(),
    moments,
    st.none() | st.integers(1, 40),
    st.booleans(),
)


@proof
@given(stock=stocks, policy=st.sampled_from(RefundPolicy), now=moments, paid=amounts)
def test_a_share_is_a_part_and_falls_as_time_goes_by(
    stock: Stock, policy: RefundPolicy, now: datetime, paid: int
) -> None:
    share = shares.share(stock, policy, now)
    assert 0 <= share <= 1
    assert 0 <= portion(share, paid) <= paid
    assert shares.share(stock, policy, now + timedelta(hours=1)) <= share
    if policy is RefundPolicy.FULL:
        assert share == 1
    elif stock.is_over:
        assert share == 0


def stock(**facts: object) -> Stock:
    kept = {"granted": None, "unused": None, "untouched": True, "begins": NOON, "ends": None}
    return Stock(**{**kept, **facts})  # type: ignore[arg-type]


def test_units_count_what_is_unused_and_time_what_is_left() -> None:
    day, half = NOON + timedelta(days=1), NOON + timedelta(hours=12)
    unused, time = RefundPolicy.UNUSED_ONLY, RefundPolicy.PRO_RATA_TIME
    finite = stock(granted=100, unused=30, ends=day)
    assert shares.share(finite, unused, half) == Fraction(3, 10)
    assert shares.share(finite, time, half) == Fraction(1, 2)
    assert shares.share(stock(granted=100, unused=30), time, half) == Fraction(3, 10)
    assert shares.share(stock(ends=day), unused, NOON - timedelta(days=9)) == 1
    assert shares.share(stock(ends=day), unused, day) == 0
    assert shares.share(stock(), unused, half) == 1
    assert shares.share(stock(untouched=False), time, half) == 0
    assert shares.share(stock(granted=10, unused=15), unused, half) == 1
