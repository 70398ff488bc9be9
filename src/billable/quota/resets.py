"""Resets: how an allowance becomes grants, written by whoever writes next or computed by whoever reads before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from billable import clock
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.ids import new_id
from billable.inputs import MAX_UNITS
from billable.quota import ledger
from billable.quota.kinds import GrantSource
from billable.quota.models import Allowance, Grant
from billable.quota.recurring import Piece

if TYPE_CHECKING:
    from billable.quota.grant import GrantLine, Source

# The ids of grants that have no row: in their own order, and after those of all rows.
_LAST_IDS = 2**128 - 2**32


def allowance_of(customer: Customer, line: GrantLine, source: Source, number: int, now: datetime) -> Allowance:
    """The allowance that a line with a reset makes, not written yet."""
    terms, pieces = line.terms, line.pieces
    columns = terms.columns() | {"quantity": line.units, "value": None}
    if terms.rollover is not None:
        columns["rollover_quantity"] = min(terms.rollover.quantity * pieces, MAX_UNITS)
    if terms.cap is not None:
        columns["cap_quantity"] = min(terms.cap.quantity * pieces, MAX_UNITS)
    begins, ends, zone = now, line.expires_at, customer.zone
    if line.placement is not None:
        # No period begins in the grace: whoever does not pay gets nothing anew.
        begins, ends, zone = line.placement.starts, line.placement.paid_until, line.placement.zone
        if terms.period is not None:
            begins, ends = max(begins, now), None  # paid late, it is not over before it could be used
    allowance = Allowance(
        id=new_id(),
        customer=customer,
        feature=line.feature,
        product=line.product,
        source=source.kind.value,
        source_id=source.id,
        line=number,
        pieces=pieces,
        zone=zone,
        anchor=begins,
        expires_at=ends or (terms.period.end(begins, 1, zone) if terms.period else None),
        subscription_id=line.placement.subscription if line.placement else None,
        reason=source.reason,
        metadata=source.metadata or {},
        actor=current_actor(),
        created_at=clock.now(),
        **columns,
    )
    allowance.next_at = allowance.recurrence.start(1)
    return allowance


def begin(customer: Customer, allowances: Sequence[Allowance]) -> None:
    """Insert new allowances; what issues their first grants saves when the next is due."""
    if not allowances:
        return
    Allowance.objects.using(write_alias()).bulk_create(allowances)
    for allowance in allowances:
        if allowance.next_at is not None:
            ledger.mind(customer, allowance.next_at)


def first_piece(allowance: Allowance) -> Piece:
    """The period that a new allowance begins with."""
    periods = allowance.recurrence
    return Piece(index=0, is_rolled=False, units=periods.quantity, starts=allowance.anchor, ends=periods.end(0))


def grant_of(allowance: Allowance, piece: Piece, units: int, grant_id: UUID | None = None) -> Grant:
    """The grant of a period, or of what rolled from one, not written yet."""
    kind, index, span = GrantSource.ALLOWANCE, piece.index, 1
    if piece.is_rolled:
        kind, index, span = GrantSource.ROLLOVER, piece.index + 1, allowance.rollover_periods or 1
    return Grant(
        id=grant_id or new_id(),
        customer_id=allowance.customer_id,
        feature=allowance.feature,
        product=allowance.product,
        allowance=allowance,
        subscription_id=allowance.subscription_id,
        source=kind.value,
        source_id=str(allowance.pk),
        line=piece.index + 1,
        rolled_from=piece.index if piece.is_rolled else None,
        quantity=units,
        remaining=units,
        priority=allowance.priority,
        valid_from=piece.starts,
        expires_at=piece.ends,
        zone=allowance.zone,
        anchor=allowance.anchor,
        period_count=allowance.reset_count,
        period_unit=allowance.reset_unit,
        period_index=index,
        period_span=span,
        cap_quantity=allowance.cap_quantity,
        cap_period_count=allowance.cap_period_count,
        cap_period_unit=allowance.cap_period_unit,
        pieces=allowance.pieces,
        reason=allowance.reason,
        metadata=allowance.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )


def is_last_period(allowance: Allowance, grant: Grant) -> bool:
    """Whether a grant is of the last period that has a row: what is unused of it at its end rolls."""
    return (
        grant.allowance_id in (allowance.pk, allowance.replaces_id)
        and grant.rolled_from is None
        and grant.period_index == allowance.next_index - 1
        and grant.allowance_id is not None
        and grant.ended_at is None
    )


def unwritten(
    allowances: Iterable[Allowance],
    grants: Iterable[Grant],
    back: Mapping[UUID, int],
    now: datetime,
    owing: dict[int, int],
) -> list[tuple[Allowance, Grant]]:
    """The grants that run now and have no row, in the order in which they would be written.

    ``back`` is how many units of a grant were held by holds that lapsed before the grant's end. ``owing`` is how many
    units of each feature are owed; what the periods that began would repay is taken off.
    """
    known, left, running = list(grants), dict[tuple[UUID, int], int](), []
    coming = [
        (allowance, piece)
        for allowance in allowances
        for piece in allowance.recurrence.due(now, _owed(owing, allowance))
    ]
    for allowance in {allowance.pk: allowance for allowance, _ in coming}.values():
        left[allowance.pk, allowance.next_index - 1] = sum(
            (grant.remaining or 0) + back.get(grant.pk, 0) for grant in known if is_last_period(allowance, grant)
        )
    for allowance, piece in sorted(coming, key=lambda each: in_order(*each)):
        if piece.is_rolled:
            units = min(piece.units, left.get((allowance.pk, piece.index), 0))
        else:
            repaid = min(owing.get(allowance.feature_id, 0), piece.units)
            owing[allowance.feature_id] = owing.get(allowance.feature_id, 0) - repaid
            units = left[allowance.pk, piece.index] = piece.units - repaid
        if units and piece.is_running(now):
            running.append((allowance, piece, units))
    ids = (UUID(int=_LAST_IDS + place) for place in range(len(running)))
    return [(allowance, grant_of(allowance, piece, units, next(ids))) for allowance, piece, units in running]


def _owed(owing: Mapping[int, int], allowance: Allowance) -> int:
    return owing.get(allowance.feature_id, 0)


def save(allowance: Allowance, *changed: str) -> None:
    """Write some columns of an allowance."""
    rows = Allowance.objects.using(write_alias()).filter(pk=allowance.pk, customer=allowance.customer_id)
    rows.update(**{name: getattr(allowance, name) for name in changed})


def in_order(allowance: Allowance, piece: Piece) -> tuple[datetime, UUID, bool, int]:
    """By the start of what comes; of one allowance what rolled comes first."""
    return (piece.starts, allowance.pk, not piece.is_rolled, piece.index)
