"""Allowances, as their verbs see them: read, and taken back."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from billable import inputs, paging
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, family_of, lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import AllowanceNotFound
from billable.quota import ledger, succession
from billable.quota.catch_up import catch_up
from billable.quota.given import living
from billable.quota.kinds import GrantEnd
from billable.quota.models import Allowance
from billable.signals import emit


def get_allowance(allowance: Allowance | UUID | str) -> Allowance:
    """An allowance as it stands, with its feature, product and customer. Raises AllowanceNotFound."""
    allowance_id = allowance.pk if isinstance(allowance, Allowance) else inputs.known_identifier(allowance)
    rows = Allowance.objects.using(write_alias()).select_related("feature", "product", "customer")
    found = None if allowance_id is None else rows.filter(pk=allowance_id).first()
    if found is None:
        raise AllowanceNotFound(allowance=str(allowance)[:100])
    return found


def list_allowances(
    user: Subject | None = None,
    *,
    feature: str | None = None,
    cursor: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
) -> paging.Page[Allowance]:
    """Allowances, newest first: of ``user`` or (None) of everybody, also those that are over.

    Their feature, product and customer are loaded. Raises Invalid for a foreign cursor or a limit outside 1 to 200.
    """
    size, rows = paging.page_limit(limit), Allowance.objects.using(write_alias()).order_by("-pk")
    rows = rows.select_related("feature", "product", "customer")
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    if feature is not None:
        rows = rows.filter(feature__key=inputs.name(feature, "feature"))
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


@unit_of_work
def revoke_allowance(allowance: Allowance | UUID | str, *, reason: str = "") -> Allowance:
    """End an allowance for good: what is left of its period and of what rolled over goes, and nothing comes any more.

    A second time does nothing. What was used stays used. To take back the units of the running period alone, revoke its
    grant: the allowance goes on. One that a merge handed on is revoked where it is now, and that is the allowance that
    is returned. Raises AllowanceNotFound, Invalid.
    """
    why = inputs.text(reason, "reason")
    customer, current = _lock(get_allowance(allowance))
    now = now_for(customer)
    if catch_up(customer, now):
        current = get_allowance(current)
    if current.ended_at is not None or (current.expires_at is not None and current.expires_at <= now):
        current.replayed = True
        return current
    left = list(living(current).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now)))
    if left:
        ledger.end(customer, [(grant, now) for grant in left], GrantEnd.REVOKED, reason=why)
    succession.end([current], GrantEnd.REVOKED, at=now, reason=why)
    for grant in left:
        emit("grant.revoked", grant=grant)
    emit("allowance.revoked", allowance=current)
    return current


def _lock(found: Allowance) -> tuple[Customer, Allowance]:
    """Lock the customer who has an allowance now; both as they stand."""
    current = _carrier(found)
    while True:
        owner_id = current.customer_id
        customer = lock_customer_id(owner_id)
        current = _carrier(found)
        if current.customer_id in (owner_id, customer.pk):
            return customer, current


def _carrier(found: Allowance) -> Allowance:
    """Where an allowance is now: itself, or after a merge or a dispute the one that carries it on."""
    carried = Allowance.objects.using(write_alias()).filter(origin=found.origin_id or found.pk, ended_at__isnull=True)
    rows = carried.select_related("feature", "product", "customer")
    return rows.first() or get_allowance(found)
