"""undo_change: what was to change does not."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable.changes.kinds import ChangeTime
from billable.changes.models import PlanChange
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import unit_of_work, write_alias
from billable.orders.cancel import call_off
from billable.orders.lifecycle import OrderStatus
from billable.orders.periods import drop_renewal
from billable.orders.read import get_order
from billable.quota.catch_up import catch_up
from billable.signals import emit
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription
from billable.subscriptions.store import settle, store

_OPEN = (OrderStatus.PENDING.value, OrderStatus.EXPIRED.value)


@unit_of_work
def undo_change(subscription: Subscription | UUID | str) -> Subscription:
    """Undo what was scheduled for the end of the period, and call off the order of a change that waits for its money.

    Money that such an order had taken becomes unapplied. What has been changed is not undone: change it again. A second
    time does nothing. Raises SubscriptionNotFound.
    """
    customer, locked = lock_subscription(subscription)
    now = now_for(customer)
    changes = _open(locked)
    if not changes:
        locked.replayed = True
        return locked
    catch_up(customer, now)
    settle(locked, now)
    for change in changes:
        _drop(customer, locked, change, now)
    store(locked, now)
    return locked


def _open(subscription: Subscription) -> list[PlanChange]:
    rows = PlanChange.objects.using(write_alias()).filter(subscription=subscription.pk)
    rows = rows.filter(applied_at__isnull=True, dropped_at__isnull=True, period_index=subscription.period_index)
    return list(rows.select_related("item", "from_product", "to_product").order_by("pk"))


def _drop(customer: Customer, subscription: Subscription, change: PlanChange, now: datetime) -> None:
    if change.at == ChangeTime.PERIOD_END.value:
        drop_renewal(customer, subscription)
        subscription.next_product = subscription.next_seats = None
    else:
        order = get_order(change.item.order_id)
        if order.status in _OPEN:
            call_off(customer, order, "")
    change.dropped_at = now
    rows = PlanChange.objects.using(write_alias()).filter(pk=change.pk, customer=change.customer_id)
    rows.update(dropped_at=now)
    change.subscription = subscription
    emit("subscription.change_undone", change=change)
