"""Money: whole minor units and a currency. Pure; nothing here knows Django.

A price of 9.99 EUR is ``Money(999, "EUR")``. Decimals exist only on the way in and on the way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billable.errors import CurrencyMismatch, Invalid

# Far above any real amount, far below what a 64-bit column holds: sums of many such amounts still fit.
MAX_AMOUNT_MINOR = 10**15

# ISO 4217 active codes by number of decimals, as published by SIX (List One). XTR is Telegram Stars, whole only.
_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE
CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY
TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_ZERO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF XTR"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(_TWO_DECIMALS.split(), 2),
    **dict.fromkeys(_ZERO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    "CLF": 4,
    "UYW": 4,
}


_PLAIN_DECIMAL = re.compile(r"(?P<sign>[+-]?)(?P<whole>[0-9]+)(?:\.(?P<fraction>[0-9]+))?")


def exponent_of(currency: str, extra: Mapping[str, int] | None = None) -> int:
    """How many decimals a currency has. Raises Invalid for an unknown one."""
    known = EXPONENTS.get(currency) if not extra else {**EXPONENTS, **extra}.get(currency)
    if known is None:
        raise Invalid(field="currency", problem=f"unknown currency {currency!r}")
    return known


@dataclass(frozen=True)
class Money:
    """An amount of whole minor units in one currency."""

    amount_minor: int
    currency: str

    @classmethod
    def parse(
        cls, amount: str, currency: str, *, field: str = "amount", extra: Mapping[str, int] | None = None
    ) -> Money:
        """Read a decimal string such as ``"9.99"``; more decimals than the currency has are refused."""
        exponent = exponent_of(currency, extra)
        match = _PLAIN_DECIMAL.fullmatch(amount) if isinstance(amount, str) and len(amount) <= 32 else None
        if match is None:
            raise Invalid(field=field, problem="must be a decimal string such as '9.99'")
        sign, whole, fraction = match["sign"], match["whole"], match["fraction"] or ""
        if len(fraction.rstrip("0")) > exponent:
            raise Invalid(field=field, problem=f"{currency} has {exponent} decimals")
        # Digits, not Decimal arithmetic: that rounds to whatever precision the caller's context has.
        minor = int(sign + whole + fraction[:exponent].ljust(exponent, "0"))
        if abs(minor) > MAX_AMOUNT_MINOR:
            raise Invalid(field=field, problem="is too large")
        return cls(minor, currency)

    def decimal(self, extra: Mapping[str, int] | None = None) -> Decimal:
        """The amount in major units, with exactly the decimals of its currency."""
        return Decimal(self.text(extra))

    def text(self, extra: Mapping[str, int] | None = None) -> str:
        """The amount as JSON carries it: ``"9.99"``, ``"500"`` for JPY."""
        exponent = exponent_of(self.currency, extra)
        digits = str(abs(self.amount_minor)).rjust(exponent + 1, "0")
        cut = len(digits) - exponent
        return ("-" if self.amount_minor < 0 else "") + digits[:cut] + ("." + digits[cut:] if exponent else "")

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(field="currency", problem=f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __str__(self) -> str:
        return (
            f"{self.text()} {self.currency}" if self.currency in EXPONENTS else f"{self.amount_minor} {self.currency}"
        )


def apportion(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount over parts by weight, so that they add up to it: largest remainder, the first of equals.

    Nothing is split where nothing has a weight.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts, remainders = zip(*(divmod(amount_minor * weight, whole) for weight in weights), strict=True)
    by_remainder = sorted(range(len(weights)), key=lambda place: -remainders[place])
    gets_one_more = set(by_remainder[: amount_minor - sum(parts)])
    return [part + (place in gets_one_more) for place, part in enumerate(parts)]
