"""reverse: put consumed units back where they came from, once per key."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Sum

from billable import clock, inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import ReversalTooLarge, UsageNotFound
from billable.inputs import Metadata
from billable.quota import adjustments, burn, debts, ledger, lineage
from billable.quota.catch_up import catch_up
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind
from billable.quota.models import Adjustment, Grant, LedgerEntry, Usage
from billable.signals import emit


@unit_of_work
def reverse_usage(
    usage: Usage | UUID | str,
    *,
    quantity: int | None = None,
    reason: str = "",
    idempotency_key: str,
    metadata: Metadata | None = None,
) -> Adjustment:
    """Put ``quantity`` units of a usage (None: all that is left of it) back to the grants that paid for them.

    What was drawn last goes back first; before that what is owed still of it is forgiven, and what was repaid goes back
    to the grants that repaid. Units that return to a grant that has ended do not become spendable again.
    Raises UsageNotFound, ReversalTooLarge, IdempotencyConflict, Invalid.
    """
    wanted = None if quantity is None else inputs.whole(quantity, "quantity")
    key = inputs.key(idempotency_key, "idempotency_key")
    reason, facts = inputs.text(reason, "reason"), inputs.metadata(metadata)
    used = _usage(usage)
    customer = lock_customer_id(used.customer_id)
    if earlier := adjustments.by_key(customer, key):
        return adjustments.replay(earlier, AdjustmentKind.REVERSE, usage_id=used.pk, quantity=wanted)
    reversible = reversible_of(used)
    units = wanted or reversible or used.quantity
    if units > reversible:
        raise ReversalTooLarge(usage=str(used.pk), requested=units, reversible=reversible)
    return put_back(customer, used, units, key=key, reason=reason, metadata=facts)


def put_back(
    customer: Customer,
    used: Usage,
    units: int,
    *,
    key: str,
    reason: str,
    metadata: dict[str, Any],
    now: datetime | None = None,
) -> Adjustment:
    """Put so many units of a usage of a locked customer back, at most what is reversible of it."""
    reversible = reversible_of(used)
    now = now or now_for(customer)
    catch_up(customer, now)
    adjustment = Adjustment(
        customer=used.customer,
        kind=AdjustmentKind.REVERSE.value,
        usage=used,
        quantity=units,
        idempotency_key=key,
        reason=reason,
        metadata=metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
    kept, debt = reversible - units, debts.of_usage(used)
    drawn = used.quantity - (debt.units if debt else 0)
    # What was owed came last, so it goes first.
    repaid = debts.undo(customer, debt, kept=max(0, kept - drawn), at=now)
    returned = _returned(used, drawn, kept=min(kept, drawn))
    ledger.restore(customer, adjustment, used, returned, repaid=repaid, at=now)
    returned = [*repaid, *returned]
    heirs = lineage.follow(customer, used, returned, ledger.Cause(CauseType.ADJUSTMENT, adjustment.pk), at=now)
    lineage.set_aside(customer, [*(grant for grant, _ in returned), *heirs], at=now)
    adjustments.file(adjustment, used.feature.key)
    emit("usage.reversed", adjustment=adjustment)
    return adjustment


def _usage(usage: Usage | UUID | str) -> Usage:
    usage_id = usage.pk if isinstance(usage, Usage) else inputs.known_identifier(usage)
    usages = Usage.objects.using(write_alias()).select_related("feature", "customer")
    found = None if usage_id is None else usages.filter(pk=usage_id).first()
    if found is None:
        raise UsageNotFound(usage=str(usage)[:100])
    return found


def reversible_of(usage: Usage) -> int:
    """How many units of a usage were not put back yet."""
    earlier = Adjustment.objects.using(write_alias()).filter(usage=usage, kind=AdjustmentKind.REVERSE.value)
    return usage.quantity - (earlier.aggregate(total=Sum("quantity"))["total"] or 0)


def _returned(usage: Usage, quantity: int, *, kept: int) -> list[tuple[Grant, int]]:
    """Which grant gets how many of the ``quantity`` units back that were drawn, in the order they are put back."""
    grants: dict[UUID, Grant] = {}
    out: dict[UUID, int] = {}
    entries = LedgerEntry.objects.using(write_alias()).filter(
        usage=usage, kind__in=[EntryKind.CONSUME.value, EntryKind.CAPTURE.value, EntryKind.REVERSE.value]
    )
    for entry in entries.select_related("grant__feature").order_by("seq"):
        grant = grants.setdefault(entry.grant_id, entry.grant)
        # What was captured had left what remains when it was held.
        out[grant.pk] = out.get(grant.pk, 0) - entry.amount - entry.held_change
    drawn = [burn.Drawn(grant.pk, grant.feature.key, out[grant.pk]) for grant in grants.values()]
    return [(grants[draw.grant_id], draw.units) for draw in burn.put_back(_rates(usage, quantity), drawn, kept=kept)]


def _rates(usage: Usage, drawn: int) -> list[tuple[burn.Rate, int]]:
    """The kinds of payment of a usage with the quantity each covered, in burn order, at the cost of its day."""
    paid = [
        (
            burn.Rate(position=place, payer=cost["feature"], per=cost["per"], units=cost["units"]),
            cost["quantity"],
        )
        for place, cost in enumerate(usage.costs, start=1)
    ]
    own = drawn - sum(quantity for _, quantity in paid)
    return [(burn.Rate(position=0, payer=usage.feature.key, per=1, units=1), own), *paid]
