"""Periods: the k-th boundary is anchor + k × (count, unit). Pure; nothing here knows Django.

Boundaries are computed from the anchor every time and never chained: 31 January plus one month, twice, chained, would
end on 28 March and stay on the 28th for ever. Calendar arithmetic happens in the wall time of the anchor's zone,
clamped to the month's end; what leaves this file is an instant in UTC. Periods are half-open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta

from billable.errors import Invalid

MAX_COUNT = 1000
# A day and more before the calendar ends, so that every time zone can show it.
LAST = datetime(9999, 12, 30, tzinfo=timezone.utc)


class PeriodUnit(str, Enum):
    """The units that a period is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True)
class Period:
    """A span such as one month or 30 days."""

    count: int
    unit: PeriodUnit

    @classmethod
    def parse(cls, value: object, field: str = "period") -> Period:
        """Read a Period, or text such as ``"month"``, ``"1 month"``, ``"30 days"``."""
        if isinstance(value, Period):
            return cls.of(value.count, value.unit, field)
        match = re.fullmatch(r"(?:([0-9]{1,6}) )?(day|week|month|year)s?", value) if isinstance(value, str) else None
        if match is None:
            raise Invalid(field=field, problem="must be a period such as '1 month' or '30 days'")
        return cls.of(int(match[1] or 1), match[2], field)

    @classmethod
    def of(cls, count: int, unit: str, field: str = "period") -> Period:
        """A period of ``count`` units. Raises Invalid outside 1 to 1000."""
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
            raise Invalid(field=field, problem=f"must count 1 to {MAX_COUNT}")
        if unit not in [each.value for each in PeriodUnit]:
            raise Invalid(field=field, problem="must be in days, weeks, months or years")
        return cls(count, PeriodUnit(unit))

    def boundary(self, anchor: datetime, index: int, zone: str) -> datetime:
        """The ``index``-th boundary counted from ``anchor``, in UTC. Raises Invalid past the year 9999."""
        try:
            local = anchor.astimezone(ZoneInfo(zone))
            moved = local.replace(tzinfo=None) + self._span(index)
            if index == 0:
                return anchor.astimezone(timezone.utc)
            reached = moved.replace(tzinfo=ZoneInfo(zone), fold=local.fold).astimezone(timezone.utc)
        except (OverflowError, ValueError):
            reached = None
        if reached is None or reached > LAST:
            raise Invalid(field="period", problem="reaches past the year 9999")
        return reached

    def end(self, anchor: datetime, index: int, zone: str) -> datetime | None:
        """The ``index``-th boundary, or None (never) where the calendar ends before it."""
        try:
            return self.boundary(anchor, index, zone)
        except Invalid:
            return None

    def index_at(self, anchor: datetime, instant: datetime, zone: str) -> int:
        """Which period, counted from ``anchor``, an instant lies in; 0 for all that is before the first boundary."""
        first, moment = anchor.astimezone(ZoneInfo(zone)), instant.astimezone(ZoneInfo(zone))
        if self.unit in (PeriodUnit.DAY, PeriodUnit.WEEK):
            passed = (moment.date() - first.date()).days // (7 if self.unit is PeriodUnit.WEEK else 1)
        else:
            passed = 12 * (moment.year - first.year) + moment.month - first.month
            passed //= 12 if self.unit is PeriodUnit.YEAR else 1
        # The guess is right or one too high: by the time of day, the day of the month, or a shifted clock.
        index = max(0, passed // self.count + 1)
        while index and not self._has_begun(anchor, index, zone, instant):
            index -= 1
        return index

    def _has_begun(self, anchor: datetime, index: int, zone: str, instant: datetime) -> bool:
        begin = self.end(anchor, index, zone)
        return begin is not None and begin <= instant

    def _span(self, index: int) -> relativedelta | timedelta:
        steps = index * self.count
        if self.unit is PeriodUnit.DAY:
            return timedelta(days=steps)
        if self.unit is PeriodUnit.WEEK:
            return timedelta(weeks=steps)
        return relativedelta(months=steps if self.unit is PeriodUnit.MONTH else 12 * steps)

    def __str__(self) -> str:
        return f"{self.count} {self.unit.value}" + ("s" if self.count > 1 else "")


def check_zone(zone: str) -> str:
    """The name of a known IANA time zone. Raises Invalid for another."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(field="zone", problem=f"unknown time zone {zone!r}") from None
    return zone
