"""Pauses: time stands still, and what is left of it and of the units is kept.

The windows of what the subscription gave move by the pause; no units do, so none can be lost or made. When the end of
the pause is known they move at once, and nothing has to happen when it comes. When it is not, they wait at the end of
the calendar, and the pause remembers what they were.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from billable import clock
from billable.actor import current_actor
from billable.catalog.periods import LAST
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import unit_of_work, write_alias
from billable.quota import ledger
from billable.quota.catch_up import catch_up
from billable.quota.models import Grant
from billable.signals import emit
from billable.subscriptions.holdings import going_on, stretch
from billable.subscriptions.lifecycle import Cycle, SubscriptionStatus
from billable.subscriptions.models import Subscription, SubscriptionPause
from billable.subscriptions.read import lock_subscription, refuse_unless
from billable.subscriptions.store import access_end, count_from, next_from, settle, store

_OVER = (SubscriptionStatus.ENDED, SubscriptionStatus.SUSPENDED)
_GOES_ON = tuple(status for status in SubscriptionStatus if status not in _OVER)


@unit_of_work
def resume_subscription(subscription: Subscription | UUID | str) -> Subscription:
    """End a pause now, or call off one that has not begun. A second time does nothing.

    What was left of the period when the pause began is left again, and the next one begins when that is over.

    Raises SubscriptionNotFound, WrongSubscriptionState when it has ended or its payment is disputed.
    """
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    refuse_unless(locked, now, "resumed", *_GOES_ON)
    catch_up(customer, now)
    settle(locked, now)
    if not pick_up(customer, locked, now):
        locked.replayed = True
        return locked
    store(locked, now)
    emit("subscription.resumed", subscription=locked)
    return locked


def stand_still(
    customer: Customer,
    subscription: Subscription,
    now: datetime,
    *,
    at_period_end: bool,
    resumes_at: datetime | None,
    reason: str,
) -> None:
    """Pause a locked subscription that runs, now or when its period ends. After ``catch_up``."""
    begins = subscription.paid_until if at_period_end else now
    pause = SubscriptionPause(
        customer_id=subscription.customer_id,
        subscription=subscription,
        begins_at=begins,
        ends_at=resumes_at,
        before={"anchor": subscription.anchor.isoformat(), "anchor_index": subscription.anchor_index, "windows": {}},
        reason=reason,
        actor=current_actor(),
        created_at=clock.now(),
    )
    subscription.paused_at, subscription.resumes_at = begins, resumes_at
    if at_period_end:
        # Nothing of the period is left over by then, and the grace is for who does not pay.
        stretch(customer, subscription, begins, at=now)
        subscription.access_until = subscription.paid_until
        if resumes_at is not None:
            _move(subscription, resumes_at - begins)
    elif resumes_at is None:
        pause.before["windows"] = _set_aside(customer, subscription)
    else:
        _shift(customer, subscription, resumes_at - now, begins=now)
    SubscriptionPause.objects.using(write_alias()).bulk_create([pause])
    store(subscription, now)
    emit("subscription.paused", subscription=subscription)


def pick_up(customer: Customer, subscription: Subscription, now: datetime) -> bool:
    """Let a locked subscription go on that is paused, or will be. The caller stores it. After ``catch_up``."""
    if subscription.paused_at is None or (subscription.resumes_at is not None and subscription.resumes_at <= now):
        return False
    pauses = SubscriptionPause.objects.using(write_alias()).filter(subscription=subscription.pk)
    pause = pauses.order_by("-pk")[0]
    begins, ends = subscription.paused_at, subscription.resumes_at
    if now < begins:
        _call_off(subscription, pause)
    elif ends is not None and ends == subscription.paid_until:
        # It began where the period ended, and moved nothing but what comes next.
        _move(subscription, now - ends)
    elif ends is not None:
        _shift(customer, subscription, now - ends, begins=ends)
    else:
        _bring_back(customer, subscription, pause, now)
        _move(subscription, now - begins)
    subscription.paused_at, subscription.resumes_at = (None, None) if now < begins else (begins, now)
    pauses.filter(pk=pause.pk, customer=pause.customer_id).update(ends_at=max(now, begins))
    subscription.access_until = access_end(subscription)
    stretch(customer, subscription, subscription.access_until, at=now)
    return True


def _call_off(subscription: Subscription, pause: SubscriptionPause) -> None:
    """A pause that would begin with the end of the period does not: the next one begins there, counted as it was."""
    anchor = datetime.fromisoformat(pause.before["anchor"])
    index = pause.before["anchor_index"]
    cycle = Cycle(anchor=anchor, anchor_index=index, period=subscription.interval, zone=subscription.zone)
    count_from(subscription, cycle)
    if subscription.resumes_at is not None:
        subscription.paid_from -= subscription.resumes_at - pause.begins_at
    if subscription.trial_until == subscription.paid_until:
        subscription.trial_until = pause.begins_at
    subscription.paid_until = pause.begins_at


def _shift(customer: Customer, subscription: Subscription, span: timedelta, *, begins: datetime) -> None:
    """Move everything that is left after ``begins`` by a span, back and forth."""
    for grant in going_on(subscription):
        grant.valid_from = max(grant.valid_from, begins) + span
        until = None if grant.expires_at is None else _later(grant.expires_at, span)
        _window(customer, grant, grant.valid_from, until)
    _move(subscription, span)


def _move(subscription: Subscription, span: timedelta) -> None:
    subscription.paid_from += span
    moved = _later(subscription.paid_until, span)
    if subscription.trial_until == subscription.paid_until:
        subscription.trial_until = moved
    next_from(subscription, moved)


def _set_aside(customer: Customer, subscription: Subscription) -> dict[str, Any]:
    """Let nothing of it be valid until somebody says so; what its windows were, by the first grant of each line."""
    windows = {}
    for grant in going_on(subscription):
        until = None if grant.expires_at is None else grant.expires_at.isoformat()
        windows[str(grant.origin_id or grant.pk)] = [grant.valid_from.isoformat(), until]
        _window(customer, grant, LAST, None)
    return windows


def _bring_back(customer: Customer, subscription: Subscription, pause: SubscriptionPause, now: datetime) -> None:
    span = now - pause.begins_at
    for grant in going_on(subscription):
        window = pause.before["windows"].get(str(grant.origin_id or grant.pk))
        if window is None:
            continue
        began = max(datetime.fromisoformat(window[0]), pause.begins_at)
        until = None if window[1] is None else _later(datetime.fromisoformat(window[1]), span)
        _window(customer, grant, began + span, until)


def _window(customer: Customer, grant: Grant, valid_from: datetime, expires_at: datetime | None) -> None:
    grant.valid_from, grant.expires_at = valid_from, expires_at
    ledger.move(customer, grant)


def _later(instant: datetime, span: timedelta) -> datetime:
    """An instant moved by a span, not past the end of the calendar."""
    return instant + min(span, max(LAST - instant, timedelta(0)))
