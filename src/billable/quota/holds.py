"""Holds on grants that are about to go: which stand in the way, and how they let go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import ledger
from billable.quota.kinds import CauseType, EntryKind, GrantEnd
from billable.quota.models import Grant, Hold, HoldLeg

RELEASED = "released"


def open_legs(grants: Iterable[Grant]) -> list[HoldLeg]:
    """What is held of some grants by holds that were neither captured nor released."""
    legs = HoldLeg.objects.using(write_alias()).filter(grant__in=[grant.pk for grant in grants])
    return list(legs.filter(hold__closed_at__isnull=True).select_related("hold").order_by("id"))


def is_live(hold: Hold, now: datetime) -> bool:
    """Whether its units are still reserved; after its time they are free, whoever writes that down."""
    return hold.closed_at is None and now < hold.expires_at + timedelta(seconds=hold.grace_seconds)


def outstanding(leg: HoldLeg) -> int:
    """What a leg still holds."""
    return leg.units - leg.captured - leg.released


def release(customer: Customer, holds: Iterable[Hold], grants: Mapping[UUID, Grant], *, at: datetime) -> None:
    """Release holds whole. ``grants`` are the rows that the caller works on; the others are read."""
    for hold in holds:
        legs = HoldLeg.objects.using(write_alias()).filter(hold=hold, customer=hold.customer_id)
        cause = ledger.Cause(CauseType.HOLD, hold.pk)
        for leg in legs.select_related("grant").order_by("position"):
            units, grant = outstanding(leg), grants.get(leg.grant_id, leg.grant)
            if not units:
                continue
            back = ledger.Change(
                grant=grant, kind=EntryKind.RELEASE, amount=units, held_change=-units, cause=cause, at=at
            )
            ledger.apply(customer, [back])
            if grant.ended_at is not None:
                over = ledger.Cause(CauseType.GRANT, grant.pk)
                ledger.take_out(customer, grant, units, ledger.WAY_OUT[GrantEnd(grant.ended_as)], over, at=at)
            legs.filter(pk=leg.pk).update(released=leg.released + units)
        hold.closed_at, hold.closed_as = at, RELEASED
        hold.save(using=write_alias(), update_fields=["closed_at", "closed_as"])
