"""fulfil: a paid order gives what it promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

from billable.customers.models import Customer
from billable.orders.changing import carry_out
from billable.orders.lifecycle import OrderStatus
from billable.orders.models import Order
from billable.orders.periods import pay_periods
from billable.orders.state import save_state
from billable.promotions.uses import retake
from billable.quota.grant import GrantLine, Placement, Source, allot
from billable.quota.kinds import CauseType, GrantSource
from billable.quota.ledger import Cause
from billable.signals import emit


def fulfil(customer: Customer, order: Order, now: datetime) -> None:
    """Mark a locked order as paid now and grant every item from the order's own snapshot."""
    came_late = order.status == OrderStatus.EXPIRED.value
    order.status, order.paid_at = OrderStatus.PAID.value, now
    order.paid_amount_minor = order.total_amount_minor
    save_state(order)
    placements = {**pay_periods(customer, order, now), **carry_out(customer, order, now)}
    lines = list(_lines(order, placements))
    if lines:
        cause = Cause(CauseType.ORDER, order.pk)
        allot(customer, lines, Source(kind=GrantSource.ORDER, id=str(order.pk), cause=cause))
    emit("order.paid", order=order)
    if came_late and order.promotion_code:
        retake(customer, order.pk)


def _lines(order: Order, placements: Mapping[UUID, Placement]) -> Iterator[GrantLine]:
    for item in order.items.all():
        for given in item.features.all():
            yield GrantLine(
                feature=given.feature,
                product=item.product,
                terms=given.terms,
                pieces=item.quantity,
                placement=placements.get(item.pk),
            )
