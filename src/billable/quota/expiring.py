"""expiring_soon: what a customer will lose, and when; and the notice of it, once for each grant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, Min, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from billable import clock
from billable.actor import current_actor
from billable.catalog.periods import Period
from billable.conf import knobs
from billable.customers.services import due_for
from billable.customers.subjects import Subject, lock_owner, who
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty
from billable.quota import standing
from billable.quota.models import Allowance, Grant
from billable.quota.notices import ExpiryNotice
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class Expiring:
    """Units of one grant that a customer will lose unless they are used.

    ``units`` is how many are left now (None: unlimited use ends), without those that are held, and those that roll over
    into the next period of an allowance. ``grant_id`` is None for what the first write will grant.
    """

    feature: str
    units: int | None
    expires_at: datetime
    grant_id: UUID | None
    product_sku: str | None


def expiring_soon(user: Subject, *, within: Period | str = "7 days") -> tuple[Expiring, ...]:
    """What ``user`` will lose ``within`` a period from now, the first to end first. One statement, no write.

    Unlimited use that another grant carries on is not lost. Somebody unknown loses nothing. Raises Invalid.
    """
    span, person = Period.parse(within, "within"), who(user)
    if person.is_anonymous:
        return ()
    reading = standing.read(person)
    until = span.end(reading.standings[0].now, 1, "UTC") if reading.standings else None
    found = [loss for each in reading.standings for loss in _losses(each, until)]
    return tuple(sorted(found, key=lambda loss: (loss.expires_at, loss.feature)))


def _losses(each: standing.Standing, until: datetime | None) -> Iterable[Expiring]:
    own = [grant for grant in each.grants.values() if each.rates[grant.pk].position == 0]
    for grant in own:
        units = None if grant.remaining is None else grant.remaining + each.freed.get(grant.pk, 0)
        if units is not None:
            units = max(0, units - _rolls(each, grant))
        end = grant.expires_at
        if end is None or end <= each.now or grant.ended_at is not None or units == 0 or _goes_on(grant, own):
            continue
        if until is None or end <= until:
            yield Expiring(
                feature=each.feature.key,
                units=units,
                expires_at=end,
                grant_id=None if grant._state.adding else grant.pk,
                product_sku=None if grant.product is None else grant.product.sku,
            )


def _rolls(each: standing.Standing, grant: Grant) -> int:
    """How many units of a grant, at the most, go on into the next period of its allowance."""
    if grant.allowance_id is None or grant.rolled_from is not None:
        return 0
    # After a roll-out the allowance that goes on is not the one that gave the period.
    coming = (allowance for allowance, _ in each.allowances.values())
    allowance = next((it for it in coming if grant.allowance_id in (it.pk, it.replaces_id)), None)
    if allowance is None or allowance.recurrence.rollover is None:
        return 0
    has_next = allowance.recurrence.start(grant.period_index + 1) is not None
    return allowance.recurrence.rollover.quantity if has_next else 0


def _goes_on(grant: Grant, own: Iterable[Grant]) -> bool:
    """Whether the unlimited use of a grant is carried on by another one."""
    end = grant.expires_at
    return grant.quantity is None and any(
        other.quantity is None
        and other.ended_at is None
        and end is not None
        and other.valid_from <= end
        and (other.expires_at is None or other.expires_at > end)
        for other in own
    )


# ------------------------------------------------------------------------------------------------- the notice


def _untold() -> QuerySet[Grant]:
    """The grants that somebody will have to be told of: they end, outlast the notice, and leave something to lose."""
    ahead = timedelta(days=knobs.expiring_days)
    grants = Grant.objects.using(write_alias()).filter(closed_at__isnull=True, ended_at__isnull=True)
    notices = ExpiryNotice.objects.order_by().filter(expires_at=OuterRef("expires_at"))
    told = Q(Exists(notices.filter(grant=OuterRef("pk"))))
    # Units that were handed on were told of where they came from.
    line = notices.filter(Q(grant=OuterRef("origin")) | Q(grant__origin=OuterRef("origin")))
    told |= Q(Exists(line), origin__isnull=False)
    heir = Grant.objects.order_by().filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=OuterRef("expires_at")),
        customer=OuterRef("customer"),
        feature=OuterRef("feature"),
        quantity__isnull=True,
        ended_at__isnull=True,
        valid_from__lte=OuterRef("expires_at"),
    )
    # A grant that lasts no longer than the notice would be told of as soon as it begins, every day.
    lasting = grants.filter(valid_from__lt=F("expires_at") - ahead)
    # What rolls over is not lost.
    rolls = Q(allowance__isnull=False, rolled_from__isnull=True)
    rolling = Case(When(rolls, then=Coalesce(Subquery(_rollover()), 0)), default=0)
    lasting = lasting.annotate(lost=F("remaining") - rolling)
    return lasting.filter(~told, Q(lost__gt=0) | Q(Q(remaining__isnull=True), ~Exists(heir)))


def _rollover() -> QuerySet[Allowance, Any]:
    """How many units of a grant roll over: as the allowance says that goes on, or took over from the one that gave."""
    coming = Allowance.objects.order_by().filter(
        Q(pk=OuterRef("allowance")) | Q(replaces=OuterRef("allowance")),
        customer=OuterRef("customer"),
        feature=OuterRef("feature"),
        next_at__isnull=False,
    )
    return coming.values("rollover_quantity")[:1]


def _due(now: datetime) -> QuerySet[Grant]:
    ahead = timedelta(days=knobs.expiring_days)
    if not ahead:
        return Grant.objects.none()
    # Of a customer something ends by then only if its next change is by then: that is what there is an index for.
    changing = due_for("customer__next_change_at__lte", now + ahead)
    return _untold().filter(changing, due_for("expires_at__gt", now), due_for("expires_at__lte", now + ahead))


def _next_at(customers: QuerySet[Any, Any], after: datetime) -> datetime | None:
    ahead = timedelta(days=knobs.expiring_days)
    if not ahead:
        return None
    grants = _untold().filter(customer__in=customers, expires_at__gt=after + ahead)
    first: datetime | None = grants.aggregate(first=Min("expires_at"))["first"]
    return None if first is None else first - ahead


@unit_of_work
def _tell(grant_id: UUID) -> bool:
    customer = lock_owner(Grant.objects.filter(pk=grant_id))
    present = clock.now()
    grant = _due(present).filter(pk=grant_id).select_related("feature").first()
    if customer is None or grant is None or grant.expires_at is None:
        return False
    notice = ExpiryNotice(
        customer_id=grant.customer_id,
        grant=grant,
        expires_at=grant.expires_at,
        units=grant.lost,  # type: ignore[attr-defined]  # annotated above
        actor=current_actor(),
        created_at=present,
    )
    ExpiryNotice.objects.using(write_alias()).bulk_create([notice])
    emit("grant.expiring", notice=notice)
    return True


EXPIRY_NOTICES = Duty(name="expiry_notices", due=_due, do=_tell, next_at=_next_at)
"""Grants that will run out in ``BILLABLE_EXPIRING_DAYS``, and nobody was told."""
