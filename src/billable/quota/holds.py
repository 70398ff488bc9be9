"""Holds, as every verb sees them: which are open, what they still reserve, and how they let go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from billable import inputs, paging
from billable.customers.models import Customer
from billable.customers.services import due_for
from billable.customers.subjects import Subject, family_of, lock_customer_id
from billable.db.units import write_alias
from billable.errors import HoldClosed, HoldNotFound, Invalid
from billable.quota import ledger
from billable.quota.kinds import CauseType, EntryKind, GrantEnd, HoldEnd
from billable.quota.models import HELD, Grant, Hold, HoldLeg
from billable.signals import emit


def get_hold(hold: Hold | UUID | str) -> Hold:
    """A hold as it stands, with its feature and customer. Raises HoldNotFound."""
    hold_id = hold.pk if isinstance(hold, Hold) else inputs.known_identifier(hold)
    rows = Hold.objects.using(write_alias()).select_related("feature", "customer")
    found = None if hold_id is None else rows.filter(pk=hold_id).first()
    if found is None:
        raise HoldNotFound(hold=str(hold)[:100])
    return found


def list_holds(
    user: Subject | None = None,
    *,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
) -> paging.Page[Hold]:
    """Holds, newest first: of ``user`` or of everybody, all or those that are ``held``, ``captured``, …

    ``held`` and ``lapsed`` go by the clock of each customer. Raises Invalid.
    """
    size, rows = paging.page_limit(limit), Hold.objects.using(write_alias()).order_by("-pk")
    rows = rows.select_related("feature", "customer")
    if status is not None:
        rows = rows.filter(_stands(status))
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def _stands(status: str) -> Q:
    """What the rows of holds with a status are like; the status of one row is ``Hold.status``."""
    over, open_still = due_for("lapses_at__lte"), Q(closed_at__isnull=True)
    known = {
        HELD: open_still & ~over,
        HoldEnd.CAPTURED.value: Q(final_capture__isnull=False),
        HoldEnd.RELEASED.value: Q(closed_as=HoldEnd.RELEASED.value),
        HoldEnd.LAPSED.value: Q(open_still, over) | Q(closed_as=HoldEnd.LAPSED.value, final_capture__isnull=True),
    }
    if status not in known:
        raise Invalid(field="status", problem="must be held, captured, released or lapsed")
    return known[status]


def lock_hold(hold: Hold | UUID | str) -> tuple[Customer, Hold]:
    """Lock the customer of a hold; both as they stand then. Raises HoldNotFound."""
    found = get_hold(hold)
    customer = lock_customer_id(found.customer_id)
    return customer, get_hold(found)


def refuse_closed(hold: Hold, now: datetime, verb: str) -> None:
    """Refuse to do something to a hold that reserves nothing any more. Raises HoldClosed."""
    if not is_live(hold, now):
        raise HoldClosed(hold=str(hold.pk), hold_status=hold.status, verb=verb)


def open_holds(customer: Customer) -> QuerySet[Hold]:
    """The customer's holds that nobody closed."""
    return Hold.objects.using(write_alias()).filter(customer=customer, closed_at__isnull=True)


def live_holds(customers: Iterable[Customer | UUID], now: datetime) -> QuerySet[Hold]:
    """The holds of some customers that still reserve something; see ``is_live``."""
    return Hold.objects.using(write_alias()).filter(customer__in=customers, closed_at__isnull=True, lapses_at__gt=now)


def open_legs(grants: Iterable[Grant]) -> list[HoldLeg]:
    """What is held of some grants by holds that nobody closed."""
    legs = HoldLeg.objects.using(write_alias()).filter(grant__in=[grant.pk for grant in grants])
    return list(legs.filter(hold__closed_at__isnull=True).select_related("hold").order_by("id"))


def legs_of(hold: Hold) -> list[HoldLeg]:
    """The legs of a hold with their grants, those that were drawn first first."""
    legs = HoldLeg.objects.using(write_alias()).filter(hold=hold, customer=hold.customer_id)
    return list(legs.select_related("grant__feature").order_by("position"))


def is_live(hold: Hold, now: datetime) -> bool:
    """Whether its units are still reserved; after its time they are free, whoever writes that down."""
    return hold.closed_at is None and now < hold.lapses_at


def freed(grant: Grant, now: datetime) -> int:
    """How many units of a grant are held by holds that lapsed, which nobody wrote down yet."""
    if not grant.held:
        return 0
    return sum(outstanding(leg) for leg in open_legs([grant]) if not is_live(leg.hold, now))


def outstanding(leg: HoldLeg) -> int:
    """What a leg still holds."""
    return leg.units - leg.captured - leg.released


def release(customer: Customer, holds: Iterable[Hold], grants: dict[UUID, Grant], *, at: datetime) -> None:
    """Release holds whole. ``grants`` are the rows that the caller works on; the others are read."""
    for hold in holds:
        close(customer, hold, HoldEnd.RELEASED, grants, at=at)
        emit("hold.released", hold=hold)


def close(customer: Customer, hold: Hold, how: HoldEnd, grants: dict[UUID, Grant], *, at: datetime) -> None:
    """Close a hold, and let what it still holds go back. ``grants`` are the rows to work on; what is read is added."""
    let_go(customer, hold, legs_of(hold), grants, at=at)
    hold.closed_at, hold.closed_as = at, how.value
    save(hold, "closed_at", "closed_as")


def let_go(customer: Customer, hold: Hold, legs: Iterable[HoldLeg], grants: dict[UUID, Grant], *, at: datetime) -> None:
    """Give back what legs of a hold still hold, the last-drawn leg first. What comes to an ended grant leaves it."""
    cause, changes = ledger.Cause(CauseType.HOLD, hold.pk), []
    for leg in reversed([leg for leg in legs if outstanding(leg)]):
        units, grant = outstanding(leg), grants.setdefault(leg.grant_id, leg.grant)
        changes.append(
            ledger.Change(
                grant=grant,
                kind=EntryKind.RELEASE,
                amount=units,
                held_change=-units,
                cause=cause,
                window=leg.cap_index,
                at=at,
            )
        )
        if grant.ended_at is not None:
            way_out, over = ledger.WAY_OUT[GrantEnd(grant.ended_as)], ledger.Cause(CauseType.GRANT, grant.pk)
            changes.append(ledger.Change(grant=grant, kind=way_out, amount=-units, cause=over, at=at))
        leg.released += units
        save_leg(leg)
    if changes:
        ledger.apply(customer, changes)


def save(hold: Hold, *changed: str) -> None:
    """Write some columns of a hold."""
    rows = Hold.objects.using(write_alias()).filter(pk=hold.pk, customer=hold.customer_id)
    rows.update(**{name: getattr(hold, name) for name in changed})


def save_leg(leg: HoldLeg) -> None:
    """Write what became of the units of a leg."""
    rows = HoldLeg.objects.using(write_alias()).filter(pk=leg.pk, customer=leg.customer_id)
    rows.update(captured=leg.captured, released=leg.released)
