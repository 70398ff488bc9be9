"""consume: take units of a feature from the customer's grants, once per key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.models import ProductFeature
from billable.customers.models import Customer
from billable.customers.subjects import Subject, find_customer_id, lock_customer, of_family, user_exists, who
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict, Invalid, QuotaExceeded
from billable.inputs import Metadata
from billable.quota import burn, ledger, standing
from billable.quota.catch_up import catch_up
from billable.quota.models import Usage
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class UsageRequest:
    """What is asked for. The first three decide whether a repeated key means the same thing."""

    feature: str
    quantity: int
    sku: str
    action_type: str
    action_id: str
    metadata: dict[str, Any]


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
    the grants of one product. Returns the usage; ``usage.replayed`` is true when this key had been used before, and
    then nothing was taken. Raises QuotaExceeded (nothing is written, and the same key may succeed later),
    IdempotencyConflict, CustomerNotFound, FeatureNotFound, AmbiguousSku, Invalid.
    """
    request = UsageRequest(
        feature=inputs.name(feature, "feature"),
        quantity=inputs.whole(quantity, "quantity"),
        sku="" if sku is None else inputs.name(sku, "sku"),
        action_type=inputs.text(action_type, "action_type", maximum=100),
        action_id=inputs.text(action_id, "action_id", maximum=200),
        metadata=inputs.metadata(metadata),
    )
    key = inputs.optional_key(idempotency_key)
    refuse_users_without_customer(user, request)
    customer = lock_customer(user)
    if earlier := _by_key(customer, key):
        return _replay(earlier, request)
    return take(customer, request, key)


def take(customer: Customer, request: UsageRequest, key: str | None = None) -> Usage:
    """Take the units for a locked customer. Raises QuotaExceeded, FeatureNotFound, Invalid before anything is written.

    Other rooms that pay in units take them here too: their own receipt has the key.
    """
    found = standing.of_customer(customer, request.feature)
    shares = _shares(found, request)
    catch_up(customer, found.now)
    return _use(customer, found, request, shares, key)


def refuse_users_without_customer(user: Subject, request: UsageRequest) -> None:
    """A user who never bought anything is refused like anybody without units; an unknown one is not found."""
    person = who(user)
    if (
        person.user_id is not None
        and person.references == 1
        and find_customer_id(person) is None
        and user_exists(person)
    ):
        found = standing.only(standing.read(person, request.feature), request.feature)
        raise _exceeded(found, request)


def _shares(found: standing.Standing, request: UsageRequest) -> tuple[burn.Share, ...]:
    shares = burn.plan(found.usable(request.sku or None), request.quantity)
    if shares is None:
        raise _exceeded(found, request)
    for share in shares:
        if any(draw.units > inputs.MAX_UNITS for draw in share.draws):
            problem = f"would cost more than {inputs.MAX_UNITS} units of {share.rate.payer}"
            raise Invalid(field="quantity", problem=problem)
    return shares


def _exceeded(found: standing.Standing, request: UsageRequest) -> QuotaExceeded:
    sku = request.sku or None
    return QuotaExceeded(
        feature=found.feature.key,
        requested=request.quantity,
        balance=burn.balance(found.usable(sku)) or 0,
        reason=found.shortage(sku),
    )


def _use(
    customer: Customer,
    found: standing.Standing,
    request: UsageRequest,
    shares: tuple[burn.Share, ...],
    key: str | None,
) -> Usage:
    taken = [(found.grants[draw.grant_id], draw.units) for share in shares for draw in share.draws]
    usage = Usage(
        customer=customer,
        feature=found.feature,
        quantity=request.quantity,
        asked=request.feature,
        sku=request.sku,
        idempotency_key=key,
        costs=[
            {
                "feature": share.rate.payer,
                "quantity": share.quantity,
                "per": share.rate.per,
                "units": share.rate.units,
            }
            for share in shares
            if share.rate.position
        ],
        balance_after=_left(found, taken),
        action_type=request.action_type,
        action_id=request.action_id,
        metadata=request.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
    ledger.use(customer, usage, taken, at=found.now)
    emit("quota.consumed", usage=usage)
    if usage.balance_after == 0:
        emit("quota.exhausted", usage=usage)
    return usage


def _left(found: standing.Standing, taken: list[tuple[Any, int]]) -> int | None:
    """The balance once the draws are made. Of the feature as a whole, also when a SKU narrowed the draws."""
    gone = {grant.pk: units for grant, units in taken}
    return burn.balance(
        burn.Open(
            id=each.id,
            rate=each.rate,
            remaining=None if each.remaining is None else each.remaining - gone.get(each.id, 0),
            priority=each.priority,
            valid_from=each.valid_from,
            expires_at=each.expires_at,
        )
        for each in found.usable()
    )


def _by_key(customer: Customer, key: str | None) -> Usage | None:
    if key is None:
        return None
    usages = Usage.objects.using(write_alias()).select_related("feature").filter(idempotency_key=key)
    return of_family(usages, customer).first()


def _replay(earlier: Usage, request: UsageRequest) -> Usage:
    differing = []
    same_name = request.feature in (earlier.feature.key, earlier.asked)
    if not same_name and not _gives_only(request.feature, earlier.feature.pk):
        differing.append("feature")
    if earlier.quantity != request.quantity:
        differing.append("quantity")
    if earlier.sku != request.sku:
        differing.append("sku")
    if differing:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key or "", fields=differing)
    earlier.replayed = True
    return earlier


def _gives_only(sku: str, feature_id: int) -> bool:
    """Whether the name is the SKU of a product whose one feature this is."""
    lines = ProductFeature.objects.using(write_alias()).filter(product__sku=sku)
    return set(lines.values_list("feature_id", flat=True)) == {feature_id}
