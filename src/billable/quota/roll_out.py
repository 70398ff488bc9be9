"""roll_out_product_change: bring the catalogue's present lines of a product to those who hold it.

Nothing that was sold is taken away: what is raised may come at once, what is lowered comes with the next period of what
recurs. A second run finds nothing to do.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from billable import clock, inputs
from billable.catalog.models import Product
from billable.catalog.services import get_product
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid
from billable.quota.catch_up import catch_up
from billable.quota.holdings import holdings
from billable.quota.kinds import RollOutKind, RollOutPolicy
from billable.quota.models import Allowance, Grant
from billable.quota.product_change import Change, Changes

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class RollOutSkip:
    """What stays as it is for so many of those who hold a line of ``feature``, and why.

    ``reason`` is ``lower`` (it would take away what was sold), ``does_not_recur`` or ``new_line`` (the policy leaves it
    to what is bought from now on), ``line_removed``, ``other_reset``, ``recurs_now``, ``recurs_no_more``,
    ``last_period`` (no period follows), ``refunded`` (refunds took more than is left), ``capped`` (more units on a
    grant with a cap would be a second cap) or ``too_large``.
    """

    feature: str
    reason: str
    holdings: int


@dataclass(frozen=True, kw_only=True)
class RollOutReport:
    """What a roll-out changed, or (``dry_run``) would change.

    ``customers`` were looked at, ``changed`` of them changed: ``terms`` of allowances from their next period on,
    ``units`` added to what runs, ``caps`` and ``values`` replaced, ``lines`` that are new. ``skipped`` is what stays as
    it is. ``next`` is where to go on when the time was over before the last customer; None when all were seen.
    """

    sku: str
    policy: str
    dry_run: bool
    customers: int
    changed: int
    terms: int
    units: int
    caps: int
    values: int
    lines: int
    skipped: tuple[RollOutSkip, ...]
    next: str | None


def roll_out_product_change(
    sku: str,
    *,
    policy: str,
    dry_run: bool = False,
    batch_size: int = BATCH,
    limit_seconds: float | None = None,
    cursor: str | None = None,
) -> RollOutReport:
    """Bring the lines that a product has in the catalogue now to those who hold the product.

    ``policy`` is ``next_period``: what recurs has its new quantity, rollover, cap and priority from its next period on;
    or ``now``: also, what was raised is added to what runs, new lines are given for as long as the rest runs, and caps
    and values that are no lower are replaced. Lowered quantities come with the next period, where there is one.

    Each customer is a transaction of its own, and whoever was brought up to date is skipped by the next run, so that it
    may be stopped and run again at any time. ``dry_run`` writes nothing and answers the same. ``batch_size`` is how
    many customers are looked up at once; after ``limit_seconds`` it ends early, and ``report.next`` is the ``cursor``
    to go on from. Raises ProductNotFound, Invalid.
    """
    how = RollOutPolicy(inputs.word(policy, RollOutPolicy, "policy"))
    rehearsal, size = inputs.flag(dry_run, "dry_run"), inputs.whole(batch_size, "batch_size", maximum=10_000)
    deadline = None if limit_seconds is None else time.monotonic() + _seconds(limit_seconds)
    last = None if cursor is None else inputs.identifier(cursor, "cursor")
    product, tally = get_product(sku), _Tally()
    while batch := _holders(product, last, size):
        for customer_id in batch:
            if deadline is not None and time.monotonic() >= deadline and tally.customers:
                return tally.report(product.sku, how, rehearsal, str(last))
            tally.add(_one(customer_id, product.sku, how, dry_run=rehearsal))
            last = customer_id
    return tally.report(product.sku, how, rehearsal, None)


@dataclass
class _Tally:
    """What was done so far."""

    customers: int = 0
    changed: int = 0
    done: Counter[RollOutKind] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, changes: Changes) -> None:
        self.customers += 1
        self.changed += bool(changes.done)
        self.done.update(changes.done)
        self.skipped.update(changes.skipped)

    def report(self, sku: str, policy: RollOutPolicy, dry_run: bool, following: str | None) -> RollOutReport:
        return RollOutReport(
            sku=sku,
            policy=policy.value,
            dry_run=dry_run,
            customers=self.customers,
            changed=self.changed,
            terms=self.done[RollOutKind.TERMS],
            units=self.done[RollOutKind.UNITS],
            caps=self.done[RollOutKind.CAP],
            values=self.done[RollOutKind.VALUE],
            lines=self.done[RollOutKind.LINE],
            skipped=tuple(
                RollOutSkip(feature=feature, reason=reason, holdings=number)
                for (feature, reason), number in sorted(self.skipped.items())
            ),
            next=following,
        )


@unit_of_work
def _one(customer_id: UUID, sku: str, policy: RollOutPolicy, *, dry_run: bool) -> Changes:
    alias = write_alias()
    with transaction.atomic(using=alias):
        customer = lock_customer_id(customer_id)
        now = now_for(customer)
        catch_up(customer, now)
        # Read under the lock: the catalogue may have changed again since the last customer.
        product, changes = get_product(sku), Changes()
        for holding in holdings(customer, product, now):
            Change(customer, product, policy, holding, changes, now).make()
        if dry_run:
            # The savepoint takes everything back, and the signals that wait for the commit with it.
            transaction.set_rollback(True, using=alias)
    return changes


def _holders(product: Product, after: UUID | None, size: int) -> list[UUID]:
    """The next customers who hold something of a product that runs, by the common clock or one that is ahead of it."""
    recent = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now()) | Q(customer__clock_offset_seconds__lt=0)
    found: set[UUID] = set()
    for model in (Grant, Allowance):
        rows = model._base_manager.using(write_alias()).filter(recent, product=product, ended_at__isnull=True)
        if after is not None:
            rows = rows.filter(customer__gt=after)
        found.update(rows.order_by("customer").values_list("customer", flat=True).distinct()[:size])
    return sorted(found)[:size]


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise Invalid(field="limit_seconds", problem="must be a number of seconds, more than 0")
    return float(value)
