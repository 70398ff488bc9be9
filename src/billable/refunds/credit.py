"""What money paid for beyond its own order: a change of plan credited it, and so it paid for another plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import QuerySet

from billable.changes.models import PlanChange
from billable.customers.models import Customer
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import OrderItem
from billable.refunds.kinds import DisputeStatus
from billable.refunds.models import Dispute


def paid_on(items: Iterable[OrderItem]) -> list[OrderItem]:
    """The items that credit of others paid for, in whole or in part, those that their credit did, and so on."""
    found: dict[UUID, OrderItem] = {}
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        if not item.credited_minor or item.credited_by is None:
            continue
        later = [each for each in _paid_by(item.credited_by) if each.pk not in found]
        found.update({each.pk: each for each in later})
        waiting += later
    return list(found.values())


def bought(order_id: UUID) -> list[OrderItem]:
    """All that the money of an order helped to pay for: its own items, and what their credit paid for."""
    items = list(_items().filter(order=order_id).order_by("line"))
    return [*items, *paid_on(items)]


def orders_of(order_id: UUID) -> set[UUID]:
    """The orders that the money of one helped to pay: itself, and those that its credit did."""
    return {order_id, *(item.order_id for item in bought(order_id))}


def standing(customer: Customer) -> list[Dispute]:
    """The disputes about what a locked customer paid that are not decided."""
    rows = Dispute.objects.using(write_alias()).filter(customer__in=family(customer.pk))
    rows = rows.filter(status=DisputeStatus.DISPUTED.value, payment_status=PaymentStatus.SUCCEEDED.value)
    return list(rows.order_by("id"))


def open_about(customer: Customer, order_id: UUID) -> Dispute | None:
    """The first dispute that is not decided about the money of an order, or about money whose credit paid it."""
    return next((dispute for dispute in standing(customer) if order_id in orders_of(dispute.order_id)), None)


def _paid_by(change: PlanChange) -> Iterator[OrderItem]:
    """What a change was charged by, and the renewals that took what it left over: what came first is taken first."""
    yield from _items().filter(change=change.pk)
    alias, begins = write_alias(), 0
    made = PlanChange.objects.using(alias).filter(subscription=change.subscription_id, applied_at__isnull=False)
    for earlier in made.order_by("applied_at", "pk"):
        if earlier.pk == change.pk:
            break
        begins += earlier.left_over_minor
    spent, ends = 0, begins + change.left_over_minor
    renewals = _items().filter(subscription=change.subscription_id, change__isnull=True, period_index__isnull=False)
    for item in renewals.filter(credit_minor__gt=0).order_by("period_index"):
        if spent < ends and spent + item.credit_minor > begins:
            yield item
        spent += item.credit_minor


def _items() -> QuerySet[OrderItem]:
    return OrderItem.objects.using(write_alias()).select_related("change", "credited_by")
