"""change_plan and change_seats: now, when what is due is paid, or at the end of the period."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from billable import inputs
from billable.changes.kinds import ChangeTime
from billable.changes.models import PlanChange
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import of_family
from billable.db.units import unit_of_work, write_alias
from billable.errors import HoldsLive, IdempotencyConflict
from billable.orders import changing
from billable.orders.changing import drop_scheduled
from billable.orders.create import Wish as Order
from billable.orders.create import draft, write
from billable.orders.periods import drop_renewal
from billable.plans.deal import Deal, decide
from billable.plans.wish import Wish, plan_wish, seats_wish
from billable.quota.catch_up import catch_up
from billable.signals import emit
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import get_subscription, lock_subscription
from billable.subscriptions.store import settle, store


@unit_of_work
def change_plan(
    subscription: Subscription | UUID | str,
    *,
    sku: str | None = None,
    seats: int | None = None,
    at: str = ChangeTime.NOW.value,
    money: str | None = None,
    units: str | None = None,
    release_holds: bool = False,
    idempotency_key: str | None = None,
) -> PlanChange:
    """Change the plan of a subscription, its seats, or both: ``now`` or at the ``period_end``.

    Now, what was paid before is credited by its smaller share (of the time left, and of the units unused), and the new
    plan is charged by its larger one. When something is due the change waits for the money of its order; otherwise it
    is made at once, and what is left of the credit is taken off the next renewal. A plan of the same interval goes on
    to the end of the period; another interval begins a period now. ``money`` is ``pro_rata_seconds`` (None) or
    ``none``: whatever is left of the old plan pays for the new one. ``units`` is ``carry_usage`` (None),
    ``regrant``, ``carry_balance`` or ``pro_rata_units``.

    At the period's end the renewal is for the new plan; a later call replaces an earlier one.

    Raises SubscriptionNotFound, WrongSubscriptionState unless it is active, ProductNotFound, NotForSale,
    CurrencyMismatch, NothingToChange, ChangeWaiting, PeriodPaidAhead, UnpaidUnits, HoldsLive, IdempotencyConflict,
    Invalid.
    """
    wish = plan_wish(sku, seats, at, money, units, release_holds)
    return _change(subscription, wish, inputs.optional_key(idempotency_key))


@unit_of_work
def change_seats(
    subscription: Subscription | UUID | str, seats: int, *, idempotency_key: str | None = None
) -> PlanChange:
    """Change how many seats of its plan a subscription has.

    More are added now, for the time that is left of the period: it is charged for in seconds, and its units are given
    in the same measure; what was there before is not touched. Fewer there are from the next period on.

    Raises SubscriptionNotFound, WrongSubscriptionState unless it is active, NotForSale, CurrencyMismatch,
    NothingToChange, ChangeWaiting, PeriodPaidAhead, IdempotencyConflict, Invalid.
    """
    return _change(subscription, seats_wish(seats), inputs.optional_key(idempotency_key))


def _change(subscription: Subscription | UUID | str, wish: Wish, key: str | None) -> PlanChange:
    customer, locked = lock_subscription(subscription)
    if earlier := _by_key(customer, key):
        return _replay(earlier, locked, wish)
    now = now_for(customer)
    deal = decide(customer, locked, wish, now)
    if deal.holds and not wish.release_holds:
        raise HoldsLive(holds=list(deal.holds))
    deal.change.idempotency_key = key
    catch_up(customer, now)
    settle(locked, now)
    if deal.change.at == ChangeTime.PERIOD_END.value:
        return _schedule(customer, locked, deal, now)
    return _make(customer, locked, deal, now)


def _make(customer: Customer, subscription: Subscription, deal: Deal, now: datetime) -> PlanChange:
    """Write a change that takes effect now with its order. One of nothing to pay is paid, and so it is made."""
    change, credit = deal.change, deal.outcome.credited_minor - deal.outcome.left_over_minor
    PlanChange.objects.using(write_alias()).bulk_create([change])
    wanted = Order(
        lines=[(change.to_product.sku, 1)],
        currency=change.currency,
        promotion_code=None,
        idempotency_key=None,
        metadata={},
    )
    basket = changing.basket_for(deal.outcome, deal.listing, change.currency)
    order = draft(subscription.customer, basket, wanted, now, credits_minor=[credit])
    changing.fit(order, change, deal.outcome)
    if order.total_amount_minor:
        order.expires_at = min(order.expires_at or subscription.paid_until, subscription.paid_until)
    write(customer, order)
    return get_change(change)


def _schedule(customer: Customer, subscription: Subscription, deal: Deal, now: datetime) -> PlanChange:
    change = deal.change
    drop_scheduled(subscription, now)
    drop_renewal(customer, subscription)
    subscription.next_product, subscription.next_seats = change.to_product, change.to_seats
    PlanChange.objects.using(write_alias()).bulk_create([change])
    store(subscription, now)
    emit("subscription.change_scheduled", change=change)
    return get_change(change)


def get_change(change: PlanChange) -> PlanChange:
    """A change as it stands, with its order's item and what it was about."""
    rows = PlanChange.objects.using(write_alias()).select_related("subscription__product", "subscription__customer")
    found = rows.select_related("from_product", "to_product", "item__order").get(pk=change.pk)
    found.subscription = get_subscription(found.subscription_id)
    return found


def _by_key(customer: Customer, key: str | None) -> PlanChange | None:
    if key is None:
        return None
    rows = PlanChange.objects.using(write_alias()).filter(idempotency_key=key).select_related("to_product")
    return of_family(rows, customer).first()


def _replay(earlier: PlanChange, subscription: Subscription, wish: Wish) -> PlanChange:
    differing = wish.differs_from(earlier)
    if earlier.subscription_id != subscription.pk:
        differing = sorted({*differing, "subscription"})
    if differing:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key or "", fields=differing)
    answer = get_change(earlier)
    answer.replayed = True
    return answer
