"""Which grants pay for a request, in which order, and what is left. Pure: no database, no clock, no framework.

Burn order, total: own unlimited, paid-from unlimited, own finite, paid-from finite by the cost's position; within
those by priority (lower first), earliest expiry (never last), earliest start, id. An unlimited grant with a cap is
finite for the moment: it comes among the finite ones, but before those that have a quantity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import groupby
from types import MappingProxyType
from uuid import UUID

# More than anybody can use, and within the 64 bits that the databases store.
MAX_BALANCE = 10**18

NEVER = datetime.max.replace(tzinfo=timezone.utc)

NOTHING_OWED: Mapping[str, int] = MappingProxyType({})


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
    """A usable grant, as far as burning is concerned.

    ``remaining`` is what is left of it (None: unlimited), ``room`` what its cap lets it give now (None: no cap).
    """

    id: UUID
    rate: Rate
    remaining: int | None
    priority: int
    valid_from: datetime
    expires_at: datetime | None
    room: int | None = None

    @property
    def available(self) -> int | None:
        """What it gives now: no more than is left, and than its cap has room for. None is unlimited."""
        if self.remaining is None or self.room is None:
            return self.room if self.remaining is None else self.remaining
        return min(self.remaining, self.room)


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
            grant.available is not None,
            grant.rate.position,
            grant.remaining is not None,
            grant.priority,
            grant.expires_at or NEVER,
            grant.valid_from,
            grant.id,
        ),
    )


def balance(grants: Iterable[Open], owed: Mapping[str, int] = NOTHING_OWED) -> int | None:
    """How many units of the asked feature the grants pay for, up to 10¹⁸; None is unlimited.

    ``owed`` is how many units of each payer are owed: they pay for nothing.
    """
    available: dict[Rate, int] = {}
    for grant in grants:
        if grant.available is None:
            return None
        available[grant.rate] = available.get(grant.rate, 0) + grant.available
    affordable = (rate.affords(_free(rate, units, owed)) for rate, units in available.items())
    return min(MAX_BALANCE, sum(affordable))


def plan(grants: Iterable[Open], quantity: int, owed: Mapping[str, int] = NOTHING_OWED) -> tuple[Share, ...] | None:
    """How the grants pay for ``quantity`` units, in burn order; None when they cannot.

    One unit of the asked feature is never split over two kinds of payment; the draws of one kind need not divide.
    """
    shares, missing = cover(grants, quantity, owed)
    return None if missing else shares


def cover(
    grants: Iterable[Open], quantity: int, owed: Mapping[str, int] = NOTHING_OWED
) -> tuple[tuple[Share, ...], int]:
    """How the grants pay for as much of ``quantity`` units as they can, in burn order; and how much they cannot."""
    shares: list[Share] = []
    missing = quantity
    for (_, rate), group in groupby(in_burn_order(grants), key=lambda grant: (grant.available is None, grant.rate)):
        sources = list(group)
        covered = _covered(sources, rate, missing, owed)
        if covered:
            shares.append(Share(rate, covered, _draw(sources, rate.cost(covered))))
            missing -= covered
        if not missing:
            break
    return tuple(shares), missing


def _covered(sources: Sequence[Open], rate: Rate, missing: int, owed: Mapping[str, int]) -> int:
    if sources[0].available is None:
        return missing
    return min(missing, rate.affords(_free(rate, sum(grant.available or 0 for grant in sources), owed)))


def _free(rate: Rate, units: int, owed: Mapping[str, int]) -> int:
    return max(units - owed.get(rate.payer, 0), 0)


def _draw(sources: Sequence[Open], units: int) -> tuple[Draw, ...]:
    if sources[0].available is None:
        return (Draw(sources[0].id, units),)
    draws: list[Draw] = []
    for grant in sources:
        taken = min(grant.available or 0, units)
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
