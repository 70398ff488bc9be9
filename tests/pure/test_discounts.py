"""What a promotion takes off, and how an amount is split so that its parts add up."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from billable.money import apportion
from billable.promotions.discounts import fixed, percentage
from tests.pure.proof import proof

amounts = st.lists(st.integers(0, 10**15), max_size=12)
percents = st.decimals("0.0001", 100, places=4)


@proof
@given(amounts, percents)
def test_a_percentage_is_rounded_down_line_by_line(costs: list[int], percent: Decimal) -> None:
    off = percentage(costs, percent)
    for cost, part in zip(costs, off, strict=True):
        exact = cost * Decimal(percent).scaleb(4)
        assert part * 10**6 <= exact < (part + 1) * 10**6
        assert 0 <= part <= cost


@proof
@given(amounts)
def test_all_of_it_is_all_of_it(costs: list[int]) -> None:
    assert percentage(costs, Decimal(100)) == costs
    assert fixed(costs, 10**18) == costs


@proof
@given(amounts, st.integers(0, 10**16))
def test_a_fixed_amount_is_taken_off_whole_and_no_line_goes_below_nothing(costs: list[int], amount: int) -> None:
    off = fixed(costs, amount)
    assert sum(off) == min(amount, sum(costs))
    assert all(0 <= part <= cost for part, cost in zip(off, costs, strict=True))


@proof
@given(st.integers(0, 10**16), amounts)
def test_parts_add_up_and_each_is_its_share_within_one(amount: int, weights: list[int]) -> None:
    parts = apportion(amount, weights)
    whole = sum(weights)
    assert sum(parts) == (amount if whole else 0)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * whole - amount * weight) < max(whole, 1)
        assert part == 0 or weight
        assert 0 <= part <= weight or amount > whole


def test_what_is_left_over_goes_to_the_largest_remainders_and_of_equals_to_the_first() -> None:
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(100, [333, 333, 334]) == [33, 33, 34]
    assert apportion(0, [0, 0]) == [0, 0]
    assert apportion(5, [7, 2, 1]) == [4, 1, 0]
    assert apportion(10, [1, 2, 3]) == [2, 3, 5]
    assert fixed([999, 500, 0], 100) == [67, 33, 0]
