"""What a change of plan or of seats would do as things stand. Reads, refuses, and writes nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from billable import clock
from billable.actor import current_actor
from billable.catalog.listing import Listing, read_listings
from billable.catalog.models import Product
from billable.changes.kinds import ChangeKind, ChangeTime, MoneyPolicy, UnitPolicy
from billable.changes.models import PlanChange
from billable.changes.proration import Outcome
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.errors import (
    ChangeWaiting,
    CurrencyMismatch,
    Invalid,
    NotForSale,
    NothingToChange,
    PeriodPaidAhead,
    ProductNotFound,
)
from billable.ids import new_id
from billable.inputs import MAX_UNITS
from billable.orders.basket import Basket
from billable.orders.changing import charge_for, plan_of, stays, weigh
from billable.orders.lifecycle import OrderStatus
from billable.orders.pricing import Charge, Wanted
from billable.orders.stretch import Stretch, read_stretch
from billable.plans.wish import Wish
from billable.subscriptions.lifecycle import SubscriptionStatus
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import refuse_unless


@dataclass(frozen=True, kw_only=True)
class FeatureChange:
    """Units of one feature that can be used of a subscription, before a change and after it; None is unlimited."""

    feature: str
    before: int | None
    after: int | None


@dataclass
class _Units:
    """Units by feature, and which features are there without a limit."""

    limited: Counter[str] = field(default_factory=Counter)
    unlimited: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)

    def add(self, key: str, units: int | None, *, there: bool) -> None:
        self.keys.add(key)
        if there and units is None:
            self.unlimited.add(key)
        elif there:
            self.limited[key] += units or 0

    def of(self, key: str) -> int | None:
        return None if key in self.unlimited else self.limited[key]


@dataclass(frozen=True, kw_only=True)
class Deal:
    """A change that can be made, not yet written, and what it would do. At the period's end it does nothing yet."""

    change: PlanChange
    listing: Listing
    stretch: Stretch
    outcome: Outcome
    charge: Charge
    holds: tuple[str, ...]

    @property
    def features(self) -> tuple[FeatureChange, ...]:
        """What can be used of each feature before and after, in the order of their keys."""
        change, before, after = self.change, _Units(), _Units()
        for line in (*self.stretch.lines, *self.stretch.kept):
            before.add(line.given.feature.key, line.unused, there=bool(line.going_on))
        is_replaced = change.at == ChangeTime.NOW.value and change.kind == ChangeKind.PLAN.value
        replaced = self.stretch.lines if is_replaced else []
        for line in (*self.stretch.lines, *self.stretch.kept):
            stay = line not in replaced or stays(change, line)
            after.add(line.given.feature.key, line.unused, there=stay and bool(line.going_on))
        for (_, key, _), units in zip(change.promised, self.outcome.given, strict=False):
            after.add(key, units, there=True)
        return tuple(
            FeatureChange(feature=key, before=before.of(key), after=after.of(key))
            for key in sorted({*before.keys, *after.keys})
        )


def decide(customer: Customer, subscription: Subscription, wish: Wish, now: datetime) -> Deal:
    """What a change would do. Raises what ``change_plan`` raises about the subscription, the plan and the policies."""
    refuse_unless(subscription, now, "changed", SubscriptionStatus.ACTIVE)
    product = subscription.product if wish.sku is None else _product_named(wish.sku)
    change = _change(subscription, product, wish, now)
    listing = _listing(product, change)
    _refuse_waiting(subscription)
    stretch = read_stretch(customer, subscription, now, release_holds=wish.release_holds)
    _agree(change, listing)
    if change.at == ChangeTime.PERIOD_END.value:
        nothing = Outcome(credits_minor=(), charged_minor=0, given=())
        change.effective_at = subscription.paid_until
        return Deal(
            change=change,
            listing=listing,
            stretch=stretch,
            outcome=nothing,
            charge=charge_for(nothing, listing, change.currency),
            holds=(),
        )
    _refuse_now(subscription, now)
    _refuse_recurring(listing, stretch)
    change.time_left, change.effective_at = stretch.ends - stretch.moment, now
    plan = plan_of(change, subscription, stretch)
    outcome = weigh(change, plan, stretch)
    change.credited_minor, change.charged_minor = outcome.credited_minor, outcome.charged_minor
    return Deal(
        change=change,
        listing=listing,
        stretch=stretch,
        outcome=outcome,
        charge=charge_for(outcome, listing, change.currency),
        holds=tuple(stretch.live_holds(now)) if change.kind == ChangeKind.PLAN.value else (),
    )


def _product_named(sku: str) -> Product:
    listing = read_listings([sku]).get(sku)
    if listing is None:
        raise ProductNotFound(sku=sku)
    return listing.product


def _change(subscription: Subscription, product: Product, wish: Wish, now: datetime) -> PlanChange:
    seats = subscription.seats if wish.seats is None else wish.seats
    same_plan = product.pk == subscription.product_id
    if same_plan and seats == subscription.seats:
        raise NothingToChange(subscription=str(subscription.pk))
    at = wish.at or (ChangeTime.NOW if seats > subscription.seats else ChangeTime.PERIOD_END)
    if same_plan and at is ChangeTime.NOW and seats < subscription.seats:
        raise Invalid(field="at", problem="fewer seats of the same plan take effect at the period's end")
    is_now = at is ChangeTime.NOW
    return PlanChange(
        id=new_id(),
        customer_id=subscription.customer_id,
        subscription=subscription,
        kind=(wish.kind if is_now else ChangeKind.PLAN).value,
        at=at.value,
        money=(wish.money or MoneyPolicy.PRO_RATA_SECONDS).value if is_now else "",
        units=(wish.units or UnitPolicy.PRO_RATA_UNITS).value if is_now else "",
        release_holds=wish.release_holds,
        period_index=subscription.period_index,
        from_product=subscription.product,
        from_seats=subscription.seats,
        to_product=product,
        to_seats=seats,
        currency=subscription.currency,
        actor=current_actor(),
        created_at=clock.now(),
    )


def _listing(product: Product, change: PlanChange) -> Listing:
    """What the catalogue says of the new plan. Raises NotForSale, CurrencyMismatch."""
    sku = product.sku
    listing = read_listings([sku])[sku]
    if not product.is_active:
        raise NotForSale(field="sku", problem=f"the product {sku!r} is not active")
    if product.recurs is None:
        raise NotForSale(field="sku", problem=f"the product {sku!r} does not recur")
    for line in listing.lines:
        if not line.feature.is_active:
            raise NotForSale(field="sku", problem=f"the feature {line.feature.key!r} is not active")
    if change.currency not in listing.prices:
        raise CurrencyMismatch(field="sku", problem=f"{sku!r} has no price in {change.currency}")
    return listing


def _agree(change: PlanChange, listing: Listing) -> None:
    """Write down what the change costs and gives a whole period, all of it or what the added seats do, and how long
    that is: more seats are of the period that runs, whatever the catalogue says of later ones."""
    _refuse_too_dear(change, listing)
    product, subscription = listing.product, change.subscription
    interval, change.grace_days = product.recurs or subscription.interval, product.effective_grace_days
    if change.kind == ChangeKind.SEATS.value:
        interval, change.grace_days = subscription.interval, subscription.grace_days
    change.interval_count, change.interval_unit = interval.count, interval.unit.value
    seats = change.to_seats - change.from_seats if change.kind == ChangeKind.SEATS.value else change.to_seats
    change.price_minor = listing.prices[change.currency] * seats
    for line in listing.lines:
        if line.quantity is not None and line.quantity * change.to_seats > MAX_UNITS:
            raise Invalid(field="seats", problem=f"gives more than {MAX_UNITS} units of {line.feature.key}")
    # What is unlimited is not more so for more seats.
    lines = [line for line in listing.lines if line.quantity is not None or change.kind == ChangeKind.PLAN.value]
    change.promised = [
        [line.line, line.feature.key, None if line.quantity is None else line.quantity * seats] for line in lines
    ]


def _refuse_too_dear(change: PlanChange, listing: Listing) -> None:
    """Raise Invalid where a whole period could not be ordered, so that no renewal fails for it."""
    product = listing.product
    wanted = Wanted(product.sku, change.to_seats, listing.prices, product.effective_tax_rate)
    try:
        Basket(wanted=[wanted], listings={product.sku: listing}, currency=change.currency).charges(None)
    except Invalid as refusal:
        raise Invalid(field="seats", problem=refusal.problem) from None


def _refuse_waiting(subscription: Subscription) -> None:
    """Raise ChangeWaiting while another change could still be paid for any moment."""
    rows = PlanChange.objects.using(write_alias()).filter(subscription=subscription.pk, at=ChangeTime.NOW.value)
    waiting = rows.filter(applied_at__isnull=True, dropped_at__isnull=True, period_index=subscription.period_index)
    change = waiting.filter(item__order__status=OrderStatus.PENDING.value).select_related("item").first()
    if change is not None:
        raise ChangeWaiting(subscription=str(subscription.pk), order=str(change.item.order_id))


def _refuse_recurring(listing: Listing, stretch: Stretch) -> None:
    """What comes anew within the period is not worth a share of it that anybody could tell."""
    runs = any(line.course is not None for line in (*stretch.lines, *stretch.kept))
    if runs or any(line.reset is not None for line in listing.lines):
        problem = "must be period_end: a plan that gives units anew within its period is not changed before its end"
        raise Invalid(field="at", problem=problem)


def _refuse_now(subscription: Subscription, now: datetime) -> None:
    if subscription.paid_from > now:
        begins = subscription.paid_from.isoformat()
        raise PeriodPaidAhead(subscription=str(subscription.pk), begins_at=begins)
    if subscription.paused_at is not None and now < subscription.paused_at:
        # Where the period ends is decided by the pause; what it would be worth is not worth telling.
        raise Invalid(field="at", problem="is within a period that will be paused; let it take effect at its end")
