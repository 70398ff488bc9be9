"""What an allowance has given by now, and what is still to come of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billable.quota import debts, holds, resets
from billable.quota.given import maker_of
from billable.quota.models import Allowance, Grant, HoldLeg


@dataclass(frozen=True, kw_only=True)
class Course:
    """An allowance where it stands: ``allowance`` is the one that carries the line on now, or carried it last."""

    allowance: Allowance
    now: datetime

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
        missing = [self.allowance] if self.runs else []
        is_due = self.allowance.next_at is not None and self.allowance.next_at <= self.now
        owing = debts.owed(self.allowance.customer) if is_due else {}
        return [grant for _, grant in resets.unwritten(missing, rows.values(), back, self.now, owing)]


def courses(allowances: QuerySet[Allowance], now: datetime) -> dict[int, Course]:
    """Where the allowances of one source stand, with those that carry them on, by the number of their line."""
    rows = {row.pk: row for row in allowances}
    found: dict[int, Course] = {}
    # The one that nobody ended is the last, also if it is as old as another to the millisecond.
    for row in sorted(rows.values(), key=lambda row: (row.ended_at is None, row.pk)):
        first = row if row.origin_id is None else rows[row.origin_id]
        found[first.line] = Course(allowance=row, now=now)
    return found


def by_line(roots: Iterable[Grant], lineages: Mapping[UUID, Sequence[Grant]]) -> dict[int, list[Grant]]:
    """The grants of one source with all that carry them on, by the number of their line: the first grant first."""
    lines: dict[int, list[Grant]] = defaultdict(list)
    for root in sorted(roots, key=lambda each: (each.rolled_from is not None, each.period_index, each.pk)):
        lines[maker_of(root).line] += lineages[root.pk]
    return lines
