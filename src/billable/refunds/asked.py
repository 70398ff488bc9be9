"""What somebody wants to have refunded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from billable import inputs
from billable.errors import CurrencyMismatch, Invalid
from billable.inputs import MAX_ORDER_LINES, MAX_ORDER_QUANTITY
from billable.orders.models import OrderItem
from billable.refunds.kinds import RefundPolicy


class _LineNamed(TypedDict):
    line: int


class RefundLine(_LineNamed, total=False):
    """One line of an order, and how many of its pieces go back; no quantity is all that have not yet."""

    quantity: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a refund asks for. ``items`` None is every line; a quantity of None is all that is left of it.

    ``payment`` is a payment that goes back whole and is not all that paid the order: the amount follows from it.
    ``is_gone`` says that the provider sent the money back: what a change of plan credited of it is gone as well.
    """

    items: tuple[tuple[int, int | None], ...] | None = None
    amount_minor: int | None = None
    policy: RefundPolicy = RefundPolicy.FULL
    payment: UUID | None = None
    is_gone: bool = False

    def left_of(self, item: OrderItem) -> int:
        """What of the price of an item it may give back."""
        return item.total_amount_minor - item.refunded_minor if self.is_gone else item.refundable_minor

    @property
    def names_nothing(self) -> bool:
        """Whether it is about all that there is."""
        return self.items is None and self.amount_minor is None and self.policy is RefundPolicy.FULL

    def as_json(self) -> dict[str, Any]:
        """How a refund remembers it."""
        items = self.items and [{"line": line, "quantity": quantity} for line, quantity in self.items]
        amount, payment = (self.amount_minor, None) if self.payment is None else (None, str(self.payment))
        return {"items": items, "amount_minor": amount, "policy": self.policy.value, "payment_id": payment}

    def differs_from(self, earlier: Mapping[str, Any]) -> list[str]:
        """The parts that an earlier refund asked otherwise, as the caller names them."""
        now = self.as_json()
        return [name.removesuffix("_minor") for name in now if now[name] != earlier.get(name)]


@dataclass(frozen=True, kw_only=True)
class Given:
    """The arguments of a refund as they came in."""

    items: object
    amount: object
    amount_minor: object
    currency: str | None
    policy: object

    def read(self, paid_in: str) -> Asked:
        """What they ask for of money in the currency ``paid_in``. Raises Invalid, CurrencyMismatch."""
        lines = None if self.items is None else _lines(self.items)
        if self.currency is not None and inputs.currency(self.currency) != paid_in:
            raise CurrencyMismatch(field="currency", problem=f"it was paid in {paid_in}")
        money = inputs.amount(self.amount, self.amount_minor, self.currency, fallback=paid_in)
        policy = _policy(self.policy)
        if money is None:
            return Asked(items=lines, policy=policy)
        if policy is not RefundPolicy.FULL:
            raise Invalid(field="policy", problem="decides the amount; give one or the other")
        if any(quantity is not None for _, quantity in lines or ()):
            raise Invalid(field="amount", problem="give an amount or quantities, not both")
        return Asked(items=lines, amount_minor=money.amount_minor)


def _policy(policy: object) -> RefundPolicy:
    try:
        return RefundPolicy(policy)
    except ValueError:
        names = ", ".join(each.value for each in RefundPolicy)
        raise Invalid(field="policy", problem=f"must be one of {names}") from None


def _lines(items: object) -> tuple[tuple[int, int | None], ...]:
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence):
        raise Invalid(field="items", problem="must be a list")
    if not 1 <= len(items) <= MAX_ORDER_LINES:
        raise Invalid(field="items", problem=f"must be 1 to {MAX_ORDER_LINES} lines")
    lines = [_line(place, item) for place, item in enumerate(items)]
    numbers = [line for line, _ in lines]
    for place, number in enumerate(numbers):
        if number in numbers[:place]:
            raise Invalid(field=f"items[{place}].line", problem="is named twice")
    return tuple(lines)


def _line(place: int, item: object) -> tuple[int, int | None]:
    where = f"items[{place}]"
    if not isinstance(item, Mapping):
        raise Invalid(field=where, problem="must be an object with a line")
    for name in item:
        if name not in ("line", "quantity"):
            raise Invalid(field=f"{where}.{name}", problem="is not a part of it, which is a line and a quantity")
    quantity = item.get("quantity")
    if quantity is not None:
        quantity = inputs.whole(quantity, f"{where}.quantity", maximum=MAX_ORDER_QUANTITY)
    return inputs.whole(item.get("line"), f"{where}.line", maximum=MAX_ORDER_LINES), quantity
