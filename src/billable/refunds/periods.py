"""The subscriptions of an order whose money goes back, or may have to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from billable.changes.kinds import ChangeKind
from billable.customers.models import Customer
from billable.orders.models import Order, OrderItem
from billable.orders.periods import drop_renewal
from billable.refunds.credit import bought, paid_on, standing
from billable.refunds.models import Dispute
from billable.refunds.plan import Part
from billable.subscriptions.cancel import finish
from billable.subscriptions.lifecycle import SubscriptionEnd
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import get_subscription
from billable.subscriptions.refunded import lose_seats, reinstate, suspend, undo_period


def undo_periods(customer: Customer, order: Order, now: datetime) -> None:
    """End the subscriptions of whose latest period every piece went back, for however much. After ``catch_up``."""
    # What was credited another plan runs instead of, and has been paid for.
    back = [item for item in order.items.all() if item.is_back and item.credited_by_id is None]
    for subscription in _subscriptions(back, only_latest=True):
        if subscription.ended_at is None:
            drop_renewal(customer, subscription)
            undo_period(customer, subscription, now)


def give_up_seats(customer: Customer, parts: Sequence[Part], now: datetime) -> None:
    """Let the seats of the latest period that went back not be there any more, and not be renewed."""
    for part in parts:
        item, seats = part.item, _seats(part)
        if not seats or item.subscription_id is None or item.credited_by_id is not None:
            continue
        index = item.period_index if item.change is None else item.change.period_index
        subscription = get_subscription(item.subscription_id)
        if subscription.ended_at is not None or index != subscription.period_index:
            continue
        drop_renewal(customer, subscription)
        lose_seats(subscription, seats, now)


def end_credited(customer: Customer, items: Iterable[OrderItem], now: datetime) -> None:
    """End the subscriptions whose latest period was paid for by credit of items whose money is gone."""
    for subscription in _subscriptions(paid_on(items), only_latest=True):
        if subscription.ended_at is None:
            drop_renewal(customer, subscription)
            finish(customer, subscription, now, SubscriptionEnd.REFUNDED)


def suspend_periods(order: Order, now: datetime) -> None:
    """The payment of an order is disputed."""
    for subscription in _subscriptions(bought(order.pk), only_latest=True):
        suspend(subscription, now)


def reinstate_periods(customer: Customer, dispute: Dispute, now: datetime) -> None:
    """A dispute is decided: what it stood in the way of goes on, unless another one does."""
    disputed = {
        subscription.pk
        for other in standing(customer)
        for subscription in _subscriptions(bought(other.order_id), only_latest=True)
    }
    for subscription in _subscriptions(bought(dispute.order_id)):
        reinstate(customer, subscription, now, is_disputed=subscription.pk in disputed)


def _subscriptions(items: Iterable[OrderItem], *, only_latest: bool = False) -> list[Subscription]:
    """The subscriptions that items paid for; ``only_latest`` those whose latest period, with its plan, they did."""
    found: dict[UUID, Subscription] = {}
    for item in items:
        if item.subscription_id is None:
            continue
        subscription = found.get(item.subscription_id) or get_subscription(item.subscription_id)
        if not only_latest or _index(item) == subscription.period_index:
            found[subscription.pk] = subscription
    return list(found.values())


def _index(item: OrderItem) -> int | None:
    """The period that an item paid for; None where it did for added seats alone."""
    if item.period_index is None and item.change is not None and item.change.kind == ChangeKind.PLAN.value:
        return item.change.period_index
    return item.period_index


def _seats(part: Part) -> int:
    """How many seats went back with the pieces of an item of which some stay: those that were added are one piece."""
    change = part.item.change
    if change is None:
        return 0 if part.item.is_back else part.pieces
    if not part.pieces:
        return 0
    return change.to_seats - change.from_seats if change.kind == ChangeKind.SEATS.value else 0
