"""What was paid for the plan of a subscription that runs, and what is left of it: the old side of a change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from billable.changes.proration import Left, Paid, Tally
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders.lines import Line, lines_of
from billable.orders.models import OrderItem
from billable.orders.read import get_order
from billable.quota import holds
from billable.quota.kinds import GrantSource
from billable.quota.models import HoldLeg
from billable.subscriptions.holdings import going_on
from billable.subscriptions.models import Subscription


@dataclass(frozen=True, kw_only=True)
class Units(Tally):
    """The tally of a period as it was counted."""

    used: Counter[str]
    kept: Counter[str]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One item that pays for the plan that runs: the period itself, a change in it, or seats that were added."""

    item: OrderItem
    lines: Sequence[Line]
    paid: Paid


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A plan that runs. ``kept`` is what the customer kept of earlier plans of the period, ``legs`` what is held of it.

    ``moment`` is the instant that time is counted to, in the period from ``begins`` to ``ends``: now, unless a pause
    moves it.
    """

    parts: tuple[Part, ...]
    kept: tuple[Line, ...]
    tally: Units
    legs: tuple[HoldLeg, ...]
    begins: datetime
    ends: datetime
    moment: datetime

    @property
    def paid(self) -> list[Paid]:
        """What was paid for it."""
        return [part.paid for part in self.parts]

    @property
    def lines(self) -> list[Line]:
        """What it gave."""
        return [line for part in self.parts for line in part.lines]

    def live_holds(self, now: datetime) -> list[str]:
        """The holds that stand in the way of taking it back."""
        return sorted({str(leg.hold_id) for leg in self.legs if holds.is_live(leg.hold, now)})


def read_stretch(
    customer: Customer, subscription: Subscription, now: datetime, *, release_holds: bool = False
) -> Stretch:
    """What the latest period of a subscription stands at, for its customer, who may have absorbed another.

    With ``release_holds`` what is held counts as unused.
    """
    begins, ends, moment = subscription.time_left(now)
    parts: list[Part] = []
    kept: list[Line] = []
    every: list[Line] = []
    legs: list[HoldLeg] = []
    for item in _items(subscription):
        lines, held = lines_of(customer, get_order(item.order_id), now, release_holds=release_holds)
        own = lines[item.pk]
        every += own if _is_of(item, subscription.period_index) else []
        if item.credited_by_id is not None:
            kept += own
            continue
        left = None if item.change is None or item.period_index is not None else item.change.time_left
        since = begins if left is None else ends - left
        parts.append(Part(item=item, lines=own, paid=_paid(item, own, since, ends)))
        mine = {grant.pk for line in own for grant in line.grants}
        legs += [leg for leg in held if leg.grant_id in mine]
    tally = Units(
        used=_sum((line.given.feature.key, max(line.used, 0) + line.held) for line in every),
        kept=_sum((line.given.feature.key, line.unused or 0) for line in kept),
    )
    return Stretch(
        parts=tuple(parts),
        kept=tuple(kept),
        tally=tally,
        legs=tuple(legs),
        begins=begins,
        ends=ends,
        moment=moment,
    )


def value_left(item: OrderItem) -> int:
    """What is left of the price of an item, whether money or credit paid it, before tax that is not in its price."""
    charged = item.quantity * item.unit_amount_minor - item.discount_minor
    gone = -(-item.refunded_minor * charged // item.total_amount_minor) if item.refunded_minor else 0
    return charged + item.credit_minor - gone


def _of_pieces_left(item: OrderItem) -> int:
    """What is left to credit: the value of the pieces that did not go back, however little went back for the others."""
    whole = item.quantity * item.unit_amount_minor - item.discount_minor + item.credit_minor
    left = item.quantity - item.refunded_pieces
    return min(value_left(item), whole * left // item.quantity)


def _items(subscription: Subscription) -> list[OrderItem]:
    """The items that paid for something in the latest period, or for what was kept until then, the oldest first."""
    index = subscription.period_index
    in_it = Q(period_index=index) | Q(change__period_index=index, period_index=None, change__applied_at__isnull=False)
    alive = going_on(subscription).filter(period_index=index)
    roots = [grant.origin or grant for grant in alive.select_related("origin")]
    kept = Q(order__in=[root.source_id for root in roots if root.source == GrantSource.ORDER.value])
    items = OrderItem.objects.using(write_alias()).filter(in_it | kept, subscription=subscription.pk)
    return list(items.select_related("change").order_by("order_id", "line"))


def _is_of(item: OrderItem, index: int) -> bool:
    """Whether an item paid for something in a period, and not for what was only kept until then."""
    if item.period_index is None and item.change is not None:
        return item.change.period_index == index
    return item.period_index == index


def _paid(item: OrderItem, lines: Sequence[Line], begins: datetime, ends: datetime) -> Paid:
    return Paid(value_minor=_of_pieces_left(item), begins=begins, ends=ends, lines=[_left(line) for line in lines])


def _left(line: Line) -> Left:
    if line.granted is None or line.unused is None:
        return Left(feature=line.given.feature.key, granted=None, unused=None)
    stands_for = max(line.granted - line.refunded, max(line.used, 0) + line.held + line.unused)
    return Left(feature=line.given.feature.key, granted=stands_for, unused=line.unused)


def _sum(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for key, units in pairs:
        counted[key] += units
    return counted
