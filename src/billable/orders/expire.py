"""expire_orders: what nobody paid in time is called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import clock, inputs
from billable.customers.models import Customer
from billable.customers.services import due_for, now_for
from billable.customers.subjects import lock_owner
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty, keys
from billable.errors import Invalid
from billable.orders.lifecycle import OrderStatus, UnappliedReason
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.renewal import forget_renewal
from billable.orders.state import let_go, save_state
from billable.promotions.kinds import Release
from billable.promotions.uses import release
from billable.signals import emit


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


def next_expiry(customers: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    """The first instant after another at which an order of some customers expires."""
    waiting = _pending().filter(customer__in=customers, expires_at__gt=after)
    first: datetime | None = waiting.aggregate(first=Min("expires_at"))["first"]
    return first


def _sweep(waiting: QuerySet[Order], most: int | None = None) -> int:
    return sum(_expire(order_id) for order_id in keys(waiting, most=most))


def _pending() -> QuerySet[Order]:
    return Order.objects.using(write_alias()).filter(status=OrderStatus.PENDING.value)


def _due(now: datetime | None = None) -> QuerySet[Order]:
    """The orders whose time is over, each by the clock of its customer."""
    return _pending().filter(due_for("expires_at__lte", now))


def _overdue(older_than: timedelta | None = None) -> QuerySet[Order]:
    """The orders that are to expire, each by the clock of its customer. Raises Invalid."""
    if older_than is None:
        return _due()
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise Invalid(field="older_than", problem="must be a span of time above zero")
    try:
        return _pending().filter(due_for("created_at__lt", clock.now() - older_than))
    except OverflowError:
        return _pending().none()


@unit_of_work
def _expire(order_id: UUID) -> int:
    customer = lock_owner(Order.objects.filter(pk=order_id))
    order = get_order(order_id)
    if customer is None or order.status != OrderStatus.PENDING.value:
        return 0
    order.status = OrderStatus.EXPIRED.value
    let_go(order, UnappliedReason.EXPIRED)
    save_state(order)
    forget_renewal(customer, order, now_for(customer))
    emit("order.expired", order=order)
    if order.promotion_code:
        release(customer, order.pk, Release.EXPIRED)
    return 1


UNPAID_ORDERS = Duty(name="unpaid_orders", due=_due, do=_expire, next_at=next_expiry)
"""Orders that nobody paid in time."""
