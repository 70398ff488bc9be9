"""Debts: units that were used before they were there. The next grants repay them, the oldest first.

Only units of the feature itself are owed. A merge moves no debt: it stays its customer's, and is read and repaid by the
family, as all history is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billable import inputs, paging
from billable.customers.models import Customer
from billable.customers.subjects import Subject, family, family_of
from billable.db.units import write_alias
from billable.quota import ledger
from billable.quota.debt_models import Debt
from billable.quota.kinds import CauseType, EntryKind
from billable.quota.models import Grant, LedgerEntry, Usage
from billable.signals import emit


def list_debts(
    user: Subject | None = None,
    *,
    feature: str | None = None,
    open_only: bool = False,
    cursor: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
) -> paging.Page[Debt]:
    """Debts, newest first, with feature and usage loaded: of ``user`` or (None) of everybody, all or those still owed.

    Raises Invalid for a foreign cursor or a limit outside 1 to 200.
    """
    size, rows = paging.page_limit(limit), _debts().order_by("-pk")
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    if feature is not None:
        rows = rows.filter(feature__key=inputs.name(feature, "feature"))
    if open_only:
        rows = rows.filter(closed_at__isnull=True)
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def incur(customer: Customer, usage: Usage, units: int) -> Debt:
    """Write down what a usage took that was not there."""
    debt = Debt(
        customer=customer,
        feature=usage.feature,
        usage=usage,
        units=units,
        actor=usage.actor,
        created_at=usage.created_at,
    )
    debt.save(using=write_alias(), force_insert=True)
    if not customer.has_owed:
        # Of everybody else nobody has to look for debts.
        customer.has_owed = True
        Customer.objects.using(write_alias()).filter(pk=customer.pk).update(has_owed=True)
    emit("debt.incurred", debt=debt)
    return debt


def owed(customer: Customer) -> dict[int, int]:
    """How many units of each feature a locked customer owes, with those that it absorbed."""
    left: dict[int, int] = {}
    for debt in _open(customer) if customer.has_owed else ():
        left[debt.feature_id] = left.get(debt.feature_id, 0) + debt.owed
    return left


def repay(customer: Customer, grants: Iterable[Grant], *, at: datetime) -> None:
    """Let new grants repay what a locked customer owes, those too that begin later. An unlimited one settles it all."""
    paying = [grant for grant in grants if grant.value is None]
    if not paying or not customer.has_owed:
        return
    waiting = list(_open(customer).filter(feature__in={grant.feature_id for grant in paying}))
    changes: list[ledger.Change] = []
    for grant in paying if waiting else ():
        left = grant.remaining
        for debt in waiting:
            units = debt.owed if left is None else min(debt.owed, left)
            if debt.feature_id != grant.feature_id or not units:
                continue
            left = None if left is None else left - units
            debt.repaid += units
            cause = ledger.Cause(CauseType.DEBT, debt.pk)
            changes.append(ledger.Change(grant=grant, kind=EntryKind.REPAY, amount=-units, cause=cause, at=at))
    if changes:
        ledger.apply(customer, changes)
        for debt in {
            change.cause.id: debt for change in changes for debt in waiting if debt.pk == change.cause.id
        }.values():
            _save(debt, at)


def of_usage(usage: Usage) -> Debt | None:
    """The debt that a usage left, if any."""
    return _debts().filter(usage=usage).first()


def undo(customer: Customer, debt: Debt | None, *, kept: int, at: datetime) -> list[tuple[Grant, int]]:
    """Let a debt stand as if its usage had overdrawn only ``kept`` units.

    First what is owed still is forgiven. What was repaid goes back to the grants that repaid, the last one first; these
    are returned, for the ledger to write.
    """
    if debt is None:
        return []
    units = debt.units - debt.forgiven - kept
    if units <= 0:
        return []
    back = units - min(units, debt.owed)
    returned = _repayers(customer, debt, back) if back else []
    debt.forgiven, debt.repaid = debt.forgiven + units, debt.repaid - back
    _save(debt, at)
    return returned


def _repayers(customer: Customer, debt: Debt, units: int) -> list[tuple[Grant, int]]:
    """Which grants that repaid a debt get how many units back."""
    entries = LedgerEntry.objects.using(write_alias()).filter(
        customer__in=family(customer.pk), kind=EntryKind.REPAY.value, grant__feature=debt.feature_id
    )
    reversals = set(debt.usage.adjustments.using(write_alias()).values_list("pk", flat=True))
    grants: dict[UUID, Grant] = {}
    paid: dict[UUID, int] = {}
    for entry in entries.select_related("grant__feature").order_by("id"):
        if entry.cause_id == debt.pk or entry.cause_id in reversals:
            grants.setdefault(entry.grant_id, entry.grant)
            paid[entry.grant_id] = paid.get(entry.grant_id, 0) - entry.amount
    returned: list[tuple[Grant, int]] = []
    for pk in reversed(grants):
        if part := min(units, paid[pk]):
            returned.append((grants[pk], part))
            units -= part
    return returned


def _save(debt: Debt, at: datetime) -> None:
    was_open = debt.closed_at is None
    debt.closed_at = None if debt.owed else debt.closed_at or at
    rows = Debt.objects.using(write_alias()).filter(pk=debt.pk, customer=debt.customer_id)
    rows.update(repaid=debt.repaid, forgiven=debt.forgiven, closed_at=debt.closed_at)
    if was_open and debt.closed_at is not None:
        emit("debt.settled", debt=debt)


def _open(customer: Customer) -> QuerySet[Debt]:
    return _debts().filter(customer__in=family(customer.pk), closed_at__isnull=True).order_by("pk")


def _debts() -> QuerySet[Debt]:
    return Debt.objects.using(write_alias()).select_related("feature", "usage")
