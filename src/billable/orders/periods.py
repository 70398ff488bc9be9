"""The periods that a paid order pays for: subscriptions that it begins, or that go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders.cancel import call_off
from billable.orders.lifecycle import OrderStatus
from billable.orders.models import Order, OrderItem
from billable.orders.read import get_order
from billable.quota.catch_up import catch_up
from billable.quota.grant import Placement
from billable.subscriptions.holdings import placement
from billable.subscriptions.models import Subscription
from billable.subscriptions.periods import Purchase, begin, extend, on_trial
from billable.subscriptions.read import get_subscription


def pay_periods(customer: Customer, order: Order, now: datetime) -> Mapping[UUID, Placement]:
    """Begin or extend the subscription of each item that pays for a period; their windows, by the item's id.

    Which period it is nobody decided before: it is the next one that is not paid.
    """
    placements: dict[UUID, Placement] = {}
    for item in order.items.all():
        if (interval := item.recurs) is None:
            continue
        if not placements:
            # What was to end by now has ended before anything is moved.
            catch_up(customer, now)
        purchase = Purchase(
            product=item.product,
            seats=item.quantity,
            interval=interval,
            grace_days=item.grace_days or 0,
            credit_minor=item.credit_minor,
        )
        subscription = _pay(customer, order, item, purchase, now)
        _note(item, subscription)
        placements[item.pk] = placement(subscription)
    return placements


def _pay(customer: Customer, order: Order, item: OrderItem, purchase: Purchase, now: datetime) -> Subscription:
    # Who buys what they are trying pays for what comes after the trial.
    running = item.subscription_id or on_trial(customer, item.product, order.currency, now)
    if running is None:
        return begin(order.customer, purchase, order.currency, now)
    subscription = get_subscription(running)
    if subscription.renewal_id not in (None, order.pk):
        drop_renewal(customer, subscription)
    extend(customer, subscription, purchase, now)
    return subscription


def drop_renewal(customer: Customer, subscription: Subscription) -> None:
    """Call off the order for the next period of a locked subscription, and those before it that expired.

    The caller stores that there is none.
    """
    items = OrderItem.objects.using(write_alias()).filter(subscription=subscription.pk, period_index__isnull=True)
    expired = items.filter(change__isnull=True, order__status=OrderStatus.EXPIRED.value)
    waiting = set(expired.values_list("order", flat=True))
    if subscription.renewal_id is not None:
        waiting.add(subscription.renewal_id)
    for order in (get_order(order_id) for order_id in sorted(waiting)):
        if order.status in (OrderStatus.PENDING.value, OrderStatus.EXPIRED.value):
            call_off(customer, order, "")
    subscription.renewal_id = None


def _note(item: OrderItem, subscription: Subscription) -> None:
    """Write down at an item what it paid for."""
    item.subscription, item.period_index = subscription, subscription.period_index
    item.period_from, item.period_until = subscription.paid_from, subscription.paid_until
    rows = OrderItem.objects.using(write_alias()).filter(pk=item.pk, customer=item.customer_id)
    rows.update(
        subscription=subscription,
        period_index=item.period_index,
        period_from=item.period_from,
        period_until=item.period_until,
    )
