"""What an order costs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from billable.errors import CurrencyMismatch, Invalid, NotForSale
from billable.money import MAX_AMOUNT_MINOR

Prices = Mapping[str, int]
"""currency → whole minor units."""


@dataclass(frozen=True)
class Wanted:
    """One line that somebody wants to buy, with the prices that the catalogue has for it."""

    sku: str
    quantity: int
    prices: Prices


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


def total_minor(lines: Sequence[Wanted], currency: str) -> int:
    """What all lines cost. Raises Invalid past 10¹⁵ minor units."""
    total = sum(line.prices[currency] * line.quantity for line in lines)
    if total > MAX_AMOUNT_MINOR:
        raise Invalid(field="items", problem=f"cost more than {MAX_AMOUNT_MINOR} minor units")
    return total
