"""What a refund would do to an order as it stands: the money and units of each item, and the periods that slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billable.customers.models import Customer
from billable.errors import Invalid, NothingToRefund, RefundTooLarge, WrongOrderState
from billable.money import Money, apportion
from billable.orders.lifecycle import OrderStatus
from billable.orders.lines import Line, lines_of
from billable.orders.models import Order, OrderItem
from billable.orders.recurring import Course
from billable.quota import holds
from billable.quota.models import Grant, HoldLeg
from billable.refunds import shares
from billable.refunds.asked import Asked
from billable.refunds.kinds import RefundPolicy
from billable.refunds.slide import RefundSlide, later_periods, plan_slides
from billable.shares import NOTHING, WHOLE, portion
from billable.subscriptions.models import Subscription

_OPEN = (OrderStatus.PAID.value, OrderStatus.PARTIALLY_REFUNDED.value)


@dataclass(frozen=True, kw_only=True)
class Take:
    """What a refund takes of one line: so many units (None: unlimited), so many of its last periods, or all of it.

    ``reduces`` is how many units each period to come of an allowance gives less.
    """

    line: Line
    units: int | None
    spans: int = 0
    whole: bool = False
    reduces: int = 0

    @property
    def ends(self) -> bool:
        """Whether the line goes on now and ends by it."""
        return self.whole and not self.line.is_over

    @property
    def ahead(self) -> int:
        """How many units of the periods to come it takes; 0 where nobody can say."""
        if self.line.course is None:
            return 0
        return self.line.course.ahead if self.ends else self.reduces * self.line.course.periods_ahead

    @property
    def moves(self) -> bool:
        """Whether anything is taken."""
        return bool(self.units or self.ends or self.spans or self.reduces)


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a refund does to one item. ``pieces`` 0: a part of its price goes back, and no whole piece."""

    item: OrderItem
    pieces: int
    amount_minor: int
    takes: tuple[Take, ...]

    @property
    def moves(self) -> bool:
        """Whether anything goes back."""
        return bool(self.amount_minor or any(take.moves for take in self.takes))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a refund would do. ``legs`` is what is held of the units that it is about."""

    parts: tuple[Part, ...]
    slides: tuple[RefundSlide, ...]
    legs: tuple[HoldLeg, ...]
    now: datetime

    @property
    def amount_minor(self) -> int:
        """The money in all."""
        return sum(part.amount_minor for part in self.parts)

    @property
    def live_holds(self) -> list[str]:
        """The holds that stand in the way."""
        return sorted({str(leg.hold_id) for leg in self.legs if holds.is_live(leg.hold, self.now)})


def plan_refund(customer: Customer, order: Order, asked: Asked, now: datetime, *, release_holds: bool = False) -> Plan:
    """Plan a refund of a paid order. Writes nothing.

    Raises WrongOrderState, NothingToRefund, RefundTooLarge, Invalid for a line that the order does not have.
    """
    chosen = _chosen(order, asked)
    lines, legs = lines_of(customer, order, now, release_holds=release_holds)
    if asked.amount_minor is None:
        parts = [_by_pieces(item, pieces, asked, lines[item.pk], now) for item, pieces in chosen]
    else:
        parts = list(_by_amount(order, [item for item, _ in chosen], asked.amount_minor, asked, lines))
    if not any(part.moves for part in parts):
        raise NothingToRefund(order=str(order.pk))
    parts = [part for part in parts if part.moves or part.pieces]
    takes = [take for part in parts for take in part.takes]
    concerned = {grant.pk for take in takes for grant in take.line.grants}
    return Plan(
        parts=tuple(parts),
        slides=tuple(_slides(takes, now)),
        legs=tuple(leg for leg in legs if leg.grant_id in concerned),
        now=now,
    )


def _chosen(order: Order, asked: Asked) -> list[tuple[OrderItem, int | None]]:
    """The items that are asked for, each with the pieces that are (None: all that are left)."""
    items = {item.line: item for item in order.items.all()}
    free = order.status == OrderStatus.REFUNDED.value and any(_pieces_left(item) for item in items.values())
    if order.status not in _OPEN and not free:
        raise WrongOrderState(order=str(order.pk), status=order.status, verb="refunded")
    if asked.items is None:
        return [(item, None) for item in items.values()]
    for place, (line, quantity) in enumerate(asked.items):
        if line not in items:
            raise Invalid(field=f"items[{place}].line", problem=f"the order has no line {line}")
        left = _pieces_left(items[line])
        if quantity is not None and quantity > left:
            requested, refundable = f"{quantity} pieces of line {line}", str(left)
            raise RefundTooLarge(order=str(order.pk), requested=requested, refundable=refundable)
    return [(items[line], quantity) for line, quantity in asked.items]


def _by_pieces(item: OrderItem, wanted: int | None, asked: Asked, lines: Sequence[Line], now: datetime) -> Part:
    """Give back pieces of an item, for the part of their price that the policy says.

    A part of nothing takes nothing: who gets no money back keeps what is left.
    """
    policy, left, pieces = asked.policy, asked.left_of(item), wanted or _pieces_left(item)
    is_rest = pieces == _pieces_left(item)
    price = shares.price_of_pieces(item.total_amount_minor, item.quantity, before=item.refunded_pieces, taken=pieces)
    parts = [shares.share(_stock(line, item, pieces, now), policy, now) for line in lines] if pieces else []
    share = min(parts, default=WHOLE if policy is RefundPolicy.FULL or pieces else NOTHING)
    amount = min(portion(share, price), left)
    if policy is RefundPolicy.FULL and is_rest:
        amount = left
    elif not share or (price and not amount and policy is not RefundPolicy.FULL):
        return Part(item=item, pieces=0, amount_minor=0, takes=())
    if is_rest or (amount and amount == left):
        return _whole(item, amount, lines)
    takes = tuple(_take_pieces(line, pieces, now) for line in lines)
    return Part(item=item, pieces=pieces, amount_minor=amount, takes=takes)


def _by_amount(
    order: Order, items: Sequence[OrderItem], amount: int, asked: Asked, lines: dict[UUID, list[Line]]
) -> Iterator[Part]:
    """Divide an amount over items by what is left of their prices, and take units in the same measure."""
    left = [asked.left_of(item) for item in items]
    if amount > sum(left):
        requested, refundable = (str(Money(minor, order.currency)) for minor in (amount, sum(left)))
        raise RefundTooLarge(order=str(order.pk), requested=requested, refundable=refundable)
    for item, part, most in zip(items, apportion(amount, left), left, strict=True):
        # All the money takes along what was free.
        if amount == sum(left) or (part and part == most):
            yield _whole(item, part, lines[item.pk])
        elif part:
            takes = tuple(_take_for_money(line, item, part) for line in lines[item.pk])
            yield Part(item=item, pieces=0, amount_minor=part, takes=takes)


def _whole(item: OrderItem, amount: int, lines: Sequence[Line]) -> Part:
    """Give back the rest of an item: what is unused goes, and nothing that comes back later stays."""
    takes = tuple(Take(line=line, units=line.living, whole=True) for line in lines)
    return Part(item=item, pieces=_pieces_left(item), amount_minor=amount, takes=takes)


def _take_pieces(line: Line, pieces: int, now: datetime) -> Take:
    if line.living is not None:
        units = (line.given.quantity or 0) * pieces
        return Take(line=line, units=min(line.living, units), reduces=_reducible(line, units))
    grant = line.period
    # Of a subscription all pieces run at once: as long as one is left the line goes on.
    if grant is None or grant.period is None or grant.expires_at is None or grant.subscription_id is not None:
        return Take(line=line, units=None)
    ends = grant.period.end(grant.anchor, grant.period_index + grant.period_span - pieces, grant.zone)
    if ends is not None and ends <= now:
        # The time of the pieces that stay is over already.
        return Take(line=line, units=None, whole=True)
    return Take(line=line, units=None, spans=pieces)


def _take_for_money(line: Line, item: OrderItem, amount: int) -> Take:
    if line.living is None or line.granted is None:
        # An amount takes no time: not of what is unlimited, nor of an allowance without end.
        return Take(line=line, units=None if line.living is None else 0)
    refunded, paid = item.refunded_minor + amount, item.total_amount_minor
    wanted = shares.units_for(line.granted, refunded=refunded, paid=paid, before=line.refunded)
    units = min(line.living, wanted)
    ahead = line.course.periods_ahead if line.course else 0
    return Take(line=line, units=units, reduces=_reducible(line, (wanted - units) // ahead) if ahead else 0)


def _reducible(line: Line, units: int) -> int:
    """How much less each period to come can give: one unit stays as long as the allowance runs."""
    return 0 if line.course is None or not line.course.runs else min(units, line.course.each - 1)


def _stock(line: Line, item: OrderItem, pieces: int, now: datetime) -> shares.Stock:
    """What the customer has of one line of so many pieces: of an unlimited period, of the last of its spans."""
    if line.course is not None:
        return _recurring_stock(line, line.course, pieces)
    grant = line.period or (line.going_on or line.grants)[-1]
    begins, ends, is_over = grant.valid_from, grant.expires_at, not line.going_on
    if grant.subscription is not None:
        begins, ends = _paid_window(grant, item, grant.subscription, now)
        is_over = is_over or (ends is not None and ends <= now)
    elif line.granted is None and grant.period is not None and pieces < grant.period_span:
        begins = grant.period.boundary(grant.anchor, grant.period_index + grant.period_span - pieces, grant.zone)
    return shares.Stock(
        granted=None if line.given.quantity is None else line.given.quantity * pieces,
        unused=line.unused,
        untouched=not line.used,
        begins=begins,
        ends=ends,
        is_over=is_over,
    )


def _recurring_stock(line: Line, course: Course, pieces: int) -> shares.Stock:
    """What the customer has of an allowance: of all its periods, or (without end) of what nobody can count."""
    granted = None if course.is_endless else (line.given.quantity or 0) * pieces * course.periods
    return shares.Stock(
        granted=granted,
        unused=None if granted is None else line.unused,
        untouched=not line.used,
        begins=course.allowance.anchor,
        ends=course.allowance.expires_at,
        is_over=line.is_over,
    )


def _paid_window(
    grant: Grant, item: OrderItem, subscription: Subscription, now: datetime
) -> tuple[datetime, datetime | None]:
    """The time that was paid for of a grant that is a part of a subscription: its grace is none of it.

    A period that stands still, or will, is told as if it ran now with as much left.
    """
    if grant.period is not None or grant.period_index != subscription.period_index:
        return grant.valid_from, grant.expires_at
    begins, ends, moment = subscription.time_left(now)
    if item.period_index is None and item.change is not None and item.change.time_left is not None:
        # A change in the middle of a period paid for what was left of it.
        begins = ends - item.change.time_left
    return begins + (now - moment), ends + (now - moment)


def _slides(takes: Sequence[Take], now: datetime) -> list[RefundSlide]:
    shortened = [(grant, take.spans) for take in takes if (take.whole or take.spans) and (grant := take.line.period)]
    periods = {grant.pk: grant.period_span - spans if spans else 0 for grant, spans in shortened if _moves_up(grant)}
    return plan_slides(later_periods([grant for grant, _ in shortened], now), periods, now) if periods else []


def _moves_up(grant: Grant) -> bool:
    """Whether the next of its line begins where it ends: those of a subscription stay in their periods."""
    return grant.period is not None and grant.subscription_id is None


def _pieces_left(item: OrderItem) -> int:
    return item.quantity - item.refunded_pieces
