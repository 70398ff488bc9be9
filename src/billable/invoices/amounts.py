"""The money of documents, in whole minor units. Pure."""

from __future__ import annotations


def half_up(whole: int, part: int, of: int) -> int:
    """``whole × part ÷ of``, halves rounded up; of nothing it is nothing."""
    return (2 * whole * part + of) // (2 * of) if of else 0


def tax_going_back(tax_minor: int, total_minor: int, *, before_minor: int, amount_minor: int) -> int:
    """The tax in ``amount_minor`` that goes back of a line, after ``before_minor`` of it went back already.

    It is the difference of two sums that are rounded once each: parts add up to the tax of the whole, in any order.
    """
    after = half_up(tax_minor, before_minor + amount_minor, total_minor)
    return after - half_up(tax_minor, before_minor, total_minor)
