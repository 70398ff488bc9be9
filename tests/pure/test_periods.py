"""Periods: counted from the anchor, in the wall time of its zone, without gap, overlap or drift."""

from __future__ import annotations

import calendar
import itertools
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.catalog.periods import MAX_COUNT, Period, PeriodUnit, check_zone
from billable.errors import Invalid
from tests.pure.proof import proof

# An hour, half an hour, at midnight, in Ramadan, southern, none at all, and 14 hours ahead.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
]
UTC = timezone.utc

zones = st.sampled_from(ZONES)
periods = st.builds(Period, st.integers(1, 40), st.sampled_from(PeriodUnit))
moments = st.datetimes(datetime(2016, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


def exists(wall: datetime) -> bool:
    return wall.astimezone(UTC).astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None)


@proof
@given(periods, moments, zones)
def test_periods_follow_one_another_without_gap_or_overlap(period: Period, anchor: datetime, zone: str) -> None:
    boundaries = [period.boundary(anchor, index, zone) for index in range(30)]
    assert boundaries[0] == anchor
    assert all(earlier < later for earlier, later in itertools.pairwise(boundaries))
    assert all(boundary.utcoffset() == timedelta(0) for boundary in boundaries)


@proof
@given(periods, moments, zones, st.integers(0, 150), st.integers(-90_000, 90_000))
def test_an_instant_lies_in_the_period_that_began_last(
    period: Period, anchor: datetime, zone: str, index: int, seconds: int
) -> None:
    for instant in (
        period.boundary(anchor, index, zone),
        period.boundary(anchor, index, zone) - timedelta(microseconds=1),
        period.boundary(anchor, index, zone) + timedelta(seconds=seconds),
    ):
        found = period.index_at(anchor, instant, zone)
        assert found == 0 or period.boundary(anchor, found, zone) <= instant
        assert instant < period.boundary(anchor, found + 1, zone)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", range(1, 32))
def test_a_month_ends_on_the_anchors_day_or_on_the_last_there_is(day: int, zone: str) -> None:
    anchor = datetime(2027, 1, day, 12, tzinfo=ZoneInfo(zone))
    for index in range(1, 60):
        wall = Period(1, PeriodUnit.MONTH).boundary(anchor, index, zone).astimezone(ZoneInfo(zone))
        assert (wall.year, wall.month) == (2027 + index // 12, index % 12 + 1)
        assert wall.day == min(day, calendar.monthrange(wall.year, wall.month)[1])
        assert (wall.hour, wall.minute) == (12, 0)


@proof
@given(st.integers(1, 20), moments, zones, st.integers(0, 40))
def test_a_boundary_of_years_is_the_boundary_of_twelve_times_as_many_months(
    count: int, anchor: datetime, zone: str, index: int
) -> None:
    years, months = Period(count, PeriodUnit.YEAR), Period(12 * count, PeriodUnit.MONTH)
    assert years.boundary(anchor, index, zone) == months.boundary(anchor, index, zone)


@proof
@given(st.integers(1, 50), moments, zones, st.integers(0, 60))
def test_days_and_weeks_keep_the_time_of_day_of_the_anchor(count: int, anchor: datetime, zone: str, index: int) -> None:
    local = anchor.astimezone(ZoneInfo(zone))
    for unit, days in ((PeriodUnit.DAY, 1), (PeriodUnit.WEEK, 7)):
        wall = Period(count, unit).boundary(anchor, index, zone).astimezone(ZoneInfo(zone))
        wanted = local.replace(tzinfo=None) + timedelta(days=index * count * days)
        if exists(wanted.replace(tzinfo=ZoneInfo(zone))):
            assert wall.replace(tzinfo=None) == wanted
        else:
            assert abs(wall.replace(tzinfo=None) - wanted) <= timedelta(hours=1)


@proof
@given(periods, moments, zones, st.integers(0, 20), st.integers(0, 20))
def test_counting_on_in_one_go_or_with_a_larger_period_is_the_same(
    period: Period, anchor: datetime, zone: str, index: int, times: int
) -> None:
    if times and period.count * times * index < 1000:
        larger = Period(period.count * times, period.unit)
        assert larger.boundary(anchor, index, zone) == period.boundary(anchor, index * times, zone)


def test_boundaries_are_not_chained() -> None:
    anchor = datetime(2026, 1, 31, tzinfo=UTC)
    months = [Period(1, PeriodUnit.MONTH).boundary(anchor, index, "UTC") for index in range(1, 5)]
    assert [(month.month, month.day) for month in months] == [(2, 28), (3, 31), (4, 30), (5, 31)]
    leap = Period(1, PeriodUnit.YEAR).boundary(datetime(2028, 2, 29, tzinfo=UTC), 4, "UTC")
    assert (leap.year, leap.month, leap.day) == (2032, 2, 29)


def test_a_boundary_in_the_hour_that_a_zone_leaves_out_is_an_hour_later_on_the_wall() -> None:
    """On 8 March 2026 New York has no 02:30."""
    anchor = datetime(2026, 2, 8, 2, 30, tzinfo=ZoneInfo("America/New_York"))
    month = Period(1, PeriodUnit.MONTH)
    assert month.boundary(anchor, 1, "America/New_York") == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert month.boundary(anchor, 2, "America/New_York") == datetime(2026, 4, 8, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_anchor_in_the_hour_that_comes_twice_stays_the_instant_that_it_is(fold: int) -> None:
    """On 1 November 2026 New York has 01:30 twice."""
    anchor = datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=ZoneInfo("America/New_York"))
    day = Period(1, PeriodUnit.DAY)
    assert day.boundary(anchor, 0, "America/New_York") == anchor.astimezone(UTC)
    assert day.boundary(anchor, 1, "America/New_York") == datetime(2026, 11, 2, 6, 30, tzinfo=UTC)


def test_a_month_across_a_change_of_the_clock_is_an_hour_shorter_and_not_shifted() -> None:
    anchor = datetime(2026, 3, 15, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    end = Period(1, PeriodUnit.MONTH).boundary(anchor, 1, "Europe/Berlin")
    assert end == datetime(2026, 4, 14, 22, tzinfo=UTC)
    assert end - anchor == timedelta(days=31, hours=-1)


@pytest.mark.parametrize("unit", PeriodUnit)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_past_the_year_9999_there_is_no_boundary(unit: PeriodUnit, zone: str) -> None:
    anchor = datetime(2026, 1, 31, tzinfo=UTC)
    for index in (4_000_000, 10**9, 10**15, 10**30):
        with pytest.raises(Invalid) as refusal:
            Period(1, unit).boundary(anchor, index, zone)
        assert refusal.value.field == "period"
        assert Period(1, unit).end(anchor, index, zone) is None


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_an_anchor_on_the_last_day_of_all_is_refused_like_any_other(zone: str) -> None:
    anchor = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    with pytest.raises(Invalid):
        Period(1, PeriodUnit.DAY).boundary(anchor, 1, zone)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("month", Period(1, PeriodUnit.MONTH)),
        ("1 month", Period(1, PeriodUnit.MONTH)),
        ("30 days", Period(30, PeriodUnit.DAY)),
        ("2 weeks", Period(2, PeriodUnit.WEEK)),
        ("1000 years", Period(1000, PeriodUnit.YEAR)),
    ],
)
def test_a_period_is_read_from_words(text: str, period: Period) -> None:
    assert Period.parse(text) == period


@proof
@given(st.integers(1, MAX_COUNT), st.sampled_from(PeriodUnit))
def test_a_period_reads_its_own_words(count: int, unit: PeriodUnit) -> None:
    period = Period(count, unit)
    assert Period.parse(str(period)) == Period.parse(period) == period


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "0 days",
        "-1 day",
        "1001 days",
        "1.5 days",
        "1 fortnight",
        "month month",
        " month",
        "1  day",
        "DAY",
        "\u0661 day",
        None,
        1,
        1.0,
        True,
        b"day",
        ["day"],
        "9" * 30 + " days",
        "1 day\n",
        Period(0, PeriodUnit.DAY),
        Period(True, PeriodUnit.DAY),
        Period(1.5, PeriodUnit.DAY),
    ],  # type: ignore[arg-type]  # on purpose
)
def test_what_is_no_period_is_refused(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        Period.parse(bad, "where.it.stood")
    assert refusal.value.field == "where.it.stood"


@pytest.mark.parametrize("zone", ZONES)
def test_a_known_zone_is_itself(zone: str) -> None:
    assert check_zone(zone) == zone


@pytest.mark.parametrize(
    "zone", ["", "Mars/Olympus", "../etc/passwd", "/etc/passwd", "Europe", "utc\0", "é", "x" * 300]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid):
        check_zone(zone)
