"""What a subscription gave: the grants that are a part of it, and how long they last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import ledger, resets, succession
from billable.quota.allowance import Allowance, AllowanceQuerySet
from billable.quota.given import living
from billable.quota.grant import Placement
from billable.quota.kinds import GrantEnd
from billable.quota.models import Grant
from billable.subscriptions.models import Subscription


def placement(subscription: Subscription) -> Placement:
    """The window of what the latest period brings."""
    return Placement(
        subscription=subscription.pk,
        index=subscription.period_index,
        anchor=subscription.anchor,
        zone=subscription.zone,
        starts=subscription.paid_from,
        paid_until=subscription.paid_until,
        ends=subscription.access_until,
    )


def going_on(subscription: Subscription) -> QuerySet[Grant]:
    """Its grants that are not over, those that are used up too, whoever has them after a merge."""
    grants = Grant.objects.using(write_alias()).filter(subscription=subscription.pk, ended_at__isnull=True)
    return grants.select_related("feature", "product").order_by("pk")


def recurring(subscription: Subscription, at: datetime) -> AllowanceQuerySet:
    """Its allowances that run, whoever has them after a merge."""
    rows = Allowance.objects.using(write_alias()).filter(subscription=subscription.pk)
    return rows.running(at).select_related("feature", "product").order_by("pk")


def stretch(customer: Customer, subscription: Subscription, until: datetime, *, at: datetime) -> None:
    """Let what the latest period brought last until an instant, or until now where that is over.

    Lines with a period of their own keep it, what comes anew comes while it is paid for, a pause that is to come ends
    what is not left over. After ``catch_up``: what of it is over must be written down.
    """
    if subscription.paused_at is not None and at < subscription.paused_at:
        until = min(until, subscription.paused_at)
    latest = going_on(subscription).filter(period_index=subscription.period_index, period_count__isnull=True)
    over: list[Grant] = []
    for grant in latest.filter(expires_at__isnull=False):
        grant.expires_at = max(until, at)
        if grant.expires_at <= grant.valid_from:
            over.append(grant)
            continue
        ledger.move(customer, grant)
        if grant.expires_at <= at:
            ledger.end(customer, [(grant, at)], GrantEnd.EXPIRED)
    _take(customer, over, at=at)
    for allowance in recurring(subscription, at).filter(anchor__gte=subscription.paid_from, period_count__isnull=True):
        _recount(customer, allowance, max(subscription.paid_until, at), at=at)


def cut_short(customer: Customer, subscription: Subscription, *, at: datetime) -> None:
    """Let what came back of earlier periods not last into the latest one, which was paid for meanwhile."""
    begins = subscription.paid_from
    earlier = going_on(subscription).filter(period_index__lt=subscription.period_index, period_count__isnull=True)
    over: list[Grant] = []
    for grant in earlier.filter(expires_at__gt=begins):
        if begins <= at:
            over.append(grant)
            continue
        grant.expires_at = begins
        ledger.move(customer, grant)
    _take(customer, over, at=at)


def take_away(customer: Customer, subscription: Subscription, *, at: datetime, reason: str = "") -> None:
    """End all that it gave, now."""
    succession.end(recurring(subscription, at), GrantEnd.REVOKED, at=at, reason=reason)
    _take(customer, going_on(subscription), at=at, reason=reason)


def _take(customer: Customer, grants: Iterable[Grant], *, at: datetime, reason: str = "") -> None:
    endings = [(grant, at) for grant in grants]
    if endings:
        ledger.end(customer, endings, GrantEnd.REVOKED, reason=reason)


def _recount(customer: Customer, allowance: Allowance, until: datetime, *, at: datetime) -> None:
    """Let what comes anew within a period end where that is paid until: nothing comes in the grace."""
    if until <= allowance.anchor:
        succession.end([allowance], GrantEnd.REVOKED, at=at)
        _take(customer, living(allowance), at=at)
        return
    allowance.expires_at = until
    periods = allowance.recurrence
    allowance.next_at = periods.start(allowance.next_index)
    resets.save(allowance, "expires_at", "next_at")
    if allowance.next_at is not None:
        ledger.mind(customer, allowance.next_at)
    # What was used up in an earlier period is over by its time, and stays as it is.
    for grant in living(allowance).filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at)):
        grant.expires_at = periods.end(grant.period_index + grant.period_span - 1)
        ledger.move(customer, grant)
        if grant.expires_at is not None and grant.expires_at <= at:
            ledger.end(customer, [(grant, at)], GrantEnd.EXPIRED)
