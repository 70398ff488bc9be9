"""Changes of plan that are paid for: the order that a change is charged by, and what happens once it is paid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from billable.catalog.listing import Listing
from billable.changes import proration
from billable.changes.kinds import ChangeKind, ChangeTime, MoneyPolicy, UnitPolicy
from billable.changes.models import PlanChange
from billable.changes.proration import Agreed, Outcome, Plan, Promise, Tally
from billable.customers.models import Customer
from billable.db import rows
from billable.db.units import write_alias
from billable.inputs import MAX_UNITS
from billable.orders.basket import Basket
from billable.orders.lines import Line
from billable.orders.models import Order, OrderItem, OrderItemFeature
from billable.orders.periods import drop_renewal
from billable.orders.pricing import Charge, Wanted
from billable.orders.stretch import Stretch, read_stretch
from billable.quota import holds, ledger
from billable.quota.catch_up import catch_up
from billable.quota.grant import Placement
from billable.quota.kinds import CauseType, GrantEnd
from billable.signals import emit
from billable.subscriptions.holdings import going_on, placement
from billable.subscriptions.holdings import stretch as lengthen
from billable.subscriptions.lifecycle import Cycle, SubscriptionStatus
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import get_subscription
from billable.subscriptions.store import access_end, count_from, settle, store


def charge_for(outcome: Outcome, listing: Listing, currency: str) -> Charge:
    """What is due for a change, with its tax: what is charged, less what of the credit pays for it."""
    (charge,) = basket_for(outcome, listing, currency).charges([outcome.credited_minor - outcome.left_over_minor])
    return charge


def basket_for(outcome: Outcome, listing: Listing, currency: str) -> Basket:
    """A change as something to order: one piece, at what it is charged."""
    product = listing.product
    wanted = Wanted(product.sku, 1, {currency: outcome.charged_minor}, product.effective_tax_rate)
    return Basket(wanted=[wanted], listings={product.sku: listing}, currency=currency)


def fit(order: Order, change: PlanChange, outcome: Outcome) -> None:
    """Let the one item of an order that is not written yet be the change: what it gives is all that it gives."""
    (item,) = order.items.all()
    item.subscription, item.change = change.subscription, change
    # Which period it pays for, if it begins one, is known when it is paid.
    item.recurs_count = item.recurs_unit = item.grace_days = None
    given = {line: units for line, units in _given(change, outcome).items() if units != 0}
    features = [feature for feature in item.features.all() if feature.line in given]
    seats = change.to_seats - change.from_seats if change.kind == ChangeKind.SEATS.value else change.to_seats
    for feature in features:
        feature.quantity = given[feature.line]
        if feature.cap_quantity is not None:
            # The item is one piece, and it is for all seats: their caps add up as their units do.
            feature.cap_quantity = min(feature.cap_quantity * seats, MAX_UNITS)
    rows.remember(item, features=features)


def is_over(order: Order, now: datetime) -> bool:
    """Whether an order is for a change that can not be made any more: the subscription has gone on without it."""
    changes = [item.change for item in order.items.all() if item.change is not None]
    return any(_is_over(change, get_subscription(change.subscription_id), now) for change in changes)


def _is_over(change: PlanChange, subscription: Subscription, now: datetime) -> bool:
    stood = (change.period_index, change.from_product_id, change.from_seats)
    stands = (subscription.period_index, subscription.product_id, subscription.seats)
    # Where the period ends is decided by a pause that is to come.
    pauses = subscription.paused_at is not None and now < subscription.paused_at
    is_active = subscription.instants.status(now) is SubscriptionStatus.ACTIVE and not pauses
    return bool(change.applied_at or change.dropped_at) or stood != stands or not is_active


def carry_out(customer: Customer, order: Order, now: datetime) -> Mapping[UUID, Placement]:
    """Make the change that an order was paid for; the window of what it gives, by the item's id.

    Nothing was different before. What has been used since it was asked for is not credited any more, and what is given
    is no more than the credit and the money pay for: see ``proration.Agreed``.
    """
    placements = {}
    for item in order.items.all():
        if item.change is None:
            continue
        catch_up(customer, now)
        subscription = get_subscription(item.change.subscription_id)
        settle(subscription, now)
        placements[item.pk] = _carry_out(customer, order, item, item.change, subscription, now)
    return placements


def _carry_out(
    customer: Customer, order: Order, item: OrderItem, change: PlanChange, subscription: Subscription, now: datetime
) -> Placement:
    stretch = read_stretch(customer, subscription, now, release_holds=change.release_holds)
    agreed = None
    if order.total_amount_minor:
        agreed = Agreed(credited_minor=item.credit_minor, paid_minor=item.unit_amount_minor - item.discount_minor)
    plan = plan_of(change, subscription, stretch)
    outcome = weigh(change, plan, stretch, agreed)
    if change.kind == ChangeKind.PLAN.value:
        _end(customer, change, stretch, now)
        _credit(change, stretch, outcome)
    _settle_item(order, item, change, outcome, agreed)
    drop_renewal(customer, subscription)
    _move(subscription, change, plan, now)
    subscription.credit_minor += outcome.left_over_minor
    if stretch.kept or change.units == UnitPolicy.CARRY_BALANCE.value:
        _keep(customer, subscription, now)
    store(subscription, now)
    if plan.is_new_period:
        _pays_period(item, subscription)
    change.credited_minor, change.charged_minor = outcome.credited_minor, outcome.charged_minor
    change.applied_at = change.effective_at = now
    _save(change)
    change.subscription = subscription
    emit("subscription.changed", change=change)
    window = placement(subscription)
    return window if plan.is_new_period else replace(window, starts=max(window.starts, now))


def plan_of(change: PlanChange, subscription: Subscription, stretch: Stretch) -> Plan:
    """What a change was agreed to cost and give a whole period, and which period it is."""
    interval = change.interval
    is_new = interval != subscription.interval
    begins, ends = stretch.begins, stretch.ends
    if is_new:
        begins = stretch.moment
        ends = interval.end(begins, 1, subscription.zone) or stretch.ends
    lines = [Promise(feature=feature, quantity=units) for _, feature, units in change.promised]
    return Plan(price_minor=change.price_minor, begins=begins, ends=ends, lines=lines, is_new_period=is_new)


def weigh(change: PlanChange, plan: Plan, stretch: Stretch, agreed: Agreed | None = None) -> Outcome:
    """What a change does as things stand. Raises UnpaidUnits."""
    if change.kind == ChangeKind.SEATS.value:
        tally = Tally(kept=_beyond(change, stretch))
        return proration.add(plan, tally=tally, now=stretch.moment, agreed=agreed)
    return proration.change(
        stretch.paid,
        plan,
        money=MoneyPolicy(change.money),
        units=UnitPolicy(change.units),
        tally=stretch.tally,
        now=stretch.moment,
        agreed=agreed,
    )


def _beyond(change: PlanChange, stretch: Stretch) -> dict[str, int]:
    """What the customer had or has of each feature beyond what the seats give that are there already."""
    beyond = stretch.tally.used + stretch.tally.kept
    for line in stretch.lines:
        beyond[line.given.feature.key] += line.unused or 0
    added = change.to_seats - change.from_seats
    for _, feature, units in change.promised:
        beyond[feature] -= units // added * change.from_seats
    return {feature: units for feature, units in beyond.items() if units > 0}


def stays(change: PlanChange, line: Line) -> bool:
    """Whether the customer keeps what is left of a line of the old plan."""
    return change.units == UnitPolicy.CARRY_BALANCE.value and line.unused is not None


def _end(customer: Customer, change: PlanChange, stretch: Stretch, now: datetime) -> None:
    """End what the old plan gave, and what is held of it if that was asked for."""
    grants = [grant for line in stretch.lines if not stays(change, line) for grant in line.going_on]
    if change.release_holds:
        # A hold may have units of others too: those are released with it, and go on.
        rows = {grant.pk: grant for grant in grants}
        legs = [leg for leg in stretch.legs if leg.grant_id in rows]
        holds.release(customer, {leg.hold_id: leg.hold for leg in legs}.values(), rows, at=now)
    if grants:
        cause = ledger.Cause(CauseType.CHANGE, change.pk)
        ledger.end(customer, [(grant, now) for grant in grants], GrantEnd.CHANGED, cause=cause)


def _keep(customer: Customer, subscription: Subscription, now: datetime) -> None:
    """Let what is kept of earlier plans last as long as what is new."""
    for grant in going_on(subscription).filter(period_count__isnull=True):
        grant.period_index = subscription.period_index
        ledger.move(customer, grant)
    lengthen(customer, subscription, subscription.access_until, at=now)


def _credit(change: PlanChange, stretch: Stretch, outcome: Outcome) -> None:
    """Write down at what was paid for the old plan what was credited of it: that never goes back any more."""
    for part, credit in zip(stretch.parts, outcome.credits_minor, strict=True):
        rows = OrderItem.objects.using(write_alias()).filter(pk=part.item.pk, customer=part.item.customer_id)
        rows.update(credited_minor=credit, credited_by=change)


def _settle_item(order: Order, item: OrderItem, change: PlanChange, outcome: Outcome, agreed: Agreed | None) -> None:
    """Let the item say what it gives, and which credit paid for it, where that is less than was asked for."""
    alias = write_alias()
    less = item.credit_minor - outcome.credited_minor if agreed else 0
    if less:
        for name in ("unit_amount_minor", "discount_minor", "credit_minor"):
            setattr(item, name, getattr(item, name) - less)
        items = OrderItem.objects.using(alias).filter(pk=item.pk, customer=item.customer_id)
        items.update(
            unit_amount_minor=item.unit_amount_minor,
            discount_minor=item.discount_minor,
            credit_minor=item.credit_minor,
        )
        order.discount_minor = item.discount_minor
        orders = Order.objects.using(alias).filter(pk=order.pk, customer=order.customer_id)
        orders.update(discount_minor=order.discount_minor)
    given, kept = _given(change, outcome), []
    for feature in item.features.all():
        units, row = given[feature.line], OrderItemFeature.objects.using(alias).filter(pk=feature.pk)
        if units == 0:
            row.filter(customer=item.customer_id).delete()
            continue
        if units is not None and feature.quantity is not None and units < feature.quantity:
            feature.quantity = units
            row.filter(customer=item.customer_id).update(quantity=units)
        kept.append(feature)
    rows.remember(item, features=kept)


def _given(change: PlanChange, outcome: Outcome) -> dict[int, int | None]:
    """What a change gives, by the number of the line."""
    return {line: units for (line, _, _), units in zip(change.promised, outcome.given, strict=True)}


def _move(subscription: Subscription, change: PlanChange, plan: Plan, now: datetime) -> None:
    """Let a locked subscription be what it was changed to. What was to become of it at the period's end is settled."""
    subscription.seats = change.to_seats
    if change.kind == ChangeKind.SEATS.value and subscription.next_product_id is not None:
        return
    subscription.next_product = subscription.next_seats = None
    drop_scheduled(subscription, now)
    if change.kind == ChangeKind.SEATS.value:
        return
    subscription.product, subscription.grace_days = change.to_product, change.grace_days
    if plan.is_new_period:
        interval = change.interval
        index = subscription.period_index + 1
        count_from(subscription, Cycle(anchor=now, anchor_index=index, period=interval, zone=subscription.zone))
        subscription.period_index, subscription.paid_from = index, now
        subscription.paid_until = subscription.cycle.begins(index + 1)
    subscription.access_until = access_end(subscription)


def drop_scheduled(subscription: Subscription, now: datetime) -> int:
    """Let what was to happen at the end of the period not happen; how many changes that were."""
    return _scheduled(subscription).update(dropped_at=now)


def _scheduled(subscription: Subscription) -> QuerySet[PlanChange]:
    rows = PlanChange.objects.using(write_alias()).filter(subscription=subscription.pk, dropped_at__isnull=True)
    return rows.filter(at=ChangeTime.PERIOD_END.value, period_index=subscription.period_index)


def _pays_period(item: OrderItem, subscription: Subscription) -> None:
    """Write down at an item which period began with it."""
    rows = OrderItem.objects.using(write_alias()).filter(pk=item.pk, customer=item.customer_id)
    rows.update(
        recurs_count=subscription.interval_count,
        recurs_unit=subscription.interval_unit,
        grace_days=subscription.grace_days,
        period_index=subscription.period_index,
        period_from=subscription.paid_from,
        period_until=subscription.paid_until,
    )


def _save(change: PlanChange) -> None:
    changed = ("credited_minor", "charged_minor", "applied_at", "effective_at")
    rows = PlanChange.objects.using(write_alias()).filter(pk=change.pk, customer=change.customer_id)
    rows.update(**{name: getattr(change, name) for name in changed})
