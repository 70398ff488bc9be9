"""What may come in: one function per kind of value. Each returns the clean value or raises Invalid."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from billable.conf import knobs
from billable.errors import Invalid
from billable.money import MAX_AMOUNT_MINOR, Money, exponent_of

Metadata = Mapping[str, Any]

MAX_UNITS = 10**12
MAX_ORDER_QUANTITY = 10**6
MAX_ORDER_LINES = 100
MAX_KEY_LENGTH = 200
MAX_NAME_LENGTH = 64
MAX_TEXT_LENGTH = 500
MAX_NESTING = 32
MAX_JSON_INTEGER = 2**63 - 1

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4}0*)?", re.ASCII)
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_NAME_CHARACTERS = _NAME_START | frozenset("._:-")


def whole(value: object, field: str, *, maximum: int = MAX_UNITS, minimum: int = 1) -> int:
    """A whole number. Booleans, strings and fractions are refused, not rounded."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(field=field, problem="must be a whole number")
    if not minimum <= value <= maximum:
        raise Invalid(field=field, problem=f"must be between {minimum} and {maximum}")
    return value


def flag(value: object, field: str) -> bool:
    """True or False, and nothing that only seems so."""
    if not isinstance(value, bool):
        raise Invalid(field=field, problem="must be true or false")
    return value


def word(value: object, words: type[Enum], field: str) -> str:
    """A word of a closed vocabulary."""
    known = [each.value for each in words]
    if not isinstance(value, str) or value not in known:
        raise Invalid(field=field, problem=f"must be one of {', '.join(repr(str(each)) for each in known)}")
    return str(value.value) if isinstance(value, Enum) else value


def percent(value: object, field: str) -> Decimal:
    """A percentage from 0 to 100 with at most four decimals: a Decimal, a whole number, or text such as ``"5.5"``.

    Fractions in binary are refused: they are not what somebody wrote.
    """
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        raise Invalid(field=field, problem="must be a decimal such as '5.5'")
    if _PERCENT.fullmatch(f"{value:f}" if isinstance(value, Decimal) else str(value)) is None:
        raise Invalid(field=field, problem="must be a decimal such as '5.5', with at most four decimals")
    if Decimal(value) > 100:
        raise Invalid(field=field, problem="must be between 0 and 100")
    return Decimal(value).quantize(Decimal("0.0001"))


def name(value: object, field: str) -> str:
    """A SKU or feature key: ASCII ``[a-z0-9][a-z0-9._:-]*``, at most 64 characters; lower-cased."""
    if not isinstance(value, str):
        raise Invalid(field=field, problem="must be text")
    lowered = value.lower()
    if not lowered:
        raise Invalid(field=field, problem="must not be empty")
    if len(lowered) > MAX_NAME_LENGTH:
        raise Invalid(field=field, problem=f"must be at most {MAX_NAME_LENGTH} characters")
    # The Kelvin sign, for one, is no ASCII letter and becomes one when it is lower-cased.
    if not value.isascii() or lowered[0] not in _NAME_START or not _NAME_CHARACTERS.issuperset(lowered):
        raise Invalid(
            field=field,
            problem="may have only letters a-z, digits and . _ : - and starts with a letter or digit",
        )
    return lowered


def known_name(value: object) -> str | None:
    """The clean SKU or feature key, or None when no catalogue row could ever have it (checks never raise)."""
    try:
        return name(value, "feature")
    except Invalid:
        return None


def key(value: object, field: str, *, maximum: int = MAX_KEY_LENGTH) -> str:
    """An idempotency key or external id: compared byte for byte, so nothing in it may be invisible."""
    if not isinstance(value, str):
        raise Invalid(field=field, problem="must be text")
    if not value:
        raise Invalid(field=field, problem="must not be empty")
    if len(value) > maximum:
        raise Invalid(field=field, problem=f"must be at most {maximum} characters")
    if value != value.strip():
        raise Invalid(field=field, problem="must not begin or end with white space")
    refuse_control_characters(value, field)
    return value


def optional_key(value: object, field: str = "idempotency_key") -> str | None:
    """A key, or None."""
    return None if value is None else key(value, field)


def text(value: object, field: str, *, maximum: int = MAX_TEXT_LENGTH) -> str:
    """Free text for people: a reason, a name."""
    if not isinstance(value, str):
        raise Invalid(field=field, problem="must be text")
    if len(value) > maximum:
        raise Invalid(field=field, problem=f"must be at most {maximum} characters")
    refuse_control_characters(value.replace("\n", "").replace("\r", "").replace("\t", ""), field)
    return value


def refuse_control_characters(value: str, field: str) -> None:
    """Refuse control characters and lone surrogates: no database stores them all."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise Invalid(field=field, problem="must not contain control characters")


def instant(value: object, field: str) -> datetime:
    """An instant with its time zone, in UTC."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise Invalid(field=field, problem="must be an instant with a time zone")
    try:
        return value.astimezone(timezone.utc)
    except OverflowError:
        raise Invalid(field=field, problem="is past the end of the calendar") from None


def metadata(value: object, field: str = "metadata") -> dict[str, Any]:
    """A JSON object of at most ``BILLABLE_METADATA_MAX_BYTES`` bytes; None means an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Invalid(field=field, problem="must be an object")
    _refuse_unstorable(value, field)
    try:
        encoded = json.dumps(dict(value), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        raise Invalid(field=field, problem="must be plain JSON") from None
    if len(encoded) > knobs.metadata_max_bytes:
        raise Invalid(field=field, problem=f"must be at most {knobs.metadata_max_bytes} bytes of JSON")
    clean: dict[str, Any] = json.loads(encoded)
    return clean


def _refuse_unstorable(value: object, field: str) -> None:
    """Refuse what no database stores in JSON: NUL characters, numbers past 64 bits, nesting past 32 levels."""
    level: list[object] = [value]
    for _ in range(MAX_NESTING):
        below: list[object] = []
        for part in level:
            if isinstance(part, Mapping):
                below += [*part.keys(), *part.values()]
            elif isinstance(part, (list, tuple)):
                below += part
            elif isinstance(part, str) and "\0" in part:
                raise Invalid(field=field, problem="must not contain NUL characters")
            elif isinstance(part, int) and abs(part) > MAX_JSON_INTEGER:
                raise Invalid(field=field, problem="must not contain numbers past 64 bits")
        if not below:
            return
        level = below
    raise Invalid(field=field, problem=f"must be nested at most {MAX_NESTING} levels deep")


def identifier(value: object, field: str) -> UUID:
    """A UUID, given as one or as its text."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(str(value)) if isinstance(value, str) else _no_uuid(field)
    except ValueError:
        return _no_uuid(field)


def known_identifier(value: object) -> UUID | None:
    """A UUID, or None for what can be no row's id."""
    try:
        return identifier(value, "id")
    except Invalid:
        return None


def _no_uuid(field: str) -> UUID:
    raise Invalid(field=field, problem="must be a UUID")


def currency(value: object, field: str = "currency") -> str:
    """A known currency code, upper-cased."""
    if not isinstance(value, str):
        raise Invalid(field=field, problem="must be a currency code")
    code = value.upper()
    exponent_of(code, knobs.currencies)
    return code


def amount(decimal_amount: object, amount_minor: object, currency_code: str | None, *, fallback: str) -> Money | None:
    """The money that a caller names by ``amount`` (a decimal string, with its currency) or ``amount_minor``.

    None when neither is given. ``fallback`` is the currency that a bare ``amount_minor`` is in.
    """
    if decimal_amount is not None and amount_minor is not None:
        raise Invalid(field="amount", problem="give amount or amount_minor, not both")
    code = currency(currency_code) if currency_code is not None else None
    if decimal_amount is not None:
        if not isinstance(decimal_amount, str):
            raise Invalid(field="amount", problem="must be a decimal string such as '9.99'")
        if code is None:
            raise Invalid(field="currency", problem="is required with amount")
        money = Money.parse(decimal_amount, code, extra=knobs.currencies)
        whole(money.amount_minor, "amount", maximum=MAX_AMOUNT_MINOR)
        return money
    if amount_minor is not None:
        return Money(whole(amount_minor, "amount_minor", maximum=MAX_AMOUNT_MINOR), code or fallback)
    return None
