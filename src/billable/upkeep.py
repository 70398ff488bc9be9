"""Upkeep: everything that becomes due by itself, in one sweep. Above the rooms: each of them has its duties.

Nothing that a customer may do depends on it. What is true at an instant is true whoever swept; a sweep writes it down
early, tells the host of it, and makes up for what was lost in a crash.
"""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from billable import clock, inputs
from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import refuse_transactions, write_alias
from billable.duties import BATCH, Duty, keys
from billable.invoices.issue import CREDIT_NOTES, RECEIPTS
from billable.orders.expire import UNPAID_ORDERS
from billable.quota.expire import GRANTS_AND_HOLDS
from billable.quota.expiring import EXPIRY_NOTICES
from billable.referrals.sweep import REWARDS
from billable.renewals.renew import RENEWALS
from billable.subscriptions.settle import SUBSCRIPTIONS

DUTIES: tuple[Duty, ...] = (
    *(GRANTS_AND_HOLDS, SUBSCRIPTIONS, RENEWALS, UNPAID_ORDERS, REWARDS, RECEIPTS, CREDIT_NOTES, EXPIRY_NOTICES),
)
"""What is done, in this order."""

MAX_SECONDS = 86_400
MAX_BATCH = 10_000
# What one duty does may make another one due, but not for ever.
MAX_PASSES = 20

logger = logging.getLogger("billable")


@dataclass(frozen=True, kw_only=True)
class UpkeepStep:
    """What a sweep did of one kind: how many were done, are left because its time was over, and failed.

    What somebody else did meanwhile is none of them. ``seconds`` is how long it took.
    """

    name: str
    done: int
    left: int
    failed: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class UpkeepReport:
    """What a sweep did, kind by kind; or, of a dry run, what there is to do."""

    steps: tuple[UpkeepStep, ...]
    seconds: float
    dry_run: bool

    @property
    def done(self) -> int:
        """How many were done."""
        return sum(step.done for step in self.steps)

    @property
    def left(self) -> int:
        """How many wait for the next sweep."""
        return sum(step.left for step in self.steps)

    @property
    def failed(self) -> int:
        """How many failed; the log has the error of each. The next sweep tries again."""
        return sum(step.failed for step in self.steps)

    @property
    def complete(self) -> bool:
        """Whether nothing that was due is left, and nothing failed."""
        return not self.left and not self.failed


Progress = Callable[[str, int, int], object]
"""Called with the name of a step, how many of it were tried, and how many there were."""


def tick(
    *,
    limit_seconds: int | None = None,
    batch_size: int = BATCH,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> UpkeepReport:
    """Do everything that is due, for everybody: from cron, every minute, on as many machines as you like.

    It begins nothing more after ``limit_seconds`` (None: it goes on to the end); the next sweep does the rest. Keys are
    read ``batch_size`` at a time. With ``dry_run`` it writes nothing and counts what is due. Each row is a transaction
    of its own: one that fails is logged, counted, and stops no other. Changes no answer of any verb.

    Raises InsideTransaction, Invalid.
    """
    most = None if limit_seconds is None else inputs.whole(limit_seconds, "limit_seconds", maximum=MAX_SECONDS)
    size = inputs.whole(batch_size, "batch_size", maximum=MAX_BATCH)
    counting = inputs.flag(dry_run, "dry_run")
    started, present = time.monotonic(), clock.now()
    if not counting:
        refuse_transactions()
    ends = None if most is None else started + most
    runs = [_Run(duty, present, size, ends, progress) for duty in DUTIES]
    # A batch of each in turn: whoever has little to do does not wait for somebody who always has more.
    going = [] if counting else runs
    while going:
        going = [run for run in going if run.goes_on()]
    steps = tuple(run.report() for run in runs)
    return UpkeepReport(steps=steps, seconds=round(time.monotonic() - started, 3), dry_run=counting)


class _Run:
    """One duty in one sweep."""

    def __init__(self, duty: Duty, present: datetime, size: int, ends: float | None, progress: Progress | None) -> None:
        self._duty, self._size, self._ends, self._progress = duty, size, ends, progress
        self._started, self._seconds = time.monotonic(), 0.0
        self._due = duty.due(present)
        self._found = self._due.count()
        self._keys = self._from_anywhere()
        self._tried = self._done = self._failed = 0
        self._is_over = not self._found
        self._pause()

    def goes_on(self) -> bool:
        """Do a batch. Whether another one may follow."""
        self._started = time.monotonic()
        tried = self._tried
        for key in islice(self._keys, self._size):
            if self._ends is not None and time.monotonic() >= self._ends:
                self._pause()
                return False
            self._try(key)
        self._is_over = self._tried - tried < self._size
        self._pause()
        return not self._is_over

    def report(self) -> UpkeepStep:
        # What failed is still due; it was tried, and is not left.
        left = 0 if self._is_over else max(0, self._due.count() - self._failed)
        return UpkeepStep(
            name=self._duty.name, done=self._done, left=left, failed=self._failed, seconds=round(self._seconds, 3)
        )

    def _pause(self) -> None:
        self._seconds += time.monotonic() - self._started

    def _from_anywhere(self) -> Iterator[UUID]:
        # Not from the first: those that fail stay due, and would come first in every sweep; and sweeps of several
        # machines would wait for each other's locks.
        if not self._found:
            return iter(())
        first = self._due.order_by("pk").values_list("pk", flat=True)[random.randrange(self._found) :][:1]  # noqa: S311
        start = next(iter(first), None)
        if start is None:
            return keys(self._due, size=self._size)
        rest = (self._due.filter(pk__gte=start), self._due.filter(pk__lt=start))
        return chain.from_iterable(keys(rows, size=self._size) for rows in rest)

    def _try(self, key: UUID) -> None:
        self._tried += 1
        try:
            self._done += bool(self._duty.do(key))
        except Exception:
            # Whatever is wrong with one customer, the others must not wait for it.
            self._failed += 1
            logger.exception("upkeep: %s of %s failed", self._duty.name, key)
        if self._progress is not None:
            self._progress(self._duty.name, self._tried, max(self._found, self._tried))


def run_due(customer: Customer) -> Counter[str]:
    """Do all that is due for one customer, by its clock; how many of each kind. What fails raises."""
    total: Counter[str] = Counter()
    for _ in range(MAX_PASSES):
        done = +Counter({duty.name: _run_duty(duty, customer.pk) for duty in DUTIES})
        if not done:
            break
        total += done
    return total


def next_due_of(customer: Customer, after: datetime) -> datetime | None:
    """The first instant after another at which something of a customer falls due, by its clock."""
    return _next_due(family(customer.pk), after)


def next_due_of_everybody(after: datetime) -> datetime | None:
    """The first instant after another at which something of anybody falls due, by the common clock."""
    customers = Customer.objects.using(write_alias()).order_by()
    instants = [_next_due(customers.filter(is_sandbox=False).values("pk"), after)]
    for customer in customers.filter(is_sandbox=True, merged_into__isnull=True):
        ahead = timedelta(seconds=customer.clock_offset_seconds)
        own = next_due_of(customer, after + ahead)
        instants.append(None if own is None else own - ahead)
    return min(filter(None, instants), default=None)


def _next_due(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    return min(filter(None, (duty.next_at(customers, after) for duty in DUTIES)), default=None)


def _run_duty(duty: Duty, customer_id: UUID) -> int:
    mine = duty.due(clock.now()).filter(**{f"{duty.owner}__in": family(customer_id)})
    return sum(bool(duty.do(key)) for key in keys(mine))
