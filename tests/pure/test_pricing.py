"""What an order costs, and in which one currency."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.errors import CurrencyMismatch, Invalid, NotForSale
from billable.money import MAX_AMOUNT_MINOR
from billable.orders.pricing import Wanted, choose_currency, total_minor
from tests.pure.proof import proof

codes = st.sampled_from(["EUR", "USD", "JPY", "XTR"])
orders = st.lists(
    st.builds(Wanted, st.sampled_from("abc"), st.integers(1, 10**6), st.dictionaries(codes, st.integers(0, 10**6))),
    min_size=1,
    max_size=5,
)


@proof
@given(orders, st.none() | codes, codes)
def test_the_currency_is_one_in_which_every_line_has_a_price_or_there_is_none(
    lines: list[Wanted], asked: str | None, default: str
) -> None:
    shared = set.intersection(*(set(line.prices) for line in lines))
    try:
        chosen = choose_currency(lines, asked, default)
    except NotForSale:
        assert not all(line.prices for line in lines)
    except CurrencyMismatch:
        assert not shared if asked is None else asked not in shared
    except Invalid:
        assert asked is None
        assert len(shared) > 1
        assert default not in shared
    else:
        assert chosen in shared
        assert asked in (None, chosen)
        if asked is None and default in shared:
            assert chosen == default


@proof
@given(orders)
def test_the_total_is_the_sum_of_prices_times_quantities(lines: list[Wanted]) -> None:
    shared = set.intersection(*(set(line.prices) for line in lines))
    for currency in shared:
        total = sum(line.prices[currency] * line.quantity for line in lines)
        assert total_minor(lines, currency) == total


def test_a_total_past_the_largest_amount_is_refused() -> None:
    largest = [Wanted("a", 10**6, {"EUR": MAX_AMOUNT_MINOR // 10**6})]
    assert total_minor(largest, "EUR") == MAX_AMOUNT_MINOR
    with pytest.raises(Invalid) as refusal:
        total_minor([*largest, Wanted("b", 1, {"EUR": 1})], "EUR")
    assert refusal.value.field == "items"


def test_the_line_without_a_price_in_the_currency_is_named() -> None:
    lines = [Wanted("a", 1, {"EUR": 1, "USD": 1}), Wanted("b", 1, {"EUR": 1})]
    with pytest.raises(CurrencyMismatch) as refusal:
        choose_currency(lines, "USD", "EUR")
    assert refusal.value.field == "items[1].sku"


def test_several_shared_currencies_and_no_default_among_them_must_be_chosen_from() -> None:
    with pytest.raises(Invalid, match="EUR, JPY"):
        choose_currency([Wanted("a", 1, {"JPY": 1, "EUR": 1})], None, "USD")
