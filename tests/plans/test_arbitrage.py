"""The engine itself does what the rules say, and nobody farms units by it.

``tests/pure/test_plan_changes.py`` takes every sequence of steps on the rules alone. Here the same steps are done in
earnest: orders, payments, grants and refunds in the database. After each one the money that was paid and the units that
can be used are those of the rules, and the units per money are no better than the best single purchase. Every single
step is taken, from two first purchases every two (with BILLABLE_SEARCH_DEPTH=6), and a sample of sequences of six.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from billable.errors import NothingToRefund
from billable.models import Grant, OrderItem, Payment, Refund, Subscription, Usage
from billable.services import CatalogService, Money, OrderService, PromotionService, QuotaService, SubscriptionService
from tests.plans.conftest import order_of, pay
from tests.pure.farm import Offer, Place, Shop, Step, instant
from tests.shelf import stock

SHOP = Shop(
    plans=(Offer("s", 1000, 100, 30), Offer("m", 2400, 300, 30), Offer("y", 9900, 1500, 365)),
    packs=(Offer("p", 900, 100, 0),),
    code_percent=20,
)
# BILLABLE_SEARCH_DEPTH=6 asks for more, as it does of the rules.
THOROUGH = int(os.environ.get("BILLABLE_SEARCH_DEPTH", "5")) > 5
# The first purchases from which every two steps are taken then: the small plan with the code, the middle one without.
TWO_STEPS_FROM = (0, 3) if THOROUGH else ()
SAMPLES = 60 if THOROUGH else 12
LENGTH = 6


@pytest.fixture(autouse=True)
def catalogue(db: None) -> None:
    stock(_market)


def _market() -> None:
    for offer in SHOP.plans:
        recurs = "1 month" if offer.days == 30 else "1 year"
        lines = [{"feature": "pages", "quantity": offer.quantity}]
        CatalogService.create_product(offer.name, prices=[Money(offer.price, "EUR")], features=lines, recurs=recurs)
    (pack,) = SHOP.packs
    CatalogService.create_product("p", prices=[Money(pack.price, "EUR")], features=["pages"], quantity=pack.quantity)
    PromotionService.create_promotion("fifth", percent_off="20")


class Walk:
    """A customer in the database, and where the rules say that they stand."""

    def __init__(self, customer: Any, clock: Any) -> None:
        self.customer, self.clock = customer, clock
        self.subscription: Any = None

    def begin(self, place: Place) -> None:
        """Buy the first plan."""
        self.clock.instant = instant(0)
        offer = SHOP.plans[place.offer]
        self._buy(offer.name, place.running[0].cash, offer.price)
        self.subscription = Subscription.objects.get()

    def do(self, step: Step) -> None:
        """Do one step in earnest."""
        act, details = step.act[0], step.act[1:]
        if act == "change":
            pay(order_of(self._ask(*details)))
        elif act == "ask":
            self._ask(*details)
        elif act == "pay":
            item = OrderItem.objects.get(change__applied_at__isnull=True, change__isnull=False)
            pay(OrderService.get_order(item.order_id))
        elif act in ("seat", "ask seat"):
            seats = Subscription.objects.get().seats
            made = SubscriptionService.change_seats(self.subscription, seats + 1)
            if act == "seat":
                pay(order_of(made))
        elif act == "buy":
            self._buy(details[0], details[1], SHOP.packs[0].price)
        elif act == "use":
            QuotaService.consume_quota(self.customer, "pages", quantity=details[0])
        elif act == "refund":
            OrderService.refund_order(
                self._items(details[0])[details[1]].order_id,
                refund_id=f"r{Refund.objects.count()}",
                policy="unused_only",
            )

    def check(self, place: Place, gain: int) -> None:
        """Compare the books with the rules, and both with the best single purchase."""
        alive = QuotaService.check_quota(self.customer, "pages").balance
        used = Usage.objects.aggregate(units=Sum("quantity"))["units"] or 0
        received = Payment.objects.filter(status="succeeded").aggregate(minor=Sum("amount_minor"))["minor"] or 0
        returned = Refund.objects.aggregate(minor=Sum("amount_minor"))["minor"] or 0
        assert alive == place.alive
        assert SHOP.gain(used + (alive or 0), received - returned) == gain
        assert gain <= 0

    def _ask(self, sku: str, units: str) -> Any:
        return SubscriptionService.change_plan(self.subscription, sku=sku, units=units)

    def _buy(self, sku: str, cash: int, price: int) -> None:
        code = None if cash == price else "fifth"
        order = OrderService.create_order(self.customer, [{"sku": sku}], currency="EUR", promotion_code=code)
        assert order.total_amount_minor == cash
        pay(order)

    def _items(self, where: str) -> list[OrderItem]:
        """What the rules list as running, or as kept and bought beside it, in the order that it was bought in."""
        paid = OrderItem.objects.filter(order__paid_at__isnull=False).order_by("order_id")
        plans, packs = paid.filter(subscription__isnull=False), paid.filter(subscription__isnull=True)
        if where == "running":
            return list(plans.filter(credited_by__isnull=True))
        return [item for item in (*plans.filter(credited_by__isnull=False), *packs) if _has_units(item)]


def _has_units(item: OrderItem) -> bool:
    return Grant.objects.filter(source_id=str(item.order_id), ended_at__isnull=True, remaining__gt=0).exists()


def ends_all(place: Place, step: Step) -> bool:
    """Whether a step refunds a period whole, which ends the subscription: the rules know of no such thing."""
    return step.act[0] == "refund" and step.cash == -place.running[0].cash if step.act[1:] == ("running", 0) else False


@contextmanager
def undone() -> Iterator[None]:
    """Let what is done within not have been."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


STARTS = list(SHOP.starts())


@pytest.mark.parametrize("number", range(len(STARTS)))
def test_every_short_sequence_of_the_engine_is_what_the_rules_say(number: int, customer: Any, clock: Any) -> None:
    walk, (first, gain) = Walk(customer, clock), STARTS[number]
    walk.begin(first)
    walk.check(first, gain)

    def go_on(place: Place, gain: int, depth: int) -> int:
        count = 0
        for step in SHOP.steps(place):
            if ends_all(place, step):
                continue
            with undone():
                there, after = step.lead(), gain + SHOP.gain(step.used + step.units, step.cash)
                clock.instant = instant(there.day)
                walk.do(step)
                walk.check(there, after)
                count += 1 + (go_on(there, after, depth - 1) if depth > 1 else 0)
            clock.instant = instant(place.day)
        return count

    assert go_on(first, gain, 2 if number in TWO_STEPS_FROM else 1) > 10


@pytest.mark.parametrize("seed", range(SAMPLES))
def test_sequences_of_six_steps_of_the_engine_are_what_the_rules_say(seed: int, customer: Any, clock: Any) -> None:
    chance, walk = random.Random(seed), Walk(customer, clock)
    place, gain = STARTS[seed % len(STARTS)]
    walk.begin(place)
    for _ in range(LENGTH):
        steps = [step for step in SHOP.steps(place) if not ends_all(place, step)]
        # One act as likely as another, however many ways there are to do it.
        act = chance.choice(sorted({step.act[0] for step in steps}))
        step = chance.choice([step for step in steps if step.act[0] == act])
        place, gain = step.lead(), gain + SHOP.gain(step.used + step.units, step.cash)
        clock.instant = instant(place.day)
        try:
            walk.do(step)
        except NothingToRefund:
            pytest.fail(f"the rules give back {-step.cash}, the engine nothing")
        walk.check(place, gain)
    assert QuotaService.verify_ledger().ok
