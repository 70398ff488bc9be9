"""expire_orders: what nobody paid in time is called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min, QuerySet

from billable import clock, inputs
from billable.customers.subjects import lock_owner
from billable.db.units import unit_of_work, write_alias
from billable.duties import Duty, keys
from billable.errors import Invalid
from billable.orders.fulfil import save_state
from billable.orders.lifecycle import OrderStatus, UnappliedReason
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.orders.settle import let_go
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
    return OrderSweep(orders=sum(_expire(order_id) for order_id in keys(_overdue(older_than), most=most)))


def _overdue(older_than: timedelta | None) -> QuerySet[Order]:
    now = clock.now()
    if older_than is None:
        return _due(now)
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise Invalid(field="older_than", problem="must be a span of time above zero")
    try:
        return _pending().filter(created_at__lt=now - older_than)
    except OverflowError:
        return Order.objects.none()


def _due(now: datetime) -> QuerySet[Order]:
    # Sandbox customers whose clock runs ahead are due by the common clock, as in every sweep.
    return _pending().filter(expires_at__lte=now)


def _next_at(customers: QuerySet[Any, Any], after: datetime) -> datetime | None:
    waiting = _pending().filter(customer__in=customers, expires_at__gt=after)
    first: datetime | None = waiting.aggregate(first=Min("expires_at"))["first"]
    return first


def _pending() -> QuerySet[Order]:
    return Order.objects.using(write_alias()).filter(status=OrderStatus.PENDING.value)


@unit_of_work
def _expire(order_id: UUID) -> int:
    customer = lock_owner(Order.objects.filter(pk=order_id))
    order = get_order(order_id)
    if customer is None or order.status != OrderStatus.PENDING.value:
        return 0
    order.status = OrderStatus.EXPIRED.value
    let_go(order, UnappliedReason.EXPIRED)
    save_state(order)
    emit("order.expired", order=order)
    if order.promotion_code:
        release(customer, order.pk, Release.EXPIRED)
    return 1


UNPAID_ORDERS = Duty(name="unpaid_orders", due=_due, do=_expire, next_at=_next_at)
"""Orders that nobody paid in time."""
