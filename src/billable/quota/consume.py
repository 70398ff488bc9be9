"""consume: take units of a feature from the customer's grants, once per key."""

from __future__ import annotations

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.subjects import Subject, lock_customer, of_family
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict
from billable.inputs import Metadata
from billable.quota import alerts, debts, ledger
from billable.quota.models import Hold, Usage
from billable.quota.request import UsageRequest, answer, refuse_users_without_customer
from billable.signals import emit


@unit_of_work
def consume(
    user: Subject,
    feature: str,
    *,
    quantity: int = 1,
    sku: str | None = None,
    idempotency_key: str | None = None,
    action_type: str = "",
    action_id: str = "",
    metadata: Metadata | None = None,
) -> Usage:
    """Take ``quantity`` units of ``feature`` from the customer's grants, in burn order.

    ``feature`` is a feature's key, or the SKU of a product that has exactly one. All or nothing; ``sku`` narrows to
    the grants of one product. Where the feature's overdraft allows it, what is not there is owed, and the next grants
    repay it. Returns the usage; ``usage.replayed`` is true when this key had been used before, and
    then nothing was taken. Raises QuotaExceeded (nothing is written, and the same key may succeed later),
    IdempotencyConflict, CustomerNotFound, FeatureNotFound, WrongFeatureType,
    AmbiguousSku, Invalid.
    """
    request = UsageRequest.read(feature, quantity, sku, action_type, action_id, metadata)
    key = inputs.optional_key(idempotency_key)
    refuse_users_without_customer(user, request)
    customer = lock_customer(user)
    if earlier := usage_by_key(customer, key):
        request.refuse_another(earlier)
        if earlier.hold_id is not None:
            raise IdempotencyConflict(idempotency_key=key or "", fields=["hold"])
        earlier.replayed = True
        return earlier
    return take(customer, request, key, overdraw=True)


def take(
    customer: Customer,
    request: UsageRequest,
    key: str | None = None,
    *,
    overdraw: bool = False,
    late_for: Hold | None = None,
) -> Usage:
    """Take the units for a locked customer. Raises QuotaExceeded, FeatureNotFound, Invalid before anything is written.

    Other rooms that pay in units take them here too: their own receipt has the key, and they pay with what is there.
    ``overdraw`` lets the customer owe the rest, as far as the feature allows. ``late_for`` is a lapsed hold.
    """
    paid = answer(customer, request, overdraw=overdraw)
    usage = Usage(
        customer=customer,
        feature=paid.found.feature,
        quantity=request.quantity,
        asked=request.feature,
        sku=request.sku,
        idempotency_key=key,
        hold=late_for,
        late=late_for is not None,
        costs=paid.costs,
        balance_after=paid.balance_after,
        action_type=request.action_type,
        action_id=request.action_id,
        metadata=request.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
    crossed = alerts.crossings(paid.found, paid.taken)
    ledger.use(customer, usage, paid.taken, at=paid.found.now)
    if paid.overdrawn:
        debts.incur(customer, usage, paid.overdrawn)
    tell(usage)
    alerts.notify(customer, usage, crossed)
    return usage


def tell(usage: Usage) -> None:
    """Let the world know of a usage, once it is committed."""
    emit("quota.consumed", usage=usage)
    if usage.balance_after == 0:
        emit("quota.exhausted", usage=usage)


def usage_by_key(customer: Customer, key: str | None) -> Usage | None:
    """The usage that a key was used for."""
    if key is None:
        return None
    usages = Usage.objects.using(write_alias()).select_related("feature").filter(idempotency_key=key)
    return of_family(usages, customer).first()
