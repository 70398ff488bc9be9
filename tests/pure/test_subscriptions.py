"""Where a subscription stands, and where its periods begin: no database, any instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billable.catalog.periods import LAST, Period, PeriodUnit
from billable.subscriptions.lifecycle import (
    Change,
    Cycle,
    Instants,
    SubscriptionEnd,
    SubscriptionStatus,
    access_after,
    renewal_due,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]
days = st.integers(-60, 60).map(lambda number: NOON + timedelta(days=number))
maybe = st.none() | days


@st.composite
def standings(draw: st.DrawFn) -> Instants:
    """Whatever the constraints of the table let stand."""
    paid_until = draw(days)
    paused_at = draw(maybe)
    resumes_at = (
        None if paused_at is None else draw(st.none() | st.integers(0, 40).map(lambda n: paused_at + timedelta(n)))
    )
    return Instants(
        paid_until=paid_until,
        access_until=paid_until + timedelta(days=draw(st.integers(0, 20))),
        trial_until=draw(maybe),
        cancelled_at=draw(maybe),
        paused_at=paused_at,
        resumes_at=resumes_at,
        suspended_at=draw(st.none() | st.none() | days),
        ended_at=draw(st.none() | st.none() | days),
    )


@given(standings(), days)
def test_a_status_changes_only_when_something_is_due(instants: Instants, now: datetime) -> None:
    following = instants.next_change_at(now)
    until = following or now + timedelta(days=400)
    watched = [instant for instant in (instants.trial_until,) if instant is not None and now < instant < until]
    before = instants.status(now)
    for second in (timedelta(seconds=1), (until - now) / 2, until - now - timedelta(seconds=1)):
        at = now + second
        if not now < at < until or any(instant <= at for instant in watched):
            continue
        assert instants.status(at) is before


@given(standings())
def test_changes_come_in_order_and_end_with_the_end(instants: Instants) -> None:
    changes = instants.changes()

    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(changes))
    if instants.ended_at is not None or instants.suspended_at is not None:
        assert changes == []
    for instant, change in changes:
        if change is Change.ENDED and not instants.is_paused(instant):
            assert instants.status(instant) is SubscriptionStatus.ENDED


@given(standings(), days)
def test_what_is_over_stays_over(instants: Instants, now: datetime) -> None:
    over = replace(instants, ended_at=now)

    assert {over.status(now + timedelta(days=number)) for number in (-90, 0, 90)} == {SubscriptionStatus.ENDED}


STORIES = [
    (0, {}, SubscriptionStatus.ACTIVE),
    (10, {}, SubscriptionStatus.PAST_DUE),
    (13, {}, SubscriptionStatus.ENDED),
    (0, {"trial_until": 10}, SubscriptionStatus.TRIALING),
    (10, {"trial_until": 10}, SubscriptionStatus.PAST_DUE),
    (0, {"cancelled_at": -1}, SubscriptionStatus.CANCELLED),
    (0, {"cancelled_at": -1, "trial_until": 10}, SubscriptionStatus.CANCELLED),
    (0, {"paused_at": 0}, SubscriptionStatus.PAUSED),
    (90, {"paused_at": 0}, SubscriptionStatus.PAUSED),
    (0, {"paused_at": 1}, SubscriptionStatus.ACTIVE),
    (5, {"paused_at": 0, "resumes_at": 5}, SubscriptionStatus.ACTIVE),
    (4, {"paused_at": 0, "resumes_at": 5, "cancelled_at": 0}, SubscriptionStatus.PAUSED),
    (90, {"suspended_at": 0}, SubscriptionStatus.SUSPENDED),
    (0, {"suspended_at": 0, "ended_at": 0}, SubscriptionStatus.ENDED),
]


@pytest.mark.parametrize(("after", "facts", "status"), STORIES)
def test_where_it_stands(after: int, facts: dict[str, int], status: SubscriptionStatus) -> None:
    """Paid for ten days, with a grace of three."""
    stored = {name: NOON + timedelta(days=number) for name, number in facts.items()}
    instants = Instants(paid_until=NOON + timedelta(days=10), access_until=NOON + timedelta(days=13), **stored)

    assert instants.status(NOON + timedelta(days=after)) is status


def test_it_ends_as_what_it_was() -> None:
    instants = Instants(paid_until=NOON, access_until=NOON)
    assert instants.ending() is SubscriptionEnd.UNPAID
    assert replace(instants, cancelled_at=NOON).ending() is SubscriptionEnd.CANCELLED


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("anchor_day", [1, 28, 29, 30, 31])
def test_periods_tile_time_and_come_back_to_their_day(zone: str, anchor_day: int) -> None:
    anchor = datetime(2024, 1, anchor_day, 2, 30, tzinfo=timezone.utc)
    for unit in PeriodUnit:
        cycle = Cycle(anchor=anchor, anchor_index=3, period=Period(1, unit), zone=zone)
        begins = [cycle.begins(index) for index in range(40)]
        assert begins[3] == anchor
        assert all(earlier < later for earlier, later in pairwise(begins))
        local = [each.astimezone(ZoneInfo(zone)) for each in begins]
        long = [each for each in local if unit is PeriodUnit.MONTH and each.month in (1, 3, 5, 7, 8, 10, 12)]
        assert {each.day for each in long} <= {local[3].day}


@given(st.integers(0, 50), st.integers(1, 24), st.sampled_from(list(PeriodUnit)), st.sampled_from(ZONES))
def test_a_cycle_that_begins_anew_begins_there(index: int, count: int, unit: PeriodUnit, zone: str) -> None:
    cycle = Cycle(anchor=NOON, anchor_index=0, period=Period(count, unit), zone=zone)
    there = cycle.begins(index) + timedelta(days=5)

    moved = cycle.from_here(index, there)

    assert moved.begins(index) == there
    assert moved.begins(index + 1) > there
    assert cycle.from_here(index, cycle.begins(index)) is cycle


def test_nothing_begins_past_the_end_of_the_calendar() -> None:
    cycle = Cycle(anchor=NOON, anchor_index=0, period=Period(1000, PeriodUnit.YEAR), zone="UTC")

    assert cycle.begins(50) == LAST
    assert access_after(LAST, 30) == LAST


def test_a_renewal_is_never_ordered_before_the_period_before_it_began() -> None:
    assert renewal_due(NOON, NOON + timedelta(days=30), 3) == NOON + timedelta(days=27)
    assert renewal_due(NOON, NOON + timedelta(days=1), 3) == NOON
