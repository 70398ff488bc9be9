"""What an allowance has given by now, and what is still to come of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import debts, holds, resets
from billable.quota.given import by_line, maker_of
from billable.quota.models import Allowance, Grant, HoldLeg


@dataclass(frozen=True, kw_only=True)
class Due:
    """What nobody wrote down yet of all the allowances of a customer, and what they owe: new periods repay it."""

    allowances: tuple[Allowance, ...]
    owing: Mapping[int, int]


NOTHING_DUE = Due(allowances=(), owing={})


@dataclass(frozen=True, kw_only=True)
class Course:
    """An allowance where it stands: ``allowance`` is the one that carries the line on now, or carried it last."""

    allowance: Allowance
    now: datetime
    due: Due = NOTHING_DUE

    @property
    def runs(self) -> bool:
        """Whether nobody ended it, and its time is not over."""
        ends = self.allowance.expires_at
        return self.allowance.ended_at is None and (ends is None or self.now < ends)

    @property
    def is_endless(self) -> bool:
        """Whether it has no end: nobody can say how much it gives in all."""
        return self.allowance.expires_at is None

    @property
    def periods(self) -> int:
        """How many periods it has in all; 1 if it is endless."""
        return self.allowance.recurrence.count() or 1

    @property
    def periods_ahead(self) -> int:
        """How many periods are still to begin; 0 if it is endless."""
        if not self.runs or self.is_endless:
            return 0
        recurrence = self.allowance.recurrence
        begun = max(recurrence.index_at(self.now) + 1, recurrence.next_index)
        return max(self.periods - begun, 0)

    @property
    def each(self) -> int:
        """How many units a period to come gives."""
        return self.allowance.recurrence.quantity

    @property
    def ahead(self) -> int:
        """How many units the periods to come give in all; 0 if it is endless."""
        return self.each * self.periods_ahead

    def unwritten(self, grants: Iterable[Grant], legs: Iterable[HoldLeg]) -> list[Grant]:
        """The grants that run now and that nobody wrote down yet."""
        rows = {grant.pk: grant for grant in grants}
        back: dict[UUID, int] = defaultdict(int)
        for leg in legs:
            ends = rows[leg.grant_id].expires_at if leg.grant_id in rows else None
            if ends is not None and leg.hold.lapses_at < ends:
                back[leg.grant_id] += holds.outstanding(leg)
        coming = resets.unwritten(self.due.allowances, rows.values(), back, self.now, dict(self.due.owing))
        return [grant for allowance, grant in coming if allowance.pk == self.allowance.pk]


def courses(allowances: QuerySet[Allowance], now: datetime) -> dict[int, Course]:
    """Where the allowances of one source stand, with those that carry them on, by the number of their line."""
    rows = {row.pk: row for row in allowances}
    found: dict[int, Course] = {}
    owners = [row.customer for row in rows.values() if row.next_at is not None and row.next_at <= now]
    due = _due(owners[0], now) if owners else NOTHING_DUE
    # The one that nobody ended is the last, also if it is as old as another to the millisecond.
    for row in sorted(rows.values(), key=lambda row: (row.ended_at is None, row.pk)):
        first = row if row.origin_id is None else rows[row.origin_id]
        found[first.line] = Course(allowance=row, now=now, due=due)
    return found


def _due(customer: Customer, now: datetime) -> Due:
    rows = Allowance.objects.using(write_alias()).filter(customer=customer, next_at__lte=now)
    return Due(allowances=tuple(rows.select_related("feature", "product")), owing=debts.owed(customer))


def by_number(roots: Iterable[Grant], lineages: Mapping[UUID, Sequence[Grant]]) -> dict[int, list[Grant]]:
    """The grants of one source with all that carry them on, by the number of their line: the first grant first."""
    numbered: dict[int, list[Grant]] = defaultdict(list)
    for root in by_line(roots):
        numbered[maker_of(root).line] += lineages[root.pk]
    return numbered
