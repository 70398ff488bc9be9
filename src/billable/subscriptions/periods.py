"""A period is paid for: a subscription begins, or goes on. Called when an order is paid, never by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billable import clock
from billable.actor import current_actor
from billable.catalog.models import Product
from billable.catalog.periods import LAST, Period
from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.errors import NotForSale
from billable.ids import new_id
from billable.signals import emit
from billable.subscriptions.holdings import stretch
from billable.subscriptions.lifecycle import Cycle
from billable.subscriptions.models import Subscription
from billable.subscriptions.pause import pick_up
from billable.subscriptions.store import access_end, count_from, insert, lift, settle, store


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One period as it is sold: of what, for how many, how long, and how much of it was paid by credit."""

    product: Product
    seats: int
    interval: Period
    grace_days: int
    credit_minor: int = 0


def begin(owner: Customer, purchase: Purchase, currency: str, now: datetime) -> Subscription:
    """Begin a subscription whose first period is paid for and runs from now."""
    subscription = _new(owner, purchase, currency, now)
    count_from(subscription, Cycle(anchor=now, anchor_index=0, period=purchase.interval, zone=owner.zone))
    subscription.paid_until = subscription.cycle.begins(1)
    return _start(subscription, now)


def begin_trial(owner: Customer, product: Product, currency: str, now: datetime) -> Subscription:
    """Begin a subscription with the trial of a product that has one: period 0, which nobody pays."""
    interval, trial = product.recurs, product.trial_period
    if interval is None or trial is None:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} has no trial period")
    purchase = Purchase(product=product, seats=1, interval=interval, grace_days=product.effective_grace_days)
    subscription = _new(owner, purchase, currency, now)
    ends = trial.end(now, 1, owner.zone) or LAST
    count_from(subscription, Cycle(anchor=ends, anchor_index=1, period=interval, zone=owner.zone))
    subscription.paid_until = subscription.trial_until = ends
    return _start(subscription, now)


def extend(customer: Customer, subscription: Subscription, purchase: Purchase, now: datetime) -> None:
    """Let a locked subscription have its next period, which is paid for. After ``catch_up``.

    It begins where the last one ends, also when it is paid late. If all was over before the money came, or the period
    itself would be, it begins now: what was paid for must be given. What had ended comes back to life. The subscription
    takes over what was sold.
    """
    settle(subscription, now)
    if subscription.suspended_at is not None:
        # It was the period before this one that nobody may have paid for.
        lift(subscription, now)
    was_over = subscription.ended_at is not None
    if not was_over and _stands_still(subscription, now):
        pick_up(customer, subscription, now)
    index, starts = subscription.period_index + 1, subscription.paid_until
    if was_over or _next_cycle(subscription, purchase.interval, starts).begins(index + 1) <= now:
        starts = now
    if was_over:
        _revive(subscription)
    else:
        # What is left of the old period does not leak into one that is paid for.
        stretch(customer, subscription, starts, at=now)
    count_from(subscription, _next_cycle(subscription, purchase.interval, starts))
    subscription.period_index = index
    subscription.paid_from, subscription.paid_until = starts, subscription.cycle.begins(index + 1)
    subscription.product, subscription.seats = purchase.product, purchase.seats
    subscription.grace_days = purchase.grace_days
    subscription.next_product, subscription.next_seats, subscription.renewal_id = None, None, None
    subscription.credit_minor = max(subscription.credit_minor - purchase.credit_minor, 0)
    subscription.access_until = access_end(subscription)
    store(subscription, now)
    emit("subscription.renewed", subscription=subscription)


def _next_cycle(subscription: Subscription, interval: Period, starts: datetime) -> Cycle:
    """How its periods are counted when the next one begins at an instant and is so long."""
    index, cycle = subscription.period_index + 1, subscription.cycle
    if interval != cycle.period:
        return Cycle(anchor=starts, anchor_index=index, period=interval, zone=subscription.zone)
    return cycle.from_here(index, starts)


def on_trial(customer: Customer, product: Product, currency: str, now: datetime) -> UUID | None:
    """The subscription of a product that its customer tries or tried, and that waits to be paid for in a currency."""
    rows = Subscription.objects.using(write_alias()).filter(customer__in=family(customer.pk), product=product)
    tried = rows.filter(
        currency=currency, trial_until__isnull=False, period_index=0, ended_at__isnull=True, access_until__gt=now
    )
    return tried.order_by("-pk").values_list("pk", flat=True).first()


def _stands_still(subscription: Subscription, now: datetime) -> bool:
    """Whether nobody knows when the next period can begin, or a pause is to come that the payment calls off."""
    if subscription.paused_at is None:
        return False
    return subscription.resumes_at is None or now < subscription.paused_at


def _new(owner: Customer, purchase: Purchase, currency: str, now: datetime) -> Subscription:
    return Subscription(
        id=new_id(),
        customer=owner,
        product=purchase.product,
        currency=currency,
        seats=purchase.seats,
        zone=owner.zone,
        grace_days=purchase.grace_days,
        paid_from=now,
        actor=current_actor(),
        created_at=clock.now(),
    )


def _start(subscription: Subscription, now: datetime) -> Subscription:
    subscription.access_until = access_end(subscription)
    insert(subscription, now)
    emit("subscription.started", subscription=subscription)
    return subscription


def _revive(subscription: Subscription) -> None:
    """What ended goes on; why it ended is in its events."""
    subscription.ended_at, subscription.ended_as = None, ""
    subscription.cancelled_at, subscription.reason, subscription.suspended_at = None, "", None
    subscription.paused_at, subscription.resumes_at = None, None
