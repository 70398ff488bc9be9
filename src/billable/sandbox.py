"""The clock of a sandbox customer: moved forwards, through everything that falls due on the way.

Above the rooms, because what falls due belongs to all of them. Each instant is a step, in transactions of its own: what
the host does in answer to an event happens at the instant of that event, as it would if time had passed by itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.periods import LAST, Period, PeriodUnit
from billable.customers.models import ClockMove, Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, family, lock_customer, of_family
from billable.customers.together import heads_of, lock_whoever
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict, Invalid, NotSandbox
from billable.upkeep import next_due_of, run_due

MAX_YEARS = 10
_MOST = timedelta(days=366 * MAX_YEARS)
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}


@dataclass(frozen=True, kw_only=True)
class ClockStep:
    """How much of one kind fell due and was done; the kinds are those that ``tick`` reports."""

    name: str
    done: int


@dataclass(frozen=True, kw_only=True)
class ClockAdvance:
    """A clock that was moved: what time it was for the customer and is now, and what happened on the way."""

    customer: Customer
    customer_id: UUID
    from_at: datetime
    to_at: datetime
    steps: tuple[ClockStep, ...]
    replayed: bool

    @property
    def done(self) -> int:
        """How much was done of all kinds."""
        return sum(step.done for step in self.steps)


def advance_clock(
    user: Subject,
    *,
    to: datetime | None = None,
    months: int = 0,
    weeks: int = 0,
    days: int = 0,
    hours: int = 0,
    minutes: int = 0,
    seconds: int = 0,
    idempotency_key: str | None = None,
) -> ClockAdvance:
    """Move the clock of a sandbox customer forwards, to an instant or by a span, and do all that falls due on the way.

    What falls due is done in order, each at its own instant, and for this customer alone. ``months`` count in the
    customer's zone. A move is at most ten years. One that was cut short is finished by a repeat with its key, or by the
    next move.

    Raises NotSandbox for a real customer, Invalid for an instant that is not after the customer's present or a span of
    nothing, IdempotencyConflict, CustomerNotFound.
    """
    spans = {"weeks": weeks, "days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
    wish = _wish(to, months, spans, idempotency_key)
    move = _begin(user, wish)
    while not move.is_wanted:
        # One that was cut short, or that is under way at this moment, comes to its end first.
        _finish(move)
        move = _begin(user, wish)
    _finish(move)
    return _answer(move)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How far somebody wants to move a clock, with everything checked that needs no database."""

    to: datetime | None
    months: int
    seconds: int
    asked: str
    idempotency_key: str | None

    def seconds_from(self, now: datetime, zone: str) -> int:
        """How many whole seconds that is from an instant. Raises Invalid."""
        target = self.to or self._after(now, zone)
        if target <= now:
            raise Invalid(field="to", problem=f"must be after {now.isoformat()}, which is the customer's present")
        if target - now > _MOST:
            raise Invalid(field=self._field, problem=f"must be at most {MAX_YEARS} years ahead")
        return math.ceil((target - now) / timedelta(seconds=1))

    def _after(self, now: datetime, zone: str) -> datetime:
        try:
            month = Period(self.months, PeriodUnit.MONTH).boundary(now, 1, zone) if self.months else now
            target = month + timedelta(seconds=self.seconds)
        except (Invalid, OverflowError):
            target = LAST + timedelta(days=1)
        if target > LAST:
            raise Invalid(field=self._field, problem="reaches past the year 9999")
        return target

    @property
    def _field(self) -> str:
        return self.asked.partition("=")[0]


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A move that is to be finished; ``is_wanted``: it is the one that was asked for."""

    id: UUID
    is_wanted: bool
    replayed: bool = False


def _wish(to: object, months: object, spans: Mapping[str, object], idempotency_key: object) -> Wish:
    counted = {"months": inputs.whole(months, "months", minimum=0, maximum=12 * MAX_YEARS)}
    for unit, number in spans.items():
        counted[unit] = inputs.whole(number, unit, minimum=0, maximum=int(_MOST.total_seconds()) // _UNITS[unit])
    said = [f"{unit}={number}" for unit, number in counted.items() if number]
    until = None if to is None else inputs.instant(to, "to")
    if (until is None) == (not said):
        raise Invalid(field="to", problem="give either an instant or a span of time above zero")
    if until is not None and until > LAST:
        raise Invalid(field="to", problem="is past the end of the calendar")
    return Wish(
        to=until,
        months=counted.pop("months"),
        seconds=sum(number * _UNITS[unit] for unit, number in counted.items()),
        asked=" ".join(said) if until is None else f"to={until.isoformat()}",
        idempotency_key=inputs.optional_key(idempotency_key),
    )


@unit_of_work
def _begin(user: Subject, wish: Wish) -> _Begun:
    """Write down where a clock is to be moved, or find the move that comes first."""
    customer = lock_customer(user)
    if not customer.is_sandbox:
        raise NotSandbox(customer=str(customer.pk))
    moves = ClockMove.objects.using(write_alias())
    if wish.idempotency_key is not None:
        earlier = of_family(moves.filter(idempotency_key=wish.idempotency_key), customer).first()
        if earlier is not None:
            if earlier.asked != wish.asked:
                raise IdempotencyConflict(idempotency_key=wish.idempotency_key, fields=_differing(earlier, wish))
            return _Begun(id=earlier.pk, is_wanted=True, replayed=True)
    under_way = moves.filter(customer__in=family(customer.pk), finished_at__isnull=True).order_by("pk").first()
    if under_way is not None:
        return _Begun(id=under_way.pk, is_wanted=False)
    now, offset = now_for(customer), customer.clock_offset_seconds
    move = ClockMove(
        customer=customer,
        asked=wish.asked,
        idempotency_key=wish.idempotency_key,
        started_at=now,
        from_offset_seconds=offset,
        to_offset_seconds=offset + wish.seconds_from(now, customer.zone),
        actor=current_actor(),
        created_at=clock.now(),
    )
    moves.bulk_create([move])
    return _Begun(id=move.pk, is_wanted=True)


def _differing(earlier: ClockMove, wish: Wish) -> list[str]:
    """The parts in which two moves differ, as the caller names them."""
    asked = {*earlier.asked.split(" ")} ^ {*wish.asked.split(" ")}
    return sorted({part.partition("=")[0] for part in asked})


def _finish(move: _Begun) -> None:
    """Move the clock from instant to instant, and do at each what falls due."""
    happened: Counter[str] = Counter()
    while (customer := _step(move.id, happened)) is not None:
        happened = run_due(customer)


@unit_of_work
def _step(move_id: UUID, happened: Counter[str]) -> Customer | None:
    """Note what happened, and move the clock to where something falls due next; None when it has arrived."""
    owner = ClockMove.objects.using(write_alias()).values_list("customer", flat=True).get(pk=move_id)
    # Whoever was absorbed goes on with the clock of all.
    customers = lock_whoever(lambda: _family_of(owner))
    customer = customers[heads_of([owner])[owner]]
    move = ClockMove.objects.using(write_alias()).get(pk=move_id)
    # Also of one that somebody else brought to its end meanwhile.
    move.happened = dict(Counter(move.happened) + happened)
    has_arrived = move.finished_at is not None or customer.clock_offset_seconds >= move.to_offset_seconds
    if has_arrived:
        move.finished_at = move.started_at + timedelta(seconds=move.to_offset_seconds - move.from_offset_seconds)
    move.save(using=write_alias(), update_fields=["happened", "finished_at"])
    if has_arrived:
        return None
    customer.clock_offset_seconds = _next_offset(customer, move)
    rows = Customer.objects.using(write_alias()).filter(pk__in=list(customers))
    rows.update(clock_offset_seconds=customer.clock_offset_seconds)
    return customer


def _next_offset(customer: Customer, move: ClockMove) -> int:
    now, offset = now_for(customer), customer.clock_offset_seconds
    moment = next_due_of(customer, now)
    if moment is None or moment - now > _MOST:
        return move.to_offset_seconds
    return min(offset + math.ceil((moment - now) / timedelta(seconds=1)), move.to_offset_seconds)


def _family_of(customer_id: UUID) -> list[UUID]:
    head = heads_of([customer_id])[customer_id]
    return list(family(head).values_list("pk", flat=True))


def _answer(begun: _Begun) -> ClockAdvance:
    move = ClockMove.objects.using(write_alias()).select_related("customer").get(pk=begun.id)
    return ClockAdvance(
        customer=move.customer,
        customer_id=move.customer_id,
        from_at=move.started_at,
        to_at=move.started_at + timedelta(seconds=move.to_offset_seconds - move.from_offset_seconds),
        steps=tuple(ClockStep(name=name, done=done) for name, done in sorted(move.happened.items())),
        replayed=begun.replayed,
    )
