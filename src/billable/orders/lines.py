"""What a paid order gave, and what is left of it: one line per feature of each item, over all the grants that carry it.

A line begins with the grant that the order made. After a merge or a dispute others carry its units on (its lineage);
the line is all of them. Of an allowance it is also the grants of all periods, and those that are to come.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.apps import apps
from django.db.models import QuerySet, Sum

from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.orders.models import Order, OrderItemFeature
from billable.orders.recurring import Course, by_number, courses
from billable.quota import holds
from billable.quota.given import allowances_by, given_by
from billable.quota.kinds import OVER_BY_TIME, CauseType, EntryKind, GrantEnd, GrantSource
from billable.quota.lineage import lineages
from billable.quota.models import Grant, HoldLeg, LedgerEntry


@dataclass(frozen=True, kw_only=True)
class Line:
    """One feature of one item. ``grants`` is the lineage, its first grant first; units that are held are not unused.

    ``granted`` is what the order gives in all, None where it is unlimited or has no end. ``living`` is what is unused
    of the grants that go on (None: unlimited), ``unused`` that and what an allowance with an end is still to give.
    """

    given: OrderItemFeature
    grants: Sequence[Grant]
    granted: int | None
    used: int
    expired: int
    held: int
    refunded: int
    living: int | None
    now: datetime
    course: Course | None = None

    @property
    def root(self) -> Grant:
        """The grant that the order made."""
        return self.grants[0]

    @property
    def unused(self) -> int | None:
        """What was not used of it, and is not over; None is unlimited."""
        return None if self.living is None else self.living + (self.course.ahead if self.course else 0)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it goes on, and nothing comes any more."""
        return not self.going_on and not (self.course and self.course.runs)

    @property
    def going_on(self) -> list[Grant]:
        """The grants that carry it now; none when it is over."""
        return [grant for grant in self.grants if _goes_on(grant, self.now)]

    @property
    def period(self) -> Grant | None:
        """The grant whose window is the time that is left, also while a dispute has it; unlimited lines only."""
        if self.course is not None:
            return None
        last = self.grants[-1]
        has_time = last.ended_at is None or last.ended_as == GrantEnd.DISPUTED.value
        return last if self.granted is None and has_time and not _is_past(last, self.now) else None


def grants_of(order_id: UUID) -> QuerySet[Grant]:
    """The grants that an order gave."""
    return Grant.objects.using(write_alias()).filter(given_by(GrantSource.ORDER, str(order_id)))


def lines_of(
    customer: Customer, order: Order, now: datetime, *, release_holds: bool = False
) -> tuple[dict[UUID, list[Line]], list[HoldLeg]]:
    """What ``customer``, who has the order, has of each item, by the item's id; and what is held of it.

    With ``release_holds``, and where a hold's time is over, what is held counts as unused.
    """
    promised = [(item, given) for item in order.items.all() for given in item.features.all()]
    rows = grants_of(order.pk).filter(customer__in=family(customer.pk))
    roots = list(rows.select_related("feature", "product", "allowance__origin"))
    carried = by_number(roots, lineages(roots))
    recurring = courses(allowances_by(GrantSource.ORDER, str(order.pk)), now)
    every = [grant for line in carried.values() for grant in line]
    moved, legs = _moved(every), holds.open_legs(grant for grant in every if grant.held)
    kept: dict[UUID, int] = defaultdict(int)
    for leg in legs:
        if not release_holds and holds.is_live(leg.hold, now):
            kept[leg.grant_id] += holds.outstanding(leg)
    lines: dict[UUID, list[Line]] = {item.pk: [] for item in order.items.all()}
    # The order's grants are numbered as its items and their features are.
    for number, (item, given) in enumerate(promised, start=1):
        lineage, course = carried[number], recurring.get(number)
        if course is None:
            line = _line(given, lineage, [moved[grant.pk] for grant in lineage], kept, now)
        else:
            lineage += course.unwritten(lineage, legs)
            line = _recurring(given, lineage, [moved[grant.pk] for grant in lineage], kept, course)
        lines[item.pk].append(line)
    return lines, legs


@dataclass(kw_only=True)
class _Moved:
    """What went out of one grant, and where to."""

    used: int = 0
    expired: int = 0
    refunded: int = 0
    revoked: int = 0


def _moved(grants: Iterable[Grant]) -> dict[UUID, _Moved]:
    sums = LedgerEntry.objects.using(write_alias()).filter(grant__in=[grant.pk for grant in grants]).order_by()
    moved: dict[UUID, _Moved] = defaultdict(_Moved)
    rows = sums.values_list("grant", "kind", "cause_type").annotate(units=Sum("amount"), held=Sum("held_change"))
    for grant, kind, cause, units, held in rows:
        if kind in (EntryKind.CONSUME.value, EntryKind.REVERSE.value, EntryKind.REPAY.value):
            moved[grant].used -= units
        elif kind == EntryKind.CAPTURE.value:
            moved[grant].used -= held
        elif kind == EntryKind.EXPIRE.value:
            moved[grant].expired -= units
        elif kind == EntryKind.REFUND.value and cause == CauseType.REFUND.value:
            moved[grant].refunded -= units
        elif kind == EntryKind.REVOKE.value:
            moved[grant].revoked -= units
    return moved


def _line(
    given: OrderItemFeature, lineage: Sequence[Grant], moved: Sequence[_Moved], kept: dict[UUID, int], now: datetime
) -> Line:
    unused, expired, held = 0, sum(each.expired for each in moved), 0
    for grant in lineage:
        if _goes_on(grant, now):
            unused += (grant.remaining or 0) + grant.held - kept[grant.pk]
            held += kept[grant.pk]
            continue
        # What is held outlives its grant, until it is captured, or released and gone with the others.
        held += kept[grant.pk]
        if grant.ended_as in OVER_BY_TIME:
            expired += (grant.remaining or 0) + grant.held - kept[grant.pk]
    return Line(
        given=given,
        grants=lineage,
        granted=lineage[0].quantity,
        used=sum(each.used for each in moved),
        expired=0 if lineage[0].quantity is None else expired,
        held=held,
        refunded=sum(each.refunded for each in moved),
        living=None if lineage[0].quantity is None else unused,
        now=now,
    )


def _recurring(
    given: OrderItemFeature, lineage: Sequence[Grant], moved: Sequence[_Moved], kept: dict[UUID, int], course: Course
) -> Line:
    """The line of an allowance. Of one with an end, what is neither used nor left nor taken has expired."""
    living = sum(
        (grant.remaining or 0) + grant.held - kept[grant.pk] for grant in lineage if _goes_on(grant, course.now)
    )
    line = Line(
        given=given,
        grants=lineage,
        granted=None if course.is_endless else (given.quantity or 0) * given.item.quantity * course.periods,
        used=sum(each.used for each in moved),
        expired=0,
        held=sum(kept[grant.pk] for grant in lineage),
        refunded=sum(each.refunded for each in moved) + _taken_ahead(lineage[0]),
        living=living,
        now=course.now,
        course=course,
    )
    if line.granted is None or line.unused is None:
        return line
    gone = line.used + line.held + line.refunded + line.unused + sum(each.revoked for each in moved)
    return dataclasses.replace(line, expired=max(line.granted - gone, 0))


def _taken_ahead(root: Grant) -> int:
    """What refunds took of the periods that were to come."""
    # By name: the room of refunds stands above this one.
    earlier = apps.get_model("billable", "RefundGrant")._default_manager.using(write_alias()).filter(grant=root)
    return int(earlier.aggregate(units=Sum("taken_ahead"))["units"] or 0)


def _goes_on(grant: Grant, now: datetime) -> bool:
    return grant.ended_at is None and not _is_past(grant, now)


def _is_past(grant: Grant, now: datetime) -> bool:
    return grant.expires_at is not None and grant.expires_at <= now
