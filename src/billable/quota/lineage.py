"""Lineages: a grant that gave its units on, and the heirs that carry them.

A merge moves units to another customer, a dispute takes them until it is decided. History is not rewritten for either:
the grant ends, and a new one, its heir, carries what was left, with the same window and terms. ``origin`` of every heir
is the first grant of the line, so that whoever made that one (an order, say) finds the units wherever they are now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.apps import apps
from django.db.models import QuerySet

from billable import clock
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.subjects import family, lock_customers
from billable.customers.together import heads_of
from billable.db.units import write_alias
from billable.ids import new_id
from billable.quota import caps, holds, ledger, succession
from billable.quota.given import given_by, maker_of
from billable.quota.kinds import OF_ALLOWANCES, CauseType, GrantEnd, GrantSource
from billable.quota.models import Grant, Usage

# What every heir has from the grant before it.
_INHERITED = (
    *("feature_id", "product_id", "priority", "pieces", "valid_from", "expires_at", "zone", "anchor"),
    *("period_count", "period_unit", "period_index", "period_span", "rolled_from", "subscription_id"),
    *("value", "cap_quantity", "cap_period_count", "cap_period_unit", "cap_index", "cap_used"),
)
# A grant that ended so may have an heir.
GAVE_ON = (GrantEnd.TRANSFERRED.value, GrantEnd.DISPUTED.value)


def lineages(roots: Iterable[Grant]) -> dict[UUID, list[Grant]]:
    """Every grant of the lines that begin with ``roots``, the root first and the others by age, by the root's id."""
    lines = {root.pk: [root] for root in roots}
    heirs = Grant.objects.using(write_alias()).filter(origin__in=list(lines)).select_related("feature", "product")
    for heir in heirs.order_by("id"):
        if heir.origin_id is not None:
            lines[heir.origin_id].append(heir)
    return lines


def lock_heirs(customer: Customer, roots: QuerySet[Grant]) -> None:
    """Lock whoever else has units of lines that a locked customer is about to lose.

    Nobody has, unless a merge was undone, and units that were used before that came back to the survivor. Whom they
    belong to is only known under the first lock, so the second may come out of order: of two who wait for each other
    the database lets one start over.
    """
    own = roots.order_by().filter(customer__in=family(customer.pk))
    heirs = Grant.objects.using(write_alias()).filter(origin__in=own.values("pk")).order_by()
    owners = heirs.exclude(customer=customer).values_list("customer", flat=True).distinct()
    known = {customer.pk}
    while others := set(heads_of(owners).values()) - known:
        known.update(other.pk for other in lock_customers(others))


def carrier(grant: Grant, now: datetime) -> Grant:
    """Where the units of a grant are now: itself, or after a merge the heir that has most of them."""
    if grant.ended_as != GrantEnd.TRANSFERRED.value:
        return grant
    heirs = Grant.objects.using(write_alias()).filter(origin=grant.origin_id or grant.pk, ended_at__isnull=True)
    open_heirs = list(heirs.select_related("feature", "product").order_by("-id"))
    left = {heir.pk: (heir.remaining or 0) + holds.freed(heir, now) for heir in open_heirs}
    return max(open_heirs, key=lambda heir: (heir.remaining is None, left[heir.pk]), default=grant)


def bequeath(
    customer: Customer,
    shares: Sequence[tuple[Grant, int | None]],
    source: GrantSource,
    cause: ledger.Cause,
    *,
    rooms: Mapping[UUID, int] = MappingProxyType({}),
    at: datetime,
) -> list[Grant]:
    """Give ``customer`` an heir of each grant with so many units (None: unlimited). Their time must not be over.

    ``rooms`` is how much of it comes back to the window that the cap of a grant counts.
    """
    heirs = []
    allowances = succession.carriers(grant for grant, _ in shares)
    for line, (grant, units) in enumerate(shares, start=1):
        heir = Grant(
            id=new_id(),
            customer=customer,
            source=source.value,
            source_id=str(cause.id),
            line=line,
            quantity=units,
            remaining=units,
            origin_id=grant.origin_id or grant.pk,
            allowance_id=None if grant.allowance_id is None else allowances[grant.allowance_id],
            actor=current_actor(),
            created_at=clock.now(),
        )
        for name in _INHERITED:
            setattr(heir, name, getattr(grant, name))
        heir.cap_used = max(heir.cap_used - rooms.get(grant.pk, 0), 0)
        heirs.append(heir)
    if heirs:
        ledger.issue(customer, heirs, cause, at=at)
    return heirs


def hand_on(customer: Customer, grants: Sequence[Grant], cause: ledger.Cause, *, at: datetime) -> list[Grant]:
    """Move what is left of open grants to ``customer``, who absorbs their owner or gets back what was its own."""
    shares = [(grant, grant.remaining) for grant in grants]
    ledger.end(customer, [(grant, at) for grant in grants], GrantEnd.TRANSFERRED, cause=cause)
    return bequeath(customer, shares, GrantSource.TRANSFER, cause, at=at)


def follow(
    customer: Customer, usage: Usage, returned: Sequence[tuple[Grant, int]], cause: ledger.Cause, *, at: datetime
) -> list[Grant]:
    """Let units of a usage that came back to grants that gave theirs on go where those went, and share their end.

    ``returned`` are the grants of one reversal, after the ledger put the units back. What came back after the time of
    its grant, or while a dispute about it is open, stays out.
    """
    # A grant that was empty when its customer was absorbed had nothing to give on; now it has.
    stranded = [grant for grant, _ in returned if grant.ended_at is None and grant.customer_id != customer.pk]
    if stranded:
        ledger.end(customer, [(grant, at) for grant in stranded], GrantEnd.TRANSFERRED, cause=cause)
    # Of an unlimited grant the heir is unlimited too: it has nothing to get.
    gone = [(grant, units) for grant, units in returned if grant.ended_as in GAVE_ON and grant.quantity is not None]
    if not gone:
        return []
    roots = Grant.objects.using(write_alias()).filter(pk__in=[grant.origin_id or grant.pk for grant, _ in gone])
    lines, apart = lineages(roots), list[tuple[Grant, int, Grant | None]]()
    joined: dict[Grant, list[tuple[Grant, int]]] = {}
    for grant, units in gone:
        after = [heir for heir in lines[grant.origin_id or grant.pk] if heir.pk > grant.pk]
        over = grant.expires_at is not None and grant.expires_at <= at
        if over or not (after or grant.ended_as == GrantEnd.TRANSFERRED.value):
            continue
        last = _last(after)
        if last is not None and _has_the_cap(last, customer):
            joined.setdefault(last, []).append((grant, units))
        else:
            apart.append((grant, units, last))
    shares = [(grant, units) for grant, units, _ in apart]
    shares += [(last, (last.remaining or 0) + sum(units for _, units in parts)) for last, parts in joined.items()]
    # A grant beside the heir that goes on would be a second cap: they go on together.
    if joined:
        ledger.end(customer, [(last, at) for last in joined], GrantEnd.TRANSFERRED, cause=cause)
    heirs = bequeath(customer, shares, GrantSource.TRANSFER, cause, rooms=_rooms(usage, joined, at), at=at)
    for heir, (_, _, last) in zip(heirs, apart, strict=False):
        if last is not None and last.ended_at is not None:
            how = GrantEnd(last.ended_as)
            # What an adjustment revokes is a part of a grant; one that is revoked whole is its own cause.
            by = None if how is GrantEnd.REVOKED else cause
            ledger.end(customer, [(heir, at)], how, cause=by, reason=last.ended_reason)
    return heirs


def _has_the_cap(heir: Grant, customer: Customer) -> bool:
    """Whether an heir goes on with the cap of its line, so that nothing beside it may have one."""
    # What it holds stays with it: it cannot end before.
    goes_on = heir.ended_at is None and heir.customer_id == customer.pk and not heir.held
    return goes_on and heir.cap_quantity is not None


def _rooms(usage: Usage, joined: Mapping[Grant, Sequence[tuple[Grant, int]]], at: datetime) -> dict[UUID, int]:
    """How many units of a usage come back to the window that the cap of an heir counts."""
    windows = caps.windows_of(usage, [grant for parts in joined.values() for grant, _ in parts])
    return {
        heir.pk: sum(units for grant, units in parts if windows.get(grant.pk) == heir.cap_index)
        for heir, parts in joined.items()
        if caps.window_of(heir, at) == heir.cap_index
    }


def set_aside(customer: Customer, grants: Iterable[Grant], *, at: datetime) -> None:
    """Let units that came back while a dispute about their order is open wait with the others, until it is decided.

    ``grants`` are those that a reversal put units back to. A dispute finds nothing to take of one that is used up.
    """
    alive = [grant for grant in grants if grant.ended_at is None and grant.quantity is not None]
    by_orders = (GrantSource.ORDER.value, *OF_ALLOWANCES)
    lines = {grant.origin_id or grant.pk for grant in alive if grant.origin_id or grant.source in by_orders}
    made = Grant.objects.using(write_alias()).filter(given_by(GrantSource.ORDER), pk__in=lines)
    rows = made.select_related("allowance__origin") if lines else ()
    orders = {grant.pk: maker_of(grant).source_id for grant in rows}
    if not orders:
        return
    # By name: the room of disputes stands above this one.
    disputes = apps.get_model("billable", "Dispute")._default_manager.using(write_alias()).order_by("-id")
    waiting = disputes.filter(order__in=set(orders.values()), status="disputed", payment_status="succeeded")
    about = {str(dispute.order_id): dispute for dispute in waiting}
    for grant in alive:
        if dispute := about.get(orders.get(grant.origin_id or grant.pk, "")):
            cause = ledger.Cause(CauseType.DISPUTE, dispute.pk)
            ledger.end(customer, [(grant, at)], GrantEnd.DISPUTED, cause=cause, reason=dispute.reason)


def _last(heirs: Sequence[Grant]) -> Grant | None:
    """Of the heirs that follow a grant, the one that tells where the line stands: one that goes on, else the last."""
    return next((heir for heir in heirs if heir.ended_at is None), heirs[-1] if heirs else None)
