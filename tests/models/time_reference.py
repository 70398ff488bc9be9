"""What one customer has over time, in plain Python: grants, allowances, caps, debts, holds.

Written from the design and the how-to pages, not from the code.
Everything that becomes due is done at once, in the order of its time: nothing is ever swept here, and no period is ever
skipped. At one instant grants expire, then what is unused rolls over and units come anew, then holds lapse.
"""

from __future__ import annotations

import copy
import dataclasses
import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.models.reference import NEVER, No, Span, later

EXPIRE, RENEW, LAPSE = range(3)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a product gives of a feature: None is unlimited, for ever, once, all at once. A value is read, not used."""

    feature: str
    quantity: int | None = None
    span: Span | None = None
    priority: int = 100
    reset: Span | None = None
    rollover: tuple[int, int] | None = None
    cap: tuple[int, Span] | None = None
    value: int | None = None


@dataclass(eq=False, kw_only=True)
class Grant:
    number: int
    feature: str
    source: str
    left: int | None
    priority: int = 100
    start: datetime
    end: datetime | None
    anchor: datetime
    zone: str
    cap: tuple[int, Span] | None = None
    value: int | None = None
    allowance: Allowance | None = None
    index: int = 0
    is_over: bool = False
    is_a_part: bool = False
    held: int = 0
    root: Grant | None = None
    heirs: list[Grant] = field(default_factory=list)
    waits: int | None = 0
    is_disputed: bool = False
    taken: list[Draw] = field(default_factory=list)

    def gives(self, now: datetime) -> int | None:
        """What can be taken from it: what is left, but no more than its cap lets out in this window. None is any."""
        if self.cap is None:
            return self.left
        room = self.cap[0] - self.used(now)
        return room if self.left is None else min(room, self.left)

    def used(self, now: datetime) -> int:
        """What is out of it since its cap opened."""
        opened = self.window(now)[0]
        return sum(draw.units for draw in self.taken if draw.at >= opened)

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """When its cap opened, and opens again."""
        assert self.cap is not None
        return _boundaries(self.anchor, *self.cap[1], self.zone, now)


@dataclass(eq=False, kw_only=True)
class Allowance:
    number: int
    line: Line
    pieces: int
    anchor: datetime
    end: datetime | None
    zone: str
    index: int = 0
    next: datetime | None = None
    unused: int = 0
    is_over: bool = False

    def start(self, index: int) -> datetime | None:
        """When a period begins; None when it does not."""
        assert self.line.reset is not None
        count, unit = self.line.reset
        at = later(self.anchor, count * index, unit, self.zone)
        return None if self.end is not None and at >= self.end else at

    def finish(self, index: int) -> datetime | None:
        return self.start(index + 1) or self.end


@dataclass(eq=False)
class Draw:
    """Units that are out of a grant, since an instant."""

    grant: Grant
    units: int
    at: datetime

    def split(self, units: int) -> Draw:
        self.units -= units
        other = Draw(self.grant, units, self.at)
        self.grant.taken.append(other)
        return other


@dataclass
class Part:
    """What one way of paying covers: ``per`` units of the feature cost ``units`` of ``payer``."""

    payer: str
    per: int
    units: int
    quantity: int
    draws: list[Draw]

    @property
    def price(self) -> Fraction:
        return Fraction(self.units, self.per)


@dataclass(eq=False)
class Debt:
    """What a usage took that was not there, and which grants gave it since."""

    feature: str
    owed: int
    repaid: list[Draw] = field(default_factory=list)

    @property
    def stands(self) -> int:
        return self.owed + sum(draw.units for draw in self.repaid)


@dataclass(eq=False)
class Usage:
    feature: str
    quantity: int
    parts: list[Part]
    balance: int | None
    late: bool = False
    back: int = 0
    debt: Debt | None = None


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
        paid = (math.floor(sum(draw.units for draw in part.draws) / part.price) for part in self.parts)
        return min(self.quantity - self.captured, sum(paid))


class TimeReference:
    """Everything that the customer has and did."""

    def __init__(
        self, now: datetime, zone: str, ways: dict[str, list[tuple[str, int, int]]], overdraft: dict[str, int | None]
    ) -> None:
        self.now = now
        self.zone = zone
        self.ways = ways
        self.overdraft = overdraft
        self.numbers = itertools.count()
        self.agenda: list[tuple[datetime, int, int, Any]] = []
        self.running: list[Grant] = []
        self.named: dict[tuple[int, str, int], Grant] = {}
        self.allowances: list[Allowance] = []
        self.holds: list[Hold] = []
        self.usages: list[Usage] = []
        self.debts: list[Debt] = []

    # --- time

    def move(self, now: datetime) -> None:
        """Let everything happen that is due, in the order of its time."""
        while self.agenda and self.agenda[0][0] <= now:
            self.now, rank, _, thing = heapq.heappop(self.agenda)
            self._happen(rank, thing)
        self.now = now

    def moments(self) -> Iterator[datetime]:
        """When something will happen, and when a cap opens again."""
        yield from (at for at, _, _, _ in self.agenda)
        for grant in self.running:
            if grant.start > self.now:
                yield grant.start
            elif grant.cap is not None:
                yield grant.window(self.now)[1]

    def _plan(self, at: datetime | None, rank: int, thing: Any) -> None:
        if at is not None:
            number = thing.number if isinstance(thing, Grant | Allowance) else next(self.numbers)
            heapq.heappush(self.agenda, (at, rank, number, thing))

    def _happen(self, rank: int, thing: Any) -> None:
        if rank == EXPIRE and not thing.is_over and thing.end == self.now:
            if thing.source == "allowance":
                thing.allowance.unused = thing.left
            self._end(thing)
        elif rank == RENEW and not thing.is_over and thing.next == self.now:
            self._renew(thing)
        elif rank == LAPSE and thing.status == "held" and thing.end == self.now:
            self._let_go(thing, "lapsed")

    def _end(self, grant: Grant) -> None:
        grant.is_over = True
        grant.left = None if grant.left is None else 0
        self.running.remove(grant)

    # --- grants and allowances

    def grant(self, line: Line, end: datetime | None = None, pieces: int = 1) -> Grant:
        """Give so many pieces of a line, until an instant or as long as it says: the first grant of it."""
        if end is None and line.span is not None:
            end = later(self.now, *line.span, self.zone)
        if line.reset is None:
            left = None if line.quantity is None else line.quantity * pieces
            return self._issue(line, pieces, "manual", left, self.now, end, self.now)
        allowance = Allowance(
            number=next(self.numbers), line=line, pieces=pieces, anchor=self.now, end=end, zone=self.zone
        )
        self.allowances.append(allowance)
        return self._give(allowance)

    def _renew(self, allowance: Allowance) -> None:
        if allowance.line.rollover is not None:
            most, periods = allowance.line.rollover
            units = min(allowance.unused, most * allowance.pieces)
            self._of(allowance, "rollover", units, allowance.finish(allowance.index + periods))
        allowance.unused = 0
        allowance.index += 1
        self._give(allowance)

    def _give(self, allowance: Allowance) -> Grant:
        """Give the units of the period that begins."""
        index = allowance.index
        allowance.next = allowance.start(index + 1)
        self._plan(allowance.next, RENEW, allowance)
        quantity = (allowance.line.quantity or 0) * allowance.pieces
        return self._of(allowance, "allowance", quantity, allowance.finish(index))

    def _of(self, allowance: Allowance, source: str, units: int, end: datetime | None) -> Grant:
        line, pieces = allowance.line, allowance.pieces
        # A period is empty where a zone leaves out a whole day.
        units = 0 if end is not None and end <= self.now else units
        grant = self._issue(line, pieces, source, units, self.now, end, allowance.anchor, allowance)
        self.named[allowance.number, source, allowance.index] = grant
        return grant

    def _issue(
        self,
        line: Line,
        pieces: int,
        source: str,
        left: int | None,
        start: datetime,
        end: datetime | None,
        anchor: datetime,
        allowance: Allowance | None = None,
    ) -> Grant:
        grant = Grant(
            number=next(self.numbers),
            feature=line.feature,
            source=source,
            left=left,
            priority=line.priority,
            start=start,
            end=end,
            anchor=anchor,
            zone=self.zone,
            cap=line.cap and (line.cap[0] * pieces, line.cap[1]),
            value=line.value,
            allowance=allowance,
            index=allowance.index if allowance else 0,
        )
        self.running.append(grant)
        self._plan(end, EXPIRE, grant)
        if source != "rollover" and line.value is None:
            self._repay(grant)
        return grant

    def _repay(self, grant: Grant) -> None:
        """New units pay what is owed, the oldest first; without limit all of it."""
        for debt in self.debts:
            units = debt.owed if grant.left is None else min(debt.owed, grant.left)
            if debt.feature == grant.feature and units:
                debt.owed -= units
                debt.repaid.append(Draw(grant, units, self.now))
                grant.left = None if grant.left is None else grant.left - units

    def revoke(self, grant: Grant, quantity: int | None) -> bool:
        """Whether it was over already."""
        if quantity is None:
            was_over = grant.is_over
            if not was_over:
                self._end(grant)
            return was_over
        if grant.left is None:
            raise No("invalid")
        if quantity > grant.left:
            raise No("revocation_too_large")
        grant.left -= quantity
        return False

    def revoke_allowance(self, allowance: Allowance) -> bool:
        """Whether it was over already."""
        was_over = allowance.is_over or (allowance.end is not None and allowance.end <= self.now)
        if not was_over:
            allowance.is_over, allowance.next = True, None
            self._end_all(grant for grant in self.running if grant.allowance is allowance)
        return was_over

    def _end_all(self, grants: Iterable[Grant]) -> None:
        for grant in list(grants):
            if not grant.is_over:
                self._end(grant)

    # --- what there is

    def usable(self, payer: str) -> list[Grant]:
        """What is open and has begun, in burn order: something is left of it, or held."""
        found = [grant for grant in self.open(payer) if grant.start <= self.now]
        return sorted(found, key=lambda grant: (grant.priority, grant.end or NEVER, grant.start, grant.number))

    def open(self, payer: str) -> list[Grant]:
        return [grant for grant in self.running if grant.feature == payer and (grant.left != 0 or grant.held)]

    def groups(self, feature: str) -> Iterator[tuple[tuple[str, int, int], list[Grant]]]:
        """The grants that pay for a feature, by the way of paying: what is without limit pays first, then its own."""
        found = [(way, self.usable(way[0])) for way in self.ways[feature]]
        for way, grants in found:
            yield way, [grant for grant in grants if grant.gives(self.now) is None]
        for way, grants in found:
            limited = [grant for grant in grants if grant.gives(self.now) is not None]
            yield way, sorted(limited, key=lambda grant: grant.left is not None)

    def in_burn_order(self, feature: str) -> list[Grant]:
        return [grant for _, grants in self.groups(feature) for grant in grants]

    def balance(self, feature: str) -> int | None:
        """What is there, less what is owed."""
        whole = self.whole(feature)
        return None if whole is None else whole - self.owed(feature)

    def owed(self, feature: str) -> int:
        return sum(debt.owed for debt in self.debts if debt.feature == feature)

    def may(self, feature: str, quantity: int, *, overdraw: bool) -> bool:
        """Whether so much can be taken: no balance falls below zero but by overdraft."""
        balance, furthest = self.balance(feature), self.overdraft[feature] if overdraw else 0
        return balance is None or furthest is None or balance - quantity >= -furthest

    def whole(self, feature: str) -> int | None:
        total = 0
        for (payer, per, units), grants in self.groups(feature):
            given = [grant.gives(self.now) for grant in grants]
            if None in given:
                return None
            spent = max(sum(each or 0 for each in given) - self.owed_of(payer, feature), 0)
            total += math.floor(spent / Fraction(units, per))
        return total

    def owed_of(self, payer: str, feature: str) -> int:
        """What is owed of another feature pays for nothing."""
        return 0 if payer == feature else self.owed(payer)

    def cap(self, feature: str) -> tuple[int, int, datetime] | None:
        """How much, of how much, until when, of the cap that keeps units back, and opens first."""
        capped = [grant for grant in self.in_burn_order(feature) if grant.cap and grant.gives(self.now) != grant.left]
        standing = [(grant.used(self.now), grant.cap[0], grant.window(self.now)[1]) for grant in capped if grant.cap]
        return min(standing, key=lambda each: each[2], default=None)

    def without_caps(self, feature: str) -> int | None:
        """What would be there if there were no caps."""
        lifted = copy.copy(self)
        lifted.running = [dataclasses.replace(grant, cap=None) for grant in self.running]
        return lifted.whole(feature)

    def value(self, feature: str) -> int | None:
        """What a static feature reads."""
        given = [grant for grant in self.usable(feature) if grant.value is not None]
        return max(given, key=lambda each: (-each.priority, each.value or 0)).value if given else None

    def held(self, feature: str) -> int:
        legs = (draw for hold in self.holds if hold.status == "held" for draw in _all(hold.parts))
        return sum(draw.units for draw in legs if draw.grant.feature == feature)

    def next_reset(self, feature: str) -> datetime | None:
        payers = {payer for payer, _, _ in self.ways[feature]}
        coming = (each.next for each in self.allowances if each.line.feature in payers and not each.is_over)
        return min((at for at in coming if at is not None), default=None)

    def is_listed(self, feature: str) -> bool:
        """Whether there is something of it, be it held, in balances."""
        payers = {payer for payer, _, _ in self.ways[feature]}
        return (
            any(self.open(payer) or self.held(payer) for payer in payers)
            or self.next_reset(feature) is not None
            or self.owed(feature) > 0
        )

    def pay(self, feature: str, quantity: int, *, overdraw: bool) -> tuple[list[Part], int]:
        """What pays, and how much is owed then."""
        if not self.may(feature, quantity, overdraw=overdraw):
            raise No("quota_exceeded")
        parts = []
        for (payer, per, units), grants in self.groups(feature):
            sources = [(grant, grant.gives(self.now)) for grant in grants]
            part = Part(payer, per, units, 0, [])
            taken = _share(part, sources, quantity, self.owed_of(payer, feature))
            part.draws = [Draw(grant, count, self.now) for grant, count in taken]
            quantity -= part.quantity
            parts += [part] if part.quantity else []
        return parts, quantity

    # --- acts

    def consume(self, feature: str, quantity: int) -> Usage:
        return self._use(feature, quantity, late=False)

    def _use(self, feature: str, quantity: int, *, late: bool) -> Usage:
        parts, missing = self.pay(feature, quantity, overdraw=True)
        self._take(parts)
        usage = Usage(feature, quantity, parts, None, late)
        if missing:
            usage.debt = Debt(feature, missing)
            self.debts.append(usage.debt)
        usage.balance = self.balance(feature)
        self.usages.append(usage)
        return usage

    def _take(self, parts: list[Part]) -> None:
        for draw in _all(parts):
            draw.grant.taken.append(draw)
            draw.grant.left = None if draw.grant.left is None else draw.grant.left - draw.units

    def hold(self, feature: str, quantity: int, seconds: int) -> Hold:
        parts, missing = self.pay(feature, quantity, overdraw=False)
        assert not missing
        self._take(parts)
        for draw in _all(parts):
            draw.grant.held += draw.units
        hold = Hold(feature, quantity, parts, self.balance(feature), self.now + timedelta(seconds=seconds))
        self.holds.append(hold)
        self._plan(hold.end, LAPSE, hold)
        return hold

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
            here = Part(part.payer, part.per, part.units, 0, [])
            share = _share(here, [(draw, draw.units) for draw in part.draws], quantity)
            here.draws = [draw.split(units) for draw, units in share]
            for draw in here.draws:
                draw.grant.held -= draw.units
            quantity -= here.quantity
            taken += [here] if here.quantity else []
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
        for draw in _all(hold.parts):
            draw.grant.held -= draw.units
            self._put_back(draw, draw.units)
        for part in hold.parts:
            part.draws = []

    def _put_back(self, draw: Draw, units: int) -> None:
        draw.units -= units
        if not draw.grant.is_over and draw.grant.left is not None:
            draw.grant.left += units

    def inherit(self, grant: Grant, source: str, units: int | None) -> Grant:
        """Let a new grant, which is as the one before it, have units of that line."""
        root = grant.root or grant
        heir = dataclasses.replace(
            grant,
            number=next(self.numbers),
            source=source,
            left=units,
            root=root,
            heirs=[],
            waits=0,
            is_over=False,
            is_disputed=False,
        )
        root.heirs.append(heir)
        self.running.append(heir)
        self._plan(heir.end, EXPIRE, heir)
        return heir

    def extend(self, hold: Hold, seconds: int) -> None:
        if hold.status != "held":
            raise No("hold_closed")
        hold.end = max(hold.end, self.now + timedelta(seconds=seconds))
        self._plan(hold.end, LAPSE, hold)

    def reverse(self, usage: Usage, quantity: int | None) -> int | None:
        """Let the usage have only what is kept of it; what was drawn last goes back first. The balance then.

        What was not there came last: first it is owed no more, then those who gave it since have it back.
        """
        open_units = usage.quantity - usage.back
        wanted = open_units if quantity is None else quantity
        if wanted > open_units or wanted == 0:
            raise No("reversal_too_large")
        usage.back += wanted
        keep = open_units - wanted
        if usage.debt is not None:
            self._forgive(usage.debt, usage.debt.stands - max(0, keep - sum(part.quantity for part in usage.parts)))
        for part in usage.parts:
            kept = min(keep, part.quantity)
            keep -= kept
            surplus = sum(draw.units for draw in part.draws) - math.ceil(kept * part.price)
            for draw in reversed(part.draws):
                back = min(draw.units, surplus)
                surplus -= back
                self._put_back(draw, back)
        return self.balance(usage.feature)

    def _forgive(self, debt: Debt, units: int) -> None:
        forgiven = min(units, debt.owed)
        debt.owed -= forgiven
        units -= forgiven
        for draw in reversed(debt.repaid):
            back = min(units, draw.units)
            units -= back
            self._put_back(draw, back)


def _boundaries(anchor: datetime, count: int, unit: str, zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Where the window that an instant lies in begins and ends."""
    # Too early, and on from there: no unit is longer than this.
    longest = timedelta(days={"day": 1.1, "week": 7.1, "month": 31.1, "year": 366.1}[unit])
    index = max(0, int((now - anchor) / longest) // count - 1)
    while later(anchor, count * (index + 1), unit, zone) <= now:
        index += 1
    return later(anchor, count * index, unit, zone), later(anchor, count * (index + 1), unit, zone)


def _share(part: Part, sources: list[tuple[Any, int | None]], quantity: int, owed: int = 0) -> list[tuple[Any, int]]:
    """The part of a quantity that the sources pay for, and how much each gives, from the first on. None is any."""
    if any(units is None for _, units in sources):
        part.quantity = quantity
        return [(sources[0][0], math.ceil(quantity * part.price))] if quantity else []
    free = max(sum(units or 0 for _, units in sources) - owed, 0)
    part.quantity = min(quantity, math.floor(free / part.price))
    owed, taken = math.ceil(part.quantity * part.price), []
    for source, units in sources:
        count = min(owed, units or 0)
        owed -= count
        taken += [(source, count)] if count else []
    return taken


def _all(parts: Iterable[Part]) -> list[Draw]:
    return [draw for part in parts for draw in part.draws]
