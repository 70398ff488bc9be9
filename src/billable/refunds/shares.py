"""How much of what was paid goes back, and how many units for it. Pure: whole numbers and fractions, rounded down.

Every sum is computed from the start and not chained, as periods are: what goes back for the second piece is what goes
back for two, less what went back for one. So parts add up to the whole in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from billable.refunds.kinds import RefundPolicy
from billable.shares import NOTHING, WHOLE, time_left


@dataclass(frozen=True, kw_only=True)
class Stock:
    """What the customer still has of one feature of the pieces that would go back.

    ``granted`` and ``unused`` are units, None where they are unlimited. The time from ``begins`` to ``ends`` (None:
    for ever) is what those pieces gave. ``is_over`` says that none of it can be used any more, whatever is left.
    """

    granted: int | None
    unused: int | None
    untouched: bool
    begins: datetime
    ends: datetime | None
    is_over: bool = False


def share(stock: Stock, policy: RefundPolicy, now: datetime) -> Fraction:
    """The part of what was paid that a policy gives back for one feature."""
    if policy is RefundPolicy.FULL:
        return WHOLE
    if stock.is_over:
        return NOTHING
    if stock.ends is not None and (policy is RefundPolicy.PRO_RATA_TIME or stock.granted is None):
        return time_left(stock.begins, stock.ends, now)
    if stock.granted is not None:
        return Fraction(min(stock.unused or 0, stock.granted), stock.granted)
    return WHOLE if stock.untouched else NOTHING


def price_of_pieces(paid: int, pieces: int, *, before: int, taken: int) -> int:
    """What ``taken`` of an item's pieces cost, after ``before`` others went back."""
    return paid * (before + taken) // pieces - paid * before // pieces


def units_for(granted: int, *, refunded: int, paid: int, before: int) -> int:
    """How many more units are to go when ``refunded`` of ``paid`` has gone back in all, after ``before`` units went."""
    return max(granted * refunded // paid - before, 0)
