"""capture: what was held for work becomes a usage, once the work is done."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer, Merge
from billable.customers.services import now_for
from billable.db.units import unit_of_work, write_alias
from billable.errors import CaptureTooLarge, HoldClosed, IdempotencyConflict, Invalid
from billable.inputs import Metadata
from billable.quota import alerts, burn, caps, holds, ledger, standing
from billable.quota.catch_up import catch_up
from billable.quota.consume import take, tell, usage_by_key
from billable.quota.kinds import CauseType, HoldEnd
from billable.quota.models import Grant, Hold, HoldLeg, Usage
from billable.quota.request import UsageRequest, balance_with, costs_of
from billable.signals import emit


@unit_of_work
def capture_hold(
    hold: Hold | UUID | str,
    quantity: int | None = None,
    *,
    final: bool = True,
    idempotency_key: str | None = None,
    metadata: Metadata | None = None,
) -> Usage:
    """Use ``quantity`` of what a hold reserves (None: all that is left of it); the rest is given back.

    With ``final=False`` the rest stays held, and a key is required; the capture after which nothing is held any more is
    final by itself. A final capture happens once: repeated, it answers the same usage. When the hold's time is over its
    units are free; then the capture is an ordinary consume, marked ``late``, and may be refused like any. What a
    capture costs of another feature is rounded up, as for a consume.

    Raises HoldNotFound, CaptureTooLarge, HoldClosed (released, or captured with another quantity), QuotaExceeded (late
    only), IdempotencyConflict, Invalid.
    """
    wanted = None if quantity is None else inputs.whole(quantity, "quantity")
    last, key, facts = inputs.flag(final, "final"), inputs.optional_key(idempotency_key), inputs.metadata(metadata)
    if key is None and not last:
        raise Invalid(field="idempotency_key", problem="is required unless the capture is final")
    customer, found = holds.lock_hold(hold)
    if earlier := _earlier(customer, found, key, wanted, last=last):
        earlier.replayed = True
        return earlier
    if found.status in (HoldEnd.RELEASED.value, HoldEnd.CAPTURED.value):
        verb = "captured" if found.status == HoldEnd.RELEASED.value else "captured again"
        raise HoldClosed(hold=str(found.pk), hold_status=found.status, verb=verb)
    # Once, for all that follows: between two looks at the clock the hold might lapse.
    present = clock.now()
    if holds.is_live(found, now_for(customer, present)):
        return _capture(customer, found, wanted, present, last=last, key=key, metadata=facts)
    return _capture_late(customer, found, wanted, last=last, key=key, metadata=facts)


def _earlier(customer: Customer, hold: Hold, key: str | None, wanted: int | None, *, last: bool) -> Usage | None:
    """The usage that this capture made before. Raises IdempotencyConflict for a key that stood for something else."""
    if key is None:
        final = None if hold.final_capture_id is None else _usage(hold.final_capture_id)
        return final if final is not None and wanted in (None, final.quantity) else None
    earlier = _late_elsewhere(hold, key) or usage_by_key(customer, key)
    if earlier is None:
        return None
    differing = [] if earlier.hold_id == hold.pk else ["hold"]
    if wanted not in (None, earlier.quantity):
        differing.append("quantity")
    if last and earlier.hold_id == hold.pk and hold.final_capture_id != earlier.pk:
        differing.append("final")
    if differing:
        raise IdempotencyConflict(idempotency_key=key, fields=differing)
    return earlier


def _late_elsewhere(hold: Hold, key: str) -> Usage | None:
    """What a late capture used in the books of somebody who had absorbed the hold's customer at the time."""
    if hold.closed_as != HoldEnd.LAPSED.value or not hold.captured:
        return None
    merges = Merge.objects.using(write_alias()).filter(absorbed=hold.customer_id)
    usages = Usage.objects.using(write_alias()).select_related("feature").filter(idempotency_key=key, hold=hold)
    return usages.filter(customer__in=merges.values("customer")).first()


def _usage(usage_id: UUID) -> Usage:
    return Usage.objects.using(write_alias()).select_related("feature").get(pk=usage_id)


def _capture(
    customer: Customer,
    hold: Hold,
    wanted: int | None,
    present: datetime,
    *,
    last: bool,
    key: str | None,
    metadata: dict[str, Any],
) -> Usage:
    now, legs = now_for(customer, present), holds.legs_of(hold)
    shares, quantity = _paid_by(hold, legs, wanted)
    if catch_up(customer, now):
        legs = holds.legs_of(hold)
    grants, by_grant = {leg.grant_id: leg.grant for leg in legs}, {leg.grant_id: leg for leg in legs}
    taken = [(grants[draw.grant_id], draw.units) for share in shares for draw in share.draws]
    for grant, units in taken:
        by_grant[grant.pk].captured += units
    # What each capture costs of another feature is rounded up, so that less may be left than was held.
    is_last = last or hold.captured + quantity == hold.quantity or not _room(hold, legs, quantity)
    rest = [leg for leg in legs if is_last and holds.outstanding(leg)]
    usage = _receipt(customer, hold, quantity, key, metadata)
    usage.costs = costs_of(shares)
    back = {leg.grant_id: holds.outstanding(leg) for leg in rest}
    same_window = {leg.grant_id: back[leg.grant_id] for leg in rest if leg.cap_index == caps.window_of(leg.grant, now)}
    found = standing.of_customer(customer, hold.feature.key, present)
    left = balance_with(found, back, same_window)
    usage.balance_after = None if left is None else left - found.owed
    crossed = alerts.crossings(found, taken)
    ledger.capture(customer, usage, taken, cause=ledger.Cause(CauseType.HOLD, hold.pk), at=now)
    for leg in {by_grant[grant.pk].pk: by_grant[grant.pk] for grant, _ in taken}.values():
        holds.save_leg(leg)
    holds.let_go(customer, hold, rest, grants, at=now)
    hold.captured += quantity
    if is_last:
        hold.closed_at, hold.closed_as, hold.final_capture = now, HoldEnd.CAPTURED.value, usage
    holds.save(hold, "captured", "closed_at", "closed_as", "final_capture")
    emit("hold.captured", hold=hold)
    tell(usage)
    alerts.notify(customer, usage, crossed)
    return usage


def _capture_late(
    customer: Customer, hold: Hold, wanted: int | None, *, last: bool, key: str | None, metadata: dict[str, Any]
) -> Usage:
    left = hold.quantity - hold.captured
    quantity = wanted or left
    if quantity > left:
        raise CaptureTooLarge(hold=str(hold.pk), requested=quantity, held=left)
    request = UsageRequest(
        feature=hold.feature.key,
        quantity=quantity,
        sku=hold.sku,
        action_type=hold.action_type,
        action_id=hold.action_id,
        metadata=metadata or hold.metadata,
    )
    usage = take(customer, request, key, overdraw=True, late_for=hold)
    hold.captured += quantity
    if last or hold.captured == hold.quantity:
        hold.final_capture = usage
    holds.save(hold, "captured", "final_capture")
    emit("hold.captured", hold=hold)
    return usage


def _paid_by(hold: Hold, legs: list[HoldLeg], wanted: int | None) -> tuple[tuple[burn.Share, ...], int]:
    """Which legs pay for how much. Raises CaptureTooLarge."""
    left = _room(hold, legs)
    quantity = wanted or left
    shares = burn.plan(_reserved(hold, legs), quantity) if 0 < quantity <= left else None
    if shares is None:
        raise CaptureTooLarge(hold=str(hold.pk), requested=quantity, held=left)
    return shares, quantity


def _room(hold: Hold, legs: list[HoldLeg], captured: int = 0) -> int:
    """How much more can be captured once so much is: no more than is left of it, and than what is held pays for."""
    return min(hold.quantity - hold.captured - captured, burn.balance(_reserved(hold, legs)) or 0)


def _reserved(hold: Hold, legs: list[HoldLeg]) -> list[burn.Open]:
    return [
        burn.Open(
            id=leg.grant_id,
            rate=_rate(hold, leg.grant),
            remaining=holds.outstanding(leg),
            priority=leg.position,
            valid_from=leg.grant.valid_from,
            expires_at=None,
        )
        for leg in legs
    ]


def _rate(hold: Hold, grant: Grant) -> burn.Rate:
    """How a grant pays for what is held, at the cost of the day that the hold was made."""
    for place, cost in enumerate(hold.costs, start=1):
        if cost["feature"] == grant.feature.key:
            return burn.Rate(position=place, payer=grant.feature.key, per=cost["per"], units=cost["units"])
    return burn.Rate(position=0, payer=grant.feature.key, per=1, units=1)


def _receipt(customer: Customer, hold: Hold, quantity: int, key: str | None, metadata: dict[str, Any]) -> Usage:
    return Usage(
        customer=customer,
        feature=hold.feature,
        quantity=quantity,
        asked=hold.asked,
        sku=hold.sku,
        idempotency_key=key,
        hold=hold,
        action_type=hold.action_type,
        action_id=hold.action_id,
        metadata=metadata or hold.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
