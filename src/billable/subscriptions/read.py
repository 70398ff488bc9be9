"""get_subscription and list_subscriptions, and how verbs come by the subscription that they change."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from billable import inputs, paging
from billable.customers.models import Customer
from billable.customers.services import apart, find_customer, now_for
from billable.customers.subjects import Subject, family, family_of, lock_owner
from billable.db.units import write_alias
from billable.errors import Invalid, SubscriptionNotFound, WrongSubscriptionState
from billable.paging import DEFAULT_LIMIT, Page
from billable.subscriptions.lifecycle import SubscriptionStatus
from billable.subscriptions.models import Subscription


def get_subscription(subscription: Subscription | UUID | str) -> Subscription:
    """A subscription as it stands, with its products and customer. Raises SubscriptionNotFound."""
    subscription_id = _id_of(subscription)
    found = _with_parts().filter(pk=subscription_id).first()
    if found is None:
        raise SubscriptionNotFound(subscription=str(subscription_id))
    return found


def _id_of(subscription: Subscription | UUID | str) -> UUID:
    if isinstance(subscription, Subscription):
        return subscription.pk
    subscription_id = inputs.known_identifier(subscription)
    if subscription_id is None:
        raise SubscriptionNotFound(subscription=str(subscription)[:100])
    return subscription_id


def list_subscriptions(
    user: Subject | None = None,
    *,
    status: str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Subscription]:
    """Subscriptions, newest first: of ``user`` or (None) of everybody, all or those that are ``active``, ``ended``, …

    Of everybody, the status goes by the common clock. ``sandbox`` narrows to customers of the sandbox (True) or to real
    ones (False). Raises Invalid.
    """
    size, rows = paging.page_limit(limit), _with_parts().order_by("-pk")
    if status is not None:
        rows = rows.filter(stands(status, now_for(None if user is None else find_customer(user))))
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    rows = apart(rows, sandbox)
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def stands(status: str, now: datetime) -> Q:
    """What the rows of subscriptions with a status are like; the status of one row is ``Subscription.status``."""
    if status not in [each.value for each in SubscriptionStatus]:
        raise Invalid(field="status", problem="is no status of a subscription")
    paused = Q(paused_at__isnull=False, paused_at__lte=now) & (Q(resumes_at__isnull=True) | Q(resumes_at__gt=now))
    ended, suspended = Q(ended_at__isnull=False), Q(suspended_at__isnull=False)
    cancelled, trialing = Q(cancelled_at__isnull=False), Q(trial_until__isnull=False, trial_until__gt=now)
    runs = ~ended & ~suspended & ~paused & Q(access_until__gt=now)
    kept = {
        SubscriptionStatus.SUSPENDED: ~ended & suspended,
        SubscriptionStatus.PAUSED: ~ended & ~suspended & paused,
        SubscriptionStatus.CANCELLED: runs & cancelled,
        SubscriptionStatus.TRIALING: runs & ~cancelled & trialing,
        SubscriptionStatus.ACTIVE: runs & ~cancelled & ~trialing & Q(paid_until__gt=now),
        SubscriptionStatus.PAST_DUE: runs & ~cancelled & ~trialing & Q(paid_until__lte=now),
        SubscriptionStatus.ENDED: ended | ~suspended & ~paused & Q(access_until__lte=now),
    }
    return kept[SubscriptionStatus(status)]


def going_on_of(customer: Customer) -> QuerySet[Subscription]:
    """The subscriptions of a customer and of those that it absorbed that have not ended, newest first."""
    rows = _with_parts().filter(customer__in=family(customer.pk)).order_by("-pk")
    return rows.exclude(stands(SubscriptionStatus.ENDED.value, now_for(customer)))


def lock_subscription(subscription: Subscription | UUID | str) -> tuple[Customer, Subscription]:
    """Lock the customer of a subscription; both as they stand then. Raises SubscriptionNotFound."""
    subscription_id = _id_of(subscription)
    customer = lock_owner(Subscription.objects.filter(pk=subscription_id))
    if customer is None:
        raise SubscriptionNotFound(subscription=str(subscription_id))
    return customer, get_subscription(subscription_id)


def refuse_unless(subscription: Subscription, now: datetime, verb: str, *statuses: SubscriptionStatus) -> None:
    """Refuse to do something to a subscription that stands otherwise. Raises WrongSubscriptionState."""
    status = subscription.instants.status(now)
    if status not in statuses:
        raise WrongSubscriptionState(subscription=str(subscription.pk), subscription_status=status.value, verb=verb)


def _with_parts() -> QuerySet[Subscription]:
    rows = Subscription.objects.using(write_alias())
    return rows.select_related("customer", "product", "next_product")
