"""Recurring allowances: which period an instant lies in, what goes on at its end, and which periods leave rows. Pure.

Period k runs from anchor + k × reset to anchor + (k + 1) × reset, and the last one to the end of the allowance. Of what
a period leaves unused, up to ``rollover.quantity`` units go on for ``rollover.periods`` periods; they do not go on
again. A period in which nobody wrote has no row: if nothing of it lives on, it never gets one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from billable.catalog.periods import LAST, Period, PeriodUnit
from billable.catalog.terms import Rollover

_DAYS = {PeriodUnit.DAY: 1, PeriodUnit.WEEK: 7}
_MONTHS = {PeriodUnit.MONTH: 1, PeriodUnit.YEAR: 12}


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Units that come at ``starts``, until ``ends`` (None: never): those of period ``index``, or what rolled from it.

    ``units`` of a rolled piece is the most that it can have, of a period that has a row: how many were unused is known
    where the row is.
    """

    index: int
    is_rolled: bool
    units: int
    starts: datetime
    ends: datetime | None

    def is_running(self, now: datetime) -> bool:
        """Whether its units can be used."""
        return self.starts <= now and (self.ends is None or now < self.ends)


@dataclass(frozen=True, kw_only=True)
class Recurrence:
    """An allowance, as far as its periods are concerned. ``ends_at`` None is for ever.

    ``next_index`` is the first period without a row and ``next_at`` its start as it is stored; None: none comes.
    """

    anchor: datetime
    zone: str
    reset: Period
    ends_at: datetime | None
    quantity: int
    rollover: Rollover | None
    next_index: int
    next_at: datetime | None

    def start(self, index: int) -> datetime | None:
        """When a period begins; None when the allowance is over before it, or the calendar."""
        starts = self.reset.end(self.anchor, index, self.zone)
        return None if starts is None or (self.ends_at is not None and starts >= self.ends_at) else starts

    def end(self, index: int) -> datetime | None:
        """When a period ends: where the next begins, or with the allowance."""
        return self.start(index + 1) or self.ends_at

    def index_at(self, now: datetime) -> int:
        """The period that an instant lies in. Before the anchor it is the first, after the end the last."""
        moment = now if self.ends_at is None else min(now, self.ends_at)
        index = max(self._estimate(moment), 0)
        while index and not self._has_begun(index, moment):
            index -= 1
        while self._has_begun(index + 1, moment):
            index += 1
        return index

    def count(self) -> int | None:
        """How many periods there are in all, the last one perhaps shorter; None is without end."""
        return None if self.ends_at is None else self.index_at(self.ends_at) + 1

    def next_reset(self, now: datetime) -> datetime | None:
        """When units come anew after ``now``; None when they do not."""
        if self.next_at is None or now < self.next_at:
            return self.next_at
        return self.start(max(self.index_at(now), self.next_index) + 1)

    def due(self, now: datetime, owed: int = 0) -> tuple[Piece, ...]:
        """What comes until ``now`` and has no row, by its start; at one instant what rolled comes first.

        What rolls of the last period with a row is always among it, also if it is over again by ``now``; of the periods
        that were skipped only those whose units live on, each with what rolled from it, and the one that runs; where
        units are ``owed``, also the first ones, which would have repaid them.
        """
        if self.next_at is None or now < self.next_at:
            return ()
        is_over = self.ends_at is not None and self.ends_at <= now
        current = max(self.index_at(now), self.next_index)
        pieces = list(self._rolled(self.next_index - 1))
        # A period that is over repaid when it began, the last one too.
        repaying = min(current + is_over, self.next_index - (-owed // max(self.quantity, 1)))
        living = range(self._first_that_lives_on(current, now), current)
        for index in sorted({*range(self.next_index, repaying), *living}):
            # Nothing rolls from a period that is empty.
            if given := list(self._period(index)):
                pieces += [*given, *self._rolled(index)]
        if not is_over:
            pieces += self._period(current)
        return tuple(sorted(pieces, key=lambda piece: (piece.starts, not piece.is_rolled, piece.index)))

    def _first_that_lives_on(self, current: int, now: datetime) -> int:
        """Of the periods without a row before the current one, the first whose unused units can still be used."""
        if self.rollover is None or (self.ends_at is not None and self.ends_at <= now):
            return current
        return max(current - self.rollover.periods, self.next_index)

    def _period(self, index: int) -> Iterator[Piece]:
        starts, ends = self._starts(index), self.end(index)
        # Where a zone leaves out a whole day, a period can be empty.
        if starts is not None and (ends is None or starts < ends):
            yield Piece(index=index, is_rolled=False, units=self.quantity, starts=starts, ends=ends)

    def _rolled(self, index: int) -> Iterator[Piece]:
        starts = self._starts(index + 1)
        if self.rollover is None or starts is None:
            return
        most = self.rollover.quantity
        units, ends = (
            most if index < self.next_index else min(most, self.quantity),
            self.end(index + self.rollover.periods),
        )
        if ends is None or starts < ends:
            yield Piece(index=index, is_rolled=True, units=units, starts=starts, ends=ends)

    def _starts(self, index: int) -> datetime | None:
        # The rules of a zone may have changed since the instant was stored, and the period before ends there.
        return self.next_at if index == self.next_index else self.start(index)

    def _has_begun(self, index: int, now: datetime) -> bool:
        starts = self.start(index)
        return starts is not None and starts <= now

    def _estimate(self, now: datetime) -> int:
        """About how many whole periods lie between the anchor and an instant: at most a few more or less."""
        zone = ZoneInfo(self.zone)
        moment = min(now, LAST - timedelta(days=1))
        first, last = (each.astimezone(timezone.utc).astimezone(zone) for each in (self.anchor, moment))
        if self.reset.unit in _DAYS:
            return (last.replace(tzinfo=None) - first.replace(tzinfo=None)).days // (
                self.reset.count * _DAYS[self.reset.unit]
            )
        months = 12 * (last.year - first.year) + last.month - first.month
        return months // (self.reset.count * _MONTHS[self.reset.unit])
