"""The one clock, in the hand of a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import TypeVar
from unittest import mock

from dateutil.relativedelta import relativedelta

from billable import clock
from billable.models import Customer
from billable.services import CustomerService, Subject
from billable.testing.hooks import run_commit_hooks
from billable.upkeep import next_due_of, next_due_of_everybody, tick

Own = TypeVar("Own", bound="BillingClock")


@dataclass(frozen=True)
class _Alarm:
    """Something that a test wants to happen at an instant, by the common clock or by that of a customer."""

    at: datetime
    act: Callable[[], object]
    customer: Customer | None


class BillingClock:
    """Time that stands still until the test moves it: ``with BillingClock() as clock:``.

    Every thread and every async twin reads the same. Only billable goes by it: what reads ``timezone.now()`` itself
    does not. It begins at the present, or at ``start``, an instant with a time zone. While several stand still, the one
    that was entered last is the time, in whatever order they are left.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._now = clock.now() if start is None else _utc(start)
        self._alarms: list[_Alarm] = []

    def __enter__(self: Own) -> Own:
        if not _standing:
            _patch.start()
        _standing.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _standing.remove(self)
        if not _standing:
            _patch.stop()

    @property
    def now(self) -> datetime:
        """What time it is, in UTC."""
        return self._now

    def after(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """The instant that lies so far ahead. Years and months are counted by the calendar, in UTC, first."""
        month = self._now + relativedelta(years=years, months=months)
        return month + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)

    def advance(
        self,
        *,
        years: int = 0,
        months: int = 0,
        weeks: float = 0,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
    ) -> datetime:
        """Let time pass for everybody, and do on the way what falls due, as a punctual sweep would; the new present.

        The clock stops at each instant at which something falls due: a grant expires, a hold lapses, an order was not
        paid in time, a reward has waited long enough. What your receivers do in answer happens at that instant, too,
        also inside a ``TestCase``.
        """
        return self.move_to(
            self.after(
                years=years, months=months, weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds
            )
        )

    def move_to(self, instant: datetime) -> datetime:
        """The same, until an instant with a time zone. Raises ValueError for one that has passed."""
        target = _utc(instant)
        if target < self._now:
            raise ValueError(f"{target.isoformat()} has passed; jump_to goes back")
        self.catch_up()
        while self._now < target:
            self._now = _first(target, next_due_of_everybody(self._now), self._next_alarm())
            self.catch_up()
        return self._now

    def jump(self, **span: float) -> datetime:
        """Let time pass as ``advance`` does, and do nothing: nobody swept. The spans are those of a timedelta."""
        self._now += timedelta(**span)
        return self._now

    def jump_to(self, instant: datetime) -> datetime:
        """Let it be another time, also an earlier one, and do nothing."""
        self._now = _utc(instant)
        return self._now

    def catch_up(self) -> None:
        """Do what is due now, for everybody. Raises AssertionError when something fails, InsideTransaction in one."""
        while True:
            with run_commit_hooks():
                report = tick()
            if report.failed:
                raise AssertionError(f"{report.failed} that were due failed; the log has the errors: {report.steps}")
            ringing = [alarm for alarm in self._alarms if self._common(alarm) <= self._now]
            if not ringing:
                return
            self._ring(min(ringing, key=self._common))

    def at(self, instant: datetime, act: Callable[[], object], *, customer: Subject | None = None) -> None:
        """Call ``act`` when the clock is moved to an instant or past it, after what falls due then.

        With ``customer`` it is by the clock of that customer. A jump calls nothing; the next move does.
        """
        owner = None if customer is None else CustomerService.get_customer(customer)
        self._alarms.append(_Alarm(_utc(instant), act, owner))

    def for_customer(self, customer: Subject) -> CustomerClock:
        """The clock of one customer, which must be of the sandbox: ``make_customer(sandbox=True)``."""
        return CustomerClock(self, customer)

    def next_alarm_of(self, customer: Customer) -> datetime | None:
        """The next instant that something was asked for at, by the clock of a customer."""
        mine = [alarm.at for alarm in self._alarms if alarm.customer is not None and alarm.customer.pk == customer.pk]
        return min(mine, default=None)

    def ring_for(self, customer: Customer) -> None:
        """Do what was asked for until a customer's present, by its clock."""
        present = self._now + _ahead(customer)
        while True:
            mine = [each for each in self._alarms if each.customer is not None and each.customer.pk == customer.pk]
            ringing = [alarm for alarm in mine if alarm.at <= present]
            if not ringing:
                return
            self._ring(min(ringing, key=lambda alarm: alarm.at))

    def _ring(self, alarm: _Alarm) -> None:
        self._alarms.remove(alarm)
        with run_commit_hooks():
            alarm.act()

    def _next_alarm(self) -> datetime | None:
        return min((self._common(alarm) for alarm in self._alarms), default=None)

    def _common(self, alarm: _Alarm) -> datetime:
        """When an alarm rings, by the common clock."""
        if alarm.customer is None:
            return alarm.at
        return alarm.at - _ahead(alarm.customer)


class CustomerClock:
    """The clock of one sandbox customer: what falls due on the way is done for this customer alone."""

    def __init__(self, common: BillingClock, customer: Subject) -> None:
        self._common, self._subject = common, customer

    @property
    def now(self) -> datetime:
        """What time it is for the customer, in UTC."""
        return self._common.now + _ahead(self._customer)

    def advance(
        self,
        *,
        months: int = 0,
        weeks: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
    ) -> datetime:
        """Let time pass for the customer, and do on the way what falls due; its new present. Raises NotSandbox.

        Months are counted by the calendar, in UTC, first.
        """
        span = relativedelta(months=months, weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        return self.move_to(self.now + span)

    def move_to(self, instant: datetime) -> datetime:
        """The same, until an instant with a time zone. Raises NotSandbox, Invalid for one that has passed."""
        target = _utc(instant)
        while True:
            customer = self._customer
            stop = _first(target, next_due_of(customer, self.now), self._common.next_alarm_of(customer))
            with run_commit_hooks():
                CustomerService.advance_clock(customer, to=stop)
            self._common.ring_for(self._customer)
            if self.now >= target:
                return self.now

    @property
    def _customer(self) -> Customer:
        return CustomerService.get_customer(self._subject)


def _ahead(customer: Customer) -> timedelta:
    seconds = CustomerService.get_customer(customer).clock_offset_seconds
    return timedelta(seconds=seconds)


_standing: list[BillingClock] = []
_really = clock.now


def _read() -> datetime:
    # Whoever replaced the clock while one stood may put this back when none does any more.
    return _standing[-1].now if _standing else _really()


_patch = mock.patch.object(clock, "now", _read)


def _first(target: datetime, *others: datetime | None) -> datetime:
    return min(target, *(other for other in others if other is not None), target)


def _utc(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(timezone.utc)
