"""A shop in plain Python on the rules of changes: what a customer of one subscription can do, and what it costs them.

A ``Place`` is all that decides what can still happen. What has happened is one number beside it, the *gain*: the units
that were used or can still be used, at the price per unit of the best single purchase, less the money spent. Two ways
to one place differ in nothing but that number, so a search keeps the larger and has looked at both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property, partial
from typing import Any, NamedTuple

from billable.changes import proration
from billable.changes.kinds import MoneyPolicy, UnitPolicy
from billable.changes.proration import Agreed, Left, Outcome, Paid, Plan, Promise, Tally
from billable.errors import UnpaidUnits

START = datetime(2026, 6, 1, tzinfo=timezone.utc)
STEP_DAYS = 10


class Offer(NamedTuple):
    """A plan of the catalogue, or with ``days`` 0 a pack that is bought once. Prices are minor units."""

    name: str
    price: int
    quantity: int
    days: int


class Bought(NamedTuple):
    """Something that was paid for: the money that was paid, its value (with the credit), its days, its units."""

    cash: int
    value: int
    begins: int
    ends: int
    granted: int
    unused: int


class Terms(NamedTuple):
    """A plan for so many seats, and the days of its period; ``is_new`` says that they begin with the change."""

    offer: Offer
    seats: int
    begins: int
    ends: int
    is_new: bool


class Asked(NamedTuple):
    """A change that waits for its money; ``offer`` -1 adds a seat."""

    offer: int
    units: UnitPolicy
    agreed: int
    due: int


class Place(NamedTuple):
    """Where a customer stands. ``running`` is paid for the plan, ``others`` are kept balances and packs."""

    day: int
    offer: int
    seats: int
    begins: int
    ends: int
    used: int
    running: tuple[Bought, ...]
    others: tuple[tuple[bool, Bought], ...] = ()
    asked: Asked | None = None

    @property
    def alive(self) -> int:
        """Every unit that can still be used."""
        return sum(each.unused for each in self.running) + sum(each.unused for _, each in self.others)


class Step(NamedTuple):
    """Something that can be done: the money it costs, the units it uses, and where it leads.

    ``units`` is by how many those that can still be used change. ``act`` says it to who does it in earnest.
    """

    act: tuple[Any, ...]
    cash: int
    used: int
    units: int
    lead: Callable[[], Place]


def instant(day: int) -> datetime:
    """The instant of a day."""
    return START + timedelta(days=day)


@dataclass(eq=False)
class Shop:
    """A catalogue, the discount of its code in percent, and what may be done in it."""

    plans: tuple[Offer, ...]
    packs: tuple[Offer, ...] = ()
    code_percent: int = 0
    money: MoneyPolicy = MoneyPolicy.PRO_RATA_SECONDS
    unit_policies: tuple[UnitPolicy, ...] = tuple(UnitPolicy)
    remembered: dict[object, list[tuple[int, UnitPolicy, Outcome]]] = field(default_factory=dict)
    seats: dict[object, Outcome] = field(default_factory=dict)

    def prices(self, offer: Offer) -> tuple[int, ...]:
        """What an offer costs, without and with the code."""
        return tuple(sorted({offer.price, offer.price - offer.price * self.code_percent // 100}))

    @cached_property
    def best(self) -> tuple[int, int]:
        """Units and money of the best single purchase."""
        every = [(each.quantity, price) for each in (*self.plans, *self.packs) for price in self.prices(each)]
        return max((pair for pair in every if pair[1]), key=lambda pair: pair[0] / pair[1])

    def gain(self, units: int, cash: int) -> int:
        """What units are worth at the best single purchase's price, less the money; in no unit of anything."""
        quantity, price = self.best
        return units * price - cash * quantity

    def starts(self) -> Iterator[tuple[Place, int]]:
        """Every first purchase, and the gain that it is."""
        for number, offer in enumerate(self.plans):
            for cash in self.prices(offer):
                first = Bought(cash, cash, 0, offer.days, offer.quantity, offer.quantity)
                place = Place(0, number, 1, 0, offer.days, 0, (first,))
                yield place, self.gain(offer.quantity, cash)

    def steps(self, place: Place, *, last: bool = False) -> Iterator[Step]:
        """Everything that can be done; as the ``last`` step only what is not sure to leave the gain as it is."""
        if place.asked is not None:
            yield self._pay(place, place.asked)
        else:
            yield from self._changes(place, last)
            yield from self._seats(place, last)
        for pack in self.packs:
            for cash in self.prices(pack):
                bought = Bought(cash, cash, place.day, -1, pack.quantity, pack.quantity)
                others = [*place.others, (False, bought)]
                yield Step(("buy", pack.name, cash), cash, 0, pack.quantity, partial(tidy, place, others=others))
        yield from refunds(place)
        if last:
            return
        for units in {place.alive, place.alive // 2} - {0}:
            yield Step(("use", units), 0, units, -units, partial(use, place, units))
        if place.day + STEP_DAYS < place.ends:
            yield Step(("wait",), 0, 0, 0, partial(place._replace, day=place.day + STEP_DAYS))

    def _changes(self, place: Place, last: bool) -> Iterator[Step]:
        for number, units, outcome in self._deals(place):
            act = self.plans[number].name, units.value
            yield self._change(("change", *act), place, number, units, outcome)
            if outcome.due_minor and not last:
                asked = Asked(number, units, outcome.credited_minor, outcome.due_minor)
                yield Step(("ask", *act), 0, 0, 0, partial(place._replace, asked=asked))

    def _deals(self, place: Place) -> list[tuple[int, UnitPolicy, Outcome]]:
        """Every change that is not refused. What cannot matter to it is no part of the key it is remembered by."""
        key = place._replace(others=(), asked=None), self.kept(place)
        if key not in self.remembered:
            self.remembered[key] = [
                (number, units, outcome)
                for number, _ in enumerate(self.plans)
                for units in (self.unit_policies if number != place.offer else ())
                if (outcome := self.outcome(place, number, units)) is not None
            ]
        return self.remembered[key]

    def kept(self, place: Place) -> int:
        """The units kept of earlier plans, where they matter: where something is to be had for nothing."""
        if self.money is MoneyPolicy.PRO_RATA_SECONDS and all(offer.price for offer in self.plans):
            return 0
        return sum(each.unused for is_kept, each in place.others if is_kept)

    def _change(self, act: tuple[Any, ...], place: Place, number: int, units: UnitPolicy, outcome: Outcome) -> Step:
        gone = 0 if units is UnitPolicy.CARRY_BALANCE else sum(each.unused for each in place.running)
        change = (outcome.given[0] or 0) - gone
        return Step(act, outcome.due_minor, 0, change, partial(self.changed, place, number, units, outcome))

    def _seats(self, place: Place, last: bool) -> Iterator[Step]:
        key = self._seat(place), place.day
        outcome = self.seats.get(key) or proration.add(_plan(key[0]), now=instant(place.day))
        self.seats[key] = outcome
        yield self._more(("seat",), place, outcome)
        if outcome.due_minor and not last:
            asked = Asked(-1, UnitPolicy.PRO_RATA_UNITS, 0, outcome.due_minor)
            yield Step(("ask seat",), 0, 0, 0, partial(place._replace, asked=asked))

    def _more(self, act: tuple[Any, ...], place: Place, outcome: Outcome) -> Step:
        return Step(act, outcome.due_minor, 0, outcome.given[0] or 0, partial(self.seated, place, outcome))

    def _pay(self, place: Place, asked: Asked) -> Step:
        agreed, free = Agreed(credited_minor=asked.agreed, paid_minor=asked.due), place._replace(asked=None)
        if asked.offer == -1:
            step = self._more(
                ("pay",), free, proration.add(_plan(self._seat(free)), now=instant(free.day), agreed=agreed)
            )
        else:
            settled = self.outcome(free, asked.offer, asked.units, agreed)
            assert settled is not None
            step = self._change(("pay",), free, asked.offer, asked.units, settled)
        return step._replace(cash=asked.due)

    def terms(self, place: Place, number: int) -> Terms:
        """A plan of the catalogue as it would run from a place."""
        offer = self.plans[number]
        is_new = offer.days != self.plans[place.offer].days
        begins, ends = (place.day, place.day + offer.days) if is_new else (place.begins, place.ends)
        return Terms(offer, place.seats, begins, ends, is_new)

    def _seat(self, place: Place) -> Terms:
        return Terms(self.plans[place.offer], 1, place.begins, place.ends, False)

    def outcome(self, place: Place, number: int, units: UnitPolicy, agreed: Agreed | None = None) -> Outcome | None:
        """What a change would do; None when it is refused."""
        try:
            return proration.change(
                [_paid(each) for each in place.running],
                _plan(self.terms(place, number)),
                money=self.money,
                units=units,
                tally=Tally(used={"pages": place.used}, kept={"pages": self.kept(place)}),
                now=instant(place.day),
                agreed=agreed,
            )
        except UnpaidUnits:
            return None

    def changed(self, place: Place, number: int, units: UnitPolicy, outcome: Outcome) -> Place:
        """Where a change leads."""
        terms = self.terms(place, number)
        given = outcome.given[0] or 0
        value = outcome.charged_minor
        cash = outcome.due_minor
        new = Bought(cash, value, place.day, terms.ends, given, given)
        others = list(place.others)
        if units is UnitPolicy.CARRY_BALANCE:
            others += [(True, each) for each in place.running]
        used = 0 if terms.is_new else place.used
        return tidy(
            place._replace(offer=number, begins=terms.begins, ends=terms.ends, used=used), running=[new], others=others
        )

    def seated(self, place: Place, outcome: Outcome) -> Place:
        """Where an added seat leads."""
        given = outcome.given[0] or 0
        new = Bought(outcome.due_minor, outcome.charged_minor, place.day, place.ends, given, given)
        return tidy(place._replace(seats=place.seats + 1), running=[*place.running, new])


def use(place: Place, units: int) -> Place:
    """Use units, the kept ones first."""
    counted, running, others = 0, [], []
    for is_kept, each in place.others:
        taken = min(each.unused, units) if is_kept else 0
        units, counted = units - taken, counted + taken
        others.append((is_kept, each._replace(unused=each.unused - taken)))
    for each in place.running:
        taken = min(each.unused, units)
        units, counted = units - taken, counted + taken
        running.append(each._replace(unused=each.unused - taken))
    for at, (is_kept, each) in enumerate(others):
        taken = min(each.unused, units)
        units -= taken
        others[at] = (is_kept, each._replace(unused=each.unused - taken))
    return tidy(place._replace(used=place.used + counted), running=running, others=others)


def refunds(place: Place) -> Iterator[Step]:
    """Give something back, as refund_order does by the policy unused_only; no money, no change."""
    for at, each in enumerate(place.running):
        if amount := _unused_part(each):
            running = [*place.running[:at], _refunded(each, amount), *place.running[at + 1 :]]
            yield Step(("refund", "running", at), -amount, 0, -each.unused, partial(tidy, place, running=running))
    for at, (is_kept, each) in enumerate(place.others):
        if amount := _unused_part(each):
            others = [*place.others[:at], (is_kept, _refunded(each, amount)), *place.others[at + 1 :]]
            yield Step(("refund", "others", at), -amount, 0, -each.unused, partial(tidy, place, others=others))


def tidy(
    place: Place, *, running: list[Bought] | None = None, others: list[tuple[bool, Bought]] | None = None
) -> Place:
    """The same place without what cannot matter any more."""
    keep = list(place.others) if others is None else others
    return place._replace(
        running=place.running if running is None else tuple(running),
        others=tuple(sorted((pair for pair in keep if pair[1].unused), key=_is_bought)),
    )


def _is_bought(pair: tuple[bool, Bought]) -> bool:
    return not pair[0]


def _unused_part(bought: Bought) -> int:
    return bought.cash * bought.unused // bought.granted if bought.granted else 0


def _refunded(bought: Bought, amount: int) -> Bought:
    gone = bought.unused
    return bought._replace(
        cash=bought.cash - amount, value=bought.value - amount, granted=bought.granted - gone, unused=0
    )


def _plan(terms: Terms) -> Plan:
    return Plan(
        price_minor=terms.offer.price * terms.seats,
        begins=instant(terms.begins),
        ends=instant(terms.ends),
        lines=(Promise(feature="pages", quantity=terms.offer.quantity * terms.seats),),
        is_new_period=terms.is_new,
    )


def _paid(bought: Bought) -> Paid:
    return Paid(
        value_minor=bought.value,
        begins=instant(bought.begins),
        ends=instant(bought.ends),
        lines=(Left(feature="pages", granted=bought.granted, unused=bought.unused),),
    )


def search(shop: Shop, first: Mapping[Place, int], depth: int, *, merging: bool = True) -> Iterator[tuple[int, int]]:
    """Take every sequence of up to ``depth`` steps: the largest gain after each number of steps, and how many steps.

    Without ``merging`` every sequence is walked by itself.
    """
    yield max(first.values()), len(first)
    places = list(first.items())
    for number in range(1, depth + 1):
        reached: list[tuple[Place, int]] = []
        best: dict[Place, int] = {}
        largest, count = -(10**18), 0
        for place, gain in places:
            for step in shop.steps(place, last=number == depth):
                after, count = gain + shop.gain(step.used + step.units, step.cash), count + 1
                largest = max(largest, after)
                if number == depth:
                    # Where the last step leads matters no more.
                    continue
                there = step.lead()
                assert there.alive == place.alive + step.units, step
                if not merging:
                    reached.append((there, after))
                elif after > best.get(there, after - 1):
                    best[there] = after
        yield largest, count
        places = list(best.items()) if merging else reached
