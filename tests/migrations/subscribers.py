"""Books about time: what a subscriber has, and a sandbox; the audited books (tests/audits) have nothing of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billable.services import (
    CatalogService,
    CustomerService,
    Money,
    OrderService,
    PromotionService,
    QuotaService,
    ReferralService,
    SubscriptionService,
)
from billable.testing import BillingClock


def write(clock: BillingClock) -> None:
    """A subscription that is changed, held, owed for, paused and disputed, in a catalogue that changes meanwhile."""
    catalogue()
    eve = CustomerService.identify("telegram", "3").customer
    subscription = subscribe(eve)
    QuotaService.hold_quota(eve, "page", 2, ttl=600, idempotency_key="h1")
    SubscriptionService.change_seats(subscription, 2, idempotency_key="c1")
    order = OrderService.create_order(eve, [{"sku": "chat"}], promotion_code="LESS")
    payment = OrderService.confirm_payment(order, payment_id="s2")
    QuotaService.consume_quota(eve, "word", quantity=12)
    line = {"feature": "word", "quantity": 8, "reset": "1 week"}
    CatalogService.update_product("chat", features=[line])
    QuotaService.roll_out_product_change("chat", policy="now")
    SubscriptionService.pause_subscription(subscription, at_period_end=True, resumes_at=clock.now + timedelta(days=60))
    refer(eve)
    OrderService.dispute_payment(payment, dispute_id="d1")
    sandbox = CustomerService.identify("telegram", "5", sandbox=True).customer
    CustomerService.advance_clock(sandbox, days=3)


def catalogue() -> None:
    for key in ("page", "word"):
        CatalogService.create_feature(key, overdraft="record")
    plan: Any = [{"feature": "page", "quantity": 9}]
    CatalogService.create_product("plan", prices=[Money(900, "USD")], features=plan, recurs="1 month", grace_days=3)
    chat: Any = [{"feature": "word", "quantity": 5, "reset": "1 week", "rollover_quantity": 2, "rollover_periods": 1}]
    CatalogService.create_product("chat", prices=[Money(100, "USD")], features=chat)
    PromotionService.create_promotion("LESS", amounts_off=[Money(50, "USD")])


def subscribe(eve: Any) -> Any:
    order = OrderService.create_order(eve, [{"sku": "plan"}])
    OrderService.confirm_payment(order, payment_id="s1")
    (subscription,) = SubscriptionService.list_subscriptions(eve)
    return subscription


def refer(eve: Any) -> None:
    ReferralService.create_programme("friends", referrer_product="gift", trigger="on_signup")
    ReferralService.refer(eve, CustomerService.identify("telegram", "4").customer, programme="friends")
