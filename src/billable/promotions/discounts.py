"""What a promotion takes off the lines of an order. Pure; amounts are whole minor units."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from billable.money import apportion

# A percentage has at most four decimals, so that it is a whole number of these in a whole.
_PARTS_PER_PERCENT = 10**4


def percentage(amounts_minor: Sequence[int], percent: Decimal) -> list[int]:
    """So many percent off each line, rounded down line by line."""
    parts = int(percent * _PARTS_PER_PERCENT)
    return [amount * parts // (100 * _PARTS_PER_PERCENT) for amount in amounts_minor]


def fixed(amounts_minor: Sequence[int], off_minor: int) -> list[int]:
    """An amount off all lines together, spread by what they cost; no line goes below nothing."""
    return apportion(min(off_minor, sum(amounts_minor)), amounts_minor)
