"""forecast: when a customer's units will run out, if they go on as they did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from uuid import UUID

from django.db.models import Exists, F, Min, OuterRef, Q, Subquery, Sum

from billable import inputs
from billable.catalog.features import refuse_static
from billable.catalog.periods import Period
from billable.customers.subjects import Subject, family, who
from billable.db.units import write_alias
from billable.quota import burn, standing
from billable.quota.kinds import EntryKind
from billable.quota.models import LedgerEntry

USE = (EntryKind.CONSUME.value, EntryKind.CAPTURE.value, EntryKind.REVERSE.value)
_LEAST = timedelta(days=1)
_LAST = datetime(9999, 12, 30, tzinfo=timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """How fast a feature is used, and when it runs out at that rate.

    ``used`` is how many units went since ``since``, less what was put back; ``since`` is the start of the window, or
    the first use there ever was, whichever is later. ``days`` is how long that is, at least one. ``per_day`` and
    ``runs_out_at`` are None when nothing was used: there is nothing to tell from. ``balance`` is what there is now
    (None: unlimited, and it never runs out); ``runs_out_at`` is now when nothing is left. What expires before it is
    used, and what will be granted, is not foreseen.
    """

    feature: str
    balance: int | None
    used: int
    since: datetime | None
    days: float
    per_day: float | None
    runs_out_at: datetime | None


def forecast(user: Subject, feature: str, *, over: Period | str = "30 days") -> Forecast:
    """When ``feature`` runs out for ``user``, judged by the use of the last ``over``. Holds are not use.

    Three statements, no write; an unknown customer has nothing. Raises FeatureNotFound, WrongFeatureType, AmbiguousSku,
    Invalid.
    """
    span, name, person = Period.parse(over, "over"), inputs.name(feature, "feature"), who(user)
    found = standing.only(standing.read(person, name), name)
    refuse_static(found.feature)
    balance, now = burn.balance(found.usable(), found.owed_by_payers()), found.now
    used, first = (0, None) if found.customer is None else _use(found, found.customer.pk, _start(span, now))
    since = None if first is None else max(first, _start(span, now))
    days = 0.0 if since is None else max(now - since, _LEAST) / _LEAST
    per_day = used / days if used > 0 and days else None
    return Forecast(
        feature=found.feature.key,
        balance=balance,
        used=max(used, 0),
        since=since if used > 0 else None,
        days=round(days, 3) if used > 0 else 0.0,
        per_day=None if per_day is None else round(per_day, 4),
        runs_out_at=None if per_day is None or balance is None else _after(now, balance / per_day),
    )


def _start(span: Period, now: datetime) -> datetime:
    """Where a window of a span that ends now begins; calendars count forward, so it is as long as the next one."""
    end = span.end(now, 1, "UTC")
    try:
        return now - ((end or _LAST) - now)
    except OverflowError:
        return datetime(1, 1, 2, tzinfo=timezone.utc)


def _after(now: datetime, days: float) -> datetime | None:
    try:
        moment = now + timedelta(days=days)
    except OverflowError:
        return None
    return None if moment > _LAST else moment


def _use(found: standing.Standing, customer_id: UUID, start: datetime) -> tuple[int, datetime | None]:
    """How many units were used since an instant, in units of the feature, and when the first was used at all.

    Units of the feature itself count whatever they paid for. Those of another one count where they paid for it, at
    today's cost.
    """
    feature = found.feature
    mine = Q(grant__feature=feature) | Q(usage__feature=feature)
    entries = LedgerEntry.objects.using(write_alias()).filter(usage__isnull=False, kind__in=USE)
    # Use is written when it happens: whatever an earlier use stands behind, in the books of one member, is earlier too.
    before = entries.filter(customer=OuterRef("pk"), effective_at__lte=start)
    members = family(customer_id).annotate(
        edge=Subquery(before.order_by("-seq").values("seq")[:1]), used_before=Exists(before.filter(mine))
    )
    within, is_first = Q(pk__in=[]), True
    for member, edge, used_before in members.values_list("pk", "edge", "used_before"):
        within |= Q(customer=member, seq__gt=edge or 0)
        is_first = is_first and not used_before
    rows = (
        entries.filter(mine, within, effective_at__gt=start)
        .order_by()
        .values_list("grant__feature__key")
        .annotate(units=Sum(-F("amount") - F("held_change")), first=Min("effective_at"))
    )
    found_rows: Sequence[tuple[str, int, datetime]] = list(rows)
    rates = {rate.payer: rate for rate in found.payers.values()}
    units = sum(_in_units_of(feature.key, payer, units, rates.get(payer)) for payer, units, _ in found_rows)
    return int(units), min((first for _, _, first in found_rows), default=None) if is_first else start


def _in_units_of(feature: str, payer: str, units: int, rate: burn.Rate | None) -> int:
    if payer == feature:
        return int(units)
    return 0 if rate is None else int(units) * rate.per // rate.units
