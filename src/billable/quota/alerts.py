"""alerts: one notice when the use of a feature crosses one of its thresholds, once for each period."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from billable import clock, inputs, paging
from billable.actor import current_actor
from billable.catalog.models import Feature
from billable.catalog.thresholds import Threshold
from billable.customers.models import Customer
from billable.customers.subjects import Subject, family_of
from billable.db.units import write_alias
from billable.ids import new_id
from billable.quota.models import Grant, Usage
from billable.quota.notices import AlertNotice
from billable.quota.standing import Standing
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """A threshold that a usage crosses, and the numbers that say so."""

    feature: Feature
    threshold: Threshold
    since: datetime
    used: int
    granted: int


def crossings(found: Standing, taken: Iterable[tuple[Grant, int]]) -> list[Crossing]:
    """The thresholds that are crossed when units of some grants are used; ``found`` is as it was before.

    What counts is what runs now: the open grants of a feature, and those that were emptied before their end. Units that
    are held are not used yet. Where a running grant is unlimited there is no threshold.
    """
    units: dict[int, int] = {}
    for grant, drawn in taken:
        if grant.pk in found.grants and found.runs(found.grants[grant.pk]):
            units[grant.feature_id] = units.get(grant.feature_id, 0) + drawn
    return [crossing for feature_id, drawn in units.items() for crossing in _of_feature(found, feature_id, drawn)]


def _of_feature(found: Standing, feature_id: int, drawn: int) -> list[Crossing]:
    running = [each for each in found.grants.values() if each.feature_id == feature_id and found.runs(each)]
    feature = running[0].feature
    if not feature.alerts or any(grant.quantity is None for grant in running):
        return []
    emptied, since = found.emptied.get(feature_id, (0, None))
    granted = emptied + sum(grant.quantity or 0 for grant in running)
    before = granted - sum((grant.remaining or 0) + grant.held for grant in running)
    newest = max(*(grant.valid_from for grant in running), *([] if since is None else [since]), running[0].valid_from)
    used = before + drawn
    return [
        Crossing(feature=feature, threshold=threshold, since=newest, used=used, granted=granted)
        for threshold in feature.thresholds
        if threshold.is_reached(used, granted) and not threshold.is_reached(before, granted)
    ]


def notify(customer: Customer, usage: Usage, crossed: Sequence[Crossing]) -> None:
    """Write down, and tell, what a usage of a locked customer crossed for the first time in its period."""
    alias = write_alias()
    # What one usage crossed is listed in the order of the thresholds, which must not depend on chance.
    ids = sorted(new_id() for _ in crossed)
    for crossing, notice_id in zip(crossed, ids, strict=True):
        notice = AlertNotice(
            id=notice_id,
            customer=customer,
            feature=crossing.feature,
            threshold=str(crossing.threshold),
            since=crossing.since,
            used=crossing.used,
            granted=crossing.granted,
            usage=usage,
            actor=current_actor(),
            created_at=clock.now(),
        )
        notices = AlertNotice.objects.using(alias)
        same = {"customer": customer, "feature": notice.feature, "threshold": notice.threshold, "since": notice.since}
        if not notices.filter(**same).exists():
            notices.bulk_create([notice])
            emit("quota.threshold_crossed", notice=notice)


def list_alerts(
    user: Subject | None = None,
    *,
    feature: str | None = None,
    cursor: str | None = None,
    limit: int = paging.DEFAULT_LIMIT,
) -> paging.Page[AlertNotice]:
    """The thresholds that were crossed, newest first: by ``user`` or by everybody. Raises Invalid."""
    size, rows = paging.page_limit(limit), AlertNotice.objects.using(write_alias()).order_by("-pk")
    rows = rows.select_related("feature", "customer")
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    if feature is not None:
        rows = rows.filter(feature__key=inputs.name(feature, "feature"))
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)
