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


def outlasting(subscription: Subscription, at: datetime) -> QuerySet[Grant]:
    """What is left of lines with a period of their own that ends after the period that is paid for."""
    beyond = Q(expires_at__isnull=True) | Q(expires_at__gt=max(subscription.paid_until, at))
    return going_on(subscription).filter(beyond, period_count__isnull=False, allowance__isnull=True)


def stretch(customer: Customer, subscription: Subscription, until: datetime, *, at: datetime) -> None:
    """Let what the latest period brought last until an instant, or until now where that is over.

    Lines with a period of their own keep it, what comes anew comes while it is paid for, a pause that is to come ends
    what is not left over. After ``catch_up``: what of it is over must be written down.
    """
    if subscription.paused_at is not None and at < subscription.paused_at:
        until = min(until, subscription.paused_at)
    latest = Q(period_index=subscription.period_index)
    if subscription.paid_from == subscription.paid_until:
        # The latest period went back before it began: what the one before it brought lasts in its place.
        latest |= Q(expires_at__gte=subscription.paid_from)
    _last_until(customer, _of_periods(subscription).filter(latest), until, at=at)
    for allowance in recurring(subscription, at).filter(anchor__gte=subscription.paid_from, period_count__isnull=True):
        _recount(customer, allowance, max(subscription.paid_until, at), at=at)


def shut(customer: Customer, subscription: Subscription, *, at: datetime) -> None:
    """Let nothing that earlier periods brought last into the latest one. After ``catch_up``."""
    earlier = _of_periods(subscription).filter(period_index__lt=subscription.period_index)
    if subscription.paid_from < subscription.paid_until:
        begins = subscription.paid_from
        _last_until(customer, earlier.filter(expires_at__gt=begins), begins, at=at)


def take_away(customer: Customer, subscription: Subscription, *, at: datetime, reason: str = "") -> None:
    """End all that it gave, now."""
    succession.end(recurring(subscription, at), GrantEnd.REVOKED, at=at, reason=reason)
    _take(customer, going_on(subscription), at=at, reason=reason)


def _of_periods(subscription: Subscription) -> QuerySet[Grant]:
    """What lasts as long as the period that brought it."""
    return going_on(subscription).filter(period_count__isnull=True, expires_at__isnull=False)


def _last_until(customer: Customer, grants: Iterable[Grant], until: datetime, *, at: datetime) -> None:
    over: list[Grant] = []
    for grant in grants:
        grant.expires_at = max(until, at)
        if grant.expires_at <= grant.valid_from:
            over.append(grant)
            continue
        ledger.move(customer, grant)
        if grant.expires_at <= at:
            ledger.end(customer, [(grant, at)], GrantEnd.EXPIRED)
    _take(customer, over, at=at)


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
