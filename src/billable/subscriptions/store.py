"""How a locked subscription is written: its instants, and what follows from them for the sweeps."""

from __future__ import annotations

from datetime import datetime

from billable.conf import knobs
from billable.db.units import write_alias
from billable.signals import emit
from billable.subscriptions.lifecycle import Change, Cycle, SubscriptionEnd, access_after, renewal_due
from billable.subscriptions.models import Subscription

_CHANGED = (
    *("product_id", "seats", "interval_count", "interval_unit", "grace_days", "anchor", "anchor_index"),
    *("period_index", "paid_from", "paid_until", "access_until", "trial_until", "cancelled_at", "reason"),
    *("paused_at", "resumes_at", "suspended_at", "ended_at", "ended_as", "renews_at", "due_at", "renewal_id"),
    *("next_product_id", "next_seats", "credit_minor"),
)


def store(subscription: Subscription, now: datetime) -> None:
    """Write where a locked subscription stands, and when somebody has to look at it again."""
    _schedule(subscription, now)
    rows = Subscription.objects.using(write_alias()).filter(pk=subscription.pk, customer=subscription.customer_id)
    rows.update(**{name: getattr(subscription, name) for name in _CHANGED})


def insert(subscription: Subscription, now: datetime) -> None:
    """Write a new subscription."""
    _schedule(subscription, now)
    Subscription.objects.using(write_alias()).bulk_create([subscription])


def settle(subscription: Subscription, now: datetime) -> list[Change]:
    """Write down, once, what time did to a locked subscription until ``now``."""
    if subscription.due_at is None or subscription.due_at > now:
        return []
    instants, since = subscription.instants, subscription.due_at
    due = [(instant, change) for instant, change in instants.changes() if since <= instant <= now]
    for instant, change in due:
        if change is Change.ENDED:
            end(subscription, instant, instants.ending())
        else:
            emit(change.value, subscription=subscription)
    store(subscription, now)
    return [change for _, change in due]


def end(subscription: Subscription, at: datetime, how: SubscriptionEnd) -> None:
    """Let a subscription be over since an instant. It is the caller's to store."""
    subscription.ended_at, subscription.ended_as = at, how.value
    emit(Change.ENDED.value, subscription=subscription)


def lift(subscription: Subscription, now: datetime) -> None:
    """Let a locked subscription not be suspended any more. The time that passed meanwhile is over."""
    subscription.suspended_at = None
    if subscription.paid_until > now or subscription.instants.is_paused(now):
        return
    if subscription.cancelled_at is None:
        next_from(subscription, now)
        # Also without a grace: the next period could not be ordered before.
        subscription.access_until = max(subscription.access_until, access_after(now, days_to_pay()))
    elif subscription.access_until <= now:
        end(subscription, subscription.access_until, subscription.instants.ending())


def count_from(subscription: Subscription, cycle: Cycle) -> None:
    """Let its periods be counted as in a cycle."""
    subscription.anchor, subscription.anchor_index = cycle.anchor, cycle.anchor_index
    subscription.interval_count, subscription.interval_unit = cycle.period.count, cycle.period.unit.value


def next_from(subscription: Subscription, instant: datetime) -> None:
    """Let the next period begin at an instant, and access end as it follows from that."""
    following = subscription.period_index + 1
    count_from(subscription, subscription.cycle.from_here(following, instant))
    subscription.paid_until = instant
    subscription.access_until = access_end(subscription)


def access_end(subscription: Subscription) -> datetime:
    """When access ends by its rules: with the period when it will not renew, else after the grace."""
    if subscription.cancelled_at is not None:
        return subscription.paid_until
    days = subscription.grace_days
    if subscription.paid_until == subscription.resumes_at:
        # A pause ends with nothing left over: the next period could not be ordered before.
        days = max(days, days_to_pay())
    # Who pays within the grace pays for a period that is not over yet.
    after_next = subscription.cycle.begins(subscription.period_index + 2)
    return max(subscription.paid_until, min(access_after(subscription.paid_until, days), after_next))


def days_to_pay() -> int:
    """How long what comes back with nothing left can be paid for at least: as long as an order is made ahead."""
    return max(knobs.renewal_lead_days, 1)


def _schedule(subscription: Subscription, now: datetime) -> None:
    stands_still = subscription.paused_at is not None and subscription.resumes_at is None
    stops = (subscription.ended_at, subscription.cancelled_at, subscription.suspended_at, subscription.renewal_id)
    renews = not stands_still and all(stop is None for stop in stops)
    subscription.renews_at = (
        renewal_due(subscription.paid_from, subscription.paid_until, knobs.renewal_lead_days) if renews else None
    )
    subscription.due_at = subscription.instants.next_change_at(now)
