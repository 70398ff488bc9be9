"""Parts of money and of time, as exact fractions. Pure."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

WHOLE, NOTHING = Fraction(1), Fraction(0)


def time_left(begins: datetime, ends: datetime, now: datetime) -> Fraction:
    """The part of a stretch of time that is still to come."""
    if now <= begins:
        return WHOLE
    if now >= ends:
        return NOTHING
    return Fraction(_microseconds(now, ends), _microseconds(begins, ends))


def portion(part: Fraction, amount: int) -> int:
    """A part of an amount, rounded down."""
    return part.numerator * amount // part.denominator


def portion_up(part: Fraction, amount: int) -> int:
    """A part of an amount, rounded up."""
    return -(-part.numerator * amount // part.denominator)


def _microseconds(start: datetime, end: datetime) -> int:
    span = end - start
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
