"""forget_renewal: what waited for an order that nobody will pay has another one made."""

from __future__ import annotations

from datetime import datetime

from billable.customers.models import Customer
from billable.orders.models import Order
from billable.quota.catch_up import catch_up
from billable.subscriptions.read import get_subscription
from billable.subscriptions.store import settle, store


def forget_renewal(customer: Customer, order: Order, now: datetime) -> None:
    """A locked order was cancelled or expired: let the subscription that waits for it wait for another one.

    An expired order still takes its money, until another one is made.
    """
    for subscription_id in {item.subscription_id for item in order.items.all() if item.subscription_id is not None}:
        subscription = get_subscription(subscription_id)
        if subscription.renewal_id == order.pk:
            catch_up(customer, now)
            settle(subscription, now)
            subscription.renewal_id = None
            store(subscription, now)
