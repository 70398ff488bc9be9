"""The subscriptions of an order whose money goes back, or may have to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from billable.changes.kinds import ChangeKind
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, OrderItem
from billable.orders.periods import drop_renewal
from billable.refunds.kinds import DisputeStatus
from billable.refunds.models import Dispute
from billable.subscriptions.cancel import finish
from billable.subscriptions.lifecycle import SubscriptionEnd
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import get_subscription
from billable.subscriptions.refunded import reinstate, suspend, take_in, undo_period


def undo_periods(customer: Customer, order: Order, now: datetime) -> None:
    """End the subscriptions whose latest period went back whole. After ``catch_up``."""
    for item, index, subscription in _paid(order):
        if item.credited_by_id is not None:
            # Another plan runs instead, and has been paid for.
            continue
        is_whole = item.refunded_pieces == item.quantity and item.refunded_minor == item.total_amount_minor
        if not is_whole or index != subscription.period_index or subscription.ended_at is not None:
            continue
        drop_renewal(customer, subscription)
        undo_period(customer, subscription, index, now)


def end_credited(customer: Customer, order: Order, now: datetime) -> None:
    """End the subscriptions whose running plan was paid by credit of an order whose money a bank took back."""
    for item in order.items.all():
        if not item.credited_minor or item.subscription_id is None:
            continue
        subscription = get_subscription(item.subscription_id)
        if subscription.ended_at is None:
            drop_renewal(customer, subscription)
            finish(customer, subscription, now, SubscriptionEnd.REFUNDED)


def suspend_periods(order: Order, now: datetime) -> None:
    """The payment of an order is disputed."""
    for _, index, subscription in _paid(order):
        suspend(subscription, index, now)


def reinstate_periods(customer: Customer, order: Order, now: datetime) -> None:
    """No payment of an order is disputed any more."""
    for _, _, subscription in _paid(order):
        take_in(customer, subscription, now)
        if not _is_disputed_elsewhere(subscription, order):
            reinstate(customer, subscription, now)


def _is_disputed_elsewhere(subscription: Subscription, order: Order) -> bool:
    """Whether the latest period stays suspended, since another order that paid for it is disputed."""
    disputed = Dispute.objects.using(write_alias()).filter(status=DisputeStatus.DISPUTED.value).exclude(order=order.pk)
    items = {"order__items__subscription": subscription.pk, "order__items__period_index": subscription.period_index}
    return disputed.filter(payment_status=PaymentStatus.SUCCEEDED.value, **items).exists()


def _paid(order: Order) -> Iterator[tuple[OrderItem, int, Subscription]]:
    for item in order.items.all():
        if item.subscription_id is None:
            continue
        index, change = item.period_index, item.change
        if index is None and change is not None and change.kind == ChangeKind.PLAN.value:
            index = change.period_index
        if index is not None:
            yield item, index, get_subscription(item.subscription_id)
