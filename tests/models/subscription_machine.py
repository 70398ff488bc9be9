"""The state machine over time, with subscriptions: bought, renewed, missed, cancelled, paused, refunded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from billable import models
from billable.errors import BillableError
from billable.services import CatalogService, CustomerRef, OrderService, SubscriptionService
from tests.models.conftest import Clock
from tests.models.subscription_reference import Order, Plan, Subscription, SubscriptionReference
from tests.models.time_machine import (
    DAY,
    MONTH,
    OVERDRAFT,
    STARTS,
    WAYS,
    WEEK,
    TimeAndReference,
    _equal,
    _line,
    _outcome,
    _pick,
    _span,
    _writes,
    skus,
    world,
)
from tests.models.time_reference import Line

PLANS = {
    "club": Plan(
        lines=[
            Line(feature="credits", quantity=5, cap=(4, DAY)),
            Line(feature="ai", quantity=3, priority=110),
            Line(feature="credits", quantity=2, span=WEEK, priority=20),
            Line(feature="seats", value=7, priority=90),
        ],
        every=MONTH,
        grace=timedelta(days=3),
    ),
    "guild": Plan(
        lines=[
            Line(feature="credits", quantity=8, priority=90),
            Line(feature="ai", quantity=1, cap=(1, DAY)),
            Line(feature="seats", value=6, priority=90),
            # It may outlast the month that brought it.
            Line(feature="gold", quantity=2, span=(5, "week"), priority=30),
        ],
        every=MONTH,
        # Less than what there is at least to pay for what comes back with nothing left.
        grace=timedelta(days=2),
    ),
    # A grace that is longer than the period which it follows.
    "quarterly": Plan(
        lines=[
            Line(feature="credits", quantity=4, reset=MONTH, rollover=(2, 1)),
            Line(feature="credits", quantity=6, priority=120),
        ],
        every=(3, "month"),
        grace=timedelta(days=100),
    ),
}

# Few, with much that happens to each.
MOST = 3

nth = st.integers(0, MOST - 1)
plans = st.sampled_from(list(PLANS))
looks = st.sampled_from([False, False, True])
days = st.sampled_from([None, None, 1, 12, 50])


def world_of_subscriptions(clock: Clock) -> CustomerRef:
    """The same catalogue, with plans that recur, and the same customer."""
    customer = world(clock)
    for sku, plan in PLANS.items():
        CatalogService.create_product(
            sku,
            price="9",
            currency="EUR",
            features=[_line(line) for line in plan.lines],
            recurs=_span(plan.every),
            grace_days=plan.grace.days,
        )
    return customer


class SubscriptionsAndReference(TimeAndReference):
    """Time, and what is paid for again and again."""

    reference: SubscriptionReference

    @initialize(
        begins=st.sampled_from(STARTS), opening=st.lists(skus, max_size=2), subscribed=st.lists(plans, max_size=2)
    )
    def begin(self, begins: tuple[datetime, str], opening: list[str], subscribed: list[str]) -> None:
        start, zone = begins
        self.clock.start(start, seed=1)
        models.Customer.objects.update(zone=zone)
        self.reference = SubscriptionReference(PLANS, start, zone, WAYS, OVERDRAFT)
        for sku in opening:
            self._grant_product(sku, 1, None)
        for sku in subscribed:
            self.subscribe(sku, 1)

    # --- acts

    @precondition(lambda self: len(self.reference.subscriptions) < MOST)
    @rule(sku=plans, seats=st.sampled_from([1, 1, 2]))
    def subscribe(self, sku: str, seats: int) -> None:
        order = self.reference.subscribe(sku, seats)
        made = OrderService.create_order(self.ann, [{"sku": sku, "quantity": seats}], currency="EUR")
        self.ids[order] = made.pk
        self._pay(order)

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth, paid=st.booleans())
    def renew(self, nth: int, paid: bool) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        self._play(
            lambda: self.reference.renew(subscription),
            lambda: SubscriptionService.renew_subscription(self.ids[subscription]),
            self._same_order,
            moves_units=False,
        )
        if paid and subscription.renewal is not None:
            self._pay(subscription.renewal)

    def _same_order(self, expected: tuple[Order, bool], actual: models.Order) -> None:
        order, replayed = expected
        assert (actual.replayed, actual.status) == (replayed, order.status)
        assert self.ids.setdefault(order, actual.pk) == actual.pk

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth, periods=st.integers(1, 4), late=st.sampled_from([0, 0, 2]))
    def go_on(self, nth: int, periods: int, late: int) -> None:
        """Month after month, as most do: each is paid for when it begins, or somewhat late."""
        subscription = _pick(self.reference.subscriptions, nth)
        for _ in range(periods):
            if subscription.status(self.clock.now) not in ("active", "past_due"):
                return
            moment = subscription.until + timedelta(days=late)
            self._move_to(max(moment, self.clock.now))
            self.renew(nth, paid=True)

    @rule()
    def make_renewals(self) -> None:
        """By whoever sweeps: the orders that are due, and no other."""
        due = self.reference.due_for_renewal()
        for subscription in due:
            self.reference.renew(subscription)
        assert SubscriptionService.make_renewals().orders == len(due)
        for row in models.Subscription.objects.filter(pk__in=[self.ids[each] for each in due]):
            self.ids[self.by_id[row.pk].renewal] = row.renewal_id

    @precondition(lambda self: self._orders("pending", "expired", "cancelled"))
    @rule(nth=nth)
    def pay(self, nth: int) -> None:
        """An order that waits, or does not any more."""
        self._pay(_pick(self._orders("pending", "expired", "cancelled"), nth))

    @precondition(lambda self: self._orders("pending", "expired", "cancelled"))
    @rule(nth=nth)
    def cancel_order(self, nth: int) -> None:
        order = _pick(self._orders("pending", "expired", "cancelled"), nth)
        self._change(
            lambda: self.reference.cancel_order(order),
            lambda: OrderService.cancel_order(self.ids[order]),
        )

    @precondition(lambda self: self._orders("pending"))
    @rule()
    def expire_orders(self) -> None:
        """By whoever sweeps: what nobody paid in time."""
        assert OrderService.expire_orders().orders == self.reference.expire()
        self._compare_orders()

    def _orders(self, *statuses: str) -> list[Order]:
        return [order for order in self.reference.orders if order.status in statuses]

    def _pay(self, order: Order) -> None:
        self.sound = False
        taken = self.reference.take_money(order)
        payment = OrderService.confirm_payment(self.ids[order], payment_id=self._key())
        assert payment.status == ("succeeded" if taken else "unapplied")
        if taken:
            self._name_gifts(order)
        self._compare()
        self._compare_subscriptions()
        self.sound = True

    def _name_gifts(self, order: Order) -> None:
        subscription = order.subscription
        assert subscription is not None
        item = models.OrderItem.objects.get(order=self.ids[order])
        if subscription not in self.ids:
            self._name(subscription, item.subscription_id)
        assert (item.subscription_id, item.period_index) == (self.ids[subscription], order.index)
        made = models.Allowance.objects.filter(source="order", source_id=str(self.ids[order])).order_by("line")
        for allowance, row in zip(order.allowances, made, strict=True):
            self._name(allowance, row.pk)
        self._name_grants(order)

    def _name_grants(self, order: Order) -> None:
        grants = models.Grant.objects.filter(source="order", source_id=str(self.ids[order])).order_by("line")
        given = [grant for grant in order.gave if grant.allowance is None]
        for grant, pk in zip(given, grants.values_list("pk", flat=True), strict=True):
            self._name(grant, pk)

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth, at_period_end=st.sampled_from([True, True, False]))
    def cancel(self, nth: int, at_period_end: bool) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        self._change(
            lambda: self.reference.cancel(subscription, at_period_end=at_period_end),
            lambda: SubscriptionService.cancel_subscription(self.ids[subscription], at_period_end=at_period_end),
        )

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth)
    def undo_cancel(self, nth: int) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        self._change(
            lambda: self.reference.undo_cancel(subscription),
            lambda: SubscriptionService.undo_cancel(self.ids[subscription]),
        )

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth, at_period_end=st.booleans(), days=days)
    def pause(self, nth: int, at_period_end: bool, days: int | None) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        resumes = None if days is None else self.clock.now + timedelta(days=days)
        self._change(
            lambda: self.reference.pause(subscription, at_period_end=at_period_end, resumes=resumes),
            lambda: SubscriptionService.pause_subscription(
                self.ids[subscription], at_period_end=at_period_end, resumes_at=resumes
            ),
        )

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth)
    def resume(self, nth: int) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        self._change(
            lambda: self.reference.resume(subscription),
            lambda: SubscriptionService.resume_subscription(self.ids[subscription]),
        )

    def _refundable(self) -> list[Order]:
        # What a change credited never goes back: that is a matter of money, and of other tests.
        return [order for order in self._orders("paid", "partially_refunded") if not order.is_part_of_change]

    @precondition(lambda self: self._refundable())
    @rule(nth=nth)
    def refund(self, nth: int) -> None:
        order = _pick(self._refundable(), nth)
        self._play(
            lambda: self.reference.refund(order),
            lambda: OrderService.refund_order(self.ids[order], refund_id=self._key(), release_holds=True),
            lambda _, actual: _equal(actual.order.status, "refunded"),
        )
        self._compare_subscriptions()

    def _for_several(self) -> list[Order]:
        # How much less comes anew is left to other tests.
        return [order for order in self._refundable() if order.seats > 1 and not order.allowances]

    @precondition(lambda self: self._for_several())
    @rule(nth=nth)
    def refund_seat(self, nth: int) -> None:
        order = _pick(self._for_several(), nth)
        seat = [{"line": 1, "quantity": 1}]
        self._play(
            lambda: self.reference.refund_seat(order),
            lambda: OrderService.refund_order(self.ids[order], refund_id=self._key(), items=seat, release_holds=True),
            lambda _, actual: _equal(actual.order.status, "partially_refunded"),
        )
        self._compare_subscriptions()

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth, sku=plans, seats=st.sampled_from([1, 1, 2]), looks=looks)
    def change_at_end(self, nth: int, sku: str, seats: int, looks: bool) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        wish: dict[str, Any] = {"sku": sku, "seats": seats, "at": "period_end"}
        if looks:
            told = self._preview(subscription, wish)
            assert told is None or told.effective_at == subscription.until
        self._play(
            lambda: self.reference.change_at_end(subscription, sku, seats),
            lambda: SubscriptionService.change_plan(self.ids[subscription], **wish),
            lambda _, actual: _equal((actual.status, actual.effective_at), ("scheduled", subscription.until)),
            moves_units=False,
        )
        self._compare_subscriptions()

    @precondition(lambda self: self.reference.subscriptions)
    @rule(
        nth=nth,
        sku=st.sampled_from(["club", "guild", "club", "guild", "quarterly"]),
        units=st.sampled_from(["carry_usage", "carry_usage", "pro_rata_units", "regrant"]),
        looks=looks,
    )
    def change_for_nothing(self, nth: int, sku: str, units: str, looks: bool) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        wish: dict[str, Any] = {"sku": sku, "money": "none", "units": units, "release_holds": True}
        given: dict[str, list[int | None]] = {}
        for line, left in zip(PLANS[sku].lines, self.reference.given_by(subscription, sku, units), strict=True):
            given.setdefault(line.feature, []).append(left)
        if looks and (told := self._preview(subscription, wish)) is not None:
            assert told.due.amount_minor == 0
            assert {each.feature: each.after for each in told.features if each.feature in given} == {
                feature: None if None in parts else sum(part or 0 for part in parts) for feature, parts in given.items()
            }

        def same(expected: Order, actual: models.PlanChange) -> None:
            assert actual.status == "applied"
            assert actual.item is not None
            self.ids[expected] = actual.item.order_id
            self._name_grants(expected)

        self._play(
            lambda: self.reference.gift(subscription, sku, units),
            lambda: SubscriptionService.change_plan(self.ids[subscription], **wish),
            same,
        )
        self._compare_subscriptions()

    def _preview(self, subscription: Subscription, wish: dict[str, Any]) -> Any:
        """What a change would do, or None where it is refused: nothing is written to say it."""
        before = _writes()
        told = _outcome(lambda: SubscriptionService.preview_change(self.ids[subscription], **wish))
        assert _writes() == before
        return None if isinstance(told, BillableError) else told

    @precondition(lambda self: self.reference.subscriptions)
    @rule(nth=nth)
    def undo_change(self, nth: int) -> None:
        subscription = _pick(self.reference.subscriptions, nth)
        self._change(
            lambda: self.reference.undo_change(subscription),
            lambda: SubscriptionService.undo_change(self.ids[subscription]),
        )

    def _disputable(self) -> list[Order]:
        # What comes anew is left to other tests: its periods go on while it waits.
        return [order for order in self._refundable() if not order.allowances]

    @precondition(lambda self: self._disputable())
    @rule(nth=nth)
    def dispute(self, nth: int) -> None:
        order = _pick(self._disputable(), nth)
        payment = models.Payment.objects.get(order=self.ids[order], status__in=["succeeded", "disputed"])

        def same(expected: None, actual: models.Dispute) -> None:
            self.ids["dispute", order] = actual.pk

        self._play(
            lambda: self.reference.dispute(order),
            lambda: OrderService.dispute_payment(payment, dispute_id=self._key()),
            same,
        )
        self._compare_subscriptions()

    @precondition(lambda self: self._disputed())
    @rule(nth=nth, won=st.booleans())
    def resolve(self, nth: int, won: bool) -> None:
        order = _pick(self._disputed(), nth)
        outcome = "won" if won else "lost"
        self._play(
            lambda: self.reference.resolve(order, won=won),
            lambda: OrderService.resolve_dispute(self.ids["dispute", order], outcome),
            lambda _, actual: _equal(actual.status, outcome),
        )
        self._compare_subscriptions()

    def _disputed(self) -> list[Order]:
        return [order for order in self.reference.orders if order.is_disputed]

    # --- comparing

    def _sweep(self) -> None:
        SubscriptionService.settle_subscriptions()
        super()._sweep()

    def _change(self, expect: Callable[[], bool], act: Callable[[], Any]) -> None:
        """An act on a subscription; the answer says whether it had been done before."""
        self._play(expect, act, lambda replayed, actual: _equal(actual.replayed, replayed))
        self._compare_subscriptions()

    def _compare_all(self) -> None:
        super()._compare_all()
        self._compare_subscriptions()

    def _compare_subscriptions(self) -> None:
        rows = {row.pk: row for row in SubscriptionService.list_subscriptions(self.ann).items}
        assert set(rows) == {self.ids[each] for each in self.reference.subscriptions if each in self.ids}
        for each in self.reference.subscriptions:
            row = rows[self.ids[each]]
            assert row.status == each.status(self.clock.now)
            assert (row.period_index, row.paid_from, row.paid_until) == (each.index, each.begins, each.until)
            assert each.ended or row.access_until == each.access
            assert row.ended_as in ("", each.ended)
            assert (row.product.sku, row.seats) == (each.sku, each.seats)
            following = row.next_product and (row.next_product.sku, row.next_seats)
            assert following == each.following

    def _compare_rows(self) -> None:
        super()._compare_rows()
        self._compare_orders()

    def _compare_orders(self) -> None:
        stand = dict(models.Order.objects.values_list("pk", "status"))
        assert stand == {self.ids[order]: order.status for order in self.reference.orders}
