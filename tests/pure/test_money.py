"""Money: what comes in as a decimal goes out as the same decimal, to the last digit, in any currency."""

from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.errors import CurrencyMismatch, Invalid
from billable.money import EXPONENTS, MAX_AMOUNT_MINOR, Money, exponent_of
from tests.pure.proof import proof

currencies = st.sampled_from(sorted(EXPONENTS))
amounts = st.integers(-MAX_AMOUNT_MINOR, MAX_AMOUNT_MINOR)


@proof
@given(amounts, currencies)
def test_text_and_decimal_read_back_as_the_same_money(amount_minor: int, currency: str) -> None:
    money = Money(amount_minor, currency)
    assert Money.parse(money.text(), currency) == money
    assert Money.parse(f"{money.decimal():f}", currency) == money
    assert money.decimal() * 10 ** EXPONENTS[currency] == amount_minor


@proof
@given(amounts, currencies, st.integers(1, 6))
def test_no_digit_depends_on_the_decimal_context_of_the_caller(amount_minor: int, currency: str, digits: int) -> None:
    money = Money(amount_minor, currency)
    text, number = money.text(), money.decimal()
    with decimal.localcontext() as context:
        context.prec = digits
        assert money.text() == text
        assert money.decimal() == number
        assert Money.parse(text, currency) == money


@proof
@given(amounts, currencies)
def test_text_has_exactly_the_decimals_of_the_currency(amount_minor: int, currency: str) -> None:
    _, _, fraction = Money(amount_minor, currency).text().partition(".")
    assert len(fraction) == EXPONENTS[currency]


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("9.99", "EUR", 999),
        ("10", "EUR", 1000),
        ("0.5", "USD", 50),
        ("1.10", "USD", 110),
        ("9.990000", "EUR", 999),
        ("500", "JPY", 500),
        ("500", "XTR", 500),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
        ("-3.00", "EUR", -300),
        ("-0.00", "EUR", 0),
        ("0", "EUR", 0),
        ("10000000000000.00", "EUR", MAX_AMOUNT_MINOR),
    ],
)
def test_a_decimal_string_is_read_by_the_exponent_of_its_currency(text: str, currency: str, minor: int) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "abc",
        "9,99",
        "1e3",
        "1E3",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "0x10",
        "1_000",
        " 1",
        "1 ",
        "1\n",
        "--1",
        "1.2.3",
        ".",
        "-",
        "٣",
        "\uff19.99",
        "9.99€",
        "$9",
        "1" * 33,
        "9" * 32,
        "10000000000000.01",
        "\x00",
        "1\x00",
        None,
        1,
        9.99,
        True,
        b"9.99",
        Decimal("9.99"),
        ["9.99"],
    ],
)
def test_what_is_no_plain_decimal_string_is_refused(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        Money.parse(bad, "EUR", field="price")  # type: ignore[arg-type]  # on purpose
    assert refusal.value.field == "price"


@pytest.mark.parametrize(
    ("text", "currency"),
    [("9.999", "EUR"), ("0.5", "JPY"), ("0.1", "XTR"), ("1.2345", "KWD"), ("9.9900000000000000000000000001", "EUR")],
)
def test_more_decimals_than_the_currency_has_are_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(Invalid):
        Money.parse(text, currency)


@proof
@given(st.text(max_size=12), currencies)
def test_any_text_is_money_or_refused(text: str, currency: str) -> None:
    try:
        money = Money.parse(text, currency)
    except Invalid:
        return
    assert Decimal(money.text()) == Decimal(text)


@pytest.mark.parametrize("currency", ["", "eur", "ABC", "EURO", "€", "EUR ", "\0"])
def test_an_unknown_currency_is_an_error(currency: str) -> None:
    with pytest.raises(Invalid) as refusal:
        exponent_of(currency)
    assert refusal.value.field == "currency"
    with pytest.raises(Invalid):
        Money(1, currency).text()


@pytest.mark.parametrize(("currency", "exponent"), [("EUR", 2), ("JPY", 0), ("BHD", 3), ("CLF", 4), ("XTR", 0)])
def test_the_exponents_are_those_of_iso_4217_and_of_telegram_stars(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


def test_further_currencies_have_the_decimals_that_they_are_given() -> None:
    points = {"POINTS": 1}
    assert Money.parse("1.5", "POINTS", extra=points) == Money(15, "POINTS")
    assert Money(15, "POINTS").text(points) == "1.5"
    with pytest.raises(Invalid):
        Money.parse("1.55", "POINTS", extra=points)


def test_money_adds_up_within_one_currency_only() -> None:
    assert Money(999, "EUR") + Money(1, "EUR") == Money(1000, "EUR")
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


def test_money_reads_as_a_person_writes_it() -> None:
    assert str(Money(999, "EUR")) == "9.99 EUR"
    assert str(Money(-5, "EUR")) == "-0.05 EUR"
    assert str(Money(500, "JPY")) == "500 JPY"
