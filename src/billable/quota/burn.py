"""Which grants pay for a request, in which order, and what is left. Pure: no database, no clock, no framework.

Burn order, total: own unlimited, paid-from unlimited, own finite, paid-from finite by the cost's position; within
those by priority (lower first), earliest expiry (never last), earliest start, id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from uuid import UUID

# More than anybody can use, and within the 64 bits that the databases store.
MAX_BALANCE = 10**18

NEVER = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How the asked feature is paid: ``per`` units of it cost ``units``. Position 0 is the feature itself, 1 to 1."""

    position: int
    payer: str
    per: int
    units: int

    def cost(self, quantity: int) -> int:
        """What ``quantity`` units of the asked feature cost, rounded up over the whole."""
        return -(-quantity * self.units // self.per)

    def affords(self, available: int) -> int:
        """How many whole units of the asked feature ``available`` units pay for."""
        return available * self.per // self.units


@dataclass(frozen=True, kw_only=True)
class Open:
    """A usable grant, as far as burning is concerned. ``remaining`` None is unlimited."""

    id: UUID
    rate: Rate
    remaining: int | None
    priority: int
    valid_from: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Draw:
    """``units`` taken from one grant."""

    grant_id: UUID
    units: int


@dataclass(frozen=True)
class Share:
    """The part of a request that one kind of payment covers: ``quantity`` of the asked feature at ``rate``."""

    rate: Rate
    quantity: int
    draws: tuple[Draw, ...]


def in_burn_order(grants: Iterable[Open]) -> list[Open]:
    """The grants in the order in which they are used up."""
    return sorted(
        grants,
        key=lambda grant: (
            grant.remaining is not None,
            grant.rate.position,
            grant.priority,
            grant.expires_at or NEVER,
            grant.valid_from,
            grant.id,
        ),
    )


def balance(grants: Iterable[Open]) -> int | None:
    """How many units of the asked feature the grants pay for, up to 10¹⁸; None is unlimited."""
    available: dict[Rate, int] = {}
    for grant in grants:
        if grant.remaining is None:
            return None
        available[grant.rate] = available.get(grant.rate, 0) + grant.remaining
    return min(MAX_BALANCE, sum(rate.affords(units) for rate, units in available.items()))


def plan(grants: Iterable[Open], quantity: int) -> tuple[Share, ...] | None:
    """How the grants pay for ``quantity`` units, in burn order; None when they cannot.

    One unit of the asked feature is never split over two kinds of payment; the draws of one kind need not divide.
    """
    shares: list[Share] = []
    missing = quantity
    for (_, rate), group in groupby(in_burn_order(grants), key=lambda grant: (grant.remaining is None, grant.rate)):
        sources = list(group)
        covered = _covered(sources, rate, missing)
        if covered:
            shares.append(Share(rate, covered, _draw(sources, rate.cost(covered))))
            missing -= covered
        if not missing:
            return tuple(shares)
    return None


def _covered(sources: Sequence[Open], rate: Rate, missing: int) -> int:
    if sources[0].remaining is None:
        return missing
    return min(missing, rate.affords(sum(grant.remaining or 0 for grant in sources)))


def _draw(sources: Sequence[Open], units: int) -> tuple[Draw, ...]:
    if sources[0].remaining is None:
        return (Draw(sources[0].id, units),)
    draws: list[Draw] = []
    for grant in sources:
        taken = min(grant.remaining or 0, units)
        if taken:
            draws.append(Draw(grant.id, taken))
            units -= taken
        if not units:
            break
    return tuple(draws)


@dataclass(frozen=True)
class Drawn:
    """What one usage has out of one grant now: drawn, less what was put back. ``payer`` is the grant's feature."""

    grant_id: UUID
    payer: str
    units: int


def put_back(shares: Sequence[tuple[Rate, int]], drawn: Sequence[Drawn], *, kept: int) -> tuple[Draw, ...]:
    """What returns to which grant so that a usage stands as if only ``kept`` units had been consumed.

    ``shares`` are the usage's (rate, quantity) in burn order, ``drawn`` its draws in the order they were made. What was
    drawn last is put back first.
    """
    returns: list[Draw] = []
    for rate, quantity in shares:
        keep = min(quantity, kept)
        kept -= keep
        legs = [leg for leg in drawn if leg.payer == rate.payer]
        surplus = sum(leg.units for leg in legs) - rate.cost(keep)
        for leg in reversed(legs):
            units = min(leg.units, surplus)
            if units:
                returns.append(Draw(leg.grant_id, units))
                surplus -= units
    return tuple(returns)
