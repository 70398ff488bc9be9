"""What a subscription gave: the grants that are a part of it, and how long they last."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import ledger
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
        ends=subscription.access_until,
    )


def going_on(subscription: Subscription) -> QuerySet[Grant]:
    """Its grants that are not over, those that are used up too, whoever has them after a merge."""
    grants = Grant.objects.using(write_alias()).filter(subscription=subscription.pk, ended_at__isnull=True)
    return grants.select_related("feature", "product").order_by("pk")


def stretch(customer: Customer, subscription: Subscription, until: datetime, *, at: datetime) -> None:
    """Let what the latest period brought last until an instant, or until now where that is over.

    Lines with a period of their own keep it, and a pause that is to come ends what is not left over. After
    ``catch_up``: nothing of it may be over that is not written down.
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
    take_away(customer, over, at=at)


def take_away(customer: Customer, grants: Iterable[Grant], *, at: datetime, reason: str = "") -> None:
    """End grants now."""
    endings = [(grant, at) for grant in grants]
    if endings:
        ledger.end(customer, endings, GrantEnd.REVOKED, reason=reason)
