"""Recurring allowances: every instant lies in one period, periods never drift, and what rolls over is bounded."""

from __future__ import annotations

import calendar
import itertools
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.catalog.periods import Period, PeriodUnit
from billable.catalog.terms import Rollover
from billable.quota.recurring import Piece, Recurrence
from tests.pure.proof import proof

UTC = timezone.utc
MICROSECOND = timedelta(microseconds=1)

# An hour, half an hour, at midnight, in Ramadan, southern, none at all, 14 hours ahead, an odd offset, a skipped day.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Apia",
]
INTERVALS = [Period(count, unit) for unit in PeriodUnit for count in (*range(1, 8), 10, 12, 30)]
# Before a leap day, in a leap year, and in the year of none; by day and at an hour that zones leave out or have twice.
ANCHORS = [(2027, 1, 12), (2028, 1, 2), (2026, 10, 1)]


def recurrence(
    anchor: datetime,
    reset: Period,
    zone: str = "UTC",
    *,
    ends_at: datetime | None = None,
    quantity: int = 10,
    rollover: Rollover | None = None,
    written: int = 1,
) -> Recurrence:
    """An allowance of which so many periods have rows."""
    made = Recurrence(
        anchor=anchor,
        zone=zone,
        reset=reset,
        ends_at=ends_at,
        quantity=quantity,
        rollover=rollover,
        next_index=written,
        next_at=None,
    )
    return Recurrence(**{**vars(made), "next_at": made.start(written)})


def month(anchor: datetime, **more: object) -> Recurrence:
    return recurrence(anchor, Period(1, PeriodUnit.MONTH), **more)  # type: ignore[arg-type]  # whichever it is


def exists(wall: datetime) -> bool:
    return wall.astimezone(UTC).astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)


# --- periods


@pytest.mark.parametrize("zone", ZONES)
def test_periods_of_every_anchor_day_tile_time_and_never_drift(zone: str) -> None:
    """31 days, 40 intervals, three years: the next begins where one ends, at the anchor's time of day and day."""
    local = ZoneInfo(zone)
    for (year, first, hour), day, reset in itertools.product(ANCHORS, range(1, 32), INTERVALS):
        if day > calendar.monthrange(year, first)[1]:
            continue
        anchor = datetime(year, first, day, hour, 30, tzinfo=local).astimezone(UTC)
        wall = anchor.astimezone(local).replace(tzinfo=None)
        boundaries = [reset.boundary(anchor, index, zone) for index in range(14)]
        assert boundaries[0] == anchor
        assert all(earlier < later for earlier, later in itertools.pairwise(boundaries))
        for index, boundary in enumerate(boundaries):
            wanted = _walls(wall, reset, index)
            if exists(wanted.replace(tzinfo=local)):
                assert boundary.astimezone(local).replace(tzinfo=None) == wanted, (anchor, reset, index)


def _walls(wall: datetime, reset: Period, index: int) -> datetime:
    """Where a boundary is on the wall, counted the slow way."""
    steps = reset.count * index
    if reset.unit in (PeriodUnit.DAY, PeriodUnit.WEEK):
        return wall + timedelta(days=steps * (7 if reset.unit is PeriodUnit.WEEK else 1))
    months = wall.month - 1 + steps * (12 if reset.unit is PeriodUnit.YEAR else 1)
    year, number = wall.year + months // 12, months % 12 + 1
    return wall.replace(year=year, month=number, day=min(wall.day, calendar.monthrange(year, number)[1]))


@pytest.mark.parametrize("zone", ZONES)
def test_every_instant_lies_in_the_period_that_began_last(zone: str) -> None:
    local = ZoneInfo(zone)
    for day, reset in itertools.product((1, 28, 29, 30, 31), INTERVALS):
        anchor = datetime(2027, 1, day, 2, 30, tzinfo=local).astimezone(UTC)
        periods = recurrence(anchor, reset, zone)
        for index in (1, 2, 3, 13, 40):
            starts = reset.boundary(anchor, index, zone)
            assert periods.index_at(starts) == index
            assert periods.index_at(starts - MICROSECOND) == index - 1
            assert periods.start(index) == periods.end(index - 1) == starts


@proof
@given(
    st.datetimes(datetime(2016, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(INTERVALS),
    st.sampled_from(ZONES),
    st.timedeltas(timedelta(0), timedelta(days=40 * 366)),
)
def test_the_window_of_an_instant_contains_it(anchor: datetime, reset: Period, zone: str, later: timedelta) -> None:
    periods = recurrence(anchor, reset, zone)
    now = anchor + later
    index = periods.index_at(now)
    starts, ends = periods.start(index), periods.end(index)
    assert starts is not None
    assert ends is not None
    assert starts <= now < ends


def test_an_instant_a_thousand_years_on_is_found_at_once() -> None:
    periods = recurrence(datetime(2026, 1, 31, tzinfo=UTC), Period(1, PeriodUnit.DAY), "Europe/Berlin")
    assert periods.index_at(datetime(3026, 1, 31, tzinfo=UTC)) == 365_242
    assert len(periods.due(datetime(3026, 1, 31, tzinfo=UTC))) == 1


def test_a_day_that_a_zone_leaves_out_is_an_empty_period_that_nobody_gets() -> None:
    """Samoa had no 30 December 2011."""
    local = ZoneInfo("Pacific/Apia")
    anchor = datetime(2011, 12, 28, 10, tzinfo=local).astimezone(UTC)
    periods = recurrence(anchor, Period(1, PeriodUnit.DAY), "Pacific/Apia", rollover=Rollover(quantity=5, periods=3))
    assert periods.start(2) == periods.start(3)
    now = datetime(2011, 12, 31, 12, tzinfo=local).astimezone(UTC)
    assert periods.index_at(now) == 3
    assert all(piece.ends is None or piece.starts < piece.ends for piece in periods.due(now))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_last_period_before_the_calendar_ends_has_no_end(zone: str) -> None:
    periods = recurrence(datetime(9000, 1, 1, tzinfo=UTC), Period(1000, PeriodUnit.YEAR), zone)
    assert (periods.next_at, periods.end(0)) == (None, None)
    assert periods.due(datetime(9999, 12, 29, tzinfo=UTC)) == ()


# --- within a product's period


def test_an_allowance_ends_with_its_product_and_its_last_period_may_be_shorter() -> None:
    anchor = datetime(2026, 2, 1, tzinfo=UTC)
    ends = datetime(2026, 3, 3, tzinfo=UTC)
    periods = recurrence(anchor, Period(1, PeriodUnit.WEEK), ends_at=ends)
    assert (periods.count(), periods.start(4), periods.end(4)) == (5, datetime(2026, 3, 1, tzinfo=UTC), ends)
    assert (periods.start(5), periods.next_reset(datetime(2026, 3, 2, tzinfo=UTC))) == (None, None)
    assert periods.due(ends) == ()
    assert [piece.index for piece in periods.due(ends - MICROSECOND)] == [4]


def test_an_allowance_that_ends_on_a_boundary_has_no_empty_period() -> None:
    periods = month(datetime(2026, 1, 31, tzinfo=UTC), ends_at=datetime(2027, 1, 31, tzinfo=UTC))
    assert periods.count() == 12
    assert month(datetime(2026, 1, 31, tzinfo=UTC)).count() is None


# --- what comes


def pieces(due: tuple[Piece, ...]) -> list[tuple[str, int, int]]:
    return [("rolled" if piece.is_rolled else "period", piece.index, piece.units) for piece in due]


def test_nothing_comes_before_the_first_boundary_and_all_of_it_there() -> None:
    anchor = datetime(2026, 1, 31, 12, tzinfo=UTC)
    periods = month(anchor, rollover=Rollover(quantity=4, periods=1))
    boundary = datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert periods.due(boundary - MICROSECOND) == ()
    assert pieces(periods.due(boundary)) == [("rolled", 0, 4), ("period", 1, 10)]
    assert [piece.starts for piece in periods.due(boundary)] == [boundary, boundary]


def test_skipped_periods_come_only_if_their_units_live_on() -> None:
    periods = month(datetime(2026, 1, 1, tzinfo=UTC), rollover=Rollover(quantity=4, periods=2))
    assert pieces(periods.due(datetime(2027, 1, 15, tzinfo=UTC))) == [
        ("rolled", 0, 4),
        ("period", 10, 10),
        ("rolled", 10, 4),
        ("period", 11, 10),
        ("rolled", 11, 4),
        ("period", 12, 10),
    ]
    plain = month(datetime(2026, 1, 1, tzinfo=UTC))
    assert pieces(plain.due(datetime(2027, 1, 15, tzinfo=UTC))) == [("period", 12, 10)]


@proof
@given(
    st.sampled_from(INTERVALS),
    st.sampled_from(ZONES),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 6),
    st.timedeltas(timedelta(0), timedelta(days=3000)),
    st.one_of(st.none(), st.timedeltas(timedelta(days=1), timedelta(days=3000))),
    st.integers(1, 30),
)
def test_whatever_was_written_the_same_runs_and_little_is_written(
    reset: Period,
    zone: str,
    quantity: int,
    most: int,
    periods: int,
    later: timedelta,
    lasting: timedelta | None,
    written: int,
) -> None:
    """Nobody used anything: one who swept at every boundary and one who never did have the same."""
    anchor = datetime(2026, 1, 31, 12, tzinfo=UTC)
    now = anchor + later
    how = {
        "ends_at": None if lasting is None else anchor + lasting,
        "quantity": quantity,
        "rollover": Rollover(quantity=most, periods=periods),
    }
    never = recurrence(anchor, reset, zone, **how)  # type: ignore[arg-type]  # the three of them
    due = never.due(now)
    assert len(due) <= 2 * periods + 2
    running = {(piece.index, piece.is_rolled, piece.starts, piece.ends) for piece in due if piece.is_running(now)}
    rolled = sum(min(piece.units, quantity) for piece in due if piece.is_rolled and piece.is_running(now))
    assert rolled <= most * periods
    index = never.index_at(now)
    is_over = never.ends_at is not None and never.ends_at <= now
    expected = set() if is_over or not index else {(index, False, never.start(index), never.end(index))}
    for back in range(max(index - periods, 0), index):
        if not is_over:
            expected.add((back, True, never.start(back + 1), never.end(back + periods)))
    assert running == expected
    # Who wrote some of it down finds the rest.
    some = min(written, index + 1)
    partly = recurrence(anchor, reset, zone, written=some, **how)  # type: ignore[arg-type]  # the three of them
    found = {(piece.index, piece.is_rolled, piece.starts, piece.ends) for piece in partly.due(now)}
    assert {each for each in expected if each[0] >= some or (each[1] and each[0] == some - 1)} <= found


def test_the_next_reset_is_the_next_boundary_whatever_was_written() -> None:
    anchor = datetime(2026, 1, 31, tzinfo=UTC)
    now = datetime(2026, 6, 15, tzinfo=UTC)
    for written in range(1, 6):
        assert month(anchor, written=written).next_reset(now) == datetime(2026, 6, 30, tzinfo=UTC)
