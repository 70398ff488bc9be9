"""expire_orders: what nobody paid in time is called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import clock, inputs
from billable.customers.models import Customer
from billable.customers.services import due_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid
from billable.orders.lifecycle import OrderStatus, UnappliedReason
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.state import let_go, save_state
from billable.promotions.kinds import Release
from billable.promotions.uses import release
from billable.signals import emit

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class OrderSweep:
    """What a sweep of the orders did: how many of them expired."""

    orders: int


def expire_orders(*, older_than: timedelta | None = None, limit: int | None = None) -> OrderSweep:
    """Expire up to ``limit`` pending orders (None: all) whose time to be paid is over.

    That time is set by ``BILLABLE_ORDER_TTL_HOURS`` when an order is made. ``older_than`` expires whatever was ordered
    longer ago, whether or not a time was set. Money that an order had taken becomes unapplied,
    and a promotion code gets its use back; an expired order still
    takes the exact money. Each order is a transaction of its own; any number of sweeps may run at once. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    return OrderSweep(orders=_sweep(_overdue(older_than), most))


def expire_orders_of(customers: QuerySet[Customer, Any]) -> int:
    """Expire the orders of some customers whose time to be paid is over, by their clock; how many there were."""
    return _sweep(_overdue().filter(customer__in=customers), None)


def next_expiry(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    """The first instant after another at which an order of some customers expires."""
    waiting = _pending().filter(customer__in=customers, expires_at__gt=after)
    first: datetime | None = waiting.aggregate(first=Min("expires_at"))["first"]
    return first


def _sweep(waiting: QuerySet[Order], most: int | None) -> int:
    expired, last = 0, None
    while most is None or expired < most:
        rest = waiting if last is None else waiting.filter(pk__gt=last)
        batch = list(rest.values_list("pk", "customer_id")[: BATCH if most is None else min(BATCH, most - expired)])
        if not batch:
            break
        expired += sum(_expire(order_id, customer_id) for order_id, customer_id in batch)
        last = batch[-1][0]
    return expired


def _pending() -> QuerySet[Order]:
    return Order.objects.using(write_alias()).filter(status=OrderStatus.PENDING.value).order_by("pk")


def _overdue(older_than: timedelta | None = None) -> QuerySet[Order]:
    """The orders that are to expire, each by the clock of its customer. Raises Invalid."""
    if older_than is None:
        return _pending().filter(due_for("expires_at__lte"))
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise Invalid(field="older_than", problem="must be a span of time above zero")
    try:
        return _pending().filter(due_for("created_at__lt", clock.now() - older_than))
    except OverflowError:
        return _pending().none()


@unit_of_work
def _expire(order_id: UUID, customer_id: UUID) -> int:
    customer = lock_customer_id(customer_id)
    order = get_order(order_id)
    if order.status != OrderStatus.PENDING.value:
        return 0
    order.status = OrderStatus.EXPIRED.value
    let_go(order, UnappliedReason.EXPIRED)
    save_state(order)
    emit("order.expired", order=order)
    if order.promotion_code:
        release(customer, order.pk, Release.EXPIRED)
    return 1
