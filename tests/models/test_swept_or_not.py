"""Caps, overdraft, roll-outs over time: two customers do the same, one is swept at every step, and nothing differs."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from billable.errors import BillableError
from billable.models import Customer, Usage
from billable.quota.expire import _sweep
from billable.services import CatalogService, CustomerService, QuotaService

EXAMPLES, STEPS = 8, 40
LINES: list[dict[str, Any]] = [
    {"feature": "calls", "quantity": 10, "reset": "1 week", "rollover_quantity": 6, "rollover_periods": 2},
    {"feature": "calls", "quantity": 40, "period": "1 month", "cap_quantity": 7, "cap_period": "2 days"},
    {"feature": "calls", "cap_quantity": 3, "cap_period": "1 day", "period": "10 days"},
    {"feature": "credits", "quantity": 5, "reset": "3 days", "cap_quantity": 4, "cap_period": "1 day"},
]


class Twin:
    """A customer who does what the other does."""

    def __init__(self, name: str, *, is_swept: bool) -> None:
        self.customer: Customer = CustomerService.identify("test", name).customer
        self.is_swept = is_swept
        self.usages: list[Usage] = []
        self.holds: list[Any] = []
        self.keys = 0

    def act(self, act: str, number: int) -> Any:
        """What comes of it: the balance after, or why not."""
        self.keys += 1
        if self.is_swept:
            _sweep(self.customer.pk)
        try:
            return getattr(self, act)(number)
        except BillableError as refusal:
            data = {name: value for name, value in refusal.data.items() if name not in ("hold", "usage")}
            return refusal.code, data
        finally:
            if self.is_swept:
                _sweep(self.customer.pk)

    def use(self, number: int) -> Any:
        usage = QuotaService.consume_quota(self.customer, "calls", quantity=number % 14 + 1)
        self.usages.append(usage)
        return usage.balance

    def pay(self, number: int) -> Any:
        return QuotaService.consume_quota(self.customer, "credits", quantity=number % 3 + 1).balance

    def hold(self, number: int) -> Any:
        ttl = timedelta(hours=number % 90 + 1)
        held = QuotaService.hold_quota(self.customer, "calls", number % 8 + 1, ttl=ttl)
        self.holds.append(held)
        return held.balance

    def capture(self, number: int) -> Any:
        if not self.holds:
            return None
        usage = QuotaService.capture_hold(self.holds.pop(number % len(self.holds)))
        self.usages.append(usage)
        return usage.balance

    def release(self, number: int) -> Any:
        return QuotaService.release_hold(self.holds.pop(number % len(self.holds))).quantity if self.holds else None

    def reverse(self, number: int) -> Any:
        if not self.usages:
            return None
        usage = self.usages[number % len(self.usages)]
        key = f"undo-{self.keys}"
        return QuotaService.reverse_usage(usage, quantity=number % 5 + 1, idempotency_key=key).balance

    def give(self, number: int) -> Any:
        QuotaService.grant_feature(self.customer, "calls", quantity=number % 6 + 1, period=f"{number % 9 + 1} days")

    def buy(self, number: int) -> Any:
        QuotaService.grant_product(self.customer, f"pro-{number % len(LINES)}")

    @property
    def stand(self) -> Any:
        """What can be seen of it now."""
        checks = [QuotaService.check_quota(self.customer, name) for name in ("calls", "credits")]
        balances = [
            (each.feature, each.allowed, each.balance, each.held, each.owed, each.next_reset_at, each.cap)
            for each in QuotaService.balances(self.customer)
        ]
        return [(check.allowed, check.code, check.balance, check.cap) for check in checks], balances


ACTS = ("use", "use", "use", "pay", "hold", "capture", "release", "reverse", "give", "buy")


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_what_is_true_does_not_depend_on_a_sweep(db: None, clock: Any, seed: int) -> None:
    chance = random.Random(seed)  # no secret
    CatalogService.create_feature("calls", overdraft="allow", overdraft_limit=25)
    CatalogService.create_feature("credits")
    CatalogService.set_cost("calls", "credits", per=2, units=1)
    for place, line in enumerate(LINES):
        CatalogService.create_product(f"pro-{place}", features=[line])
    swept, unswept = Twin("swept", is_swept=True), Twin("unswept", is_swept=False)
    told = []
    for _ in range(STEPS):
        act, number = chance.choice(ACTS), chance.randrange(1000)
        clock.move(hours=chance.choice([0, 1, 5, 24, 24, 60, 200]))
        if chance.random() < 0.1:
            place = chance.randrange(len(LINES))
            line = {**LINES[place], "quantity": chance.randrange(5, 60)}
            CatalogService.update_product(f"pro-{place}", features=[line])
            QuotaService.roll_out_product_change(f"pro-{place}", policy=chance.choice(["now", "next_period"]))
        told.append((act, number))
        answers = unswept.act(act, number), unswept.stand, swept.act(act, number), swept.stand
        assert answers[:2] == answers[2:], told
    report = QuotaService.verify_ledger()
    assert report.ok, report.problems
