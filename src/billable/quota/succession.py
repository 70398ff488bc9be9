"""Allowances that end, and those that carry them on: after a merge at another customer, after a dispute at the same.

An heir has the same anchor and goes on with the same period. ``origin`` of every heir is the first of its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from billable import clock
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.ids import new_id
from billable.quota import ledger, resets
from billable.quota.kinds import GrantEnd, GrantSource
from billable.quota.models import Allowance, Grant

# What every heir has from the allowance before it.
_INHERITED = (
    *("feature_id", "product_id", "quantity", "reduced", "priority", "pieces", "zone", "anchor", "expires_at"),
    *("period_count", "period_unit", "reset_count", "reset_unit", "rollover_quantity", "rollover_periods"),
    *("cap_quantity", "cap_period_count", "cap_period_unit", "next_index", "subscription_id"),
)


def end(allowances: Iterable[Allowance], how: GrantEnd, *, at: datetime, reason: str = "") -> None:
    """End allowances for good: no period of theirs comes any more. Their grants are the caller's to end."""
    for allowance in allowances:
        allowance.ended_at, allowance.ended_as, allowance.ended_reason, allowance.next_at = at, how.value, reason, None
        resets.save(allowance, "ended_at", "ended_as", "ended_reason", "next_at")


def succeed(
    customer: Customer, allowances: Sequence[Allowance], source: GrantSource, cause: ledger.Cause
) -> list[Allowance]:
    """Give ``customer`` an heir of each allowance, whose time must not be over."""
    heirs = []
    for line, allowance in enumerate(allowances, start=1):
        heir = Allowance(
            id=new_id(),
            customer=customer,
            source=source.value,
            source_id=str(cause.id),
            line=line,
            origin_id=allowance.origin_id or allowance.pk,
            actor=current_actor(),
            created_at=clock.now(),
        )
        for name in _INHERITED:
            setattr(heir, name, getattr(allowance, name))
        heir.next_at = heir.recurrence.start(heir.next_index)
        heirs.append(heir)
    Allowance.objects.using(write_alias()).bulk_create(heirs)
    coming = [heir.next_at for heir in heirs if heir.next_at is not None]
    ledger.wake(customer, min(filter(None, (customer.next_change_at, *coming)), default=None))
    return heirs


def replace(
    customer: Customer, allowance: Allowance, terms: Mapping[str, Any], receipt_id: UUID, *, at: datetime
) -> None:
    """Let an allowance go on with other terms from its next period on: an heir of its own customer, on new terms.

    One that a roll-out made and that gave nothing yet just gets them.
    """
    if allowance.source == GrantSource.ROLL_OUT.value and not _gave(allowance):
        for name, value in terms.items():
            setattr(allowance, name, value)
        resets.save(allowance, *terms)
        return
    next_at = allowance.next_at
    end([allowance], GrantEnd.REPLACED, at=at)
    heir = Allowance(
        id=new_id(),
        customer=customer,
        source=GrantSource.ROLL_OUT.value,
        source_id=str(receipt_id),
        line=1,
        origin_id=allowance.origin_id or allowance.pk,
        replaces=allowance,
        actor=current_actor(),
        created_at=clock.now(),
    )
    for name in _INHERITED:
        setattr(heir, name, terms.get(name, getattr(allowance, name)))
    heir.next_at = next_at
    heir.save(using=write_alias(), force_insert=True)


def _gave(allowance: Allowance) -> bool:
    rows = Grant.objects.using(write_alias()).filter(customer=allowance.customer_id, allowance=allowance)
    return rows.exists()


def hand_on(customer: Customer, allowances: Sequence[Allowance], cause: ledger.Cause, *, at: datetime) -> None:
    """Move allowances that run to ``customer``, who absorbs their owner or gets back what was its own."""
    end(allowances, GrantEnd.TRANSFERRED, at=at)
    if allowances:
        succeed(customer, allowances, GrantSource.TRANSFER, cause)


def carriers(grants: Iterable[Grant]) -> dict[UUID, UUID]:
    """For the allowances of some grants the one that carries each on now: that runs, or else the last of its line."""
    named = {grant.allowance_id for grant in grants if grant.allowance_id is not None}
    if not named:
        return {}
    rows = Allowance.objects.using(write_alias())
    firsts = {row.pk: row.origin_id or row.pk for row in rows.filter(pk__in=named)}
    lines = rows.filter(Q(pk__in=set(firsts.values())) | Q(origin__in=set(firsts.values())))
    last: dict[UUID, UUID] = {}
    for row in sorted(lines, key=lambda row: (row.ended_at is None, row.pk)):
        last[row.origin_id or row.pk] = row.pk
    return {pk: last[first] for pk, first in firsts.items()}
