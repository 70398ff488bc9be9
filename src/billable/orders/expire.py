"""expire_orders: what nobody paid in time is called off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from billable import clock, inputs
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
    waiting = _overdue(older_than)
    expired, last = 0, None
    while most is None or expired < most:
        rest = waiting if last is None else waiting.filter(pk__gt=last)
        batch = list(rest.values_list("pk", "customer_id")[: BATCH if most is None else min(BATCH, most - expired)])
        if not batch:
            break
        expired += sum(_expire(order_id, customer_id) for order_id, customer_id in batch)
        last = batch[-1][0]
    return OrderSweep(orders=expired)


def _overdue(older_than: timedelta | None) -> QuerySet[Order]:
    # Sandbox customers whose clock runs ahead are due by the common clock, as in every sweep.
    orders = Order.objects.using(write_alias()).filter(status=OrderStatus.PENDING.value).order_by("pk")
    if older_than is None:
        return orders.filter(expires_at__lte=clock.now())
    if not isinstance(older_than, timedelta) or older_than <= timedelta(0):
        raise Invalid(field="older_than", problem="must be a span of time above zero")
    try:
        return orders.filter(created_at__lt=clock.now() - older_than)
    except OverflowError:
        return orders.none()


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
