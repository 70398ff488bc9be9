"""What a disputed payment bought, out of the customer's hands until it is decided to whom it belongs.

Money that a change of plan credited bought another plan too, which is another order's.

Units leave a grant that ends as disputed, and come to an heir of it. Between the two they are nobody's: what the ledger
shows as gone by disputes and merges, less what heirs began with, is what waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.orders.lines import grants_of
from billable.orders.recurring import Course, courses
from billable.quota import holds, ledger, succession
from billable.quota.given import allowances_by, by_line
from billable.quota.kinds import CauseType, EntryKind, GrantEnd, GrantSource
from billable.quota.lineage import bequeath, lineages
from billable.quota.models import Allowance, Grant, LedgerEntry
from billable.refunds.credit import orders_of, standing
from billable.refunds.models import Dispute

DISPUTED = GrantEnd.DISPUTED.value
HANDED_ON = [EntryKind.TRANSFER.value, EntryKind.DISPUTE.value]


def take_back(customer: Customer, dispute: Dispute, *, at: datetime) -> None:
    """End every open grant that carries what the money bought; what is held of them is released first."""
    orders = orders_of(dispute.order_id)
    every = [grant for line in _lines(customer, orders) for grant in line]
    rows = {grant.pk: grant for grant in every}
    held = holds.open_legs(grant for grant in every if grant.held)
    holds.release(customer, {leg.hold_id: leg.hold for leg in held}.values(), rows, at=at)
    grants = [grant for grant in every if _is_open(grant, at)]
    if grants:
        endings = [(grant, at) for grant in grants]
        ledger.end(customer, endings, GrantEnd.DISPUTED, cause=_cause(dispute), reason=dispute.reason)
    running = [course.allowance for course in _courses(orders, at) if course.runs]
    succession.end(running, GrantEnd.DISPUTED, at=at, reason=dispute.reason)


def give_back(customer: Customer, dispute: Dispute, *, at: datetime) -> list[Grant]:
    """Give the customer heirs with what waits of each line whose time is not over, and no other dispute is about.

    Of the disputed order itself everything comes back: the caller looks whether another dispute is about that.
    """
    elsewhere = {order for other in standing(customer) for order in orders_of(other.order_id)}
    orders = {dispute.order_id, *(orders_of(dispute.order_id) - elsewhere)}
    lines = [line for line in _lines(customer, orders) if not _is_over(line[-1], at)]
    gone = _handed_on([grant.pk for line in lines for grant in line])
    shares: list[tuple[Grant, int | None]] = []
    for line in lines:
        if line[0].quantity is None:
            if line[-1].ended_as == GrantEnd.DISPUTED.value:
                shares.append((line[-1], None))
            continue
        came = sum(heir.quantity or 0 for heir in line[1:])
        waits = sum(gone.get(grant.pk, 0) for grant in line) - came
        if waits:
            shares.append((line[-1], waits))
    # Its grants name the allowance that gives the next period: it comes first.
    taken = [course.allowance for course in _courses(orders, at) if course.allowance.ended_as == DISPUTED]
    waiting = [allowance for allowance in taken if not _is_over(allowance, at)]
    if waiting:
        succession.succeed(customer, waiting, GrantSource.DISPUTE, _cause(dispute))
    return bequeath(customer, shares, GrantSource.DISPUTE, _cause(dispute), at=at)


def _lines(customer: Customer, orders: Iterable[UUID]) -> list[list[Grant]]:
    """Every grant that carries or carried what some orders gave, by line."""
    lines: list[list[Grant]] = []
    for order_id in sorted(orders):
        made = grants_of(order_id).filter(customer__in=family(customer.pk))
        lines += lineages(by_line(made.select_related("feature", "product", "allowance__origin"))).values()
    return lines


def _courses(orders: Iterable[UUID], at: datetime) -> list[Course]:
    """Where the allowances that some orders made stand."""
    found = (courses(allowances_by(GrantSource.ORDER, str(order_id)), at) for order_id in sorted(orders))
    return [course for each in found for course in each.values()]


def _handed_on(grants: Sequence[UUID]) -> dict[UUID, int]:
    """What left each grant for an heir, or to wait for one."""
    entries = LedgerEntry.objects.using(write_alias()).filter(grant__in=grants, kind__in=HANDED_ON).order_by()
    return {grant: -units for grant, units in entries.values_list("grant").annotate(units=Sum("amount"))}


def _cause(dispute: Dispute) -> ledger.Cause:
    return ledger.Cause(CauseType.DISPUTE, dispute.pk)


def _is_open(grant: Grant, at: datetime) -> bool:
    return grant.closed_at is None and grant.ended_at is None and not _is_over(grant, at)


def _is_over(given: Grant | Allowance, at: datetime) -> bool:
    return given.expires_at is not None and given.expires_at <= at
