"""Grants, usages and holds of one customer over time, in plain Python. Written from the design and not from the code.

Everything that becomes due is done at once, in the order of its time: nothing is ever swept here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from tests.models.reference import No

NEVER = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(eq=False)
class Grant:
    number: int
    feature: str
    left: int | None
    end: datetime | None
    held: int = 0
    is_over: bool = False


@dataclass
class Part:
    """What one way of paying covers: ``per`` units of the feature cost ``units`` of ``payer``."""

    payer: str
    per: int
    units: int
    quantity: int
    draws: list[tuple[Grant, int]]

    @property
    def price(self) -> Fraction:
        return Fraction(self.units, self.per)


@dataclass(eq=False)
class Usage:
    feature: str
    quantity: int
    parts: list[Part]
    balance: int | None
    late: bool = False
    back: int = 0


@dataclass(eq=False)
class Hold:
    feature: str
    quantity: int
    parts: list[Part]
    balance: int | None
    end: datetime
    status: str = "held"
    captured: int = 0
    final: Usage | None = None
    keys: dict[str, Usage] = field(default_factory=dict)

    def room(self) -> int:
        """How much can be captured: no more than is left of it, and than what is still held pays for."""
        paid = (math.floor(sum(units for _, units in part.draws) / part.price) for part in self.parts)
        return min(self.quantity - self.captured, sum(paid))


class HoldsReference:
    """Everything that the customer has and did."""

    def __init__(self, now: datetime, ways: dict[str, list[tuple[str, int, int]]]) -> None:
        self.now = now
        self.ways = ways
        self.grants: list[Grant] = []
        self.holds: list[Hold] = []
        self.usages: list[Usage] = []

    # --- time

    def move(self, now: datetime) -> None:
        """Let everything happen that is due, in the order of its time; what expires goes before what lapses."""
        due: list[tuple[datetime, int, int]] = []
        for place, grant in enumerate(self.grants):
            if not grant.is_over and grant.end is not None and grant.end <= now:
                due.append((grant.end, 0, place))
        for place, hold in enumerate(self.holds):
            if hold.status == "held" and hold.end <= now:
                due.append((hold.end, 1, place))
        for _, what, place in sorted(due):
            if what == 0:
                self._end(self.grants[place])
            else:
                self._let_go(self.holds[place], "lapsed")
        self.now = now

    def moments(self) -> Iterator[datetime]:
        yield from (grant.end for grant in self.grants if grant.end is not None and grant.end > self.now)
        yield from (hold.end for hold in self.holds if hold.status == "held")

    def _end(self, grant: Grant) -> None:
        grant.is_over = True
        grant.left = None if grant.left is None else 0

    # --- what there is

    def usable(self, payer: str) -> list[Grant]:
        found = [grant for grant in self.grants if grant.feature == payer and not grant.is_over and grant.left != 0]
        return sorted(found, key=lambda grant: (grant.end or NEVER, grant.number))

    def balance(self, feature: str) -> int | None:
        total = 0
        for payer, per, units in self.ways[feature]:
            grants = self.usable(payer)
            if any(grant.left is None for grant in grants):
                return None
            total += math.floor(sum(grant.left or 0 for grant in grants) / Fraction(units, per))
        return total

    def held(self, feature: str) -> int:
        return sum(grant.held for grant in self.grants if grant.feature == feature)

    def pay(self, feature: str, quantity: int) -> list[Part]:
        for payer, per, units in self.ways[feature]:
            for grant in self.usable(payer):
                if grant.left is None:
                    return [Part(payer, per, units, quantity, [(grant, math.ceil(Fraction(quantity * units, per)))])]
        parts = []
        for payer, per, units in self.ways[feature]:
            sources = [(grant, grant.left or 0) for grant in self.usable(payer)]
            part = _draw(Part(payer, per, units, 0, []), sources, quantity)
            quantity -= part.quantity
            parts += [part] if part.quantity else []
        if quantity:
            raise No("quota_exceeded")
        return parts

    # --- acts

    def grant(self, feature: str, quantity: int | None, end: datetime | None) -> Grant:
        self.grants.append(Grant(len(self.grants), feature, quantity, end))
        return self.grants[-1]

    def consume(self, feature: str, quantity: int) -> Usage:
        return self._use(feature, quantity, late=False)

    def _use(self, feature: str, quantity: int, *, late: bool) -> Usage:
        parts = self.pay(feature, quantity)
        for grant, units in _all(parts):
            grant.left = None if grant.left is None else grant.left - units
        self.usages.append(Usage(feature, quantity, parts, self.balance(feature), late))
        return self.usages[-1]

    def hold(self, feature: str, quantity: int, seconds: int) -> Hold:
        parts = self.pay(feature, quantity)
        for grant, units in _all(parts):
            grant.left = None if grant.left is None else grant.left - units
            grant.held += units
        end = self.now + timedelta(seconds=seconds)
        self.holds.append(Hold(feature, quantity, parts, self.balance(feature), end))
        return self.holds[-1]

    def capture(self, hold: Hold, quantity: int | None, *, final: bool, key: str | None) -> tuple[Usage, bool]:
        """The usage, and whether it was there before."""
        if key is None and not final:
            raise No("invalid")
        if key in hold.keys:
            if quantity not in (None, hold.keys[key].quantity) or (final and hold.final is not hold.keys[key]):
                raise No("idempotency_conflict")
            return hold.keys[key], True
        if key is None and hold.final is not None and quantity in (None, hold.final.quantity):
            return hold.final, True
        if hold.status in ("captured", "released") or hold.final is not None:
            raise No("hold_closed")
        is_live = hold.status == "held"
        room = hold.room() if is_live else hold.quantity - hold.captured
        wanted = room if quantity is None else quantity
        if wanted > room or wanted == 0:
            raise No("capture_too_large")
        usage = self._capture(hold, wanted) if is_live else self._use(hold.feature, wanted, late=True)
        hold.captured += wanted
        if key is not None:
            hold.keys[key] = usage
        if final or hold.captured == hold.quantity or (is_live and not hold.room()):
            hold.final = usage
            if is_live:
                self._let_go(hold, "captured")
        usage.balance = self.balance(hold.feature)
        return usage, False

    def _capture(self, hold: Hold, quantity: int) -> Usage:
        taken = []
        for part in hold.parts:
            here = _draw(Part(part.payer, part.per, part.units, 0, []), part.draws, quantity)
            quantity -= here.quantity
            gone = dict(here.draws)
            part.draws = [(grant, units - gone.get(grant, 0)) for grant, units in part.draws]
            taken += [here] if here.quantity else []
        for grant, units in _all(taken):
            grant.held -= units
        self.usages.append(Usage(hold.feature, sum(part.quantity for part in taken), taken, None))
        return self.usages[-1]

    def release(self, hold: Hold) -> bool:
        """Whether it had been closed before."""
        if hold.final is not None:
            raise No("hold_closed")
        if hold.status == "released":
            return True
        self._let_go(hold, "released")
        return False

    def _let_go(self, hold: Hold, status: str) -> None:
        hold.status = status
        for grant, units in _all(hold.parts):
            grant.held -= units
            if not grant.is_over and grant.left is not None:
                grant.left += units
        for part in hold.parts:
            part.draws = []

    def extend(self, hold: Hold, seconds: int) -> None:
        if hold.status != "held":
            raise No("hold_closed")
        hold.end = max(hold.end, self.now + timedelta(seconds=seconds))

    def revoke(self, grant: Grant, quantity: int | None) -> bool:
        """Whether it was over already."""
        if quantity is None:
            was_over = grant.is_over
            self._end(grant)
            return was_over
        if grant.left is None:
            raise No("invalid")
        if quantity > grant.left:
            raise No("revocation_too_large")
        grant.left -= quantity
        return False

    def reverse(self, usage: Usage, quantity: int | None) -> int | None:
        """Let the usage have only what is kept of it; what was drawn last goes back first. The balance then."""
        open_units = usage.quantity - usage.back
        wanted = open_units if quantity is None else quantity
        if wanted > open_units or wanted == 0:
            raise No("reversal_too_large")
        usage.back += wanted
        keep = open_units - wanted
        for part in usage.parts:
            kept = min(keep, part.quantity)
            keep -= kept
            surplus = sum(units for _, units in part.draws) - math.ceil(kept * part.price)
            for place in reversed(range(len(part.draws))):
                grant, units = part.draws[place]
                back = min(units, surplus)
                surplus -= back
                part.draws[place] = grant, units - back
                if not grant.is_over and grant.left is not None:
                    grant.left += back
        return self.balance(usage.feature)


def _draw(part: Part, sources: list[tuple[Grant, int]], quantity: int) -> Part:
    """The part of a quantity that so many units pay for, from the first on."""
    part.quantity = min(quantity, math.floor(sum(units for _, units in sources) / part.price))
    owed = math.ceil(part.quantity * part.price)
    for grant, units in sources:
        taken = min(owed, units)
        owed -= taken
        part.draws += [(grant, taken)] if taken else []
    return part


def _all(parts: list[Part]) -> list[tuple[Grant, int]]:
    return [draw for part in parts for draw in part.draws]
