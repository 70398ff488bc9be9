"""Adjustments: the receipts of reversals and partial revocations, and how a repeated key finds its own."""

from __future__ import annotations

from typing import Any

from billable.customers.models import Customer
from billable.customers.subjects import Who, of_family
from billable.db.units import write_alias
from billable.errors import IdempotencyConflict
from billable.quota import standing
from billable.quota.kinds import AdjustmentKind
from billable.quota.models import Adjustment


def file(adjustment: Adjustment, feature: str) -> Adjustment:
    """Insert an adjustment whose entries are written, with the balance that they left."""
    found = standing.only(standing.read(Who(customer_id=adjustment.customer_id), feature), feature)
    adjustment.balance_after = found.balance()
    adjustment.save(using=write_alias(), force_insert=True)
    return adjustment


def by_key(customer: Customer, key: str) -> Adjustment | None:
    """The adjustment that a key was used for."""
    rows = Adjustment.objects.using(write_alias()).select_related("usage__feature", "grant__feature")
    return of_family(rows.filter(idempotency_key=key), customer).first()


def replay(earlier: Adjustment, kind: AdjustmentKind, **given: Any) -> Adjustment:
    """The stored answer, if the input is the same as then; a quantity of None asks for whatever it was."""
    differing = ["kind"] if earlier.kind != kind.value else []
    for name, value in given.items():
        if getattr(earlier, name) != value and not (name == "quantity" and value is None):
            differing.append(name.removesuffix("_id"))
    if differing:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key, fields=differing)
    earlier.replayed = True
    return earlier
