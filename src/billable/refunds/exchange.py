"""refund_exchange: the units that something cost come back to the grants that had paid, and what was given goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, Sum

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import HoldsLive, IdempotencyConflict, Invalid, NothingToRefund
from billable.exchanges.models import Exchange
from billable.exchanges.services import get_exchange
from billable.orders.recurring import Course, by_number, courses
from billable.quota import adjustments, holds, ledger, succession
from billable.quota.catch_up import catch_up
from billable.quota.given import allowances_by, given_by
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind, GrantEnd, GrantSource
from billable.quota.lineage import lineages, lock_heirs
from billable.quota.models import Adjustment, Grant, LedgerEntry
from billable.quota.reverse import put_back, reversible_of
from billable.refunds import shares
from billable.refunds.kinds import RefundPolicy
from billable.refunds.slide import carry_out, later_periods, plan_slides
from billable.shares import WHOLE, portion
from billable.signals import emit


@unit_of_work
def refund_exchange(
    exchange: Exchange | UUID | str,
    *,
    idempotency_key: str,
    policy: str = RefundPolicy.UNUSED_ONLY.value,
    reason: str = "",
) -> Exchange:
    """Undo an exchange as far as what it gave is unused.

    ``policy`` is as in ``refund_order``, the smallest unused part of what was given unless said otherwise; of the
    units, that part is put back to the grants that had paid, rounded down. What was given ends, whatever the part;
    what was used stays used. A repeat changes nothing and answers with ``replayed``.

    Raises ExchangeNotFound, NothingToRefund, HoldsLive, IdempotencyConflict, Invalid.
    """
    key, why, how = inputs.key(idempotency_key, "idempotency_key"), inputs.text(reason, "reason"), _policy(policy)
    customer = lock_customer_id(get_exchange(exchange).customer_id)
    made = get_exchange(exchange)
    if earlier := adjustments.by_key(customer, key):
        return _replay(made, earlier, how)
    lock_heirs(customer, Grant.objects.using(write_alias()).filter(pk__in=[grant.pk for grant in made.grants]))
    now = now_for(customer)
    lines = _lines(made, now)
    _refuse_held(made, lines, now)
    units = _units(made, lines, how, now)
    if units < 1:
        raise NothingToRefund(exchange=str(made.pk))
    if catch_up(customer, now).brought:
        # Units came to the rows that are about to end, or only now have one.
        made = get_exchange(made)
        lines = _lines(made, now)
    put_back(customer, made.usage, units, key=key, reason=why, metadata={"policy": how.value}, now=now)
    _take_back(customer, made, lines, now, why)
    made.refunded_units += units
    rows = Exchange.objects.using(write_alias()).filter(pk=made.pk, customer=made.customer_id)
    rows.update(refunded_units=made.refunded_units)
    emit("exchange.refunded", exchange=made)
    return made


@dataclass(frozen=True)
class _Line:
    """One line of what was given: its grants, the first one first, and its allowance if it has one."""

    grants: Sequence[Grant]
    course: Course | None


def _lines(made: Exchange, now: datetime) -> list[_Line]:
    name = str(made.pk)
    rows = Grant.objects.using(write_alias()).filter(given_by(GrantSource.EXCHANGE, name))
    roots = list(rows.select_related("feature", "product", "allowance__origin").order_by("pk"))
    recurring, lines = courses(allowances_by(GrantSource.EXCHANGE, name), now), []
    for number, grants in by_number(roots, lineages(roots)).items():
        course = recurring.get(number)
        if course is not None:
            grants += course.unwritten(grants, holds.open_legs(grant for grant in grants if grant.held))
        lines.append(_Line(grants, course))
    return lines


def _policy(policy: object) -> RefundPolicy:
    try:
        return RefundPolicy(policy)
    except ValueError:
        raise Invalid(field="policy", problem="must be full, unused_only or pro_rata_time") from None


def _units(made: Exchange, lines: Sequence[_Line], policy: RefundPolicy, now: datetime) -> int:
    """How many units come back."""
    part = min((shares.share(_stock(line, now), policy, now) for line in lines), default=WHOLE)
    left = min(made.units - made.refunded_units, reversible_of(made.usage))
    return min(portion(part, made.units), left)


def _stock(line: _Line, now: datetime) -> shares.Stock:
    """What the customer still has of one grant that was given, with all that carried it on."""
    root, going_on = line.grants[0], [grant for grant in line.grants if _goes_on(grant, now)]
    window, course = (going_on or line.grants)[-1], line.course
    unused = None if root.quantity is None else sum((grant.remaining or 0) + grant.held for grant in going_on)
    if course is not None:
        granted = None if course.is_endless else course.each * course.periods
        return shares.Stock(
            granted=granted,
            unused=None if granted is None else (unused or 0) + course.ahead,
            untouched=not _is_used(line.grants),
            begins=course.allowance.anchor,
            ends=course.allowance.expires_at,
            is_over=not going_on and not course.runs,
        )
    return shares.Stock(
        granted=root.quantity,
        unused=unused,
        untouched=root.quantity is not None or not _is_used(line.grants),
        begins=window.valid_from,
        ends=window.expires_at,
        is_over=not going_on,
    )


def _is_used(line: Sequence[Grant]) -> bool:
    """Whether more was used of it than was put back: a job that failed has used nothing."""
    entries = LedgerEntry.objects.using(write_alias()).filter(grant__in=[grant.pk for grant in line])
    kinds = (EntryKind.CONSUME, EntryKind.REVERSE, EntryKind.REPAY)
    moves, captures = [kind.value for kind in kinds], Q(kind=EntryKind.CAPTURE.value)
    sums = entries.aggregate(units=Sum("amount", filter=Q(kind__in=moves)), held=Sum("held_change", filter=captures))
    return (sums["units"] or 0) + (sums["held"] or 0) < 0


def _refuse_held(made: Exchange, lines: Sequence[_Line], now: datetime) -> None:
    legs = holds.open_legs(grant for line in lines for grant in line.grants if _goes_on(grant, now))
    if live := sorted({str(leg.hold_id) for leg in legs if holds.is_live(leg.hold, now)}):
        raise HoldsLive(exchange=str(made.pk), holds=live)


def _take_back(customer: Customer, made: Exchange, lines: Sequence[_Line], now: datetime, reason: str) -> None:
    """End what is left of what was given; later periods of the same product move up."""
    going_on = [grant for line in lines for grant in line.grants if _goes_on(grant, now)]
    periods = {grant.pk: 0 for grant in going_on if grant.quantity is None and grant.period is not None}
    chain = later_periods([grant for grant in going_on if grant.pk in periods], now)
    cause = ledger.Cause(CauseType.EXCHANGE, made.pk)
    ledger.end(customer, [(grant, now) for grant in going_on], GrantEnd.REFUNDED, cause=cause, reason=reason)
    carry_out(customer, plan_slides(chain, periods, now))
    running = [line.course.allowance for line in lines if line.course is not None and line.course.runs]
    succession.end(running, GrantEnd.REFUNDED, at=now, reason=reason)


def _goes_on(grant: Grant, now: datetime) -> bool:
    return grant.ended_at is None and (grant.expires_at is None or now < grant.expires_at)


def _replay(made: Exchange, earlier: Adjustment, policy: RefundPolicy) -> Exchange:
    adjustments.replay(earlier, AdjustmentKind.REVERSE, usage_id=made.usage_id)
    # Anonymizing empties the metadata: then nobody knows, and it is as it was.
    if earlier.metadata.get("policy", policy.value) != policy.value:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key, fields=["policy"])
    made.replayed = True
    return made
