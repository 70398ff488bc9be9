"""What an order costs, and in which one currency."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.errors import CurrencyMismatch, Invalid, NotForSale
from billable.money import MAX_AMOUNT_MINOR
from billable.orders.pricing import Charge, Wanted, amounts_minor, charges, choose_currency, tax_minor
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
def test_a_line_costs_its_price_times_its_quantity(lines: list[Wanted]) -> None:
    shared = set.intersection(*(set(line.prices) for line in lines))
    for currency in shared:
        each = [line.prices[currency] * line.quantity for line in lines]
        assert amounts_minor(lines, currency) == each
        charged = charges(lines, currency, [0] * len(lines), tax_included=True)
        assert [(charge.total_minor, charge.tax_minor) for charge in charged] == [(amount, 0) for amount in each]


def test_a_total_past_the_largest_amount_is_refused() -> None:
    largest = [Wanted("a", 10**6, {"EUR": MAX_AMOUNT_MINOR // 10**6})]
    assert amounts_minor(largest, "EUR") == [MAX_AMOUNT_MINOR]
    with pytest.raises(Invalid) as refusal:
        amounts_minor([*largest, Wanted("b", 1, {"EUR": 1})], "EUR")
    assert refusal.value.field == "items"
    taxed = [Wanted("a", 10**6, {"EUR": MAX_AMOUNT_MINOR // 10**6}, Decimal("0.0001"))]
    with pytest.raises(Invalid) as refusal:
        charges(taxed, "EUR", [0], tax_included=False)
    assert refusal.value.field == "items"


rates = st.decimals(0, 100, places=4)
priced = st.tuples(st.integers(0, 10**12), st.integers(1, 1000), rates)


@proof
@given(st.lists(priced, min_size=1, max_size=8), st.data(), st.booleans())
def test_every_line_is_charged_its_price_less_the_discount_with_the_tax_of_that(
    lines: list[tuple[int, int, Decimal]], data: st.DataObject, included: bool
) -> None:
    wanted = [Wanted("a", quantity, {"EUR": price}, rate) for price, quantity, rate in lines]
    discounts = [data.draw(st.integers(0, price * quantity)) for price, quantity, _ in lines]
    charged = charges(wanted, "EUR", discounts, tax_included=included)
    for line, off, charge in zip(wanted, discounts, charged, strict=True):
        price = line.prices["EUR"]
        gross = Fraction(charge.total_minor)
        net = price * line.quantity - off
        assert charge == Charge(
            unit_minor=price,
            discount_minor=off,
            tax_rate=line.tax_rate,
            tax_minor=charge.tax_minor,
            total_minor=net if included else net + charge.tax_minor,
        )
        rate = Fraction(line.tax_rate) / 100
        exact = gross * rate / (1 + rate) if included else net * rate
        assert -Fraction(1, 2) < charge.tax_minor - exact <= Fraction(1, 2)
        assert 0 <= charge.tax_minor <= charge.total_minor


@pytest.mark.parametrize(
    ("amount", "rate", "included", "tax"),
    [
        (1190, "19", True, 190),
        (1000, "19", False, 190),
        (999, "19", True, 160),  # 159.504…
        (50, "5", False, 3),  # 2.5 is rounded up
        (21, "5", True, 1),
        (10, "5", True, 0),  # 0.476…
        (11, "10", True, 1),
        (500, "8.875", False, 44),
        (0, "19", True, 0),
        (1234, "0", False, 0),
        (100, "100", True, 50),
    ],
)
def test_tax_is_rounded_half_up(amount: int, rate: str, included: bool, tax: int) -> None:
    assert tax_minor(amount, Decimal(rate), included=included) == tax


def test_the_line_without_a_price_in_the_currency_is_named() -> None:
    lines = [Wanted("a", 1, {"EUR": 1, "USD": 1}), Wanted("b", 1, {"EUR": 1})]
    with pytest.raises(CurrencyMismatch) as refusal:
        choose_currency(lines, "USD", "EUR")
    assert refusal.value.field == "items[1].sku"


def test_several_shared_currencies_and_no_default_among_them_must_be_chosen_from() -> None:
    with pytest.raises(Invalid, match="EUR, JPY"):
        choose_currency([Wanted("a", 1, {"JPY": 1, "EUR": 1})], None, "USD")
