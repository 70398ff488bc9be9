"""revoke: take a grant back, whole or in part."""

from __future__ import annotations

from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import GrantNotFound, IdempotencyConflict, Invalid, RevocationTooLarge
from billable.inputs import Metadata
from billable.quota import adjustments, holds, ledger, lineage
from billable.quota.catch_up import catch_up
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind, GrantEnd
from billable.quota.models import Adjustment, Grant
from billable.signals import emit


@unit_of_work
def revoke_grant(
    grant: Grant | UUID | str,
    *,
    quantity: int | None = None,
    reason: str = "",
    idempotency_key: str | None = None,
    metadata: Metadata | None = None,
) -> Grant:
    """Take back ``quantity`` units of a grant, or (None) end it for good.

    Ending needs no key: a second time does nothing. Taking a part needs one, and leaves an Adjustment. What was used
    stays used. A grant that a merge handed on is revoked where its units are now, and that is the grant that is
    returned. Raises GrantNotFound, RevocationTooLarge, IdempotencyConflict, Invalid.
    """
    units = None if quantity is None else inputs.whole(quantity, "quantity")
    key = inputs.optional_key(idempotency_key)
    reason, facts = inputs.text(reason, "reason"), inputs.metadata(metadata)
    customer, current = _lock(grant)
    earlier = adjustments.by_key(customer, key) if key else None
    if earlier and units is None:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key, fields=["quantity"])
    if earlier:
        return _replay(earlier, current, units)
    if units is None:
        return _end(customer, current, reason)
    if key is None:
        raise Invalid(field="idempotency_key", problem="is required to revoke a part")
    return _reduce(customer, current, units, _receipt(customer, current, units, key, reason, facts))


def _replay(earlier: Adjustment, current: Grant, units: int | None) -> Grant:
    """The grant as it stands, if it carries on the one that the key took units of."""
    then = earlier.grant
    same_line = then is not None and (then.origin_id or then.pk) == (current.origin_id or current.pk)
    grant_id = earlier.grant_id if same_line else current.pk
    adjustments.replay(earlier, AdjustmentKind.REVOKE, grant_id=grant_id, quantity=units)
    current.replayed = True
    return current


def _end(customer: Customer, grant: Grant, reason: str) -> Grant:
    now = now_for(customer)
    if catch_up(customer, now):
        grant = _get(grant.pk)
    if grant.ended_at is not None or (grant.expires_at is not None and grant.expires_at <= now):
        grant.replayed = True
        return grant
    ledger.end(customer, [(grant, now)], GrantEnd.REVOKED, reason=reason)
    emit("grant.revoked", grant=grant)
    return grant


def _reduce(customer: Customer, grant: Grant, units: int, receipt: Adjustment) -> Grant:
    now = now_for(customer)
    if grant.remaining is None:
        raise Invalid(field="quantity", problem="an unlimited grant can only be revoked whole")
    over = grant.ended_at is not None or (grant.expires_at is not None and grant.expires_at <= now)
    remaining = 0 if over else grant.remaining + holds.freed(grant, now)
    if units > remaining:
        raise RevocationTooLarge(grant=str(grant.pk), requested=units, remaining=remaining)
    if catch_up(customer, now):
        grant = _get(grant.pk)
    cause = ledger.Cause(CauseType.ADJUSTMENT, receipt.pk)
    ledger.take_out(customer, grant, units, EntryKind.REVOKE, cause, at=now)
    adjustments.file(receipt, grant.feature.key)
    emit("grant.revoked", grant=grant)
    return grant


def _receipt(
    customer: Customer, grant: Grant, units: int, key: str, reason: str, metadata: dict[str, object]
) -> Adjustment:
    return Adjustment(
        customer=customer,
        kind=AdjustmentKind.REVOKE.value,
        grant=grant,
        quantity=units,
        idempotency_key=key,
        reason=reason,
        metadata=metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )


def _lock(grant: Grant | UUID | str) -> tuple[Customer, Grant]:
    """Lock the customer who has the units of a grant; both as they stand. Raises GrantNotFound."""
    grant_id, owner_id = _whose(grant)
    customer = lock_customer_id(owner_id)
    current = lineage.carrier(_get(grant_id), now_for(customer))
    while current.customer_id not in (owner_id, customer.pk):
        # A merge gave the units on, and was undone: they are in the books of somebody else again.
        owner_id = current.customer_id
        customer = lock_customer_id(owner_id)
        current = lineage.carrier(_get(grant_id), now_for(customer))
    return customer, current


def _whose(grant: Grant | UUID | str) -> tuple[UUID, UUID]:
    """The id of a grant and of its customer. Raises GrantNotFound."""
    grant_id = grant.pk if isinstance(grant, Grant) else inputs.known_identifier(grant)
    owners = Grant.objects.using(write_alias()).values_list("pk", "customer_id")
    found = None if grant_id is None else owners.filter(pk=grant_id).first()
    if found is None:
        raise GrantNotFound(grant=str(grant)[:100])
    return found


def _get(grant_id: UUID) -> Grant:
    return Grant.objects.using(write_alias()).select_related("feature", "product").get(pk=grant_id)
