"""Slides: when a period is taken back, the later ones of its line begin where what is left of it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import ledger
from billable.quota.models import Grant


@dataclass(frozen=True, kw_only=True)
class RefundSlide:
    """A period that was shortened or moved up: ``grant`` as it was, and its new window."""

    grant: Grant
    valid_from: datetime
    expires_at: datetime | None
    anchor: datetime
    period_index: int
    period_span: int

    def before(self) -> dict[str, Any]:
        """The window that it had, as a refund remembers it."""
        ends = None if self.grant.expires_at is None else self.grant.expires_at.isoformat()
        return {"grant": str(self.grant.pk), "valid_from": self.grant.valid_from.isoformat(), "expires_at": ends}


@dataclass(frozen=True)
class _Place:
    """Where the next period of a line begins, and how it is counted there if it shares the anchor of the one before."""

    instant: datetime
    shared_anchor: datetime
    anchor: datetime
    index: int


def plan_slides(chain: Iterable[Grant], spans: Mapping[UUID, int], now: datetime) -> list[RefundSlide]:
    """What becomes of the periods of one product and feature when some of them keep only so many ``spans`` (0: none).

    ``chain`` has them all by their start, those that are taken back too. One that has begun and is taken back ends
    now; one that has not leaves its place to the next. Only what followed without a gap moves.
    """
    moved: list[RefundSlide] = []
    freed: dict[datetime, list[_Place]] = {}
    for grant in chain:
        place = _claim(freed, grant)
        if place is None and grant.pk not in spans:
            continue
        slide = _slide(grant, place, spans.get(grant.pk, grant.period_span))
        if slide.period_span:
            moved.append(slide)
        if grant.expires_at is not None and (left := _left(slide, now)):
            freed.setdefault(grant.expires_at, []).append(left)
    return moved


def later_periods(grants: Iterable[Grant], now: datetime) -> list[Grant]:
    """The given periods, and those of the same customers, products and features that have not begun, by their start."""
    known = {grant.pk: grant for grant in grants}
    for customer, product, feature in {(each.customer_id, each.product_id, each.feature_id) for each in known.values()}:
        rows = Grant.objects.using(write_alias()).filter(customer=customer, product=product, feature=feature)
        waiting = rows.filter(closed_at__isnull=True, ended_at__isnull=True, quantity__isnull=True, valid_from__gt=now)
        waiting = waiting.filter(subscription__isnull=True)
        for grant in waiting.filter(period_count__isnull=False).select_related("feature", "product"):
            known.setdefault(grant.pk, grant)
    return sorted(known.values(), key=lambda grant: (grant.valid_from, grant.pk))


def carry_out(customer: Customer, planned: Iterable[RefundSlide]) -> None:
    """Write the new windows."""
    for slide in planned:
        for name in ("valid_from", "expires_at", "anchor", "period_index", "period_span"):
            setattr(slide.grant, name, getattr(slide, name))
        ledger.move(customer, slide.grant)


def _claim(freed: dict[datetime, list[_Place]], grant: Grant) -> _Place | None:
    """The place that was freed where a grant begins: first the one whose periods are counted like its own."""
    places = freed.get(grant.valid_from, [])
    places.sort(key=lambda place: place.shared_anchor != grant.anchor)
    return places.pop(0) if places else None


def _slide(grant: Grant, place: _Place | None, span: int) -> RefundSlide:
    anchor, index, start = grant.anchor, grant.period_index, grant.valid_from
    if place is not None:
        start = place.instant
        shares = place.shared_anchor == grant.anchor
        anchor, index = (place.anchor, place.index) if shares else (place.instant, 0)
    period = grant.period
    end = None if period is None else period.end(anchor, index + span, grant.zone)
    return RefundSlide(
        grant=grant, valid_from=start, expires_at=end, anchor=anchor, period_index=index, period_span=span
    )


def _left(slide: RefundSlide, now: datetime) -> _Place | None:
    """Where what is left of a period ends."""
    shared = slide.grant.anchor
    if slide.period_span:
        index = slide.period_index + slide.period_span
        return None if slide.expires_at is None else _Place(slide.expires_at, shared, slide.anchor, index)
    if slide.valid_from <= now:
        return _Place(now, shared, now, 0)
    return _Place(slide.valid_from, shared, slide.anchor, slide.period_index)
