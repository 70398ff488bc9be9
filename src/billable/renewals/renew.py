"""renew_subscription and make_renewals: the order that pays for the next period, made ahead. Nobody is charged here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import inputs
from billable.catalog.models import Product
from billable.catalog.periods import LAST
from billable.conf import knobs
from billable.customers.models import Customer
from billable.customers.services import due_for, now_for
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty, keys
from billable.errors import BillableError, Invalid, NotForSale, Retryable
from billable.orders.basket import Basket, fill
from billable.orders.create import Wish, draft, write
from billable.orders.lifecycle import OrderStatus
from billable.orders.models import Order, OrderItem
from billable.orders.periods import drop_renewal
from billable.orders.read import get_order
from billable.quota.catch_up import catch_up
from billable.signals import emit
from billable.subscriptions.lifecycle import SubscriptionStatus, renewal_due
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription, refuse_unless
from billable.subscriptions.store import settle, store

logger = logging.getLogger("billable")
RENEWABLE = (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


@dataclass(frozen=True, kw_only=True)
class RenewalFailure:
    """A subscription that cannot be renewed as the catalogue stands: which, and the refusal's code and message."""

    subscription: UUID
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class RenewalSweep:
    """What a sweep did: how many renewal orders it made, and which it could not make. Those are tried again."""

    orders: int
    failures: tuple[RenewalFailure, ...]


@unit_of_work
def renew_subscription(subscription: Subscription | UUID | str) -> Order:
    """Order the next period of a subscription, at the catalogue's price of the day in the subscription's currency.

    The order is confirmed like any other, and expires when access ends. Its credit is taken off first; when nothing is
    left to pay it is paid. While one waits for money a repeat answers with it (``replayed``); one that expired or was
    cancelled is replaced, and takes no money any more. One of nothing to pay is the answer (``replayed``) until the
    period that it paid for has begun.

    Raises SubscriptionNotFound, WrongSubscriptionState when it is cancelled, paused, suspended or has ended, NotForSale
    and CurrencyMismatch when the catalogue has no such product or price any more, Invalid.
    """
    customer, locked = lock_subscription(subscription)
    return _renew(customer, locked)


def make_renewals(*, limit: int | None = None) -> RenewalSweep:
    """Make the renewal orders that are due: ``BILLABLE_RENEWAL_LEAD_DAYS`` before each period ends.

    ``limit`` is how many subscriptions are looked at; None is all that are due. Each is a transaction of its own; any
    number of sweeps may run at once. What cannot be renewed is told, and tried again by the next sweep. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    answers = [_attempt(subscription_id) for subscription_id in keys(_due(), most=most)]
    failures = tuple(answer for answer in answers if isinstance(answer, RenewalFailure))
    return RenewalSweep(orders=answers.count(True), failures=failures)


def _attempt(subscription_id: UUID) -> bool | RenewalFailure:
    """Whether an order was made, or why it cannot be."""
    try:
        return bool(_renew_if_due(subscription_id))
    except Retryable:
        raise
    except BillableError as refusal:
        return RenewalFailure(subscription=subscription_id, code=refusal.code, message=refusal.message)


def _do(subscription_id: UUID) -> bool:
    answer = _attempt(subscription_id)
    if isinstance(answer, RenewalFailure):
        # The catalogue has to change first: nothing that a sweep could do again and again, or that stops a clock.
        logger.warning("renewals: %s is not renewed: %s", subscription_id, answer.message)
        return False
    return answer


def _due(now: datetime | None = None) -> QuerySet[Subscription]:
    return Subscription.objects.using(write_alias()).filter(due_for("renews_at__lte", now))


def _next_at(customers: QuerySet[Any, Any], after: datetime) -> datetime | None:
    rows = Subscription.objects.using(write_alias()).filter(customer__in=customers, renews_at__gt=after)
    first: datetime | None = rows.aggregate(first=Min("renews_at"))["first"]
    return first


@unit_of_work
def _renew_if_due(subscription_id: UUID) -> int:
    customer, locked = lock_subscription(subscription_id)
    now = now_for(customer)
    if locked.renews_at is None or locked.renews_at > now:
        return 0
    if locked.instants.status(now) not in RENEWABLE:
        # Its time ran out before anybody came: there is nothing left to renew.
        settle(locked, now)
        return 0
    _renew(customer, locked)
    return 1


def _renew(customer: Customer, subscription: Subscription) -> Order:
    now = now_for(customer)
    refuse_unless(subscription, now, "renewed", *RENEWABLE)
    if subscription.renewal_id is not None:
        standing = get_order(subscription.renewal_id)
        if standing.status == OrderStatus.PENDING.value:
            standing.replayed = True
            return standing
    basket = basket_for(subscription)
    if earlier := _free_already(subscription, basket, now):
        earlier.replayed = True
        return earlier
    catch_up(customer, now)
    settle(subscription, now)
    drop_renewal(customer, subscription)
    order = place_renewal(customer, subscription, basket, now)
    if order.status == OrderStatus.PENDING.value:
        subscription.renewal_id = order.pk
        store(subscription, now)
    emit("renewal.created", order=order)
    return order


def _free_already(subscription: Subscription, basket: Basket, now: datetime) -> Order | None:
    """The order that paid the latest period for nothing, where a repeat would buy one more.

    That is while the period has not begun; and of one that was paid late, while another that costs nothing is not due.
    """
    paid = OrderItem.objects.using(write_alias()).filter(
        subscription=subscription.pk, period_index=subscription.period_index, change__isnull=True
    )
    item = paid.filter(order__total_amount_minor=0, period_index__gt=0).first()
    (price,) = basket.amounts_minor
    costs_nothing = price <= subscription.credit_minor
    is_due = now >= renewal_due(subscription.paid_from, subscription.paid_until, knobs.renewal_lead_days)
    if item is None or (now >= subscription.paid_from and (is_due or not costs_nothing)):
        return None
    return get_order(item.order_id)


def basket_for(subscription: Subscription) -> Basket:
    """What the next period costs, as the catalogue stands. Raises NotForSale, CurrencyMismatch, Invalid."""
    product: Product = subscription.next_product or subscription.product
    seats = subscription.next_seats or subscription.seats
    basket = fill([(product.sku, seats)], subscription.currency)
    if basket.listings[product.sku].product.recurs is None:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} does not recur any more")
    if subscription.cycle.begins(subscription.period_index + 2) >= LAST:
        raise Invalid(field="period", problem="reaches past the year 9999")
    return basket


def place_renewal(customer: Customer, subscription: Subscription, basket: Basket, now: datetime) -> Order:
    """Write the order for the next period of a locked subscription, with its credit taken off."""
    (price,) = basket.amounts_minor
    credit = min(subscription.credit_minor, price)
    wish = Wish(
        lines=[(line.sku, line.quantity) for line in basket.wanted],
        currency=subscription.currency,
        promotion_code=None,
        idempotency_key=None,
        metadata={},
    )
    order = draft(subscription.customer, basket, wish, now, credits_minor=[credit])
    if order.total_amount_minor:
        order.expires_at = subscription.access_until
    for item in order.items.all():
        item.subscription = subscription
    return write(customer, order)


RENEWALS = Duty(name="renewals", due=_due, do=_do, next_at=_next_at)
"""Renewal orders that are to be made ahead."""
