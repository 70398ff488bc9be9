"""What a caller asks to change about a subscription, clean, before anything is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from billable import inputs
from billable.changes.kinds import ChangeKind, ChangeTime, MoneyPolicy, UnitPolicy
from billable.changes.models import PlanChange
from billable.errors import Invalid
from billable.inputs import MAX_ORDER_QUANTITY

_Word = TypeVar("_Word", bound=Enum)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A change that is asked for. Without ``sku`` or ``seats`` those stay as they are.

    ``kind`` is seats where a plan goes on and more of it is wanted, or less at the period's end. The policies are empty
    where they do not apply.
    """

    kind: ChangeKind
    sku: str | None
    seats: int | None
    at: ChangeTime | None
    money: MoneyPolicy | None = None
    units: UnitPolicy | None = None
    release_holds: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that two calls with one key must have in common, as the caller names them."""
        return ("sku", "seats", "at", "money", "units") if self.kind is ChangeKind.PLAN else ("seats",)

    def differs_from(self, earlier: PlanChange) -> list[str]:
        """The parts in which it is not what an earlier change was."""
        same = {
            "sku": self.sku in (None, earlier.to_product.sku),
            "seats": self.seats in (None, earlier.to_seats),
            "at": self.at is None or self.at.value == earlier.at,
            "money": (self.money or "") == earlier.money,
            "units": (self.units or "") == earlier.units,
        }
        return [name for name in self.names if not same[name]]


def plan_wish(sku: object, seats: object, at: object, money: object, units: object, release_holds: object) -> Wish:
    """A change to another plan, or to other seats of the same. Raises Invalid."""
    if sku is None and seats is None:
        raise Invalid(field="sku", problem="say what to change: sku, seats or both")
    time = _word(at, "at", ChangeTime)
    if time is ChangeTime.PERIOD_END and not (money is None and units is None):
        # By then everything of the old plan is over, and the new one is sold whole.
        raise Invalid(field="money" if money is not None else "units", problem="is for a change that takes effect now")
    now = time is ChangeTime.NOW
    return Wish(
        kind=ChangeKind.PLAN,
        sku=None if sku is None else inputs.name(sku, "sku"),
        seats=_seats(seats),
        at=time,
        money=_word(money or MoneyPolicy.PRO_RATA_SECONDS, "money", MoneyPolicy) if now else None,
        units=_word(units or UnitPolicy.CARRY_USAGE, "units", UnitPolicy) if now else None,
        release_holds=inputs.flag(release_holds, "release_holds"),
    )


def seats_wish(seats: object) -> Wish:
    """More seats now, or fewer at the end of the period. Raises Invalid."""
    wanted = inputs.whole(seats, "seats", maximum=MAX_ORDER_QUANTITY)
    return Wish(kind=ChangeKind.SEATS, sku=None, seats=wanted, at=None)


def _seats(seats: object) -> int | None:
    return None if seats is None else inputs.whole(seats, "seats", maximum=MAX_ORDER_QUANTITY)


def _word(value: object, field: str, words: type[_Word]) -> _Word:
    known = [word.value for word in words]
    if not isinstance(value, str) or value not in known:
        raise Invalid(field=field, problem=f"must be one of {', '.join(known)}")
    return words(value)
