"""Holdings: what a customer holds of a product, by what gave it, line by line.

A holding is what one order, trial or gift gave. Its lines are the grants that it made and the allowances, each with all
that carries it on; what roll-outs added is found beside them. A roll-out compares them with the catalogue.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps

from billable.catalog.models import Feature, Product
from billable.catalog.periods import Period
from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.quota.kinds import CauseType, EntryKind, GrantSource, RollOutKind
from billable.quota.models import Allowance, Grant, LedgerEntry
from billable.quota.roll_out_models import RollOut


@dataclass
class Held:
    """One line of a holding: the grants of it that run now or will, and its allowance, if it recurs and still runs.

    ``sold`` are the pieces that made it, of ``each`` so many units (None: unlimited); refunds took ``refunded`` of them
    back. ``given`` is how many units the first grant of each of its grants had, with what roll-outs added and without
    what refunds took of it; None is unlimited. ``kept`` is what had been used of refunded pieces, and is in none of it.
    """

    feature: Feature
    sold: int
    each: int | None
    recurs: bool
    refunded: int = 0
    running: list[Grant] = field(default_factory=list)
    allowance: Allowance | None = None
    given: dict[UUID, int | None] = field(default_factory=dict)
    kept: Counter[UUID] = field(default_factory=Counter)

    @property
    def pieces(self) -> int:
        """How many pieces of it were not given back."""
        return self.sold - self.refunded

    @property
    def returned(self) -> int:
        """How many units the refunded pieces had been sold with: of an allowance, in each period."""
        return (self.each or 0) * self.refunded

    @property
    def period(self) -> Period | None:
        """The period that its product line named."""
        if self.recurs:
            return None if self.allowance is None else self.allowance.period
        return next((grant.period for grant in self.running), None)

    @property
    def runs(self) -> bool:
        """Whether something of it can be used, now or later."""
        return bool(self.running) or self.allowance is not None

    def has_begun(self, now: datetime) -> bool:
        """Whether something of it can be used now. What waits, paid ahead or paused, is brought up when it runs."""
        began = [grant.valid_from for grant in self.running]
        if self.allowance is not None:
            began.append(self.allowance.anchor)
        return any(instant <= now for instant in began)

    @property
    def ends(self) -> list[datetime | None]:
        """When each part of it ends."""
        allowance = [] if self.allowance is None else [self.allowance.expires_at]
        return allowance or [grant.expires_at for grant in self.running]


@dataclass
class Holding:
    """What one source gave of a product, in the order of its lines."""

    source: str
    id: str
    lines: list[Held] = field(default_factory=list)

    @property
    def pieces(self) -> int:
        """How many of the product it is."""
        return max(held.pieces for held in self.lines)

    @property
    def ends_at(self) -> datetime | None:
        """When the last of it ends; None is never."""
        return _last_of(end for held in self.lines for end in held.ends)

    @property
    def is_bounded(self) -> bool:
        """Whether an end was named by hand, in place of the periods of the catalogue."""
        ends = [end for held in self.lines if held.period is None for end in held.ends]
        return self.source == GrantSource.MANUAL.value and any(end is not None for end in ends)

    def lasts(self, period: Period) -> tuple[bool, datetime | None]:
        """Whether lines of a period run, and until when."""
        ends = [end for held in self.lines if held.period == period for end in held.ends]
        return bool(ends), _last_of(ends)


def _last_of(ends: Iterable[datetime | None]) -> datetime | None:
    known = list(ends)
    return None if None in known else max(filter(None, known), default=None)


def holdings(customer: Customer, product: Product, now: datetime) -> list[Holding]:
    """What a locked customer holds of a product, of which something runs."""
    return _Shelf(customer, product, now).holdings()


class _Shelf:
    """All that a family ever had of a product."""

    def __init__(self, customer: Customer, product: Product, now: datetime) -> None:
        mine = {"customer__in": family(customer.pk), "product": product}
        self.customer, self.product, self.now = customer, product, now
        self.receipts = {row.pk: row for row in RollOut.objects.using(write_alias()).filter(**mine)}
        grants = Grant.objects.using(write_alias()).filter(**mine).select_related("feature", "product").order_by("pk")
        allowances = Allowance.objects.using(write_alias()).filter(**mine).select_related("feature", "product")
        self.grants = {row.pk: row for row in grants}
        self.allowances = {row.pk: row for row in allowances.order_by("pk")}

    def holdings(self) -> list[Holding]:
        lines: dict[UUID, Held] = {}
        makers: dict[UUID, Grant | Allowance] = {}
        for allowance in self.allowances.values():
            first = self.allowances.get(allowance.origin_id or allowance.pk)
            if first is None:
                continue
            makers[first.pk] = first
            held = lines.setdefault(first.pk, _held(first, recurs=True))
            if self._is_mine(allowance) and allowance.ended_at is None and not self._is_over(allowance):
                held.allowance = allowance
        for grant in self.grants.values():
            root = self.grants.get(grant.origin_id or grant.pk)
            maker = None if root is None else self._maker(root)
            # What carries on units of somebody who was parted from this family is theirs to compare.
            if root is None or maker is None:
                continue
            makers[maker.pk] = maker
            held = lines.setdefault(maker.pk, _held(maker, recurs=False))
            held.given[root.pk] = root.quantity
            if self._is_mine(grant) and self._runs(grant):
                held.running.append(grant)
        self._take_off(lines)
        return self._by_source(lines, makers)

    def _take_off(self, lines: dict[UUID, Held]) -> None:
        """Take what refunds took back off what was given."""
        # By name: the room of refunds stands above this one.
        parts = apps.get_model("billable", "RefundGrant")._default_manager.using(write_alias())
        mine = {"customer__in": family(self.customer.pk), "grant__product": self.product}
        refunded = list(parts.filter(**mine).values_list("grant", "part__pieces"))
        if not refunded:
            return
        for root, pieces in refunded:
            maker = self._maker(self.grants[root]) if root in self.grants else None
            if maker is not None:
                lines[maker.pk].refunded += pieces
        taken = self._taken()
        for held in lines.values():
            for root, units in held.given.items():
                # A refund by amount takes a part of what was given, and a line that is raised raises the rest only.
                gone = taken[root] if held.recurs else held.returned
                held.given[root] = None if units is None else units - gone
                held.kept[root] = 0 if held.recurs else max(held.returned - taken[root], 0)

    def _taken(self) -> Counter[UUID]:
        """How many units refunds took, by the first grant of each line of grants."""
        entries = LedgerEntry.objects.using(write_alias()).filter(
            kind=EntryKind.REFUND.value, cause_type=CauseType.REFUND.value, grant__in=list(self.grants)
        )
        taken: Counter[UUID] = Counter()
        for pk, units in entries.values_list("grant", "amount"):
            taken[self.grants[pk].origin_id or pk] -= units
        return taken

    def _by_source(self, lines: dict[UUID, Held], makers: dict[UUID, Any]) -> list[Holding]:
        found: dict[tuple[str, str], list[tuple[Any, Held]]] = defaultdict(list)
        for pk, held in lines.items():
            maker, place = makers[pk], (0, makers[pk].line, pk)
            key = (maker.source, maker.source_id)
            if maker.source == GrantSource.ROLL_OUT.value:
                receipt = self.receipts.get(UUID(maker.source_id))
                if receipt is None:
                    continue
                if receipt.kind == RollOutKind.UNITS.value:
                    _top_up(lines.values(), receipt)
                    continue
                key, place = (receipt.holding_source, receipt.holding_id), (1, 0, receipt.pk)
            found[key].append((place, held))
        standing = [
            Holding(source, source_id, [held for _, held in sorted(parts, key=lambda part: part[0])])
            for (source, source_id), parts in found.items()
        ]
        changed = self._changed()
        return [
            holding
            for holding in standing
            if (holding.source, holding.id) not in changed and any(held.has_begun(self.now) for held in holding.lines)
        ]

    def _changed(self) -> set[tuple[str, str]]:
        """The orders of changes of plan or seats: what they gave is a share, which no line can be compared with."""
        # By name: the room of orders stands above this one.
        items = apps.get_model("billable", "OrderItem")._default_manager.using(write_alias())
        orders = items.filter(customer__in=family(self.customer.pk), change__isnull=False)
        return {(GrantSource.ORDER.value, str(pk)) for pk in orders.values_list("order", flat=True)}

    def _maker(self, root: Grant) -> Grant | Allowance | None:
        """What names the source of a first grant: itself, or the first of its allowance's line."""
        if root.allowance_id is None:
            return root
        allowance = self.allowances.get(root.allowance_id)
        return None if allowance is None else self.allowances.get(allowance.origin_id or allowance.pk)

    def _is_mine(self, row: Grant | Allowance) -> bool:
        return row.customer_id == self.customer.pk

    def _is_over(self, row: Grant | Allowance) -> bool:
        return row.expires_at is not None and row.expires_at <= self.now

    def _runs(self, grant: Grant) -> bool:
        if grant.ended_at is not None or self._is_over(grant):
            return False
        # What is for ever and used up is over, too; what has an end can be added to until then.
        return grant.expires_at is not None or grant.closed_at is None


def _held(maker: Grant | Allowance, *, recurs: bool) -> Held:
    each = None if maker.quantity is None else maker.quantity // maker.pieces
    return Held(maker.feature, maker.pieces, each, recurs=recurs)


def _top_up(lines: Iterable[Held], receipt: RollOut) -> None:
    for held in lines:
        if receipt.grant_id in held.given:
            before = held.given[receipt.grant_id]
            held.given[receipt.grant_id] = (
                None if before is None or receipt.quantity is None else before + receipt.quantity
            )
