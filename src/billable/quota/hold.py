"""hold, extend, release: units reserved for work in progress, from the grants that would have paid for it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.conf import knobs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, lock_customer, of_family
from billable.db.units import unit_of_work, write_alias
from billable.errors import HoldClosed, Invalid
from billable.inputs import Metadata
from billable.quota import adjustments, caps, holds, ledger
from billable.quota.catch_up import catch_up
from billable.quota.kinds import AdjustmentKind, HoldEnd
from billable.quota.models import Adjustment, Hold, HoldLeg
from billable.quota.request import Answer, UsageRequest, answer, refuse_users_without_customer
from billable.signals import emit

Ttl = timedelta | int
"""How long, as a timedelta or in seconds."""


@unit_of_work
def hold_quota(
    user: Subject,
    feature: str,
    quantity: int = 1,
    *,
    ttl: Ttl | None = None,
    sku: str | None = None,
    idempotency_key: str | None = None,
    action_type: str = "",
    action_id: str = "",
    metadata: Metadata | None = None,
) -> Hold:
    """Reserve ``quantity`` units of ``feature`` for work in progress: nobody else can use them until it is closed.

    ``ttl`` is how long, a timedelta or whole seconds; None is ``BILLABLE_HOLD_SECONDS``. After that (and
    ``BILLABLE_HOLD_GRACE_SECONDS``) the units are free again by themselves. Feature, quantity and sku are as for
    ``consume_quota``, and so is the key: a repeat answers the same hold, whatever became of it, and compares these
    three. Raises QuotaExceeded, IdempotencyConflict, CustomerNotFound, FeatureNotFound, WrongFeatureType,
    AmbiguousSku, Invalid.
    """
    request = UsageRequest.read(feature, quantity, sku, action_type, action_id, metadata)
    key, lasting = inputs.optional_key(idempotency_key), _lasting(ttl)
    refuse_users_without_customer(user, request)
    customer = lock_customer(user)
    if earlier := _by_key(customer, key):
        request.refuse_another(earlier)
        earlier.replayed = True
        return earlier
    paid = answer(customer, request)
    hold = _write(customer, request, paid, key, lasting)
    emit("quota.held", hold=hold)
    return hold


@unit_of_work
def extend_hold(hold: Hold | UUID | str, *, ttl: Ttl | None = None, reason: str = "", idempotency_key: str) -> Hold:
    """Let a hold that is live last for at least ``ttl`` from now; what ends later stays so.

    ``ttl`` is as for ``hold_quota``. Raises HoldNotFound, HoldClosed (also when its time is over),
    IdempotencyConflict, Invalid.
    """
    lasting, key = _lasting(ttl), inputs.key(idempotency_key, "idempotency_key")
    why = inputs.text(reason, "reason")
    customer, found = holds.lock_hold(hold)
    seconds = int(lasting.total_seconds())
    if earlier := adjustments.by_key(customer, key):
        adjustments.replay(earlier, AdjustmentKind.EXTEND, hold_id=found.pk, quantity=None if ttl is None else seconds)
        found.replayed = True
        return found
    now = now_for(customer)
    holds.refuse_closed(found, now, "extended")
    found.expires_at = max(found.expires_at, now + lasting)
    found.lapses_at = found.expires_at + timedelta(seconds=found.grace_seconds)
    holds.save(found, "expires_at", "lapses_at")
    Adjustment.objects.using(write_alias()).create(
        customer=found.customer,
        kind=AdjustmentKind.EXTEND.value,
        hold=found,
        quantity=seconds,
        idempotency_key=key,
        reason=why,
        actor=current_actor(),
        created_at=clock.now(),
    )
    emit("hold.extended", hold=found)
    return found


@unit_of_work
def release_hold(hold: Hold | UUID | str, *, reason: str = "") -> Hold:
    """Give back what a hold still reserves, and close it: it cannot be captured any more, not even late.

    A second time does nothing. Raises HoldNotFound, HoldClosed when it was captured, Invalid.
    """
    why = inputs.text(reason, "reason")
    customer, found = holds.lock_hold(hold)
    now = now_for(customer)
    if found.status == HoldEnd.CAPTURED.value:
        raise HoldClosed(hold=str(found.pk), hold_status=found.status, verb="released")
    if found.closed_as == HoldEnd.RELEASED.value:
        found.replayed = True
        return found
    is_live = holds.is_live(found, now)
    catch_up(customer, now)
    if is_live:
        holds.release(customer, [found], {}, at=now)
    # Of one whose time is over the units are free already; that nobody wants them is new.
    found.closed_at, found.closed_as, found.reason = found.closed_at or found.lapses_at, HoldEnd.RELEASED.value, why
    holds.save(found, "closed_at", "closed_as", "reason")
    return found


def _write(customer: Customer, request: UsageRequest, paid: Answer, key: str | None, lasting: timedelta) -> Hold:
    expires_at, grace = paid.found.now + lasting, knobs.hold_grace_seconds
    hold = Hold(
        customer=customer,
        feature=paid.found.feature,
        quantity=request.quantity,
        asked=request.feature,
        sku=request.sku,
        idempotency_key=key,
        costs=paid.costs,
        balance_after=paid.balance_after,
        expires_at=expires_at,
        grace_seconds=grace,
        lapses_at=expires_at + timedelta(seconds=grace),
        action_type=request.action_type,
        action_id=request.action_id,
        metadata=request.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
    Hold.objects.using(write_alias()).bulk_create([hold])
    legs = [
        HoldLeg(
            customer=customer,
            hold=hold,
            position=position,
            grant=grant,
            units=units,
            cap_index=caps.window_of(grant, paid.found.now),
        )
        for position, (grant, units) in enumerate(paid.taken, start=1)
    ]
    HoldLeg.objects.using(write_alias()).bulk_create(legs)
    ledger.reserve(customer, hold, paid.taken, at=paid.found.now)
    return hold


def _by_key(customer: Customer, key: str | None) -> Hold | None:
    if key is None:
        return None
    rows = Hold.objects.using(write_alias()).select_related("feature", "customer").filter(idempotency_key=key)
    return of_family(rows, customer).first()


def _lasting(ttl: object) -> timedelta:
    if ttl is None:
        return timedelta(seconds=knobs.hold_seconds)
    seconds = ttl
    if isinstance(ttl, timedelta):
        if ttl.microseconds:
            raise Invalid(field="ttl", problem="must be whole seconds")
        seconds = ttl.days * 86_400 + ttl.seconds
    return timedelta(seconds=inputs.whole(seconds, "ttl", maximum=knobs.hold_max_seconds))
