"""The audits of subscriptions: their windows are those of their periods, and what they gave lasts as long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfoNotFoundError

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, every, named, of_family, within
from billable.errors import Invalid
from billable.quota.kinds import EntryKind
from billable.quota.models import Grant, LedgerEntry
from billable.subscriptions.models import Subscription, SubscriptionPause

STANDS_STILL = Q(paused_at__isnull=False, resumes_at__isnull=True)


def _windows(scope: Scope) -> Iterator[LedgerProblem]:
    """The next period of a subscription begins where its cycle says, and what time does next is noted."""
    for subscription in within(every(Subscription), scope).iterator():
        begins, until = _next_begins(subscription), subscription.paid_until
        # The rules of a zone may have changed since the instants were stored; those of UTC never do.
        leeway = timedelta(0) if subscription.zone == "UTC" else timedelta(days=1)
        if begins is None or abs(begins - until) > leeway:
            problem = f"its period {subscription.period_index + 1} begins at {until}, by its anchor at {begins}"
            yield blame(subscription, problem)
        instants = {instant for instant, _ in subscription.instants.changes()}
        stands_still = subscription.paused_at is not None and subscription.resumes_at is None
        if subscription.due_at not in instants and not (subscription.due_at is None and (stands_still or not instants)):
            yield blame(subscription, f"is due at {subscription.due_at}, when nothing happens to it")


def _next_begins(subscription: Subscription) -> object:
    try:
        return subscription.cycle.begins(subscription.period_index + 1)
    except (Invalid, ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _renewals(scope: Scope) -> Iterator[LedgerProblem]:
    """A subscription that goes on has an order for its next period, or a day when that is made."""
    stops = Q(ended_at__isnull=False) | Q(cancelled_at__isnull=False) | Q(suspended_at__isnull=False) | STANDS_STILL
    told = Q(stops, renews_at__isnull=True) | Q(~stops, renews_at__isnull=False, renewal__isnull=True)
    told |= Q(~stops, renews_at__isnull=True, renewal__isnull=False)
    yield from named(
        breaking(within(every(Subscription), scope), told), "renews at {0.renews_at} by the order {0.renewal_id}"
    )


def _pauses(scope: Scope) -> Iterator[LedgerProblem]:
    """The pause that a subscription is in, or was in last, is written down; nothing was consumed while it lasted."""
    pause = every(SubscriptionPause).filter(subscription=OuterRef("pk"), begins_at=OuterRef("paused_at"))
    same = Exists(pause.filter(ends_at=OuterRef("resumes_at")))
    still = Exists(pause.filter(ends_at__isnull=True)) & Q(resumes_at__isnull=True)
    subscriptions = within(every(Subscription), scope)
    yield from named(
        breaking(subscriptions, Q(paused_at__isnull=True) | same | still), "has no pause from {0.paused_at}"
    )
    mine = Q(customer=F("subscription__customer"))
    yield from named(breaking(within(every(SubscriptionPause), scope), mine), "is a pause of another customer's")
    meanwhile = every(SubscriptionPause).filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=OuterRef("effective_at")),
        subscription=OuterRef("grant__subscription"),
        begins_at__lt=OuterRef("effective_at"),
    )
    used = within(every(LedgerEntry), scope).filter(kind=EntryKind.CONSUME.value, grant__subscription__isnull=False)
    yield from named(used.filter(Exists(meanwhile)), "consumed at {0.effective_at}, when its subscription was paused")


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """What a subscription gave is its family's; the latest period lasts as long as access, those before only theirs."""
    grants = within(every(Grant), scope).filter(subscription__isnull=False)
    owner = every(Subscription).filter(of_family(), pk=OuterRef("subscription"))
    open_ones = grants.filter(ended_at__isnull=True)
    yield from named(breaking(open_ones, Exists(owner)), "is a part of a subscription of somebody else")
    runs = open_ones.filter(period_count__isnull=True)
    waits = Q(subscription__paused_at__isnull=False, subscription__resumes_at__isnull=True, expires_at__isnull=True)
    latest = Q(period_index=F("subscription__period_index"), subscription__ended_at__isnull=True)
    until = Q(expires_at=F("subscription__access_until")) | Q(expires_at=F("subscription__paused_at"))
    # Of one that went back before it began the one before it takes the place.
    went_back = Q(subscription__paid_from=F("subscription__paid_until"), subscription__ended_at__isnull=True)
    kept = (
        waits
        | latest & until
        | went_back & until
        | Q(period_index__lt=F("subscription__period_index"), expires_at__lte=F("subscription__paid_from"))
        | Q(subscription__ended_at__isnull=False, expires_at__lte=F("subscription__ended_at"))
    )
    problem = "lasts until {0.expires_at}, which its subscription does not give to the period {0.period_index}"
    yield from named(breaking(runs, kept), problem)


AUDITS: list[Audit] = [_windows, _renewals, _pauses, _grants]
