"""What an order costs. Pure; amounts are whole minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billable.errors import CurrencyMismatch, Invalid, NotForSale
from billable.money import MAX_AMOUNT_MINOR

Prices = Mapping[str, int]
"""currency → whole minor units."""

# A rate has at most four decimals of a percent, so that it is a whole number of these in a whole.
_PARTS_PER_PERCENT = 10**4
_WHOLE = 100 * _PARTS_PER_PERCENT


@dataclass(frozen=True)
class Wanted:
    """One line that somebody wants to buy, with what the catalogue says of it; ``tax_rate`` is in percent."""

    sku: str
    quantity: int
    prices: Prices
    tax_rate: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Charge:
    """What one line costs: ``total_minor`` is after the discount and with the tax."""

    unit_minor: int
    discount_minor: int
    tax_rate: Decimal
    tax_minor: int
    total_minor: int


def choose_currency(lines: Sequence[Wanted], asked: str | None, default: str) -> str:
    """The currency of an order: the asked one, else the default if all have it, else the only one that all share."""
    for place, line in enumerate(lines):
        if not line.prices:
            raise NotForSale(field=f"items[{place}].sku", problem=f"the product {line.sku!r} has no price")
    if asked is not None:
        for place, line in enumerate(lines):
            if asked not in line.prices:
                raise CurrencyMismatch(field=f"items[{place}].sku", problem=f"{line.sku!r} has no price in {asked}")
        return asked
    shared = set.intersection(*(set(line.prices) for line in lines))
    if default in shared:
        return default
    if not shared:
        raise CurrencyMismatch(field="items", problem="the products have no currency in common")
    if len(shared) > 1:
        names = ", ".join(sorted(shared))
        raise Invalid(field="currency", problem=f"choose one of {names}")
    return shared.pop()


def amounts_minor(lines: Sequence[Wanted], currency: str) -> list[int]:
    """What each line costs at the catalogue's price. Raises Invalid past 10¹⁵ minor units in all."""
    amounts = [line.prices[currency] * line.quantity for line in lines]
    _refuse_too_much(sum(amounts))
    return amounts


def charges(lines: Sequence[Wanted], currency: str, discounts: Sequence[int], *, tax_included: bool) -> list[Charge]:
    """What each line is charged: its price, less the discount, then the tax. Raises Invalid past 10¹⁵ minor units.

    Each line is rounded by itself, so that an order is the sum of its lines, and an invoice that of the order.
    """
    charged = []
    for line, amount, discount in zip(lines, amounts_minor(lines, currency), discounts, strict=True):
        tax = tax_minor(amount - discount, line.tax_rate, included=tax_included)
        charged.append(
            Charge(
                unit_minor=line.prices[currency],
                discount_minor=discount,
                tax_rate=line.tax_rate,
                tax_minor=tax,
                total_minor=amount - discount + (0 if tax_included else tax),
            )
        )
    _refuse_too_much(sum(charge.total_minor for charge in charged))
    return charged


def tax_minor(amount_minor: int, rate: Decimal, *, included: bool) -> int:
    """The tax in an amount that contains it, or on one that does not; half a minor unit is rounded up."""
    parts = int(rate * _PARTS_PER_PERCENT)
    whole = _WHOLE + parts if included else _WHOLE
    return (2 * amount_minor * parts + whole) // (2 * whole)


def _refuse_too_much(total_minor: int) -> None:
    if total_minor > MAX_AMOUNT_MINOR:
        raise Invalid(field="items", problem=f"cost more than {MAX_AMOUNT_MINOR} minor units")
