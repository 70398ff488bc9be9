"""What became due by itself is written by the next write, in order, each at its own instant.

Nothing that is true at an instant depends on anybody having swept: readers compute it, writers write it down. At one
instant grants expire, what is unused rolls over, allowances give anew, and then holds lapse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db.models import Min

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.ids import new_id
from billable.quota import debts, holds, ledger, resets
from billable.quota.kinds import GrantEnd, HoldEnd
from billable.quota.models import Allowance, Grant, Hold
from billable.quota.recurring import Piece
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class CaughtUp:
    """What was written: how many grants ended, how many holds lapsed, and how many grants allowances gave."""

    grants: int = 0
    holds: int = 0
    resets: int = 0

    def __bool__(self) -> bool:
        return bool(self.grants or self.holds or self.resets)

    @property
    def brought(self) -> bool:
        """Whether units came to rows: whoever read the grants before must read them again."""
        return bool(self.holds or self.resets)


def catch_up(customer: Customer, now: datetime) -> CaughtUp:
    """Write what became due for a locked customer until ``now``."""
    if customer.next_change_at is None or customer.next_change_at > now:
        return CaughtUp()
    waiting = Grant.objects.using(write_alias()).open_of(customer)
    reserved = holds.open_holds(customer)
    coming = _coming(customer)
    is_due = any(allowance.next_at and allowance.next_at <= now for allowance in coming)
    due = _Due(
        customer=customer,
        now=now,
        expiring=list(waiting.filter(expires_at__lte=now).order_by("expires_at", "id")),
        lapsing=list(reserved.filter(lapses_at__lte=now).order_by("lapses_at", "id")),
        allowances=[allowance for allowance in coming if allowance.next_at and allowance.next_at <= now],
        owed=debts.owed(customer) if is_due else {},
    )
    # When it is due next is written with or without the rest: what was to happen may have come to nothing, as where a
    # grant was used up before its end.
    return due.write(
        min(
            filter(
                None,
                (
                    waiting.filter(expires_at__gt=now).aggregate(first=Min("expires_at"))["first"],
                    reserved.filter(lapses_at__gt=now).aggregate(first=Min("lapses_at"))["first"],
                    *(allowance.recurrence.next_reset(now) for allowance in coming),
                ),
            ),
            default=None,
        )
    )


def _coming(customer: Customer) -> list[Allowance]:
    rows = Allowance.objects.using(write_alias()).filter(customer=customer, next_at__isnull=False)
    return list(rows.select_related("feature", "product").order_by("id"))


@dataclass(frozen=True)
class _New:
    """A grant that an allowance gives, once it is written."""

    allowance: Allowance
    piece: Piece
    id: UUID


@dataclass(frozen=True)
class _Step:
    """Something that happens at an instant; ``rank`` says what comes first there."""

    at: datetime
    rank: int
    what: Grant | Hold | _New


_EXPIRE, _GIVE, _LAPSE = range(3)


@dataclass(kw_only=True)
class _Due:
    """What became due for one customer, and what of it is written already."""

    customer: Customer
    now: datetime
    expiring: Sequence[Grant]
    lapsing: Sequence[Hold]
    allowances: Sequence[Allowance]
    owed: dict[int, int]
    # What a lapse gives back to a grant that expires later must be there when it does.
    rows: dict[UUID, Grant] = field(default_factory=dict)
    # By allowance and period: how much of what is unused may go on, and how much does.
    rolling: dict[tuple[UUID, int], int] = field(default_factory=dict)
    rolled: dict[tuple[UUID, int], int] = field(default_factory=dict)
    given: int = 0

    def write(self, later: datetime | None) -> CaughtUp:
        """Write it all, in order. ``later`` is when the next thing of what there is now becomes due."""
        self.rows = {grant.pk: grant for grant in self.expiring}
        ended = 0
        in_order = sorted(self._steps(), key=lambda step: (step.at, step.rank))
        for rank, steps in groupby(in_order, lambda step: step.rank):
            group = list(steps)
            if rank == _EXPIRE:
                ended += self._expire(group)
            elif rank == _GIVE:
                self._give(group)
            else:
                self._lapse(group)
        self._move_on()
        running = [grant.expires_at for grant in self.rows.values() if grant.ended_at is None and grant.expires_at]
        ledger.wake(self.customer, min(filter(None, (later, *running)), default=None))
        return CaughtUp(grants=ended, holds=len(self.lapsing), resets=self.given)

    def _steps(self) -> Iterator[_Step]:
        for grant in self.expiring:
            yield _Step(grant.expires_at or self.now, _EXPIRE, grant)
        for hold in self.lapsing:
            yield _Step(hold.lapses_at, _LAPSE, hold)
        coming = [
            (allowance, piece)
            for allowance in self.allowances
            for piece in allowance.recurrence.due(self.now, self.owed.get(allowance.feature_id, 0))
        ]
        # Which of two grants that are alike is used first must not depend on chance: their ids are in order.
        coming.sort(key=lambda each: resets.in_order(*each))
        ids = sorted(new_id() for _ in coming)
        for (allowance, piece), grant_id in zip(coming, ids, strict=True):
            new = _New(allowance, piece, grant_id)
            if piece.is_rolled:
                self.rolling[allowance.pk, piece.index] = piece.units
            yield _Step(piece.starts, _GIVE, new)
            if piece.ends is not None and piece.ends <= self.now:
                yield _Step(piece.ends, _EXPIRE, new)

    def _expire(self, steps: Sequence[_Step]) -> int:
        grants = [grant for step in steps if (grant := self._row(step)) is not None]
        rolling: dict[UUID, int] = {}
        for grant in grants:
            if units := self._roll(grant):
                rolling[grant.pk] = units
        endings = [(grant, grant.expires_at) for grant in grants if grant.expires_at]
        if endings:
            ledger.end(self.customer, endings, GrantEnd.EXPIRED, rolling=rolling)
        for grant in grants:
            emit("grant.expired", grant=grant)
        return len(grants)

    def _row(self, step: _Step) -> Grant | None:
        if isinstance(step.what, Grant):
            return step.what
        return self.rows.get(step.what.id) if isinstance(step.what, _New) else None

    def _roll(self, grant: Grant) -> int:
        """How much of a period's grant goes on; what several grants of one period leave goes on together."""
        if grant.allowance_id is None or grant.rolled_from is not None:
            return 0
        # After a roll-out the allowance that goes on is not the one that gave the period.
        going_on = {allowance.replaces_id: allowance.pk for allowance in self.allowances}
        key = (going_on.get(grant.allowance_id, grant.allowance_id), grant.period_index)
        units = min(grant.remaining or 0, self.rolling.get(key, 0) - self.rolled.get(key, 0))
        self.rolled[key] = self.rolled.get(key, 0) + units
        return units

    def _give(self, steps: Sequence[_Step]) -> None:
        for at, group in groupby(steps, lambda step: step.at):
            news = [step.what for step in group if isinstance(step.what, _New)]
            units = {new.id: self._units(new) for new in news}
            grants = [resets.grant_of(new.allowance, new.piece, units[new.id], new.id) for new in news if units[new.id]]
            if not grants:
                continue
            ledger.issue(self.customer, grants, None, at=at)
            if self.owed:
                debts.repay(self.customer, [grant for grant in grants if grant.rolled_from is None], at=at)
            self.rows |= {grant.pk: grant for grant in grants}
            self.given += len(grants)
            for grant in grants:
                emit("grant.created", grant=grant)
                if grant.rolled_from is None:
                    emit("allowance.reset", grant=grant)

    def _units(self, new: _New) -> int:
        rolled = self.rolled.get((new.allowance.pk, new.piece.index), 0)
        return rolled if new.piece.is_rolled else new.piece.units

    def _lapse(self, steps: Sequence[_Step]) -> None:
        for step in steps:
            if isinstance(step.what, Hold):
                holds.close(self.customer, step.what, HoldEnd.LAPSED, self.rows, at=step.what.lapses_at)
                emit("hold.lapsed", hold=step.what)

    def _move_on(self) -> None:
        """Let each allowance name the first period that has no row now."""
        for allowance in self.allowances:
            periods = allowance.recurrence
            allowance.next_at = periods.next_reset(self.now)
            allowance.next_index = max(periods.index_at(self.now), periods.next_index) + 1
            resets.save(allowance, "next_index", "next_at")
