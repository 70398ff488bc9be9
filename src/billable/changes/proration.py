"""What a change of plan credits, charges and gives. Pure: whole numbers and exact fractions.

**The rule: what is credited is the smaller share, what is charged is the larger share.**

- A plan that ends is credited ``⌊value × min(time left, units unused)⌋``, the units over each of its features; the
  balance of a feature that the customer keeps counts as used.
- A plan that begins is charged ``⌈price × max(time left, units given)⌉``, the units over each of its features.

**Why nobody can farm units by it.** Call what was paid for a plan, in money or by credit, its *value*. Take any
feature.

1. *Kept for the old.* Of a plan of value ``v`` that gave ``g`` units, ``u`` of them used or kept, at most ``v × (1 −
   u/g)`` is credited. So at least ``v/g`` is kept for each of the ``u`` units.
2. *Charged for the new.* A plan that costs ``p`` for ``Q`` units is charged at least ``p × g/Q`` for the ``g`` that it
   gives. So its value per unit given is at least the price per unit at which the shop sells that plan.
3. By 1 and 2 every unit that was used, is kept or can still be used cost at least the price per unit of *some* single
   purchase (of the first plan: with its code, for its value is what was paid). Credit is money that is there already:
   it pays for the next plan or waits, and what of it pays for a plan is never refunded. So all the money that the
   customer is out is at least the sum of what is kept for each plan.
4. Units over money is then a mediant, ``(u₁ + u₂ + …) / (k₁ + k₂ + …)`` with each ``uᵢ/kᵢ`` no more than the best
   single purchase has, and a mediant never exceeds the largest of its parts. ∎

Nothing in it depends on which unit policy is chosen, or on the order of the steps. Credits are rounded down, charges up
and units down, so rounding keeps to the same side. A refund of unused units gives back no more than ``v × (1 − u/g)``
either, and counts as credit does.

The argument needs a price. Where nothing is charged for the units (a change with the money policy ``none``, or to a
plan that costs nothing) they are limited instead: what was used in the period, what is kept and what is given add up to
no more than the plan gives in a period. So going up and down any number of times yields what the largest of those plans
gives, once. Such a change cannot begin a period, or it would begin as many as anybody liked.

Money that arrives later than it was asked for buys at the numbers of its own day: see ``Agreed``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from billable.changes.kinds import MoneyPolicy, UnitPolicy
from billable.errors import UnpaidUnits
from billable.shares import NOTHING, WHOLE, portion, portion_up, time_left


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the customer still has of one feature of something that was paid for.

    ``granted`` is what its value stands for, without what was taken back; ``unused`` is what is left of that. Both are
    None where it is unlimited.
    """

    feature: str
    granted: int | None
    unused: int | None


@dataclass(frozen=True, kw_only=True)
class Paid:
    """Something that was paid for the plan that runs, from ``begins`` to ``ends``; None is for ever.

    ``value_minor`` is what is left of its price after refunds, whether money or credit paid it.
    """

    value_minor: int
    begins: datetime
    ends: datetime | None
    lines: Sequence[Left] = ()


@dataclass(frozen=True, kw_only=True)
class Promise:
    """How much of one feature a plan gives in a whole period, all seats together; None is unlimited."""

    feature: str
    quantity: int | None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a plan costs and gives for a whole period, all seats together, and which period that is.

    ``is_new_period`` says that the period begins with the change.
    """

    price_minor: int
    begins: datetime
    ends: datetime | None
    lines: Sequence[Promise] = ()
    is_new_period: bool = False


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Units of each feature that this subscription gave in this period: what was ``used``, and what of earlier plans is
    ``kept`` beside what is paid for now."""

    used: Mapping[str, int] = field(default_factory=dict)
    kept: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Agreed:
    """What was agreed on when the money was asked for: at most so much credit, and the money that has now arrived.

    Between the two the customer may have used units of the old plan. They are not credited any more, and what the new
    plan gives is no more than the rest of the credit and the money pay for.
    """

    credited_minor: int
    paid_minor: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a change does. ``credits_minor`` is for each thing paid, ``given`` for each line of the new plan."""

    credits_minor: tuple[int, ...]
    charged_minor: int
    given: tuple[int | None, ...]

    @property
    def credited_minor(self) -> int:
        """What is credited in all."""
        return sum(self.credits_minor)

    @property
    def due_minor(self) -> int:
        """What is to be paid."""
        return max(self.charged_minor - self.credited_minor, 0)

    @property
    def left_over_minor(self) -> int:
        """What of the credit is kept for the next renewal."""
        return max(self.credited_minor - self.charged_minor, 0)


def change(
    paid: Sequence[Paid],
    plan: Plan,
    *,
    money: MoneyPolicy,
    units: UnitPolicy,
    tally: Tally,
    now: datetime,
    agreed: Agreed | None = None,
) -> Outcome:
    """What it does to leave what was ``paid`` for another ``plan`` now. Raises UnpaidUnits.

    With money ``none`` whatever is left of the old value is that of the new plan, be it more or less than its price.
    """
    is_free = money is MoneyPolicy.NONE or not plan.price_minor
    if is_free:
        _refuse_unpaid(plan, money, units)
    given = _units(plan, units, tally, now)
    credits = tuple(_credit(each, units, now) for each in paid)
    if is_free:
        given = _no_more_than_once(plan, given, paid if units is UnitPolicy.CARRY_BALANCE else (), tally)
    if agreed is not None:
        credits = _at_most(credits, agreed.credited_minor)
        charged = sum(credits) + agreed.paid_minor
        given = given if is_free else _no_more_than_paid(plan, given, charged)
    elif money is MoneyPolicy.NONE:
        charged = sum(credits)
    else:
        charged = portion_up(_charged_share(plan, given, now), plan.price_minor)
    return Outcome(credits_minor=credits, charged_minor=charged, given=given)


def add(plan: Plan, *, now: datetime, tally: Tally | None = None, agreed: Agreed | None = None) -> Outcome:
    """What it does to add seats to a plan that goes on: ``plan`` is what the added ones cost and give in a period.

    Where they cost nothing, what the ``tally`` counts beyond the seats that are there already is not given again.
    """
    return change(
        (),
        plan,
        money=MoneyPolicy.PRO_RATA_SECONDS,
        units=UnitPolicy.PRO_RATA_UNITS,
        tally=tally or Tally(),
        now=now,
        agreed=agreed,
    )


def _refuse_unpaid(plan: Plan, money: MoneyPolicy, units: UnitPolicy) -> None:
    if money is MoneyPolicy.NONE and units in (UnitPolicy.REGRANT, UnitPolicy.CARRY_BALANCE):
        raise UnpaidUnits(field="units", problem=f"{units.value} would give units again that nobody pays for")
    if plan.is_new_period:
        problem = "would begin a period that nobody pays for; let it take effect at the period's end"
        raise UnpaidUnits(field="at", problem=problem)


def _credit(paid: Paid, units: UnitPolicy, now: datetime) -> int:
    time = WHOLE if paid.ends is None else time_left(paid.begins, paid.ends, now)
    stays = units is UnitPolicy.CARRY_BALANCE
    shares = [
        NOTHING if stays else Fraction(min(line.unused or 0, line.granted), line.granted)
        for line in paid.lines
        if line.granted
    ]
    return portion(min([time, *shares]), paid.value_minor)


def _units(plan: Plan, units: UnitPolicy, tally: Tally, now: datetime) -> tuple[int | None, ...]:
    used = {} if plan.is_new_period or units is not UnitPolicy.CARRY_USAGE else dict(tally.used)
    time = _time(plan, now) if units is UnitPolicy.PRO_RATA_UNITS else WHOLE
    return tuple(
        None if line.quantity is None else portion(time, _less(line.feature, line.quantity, used))
        for line in plan.lines
    )


def _less(feature: str, quantity: int, spent: dict[str, int]) -> int:
    """A quantity without what was spent of its feature, which it then pays for: a plan may give a feature twice."""
    taken = min(spent.get(feature, 0), quantity)
    spent[feature] = spent.get(feature, 0) - taken
    return quantity - taken


def _no_more_than_once(
    plan: Plan, given: tuple[int | None, ...], kept: Sequence[Paid], tally: Tally
) -> tuple[int | None, ...]:
    spent = dict(tally.used)
    stays = [(line.feature, line.unused or 0) for each in kept for line in each.lines]
    for feature, quantity in [*tally.kept.items(), *stays]:
        spent[feature] = spent.get(feature, 0) + quantity
    return tuple(
        None if line.quantity is None else min(_less(line.feature, line.quantity, spent), each or 0)
        for line, each in zip(plan.lines, given, strict=True)
    )


def _no_more_than_paid(plan: Plan, given: tuple[int | None, ...], value: int) -> tuple[int | None, ...]:
    return tuple(
        None if line.quantity is None else min(line.quantity * value // plan.price_minor, each or 0)
        for line, each in zip(plan.lines, given, strict=True)
    )


def _charged_share(plan: Plan, given: tuple[int | None, ...], now: datetime) -> Fraction:
    shares = [Fraction(each or 0, line.quantity) for line, each in zip(plan.lines, given, strict=True) if line.quantity]
    return max([_time(plan, now), *shares])


def _time(plan: Plan, now: datetime) -> Fraction:
    return WHOLE if plan.ends is None else time_left(plan.begins, plan.ends, now)


def _at_most(credits: tuple[int, ...], most: int) -> tuple[int, ...]:
    """Credits cut down to no more than ``most`` in all, the last first."""
    kept = []
    for credit in credits:
        kept.append(min(credit, most))
        most -= kept[-1]
    return tuple(kept)
