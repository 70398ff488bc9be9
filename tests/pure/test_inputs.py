"""Bad input, kind by kind: refused with the field's name, never rounded, cut or let through."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from uuid import UUID, uuid4

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from billable import inputs
from billable.errors import Invalid
from billable.money import MAX_AMOUNT_MINOR, Money
from tests.pure.proof import proof

# --- whole numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        0,
        -1,
        -(10**30),
        10**12 + 1,
        10**30,
        1.0,
        1.5,
        math.nan,
        math.inf,
        True,
        False,
        "1",
        "",
        b"1",
        None,
        [],
        [1],
        {},
        Decimal(1),
        Fraction(1),
        1j,
    ],
)
def test_a_quantity_is_a_whole_number_from_1_to_10_to_the_12(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.whole(bad, "quantity")
    assert refusal.value.field == "quantity"


@proof
@given(st.integers(1, 10**12))
def test_every_whole_number_in_range_is_itself(number: int) -> None:
    assert inputs.whole(number, "quantity") == number


# --- names --------------------------------------------------------------------------------------------

BAD_NAMES = [
    *[
        "",
        " ",
        " pdf",
        "pdf ",
        "pdf export",
        "-pdf",
        ".pdf",
        "_pdf",
        ":pdf",
        "pdf/export",
        "pdf\n",
        "pdf\0",
        "\x7f",
        "a" * 65,
    ],
    *[
        "é",
        "\uff30\uff24\uff26",
        "\u212a9",
        "\u0131",
        "İ",
        "ß",
        "p\u200bdf",
        "\u0440df",
        "pdf\ud800",
        "٣",
        "①",
        "🙂",
        "a+b",
        "a@b",
        "a%b",
        "a\\b",
    ],
    *[None, 1, 1.0, True, b"pdf", ["pdf"], {"pdf": 1}],
]


@pytest.mark.parametrize("bad", BAD_NAMES)
def test_a_name_is_ascii_letters_digits_and_four_signs(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.name(bad, "sku")
    assert refusal.value.field == "sku"
    assert inputs.known_name(bad) is None


@proof
@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True))
def test_a_good_name_is_lower_cased(name: str) -> None:
    assert inputs.name(name, "sku") == inputs.known_name(name) == name.lower()


@proof
@given(st.text(max_size=70))
def test_any_text_is_a_name_in_ascii_or_refused(text: str) -> None:
    name = inputs.known_name(text)
    assert name is None or (text.isascii() and name == text.lower() and inputs.name(name, "sku") == name)


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "\t",
        " key",
        "key ",
        "key\n",
        "\xa0key",
        "key\u2003",
        "a\x00b",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\ud800b",
        "k" * 201,
        None,
        1,
        True,
        b"key",
        ["key"],
    ],
)
def test_a_key_is_1_to_200_characters_without_control_characters_or_space_around(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.key(bad, "idempotency_key")
    assert refusal.value.field == "idempotency_key"


@pytest.mark.parametrize(
    "good", ["k", "k" * 200, "a b", "Ключ-1", "é", "e\u0301", "🙂", "\uff2b\uff25\uff39", "a'b\"c;--", "%s{}"]
)
def test_a_key_in_any_writing_stays_byte_for_byte(good: str) -> None:
    assert inputs.key(good, "idempotency_key") == inputs.optional_key(good) == good


def test_no_key_is_no_key() -> None:
    assert inputs.optional_key(None) is None


@proof
@given(st.text(max_size=30))
def test_any_text_is_a_key_as_it_stands_or_refused(text: str) -> None:
    try:
        assert inputs.key(text, "key") == text
    except Invalid:
        return
    assert text.encode()
    assert "\0" not in text
    assert text == text.strip()


# --- text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["a\0", "\x1b[31m", "\x7f", "\ud800", "x" * 501, None, 1, True, b"x", []])
def test_text_has_no_control_characters_but_line_ends_and_tabs(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.text(bad, "reason")
    assert refusal.value.field == "reason"


@pytest.mark.parametrize("good", ["", " ", "a\nb\r\n\tc", "x" * 500, "Grüße 🙂", "\u202eabc"])
def test_text_for_people_may_be_empty_and_have_lines(good: str) -> None:
    assert inputs.text(good, "reason") == good


# --- metadata -----------------------------------------------------------------------------------------------


def nested(levels: int) -> dict[str, object]:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return {"a": value}


@pytest.mark.parametrize(
    "bad",
    [[], [1], "{}", "", 1, True, b"{}", (("a", 1),), {1, 2}]
    + [{"a": math.nan}, {"a": math.inf}, {"a": -math.inf}, {"a": {"b": [math.nan]}}]
    + [{"a": object()}, {"a": {1}}, {"a": b"x"}, {"a": Decimal(1)}, {("a",): 1}, {"a": uuid4()}]
    + [{"a": "\0"}, {"\0": 1}, {"a": ["x\0y"]}, {"a": "\ud800"}, {"\udfff": 1}]
    + [{"a": 10**400}, {"a": "x" * 16_384}, {str(number): number for number in range(3000)}]
    + [nested(levels) for levels in (100, 900, 940, 990, 5_000, 100_000)],
    ids=lambda bad: str(bad)[:40] if not isinstance(bad, dict) or "a" not in bad else None,
)
def test_metadata_is_a_small_object_of_plain_json(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.metadata(bad)
    assert refusal.value.field == "metadata"


def test_metadata_that_contains_itself_is_refused() -> None:
    ring: dict[str, object] = {}
    ring["ring"] = ring
    with pytest.raises(Invalid):
        inputs.metadata(ring)


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"a": None},
        {"a": [1, 2.5, True, "x", {"b": []}]},
        {"ключ": "🙂"},
        {"a": "\\u0000"},
        {"a": "\\"},
        nested(10),
        {"a": "line\nline"},
        {"a": 2**53},
        {"a": -0.5},
    ],
)
def test_metadata_comes_back_as_it_was(good: dict[str, object]) -> None:
    assert inputs.metadata(good) == good
    assert inputs.metadata(MappingProxyType(good)) == good
    assert inputs.metadata(good) is not good


def test_no_metadata_is_an_empty_object() -> None:
    assert inputs.metadata(None) == {}


@override_settings(BILLABLE_METADATA_MAX_BYTES=20)
def test_the_size_of_metadata_is_counted_in_bytes_of_json() -> None:
    assert inputs.metadata({"a": "x" * 11}) == {"a": "x" * 11}
    with pytest.raises(Invalid):
        inputs.metadata({"a": "x" * 13})
    with pytest.raises(Invalid):
        inputs.metadata({"a": "é" * 7})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@proof
@given(st.dictionaries(st.text(max_size=4), json_values, max_size=3))
def test_any_object_is_stored_as_it_is_or_refused(value: dict[str, object]) -> None:
    try:
        clean = inputs.metadata(value)
    except Invalid:
        return
    assert clean == value
    assert json.loads(json.dumps(clean).encode()) == value


# --- identifiers, currencies, amounts -------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["", "1", "x" * 36, "0" * 31, "0" * 33, None, 1, True, b"0" * 16, ["a"], "\0" * 32])
def test_an_identifier_is_a_uuid(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.identifier(bad, "order")
    assert refusal.value.field == "order"


@proof
@given(st.uuids())
def test_an_identifier_may_be_given_as_a_uuid_or_its_text(value: UUID) -> None:
    assert inputs.identifier(value, "order") == inputs.identifier(str(value), "order") == value


@pytest.mark.parametrize("bad", ["", "ABC", "EURO", " EUR", "€", "eu\0", None, 978, True, b"EUR", ["EUR"]])
def test_an_unknown_currency_is_refused(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.currency(bad)
    assert refusal.value.field == "currency"


def test_a_currency_is_upper_cased_and_settings_may_add_some() -> None:
    assert inputs.currency("eur") == "EUR"
    with override_settings(BILLABLE_CURRENCIES={"POINTS": 0}):
        assert inputs.currency("points") == "POINTS"


@pytest.mark.parametrize(
    ("amount", "amount_minor", "currency", "field"),
    [
        ("9.99", 999, "EUR", "amount"),
        ("9.99", None, None, "currency"),
        (9.99, None, "EUR", "amount"),
        (999, None, "EUR", "amount"),
        (Money(100, "EUR"), None, None, "amount"),
        ("0", None, "EUR", "amount"),
        ("-1", None, "EUR", "amount"),
        ("9.999", None, "EUR", "amount"),
        ("1e2", None, "EUR", "amount"),
        (None, 0, None, "amount_minor"),
        (None, -1, "EUR", "amount_minor"),
        (None, 1.0, "EUR", "amount_minor"),
        (None, True, "EUR", "amount_minor"),
        (None, "999", "EUR", "amount_minor"),
        (None, MAX_AMOUNT_MINOR + 1, "EUR", "amount_minor"),
        (None, 999, "ABC", "currency"),
        ("9.99", None, "ABC", "currency"),
    ],
)
def test_an_amount_is_named_once_and_never_as_a_float(
    amount: object, amount_minor: object, currency: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        inputs.amount(amount, amount_minor, currency, fallback="USD")
    assert refusal.value.field == field


def test_an_amount_is_a_decimal_string_with_its_currency_or_whole_minor_units() -> None:
    assert inputs.amount("9.99", None, "eur", fallback="USD") == Money(999, "EUR")
    assert inputs.amount(None, 999, "EUR", fallback="USD") == Money(999, "EUR")
    assert inputs.amount(None, 999, None, fallback="USD") == Money(999, "USD")
    assert inputs.amount(None, None, None, fallback="USD") is None
