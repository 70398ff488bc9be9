"""What a change of a product does to one holding of it: line by line, what is new, raised, lowered or gone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billable import clock
from billable.actor import current_actor
from billable.catalog.models import Product, ProductFeature
from billable.catalog.terms import Terms
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.inputs import MAX_UNITS
from billable.quota import ledger, succession
from billable.quota.grant import GrantLine, Source, allot
from billable.quota.holdings import Held, Holding
from billable.quota.kinds import CauseType, GrantSource, RollOutKind, RollOutPolicy
from billable.quota.models import Allowance, Grant
from billable.quota.roll_out_models import RollOut


@dataclass
class Changes:
    """What was done for one customer, by kind; and what was left as it is, by feature and reason."""

    done: Counter[RollOutKind] = field(default_factory=Counter)
    skipped: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class Change:
    """The present lines of a product, to be brought to one holding of a locked customer."""

    customer: Customer
    product: Product
    policy: RollOutPolicy
    holding: Holding
    changes: Changes
    now: datetime

    def make(self) -> None:
        """Bring them."""
        for held, line in self._pairs():
            if held is None and line is not None:
                self._give(line)
            elif held is not None and held.runs:
                self._bring(held, line)

    def _pairs(self) -> Iterator[tuple[Held | None, ProductFeature | None]]:
        """Lines that are held and lines of the catalogue: those of one feature belong together in their order."""
        offered: dict[int, list[ProductFeature]] = defaultdict(list)
        held: dict[int, list[Held]] = defaultdict(list)
        for line in self.product.lines.all():
            if line.feature.is_active:
                offered[line.feature_id].append(line)
        for each in self.holding.lines:
            held[each.feature.pk].append(each)
        for feature_id in {**offered, **held}:
            lines, there = offered[feature_id], held[feature_id]
            # An order may have the product on several items: each has the lines anew.
            repeats = bool(lines) and len(there) > len(lines) and len(there) % len(lines) == 0
            for place, each in enumerate(there):
                yield each, lines[place % len(lines)] if repeats or place < len(lines) else None
            for line in lines[len(there) :]:
                yield None, line

    def _bring(self, held: Held, line: ProductFeature | None) -> None:
        if line is None:
            self._skip(held, "line_removed")
        elif held.recurs and line.reset is None:
            self._skip(held, "recurs_no_more")
        elif not held.recurs and line.reset is not None:
            self._skip(held, "recurs_now")
        elif held.recurs:
            self._renew(held, line)
        elif self.policy is RollOutPolicy.NOW:
            self._add(held, line, self._units(line, held.pieces))
            self._retune(held, line)
        elif self._differs(held, line):
            self._skip(held, "does_not_recur")

    def _renew(self, held: Held, line: ProductFeature) -> None:
        allowance = held.allowance
        if allowance is None:
            return
        if line.reset != allowance.reset:
            self._skip(held, "other_reset")
            return
        terms, reduced = _terms_of(line, held, allowance), allowance.reduced
        if terms["quantity"] > MAX_UNITS:
            self._skip(held, "too_large")
        elif terms["quantity"] <= reduced:
            self._skip(held, "refunded")
        else:
            if any(getattr(allowance, name) != value for name, value in terms.items()):
                self._change_terms(held, allowance, terms)
            if self.policy is RollOutPolicy.NOW:
                self._add(held, line, terms["quantity"] - reduced)
                self._retune(held, line)

    def _change_terms(self, held: Held, allowance: Allowance, terms: dict[str, Any]) -> None:
        if allowance.next_at is None:
            self._skip(held, "last_period")
            return
        receipt = self._receipt(RollOutKind.TERMS, allowance=allowance)
        succession.replace(self.customer, allowance, terms, receipt.pk, at=self.now)

    def _add(self, held: Held, line: ProductFeature, units: int | None) -> None:
        """Add what a line gives more than it gave, to each grant that runs, until that ends."""
        if units is not None and units > MAX_UNITS:
            self._skip(held, "too_large")
            return
        for root, grant in _targets(held, self.now).items():
            given = held.given[root]
            if given is None or (units is not None and units <= given + held.kept[root]):
                if units is not None and (given is None or units < given) and not held.recurs:
                    self._skip(held, "lower")
                continue
            if line.cap_quantity is not None:
                self._skip(held, "capped")
                continue
            more = None if units is None else units - given - held.kept[root]
            receipt = self._receipt(RollOutKind.UNITS, grant_id=root, quantity=more)
            self._allot(line, Terms(quantity=more, priority=grant.priority), receipt, ends=grant.expires_at)

    def _retune(self, held: Held, line: ProductFeature) -> None:
        """Replace caps and values that are no lower than those of the grants that run."""
        narrower = lower = False
        for grant in held.running:
            cap = _cap_of(line, grant, held.sold)
            if cap != (grant.cap_quantity, grant.cap_period):
                narrower = narrower or not self._widen(grant, cap)
            if line.value is not None and line.value != grant.value:
                lower = lower or not self._set_value(grant, line.value)
        if narrower or lower:
            self._skip(held, "lower")

    def _widen(self, grant: Grant, cap: tuple[Any, Any]) -> bool:
        quantity, period = cap
        if grant.cap_quantity is None:
            return False
        if quantity is None:
            grant.cap_quantity = grant.cap_period_count = grant.cap_period_unit = None
            grant.cap_index = grant.cap_used = 0
        elif period == grant.cap_period and quantity > grant.cap_quantity:
            grant.cap_quantity = quantity
        else:
            return False
        self._receipt(RollOutKind.CAP, grant_id=grant.pk)
        ledger.retune(grant)
        return True

    def _set_value(self, grant: Grant, value: Any) -> bool:
        if not isinstance(value, str) and value < grant.value:
            return False
        grant.value = value
        self._receipt(RollOutKind.VALUE, grant_id=grant.pk)
        ledger.retune(grant)
        return True

    def _give(self, line: ProductFeature) -> None:
        """Give a new line."""
        pieces = self.holding.pieces
        units = self._units(line, pieces)
        if self.policy is not RollOutPolicy.NOW:
            self.changes.skipped[line.feature.key, "new_line"] += 1
        elif units is not None and units > MAX_UNITS:
            self.changes.skipped[line.feature.key, "too_large"] += 1
        else:
            receipt = self._receipt(RollOutKind.LINE)
            terms, ends = self._lasting(line)
            self._allot(line, terms, receipt, ends=ends, pieces=pieces)

    def _lasting(self, line: ProductFeature) -> tuple[Terms, datetime | None]:
        """How long a new line is given: with the rest of the holding, or for a period that is its own, from now."""
        within, holding = replace(line.terms, period=None), self.holding
        if line.period in (None, self.product.recurs) or holding.is_bounded:
            return within, holding.ends_at
        runs, ends = holding.lasts(line.period)
        return (within, ends) if runs else (line.terms, None)

    def _allot(
        self, line: ProductFeature, terms: Terms, receipt: RollOut, *, ends: datetime | None, pieces: int = 1
    ) -> None:
        cause = ledger.Cause(CauseType.ROLL_OUT, receipt.pk)
        given = GrantLine(feature=line.feature, product=self.product, terms=terms, pieces=pieces, expires_at=ends)
        allot(self.customer, [given], Source(kind=GrantSource.ROLL_OUT, id=str(receipt.pk), cause=cause))

    def _differs(self, held: Held, line: ProductFeature) -> bool:
        units = self._units(line, held.pieces)
        given = any(held.given[root] != units for root in _targets(held, self.now))
        return given or any(
            line.value != grant.value or _cap_of(line, grant, held.sold) != (grant.cap_quantity, grant.cap_period)
            for grant in held.running
        )

    @staticmethod
    def _units(line: ProductFeature, pieces: int) -> int | None:
        return None if line.quantity is None else line.quantity * pieces

    def _skip(self, held: Held, reason: str) -> None:
        self.changes.skipped[held.feature.key, reason] += 1

    def _receipt(self, kind: RollOutKind, **about: Any) -> RollOut:
        receipt = RollOut(
            customer=self.customer,
            product=self.product,
            policy=self.policy.value,
            kind=kind.value,
            holding_source=self.holding.source,
            holding_id=self.holding.id,
            actor=current_actor(),
            created_at=clock.now(),
            **about,
        )
        receipt.save(using=write_alias(), force_insert=True)
        self.changes.done[kind] += 1
        return receipt


def _targets(held: Held, now: datetime) -> dict[UUID, Grant]:
    """The grants that units can be added to, by the first of their lines: what rolled over has had its units."""
    running = [grant for grant in held.running if grant.rolled_from is None and grant.valid_from <= now]
    return {grant.origin_id or grant.pk: grant for grant in running}


def _terms_of(line: ProductFeature, held: Held, allowance: Allowance) -> dict[str, Any]:
    """The terms of a recurring line for the pieces that are left, in the columns of an allowance.

    What refunds took off each period for the other pieces is a part of its quantity still.
    """
    rollover, cap, each = line.terms.rollover, line.terms.cap, line.quantity or 1
    quantity = each * held.pieces + min(held.returned, allowance.reduced)
    return {
        "quantity": quantity,
        "priority": line.priority,
        "rollover_quantity": min(MAX_UNITS, -(-rollover.quantity * quantity // each)) if rollover else None,
        "rollover_periods": rollover.periods if rollover else None,
        "cap_quantity": min(MAX_UNITS, cap.quantity * held.sold) if cap else None,
        "cap_period_count": cap.period.count if cap else None,
        "cap_period_unit": cap.period.unit.value if cap else None,
    }


def _cap_of(line: ProductFeature, grant: Grant, pieces: int) -> tuple[Any, Any]:
    """The cap that a line gives a grant of so many pieces."""
    if line.cap_quantity is None:
        return None, None
    lasting = grant.quantity is None and grant.period_count is not None and grant.subscription_id is None
    return min(MAX_UNITS, line.cap_quantity * (1 if lasting else pieces)), line.cap_period
