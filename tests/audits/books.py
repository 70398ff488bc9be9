"""Books with a bit of everything in them, written through the front door alone."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from django.contrib.auth import get_user_model

from billable.models import (
    Customer,
    Grant,
    Identity,
    InvoiceSeries,
    LedgerEntry,
    OrderItem,
    OrderItemFeature,
    PaymentClaim,
    PromotionUse,
    TrialFingerprint,
    Usage,
    UserLink,
)
from billable.services import (
    CatalogService,
    CustomerService,
    InvoiceService,
    Money,
    OrderService,
    PromotionService,
    QuotaService,
    TrialService,
)
from billable.testing import BillingClock

START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def write(clock: BillingClock) -> SimpleNamespace:
    """Ada's books, and Bob's beside them. The rows that tests break are named."""
    catalogue()
    ada = CustomerService.link_identity(get_user_model().objects.create(username="ada"), "telegram", "1").customer
    bob = CustomerService.identify("telegram", "2").customer
    Customer.objects.filter(pk=ada.pk).update(zone="Europe/Berlin")
    books = SimpleNamespace(clock=clock, ada=ada, bob=bob, bobs=give(bob, "pdf", 10), bobs_order=buy(bob, "pack"))
    give_and_take(books, ada, clock)
    sell(books, ada, clock)
    document(books, ada)
    books.bobs_usage = QuotaService.consume_quota(bob, "pdf", quantity=2)
    books.trial = TrialService.start_trial(ada, "try", identities={"email": "ada@example.com"})
    books.trials = books.trial.grants[0]
    books.fingerprint = TrialFingerprint.objects.filter(trial_id=books.trial.pk).first()
    books.identity, books.link = Identity.objects.get(external_id="1"), UserLink.objects.get(customer=ada)
    books.default = Grant.objects.get(customer=ada, source="default")
    absorb(books, ada)
    find_entries(books)
    for name in ("ada", "bob", *vars(books)):
        row = getattr(books, name)
        if hasattr(row, "refresh_from_db"):
            row.refresh_from_db()
    return books


def catalogue() -> None:
    """What is sold."""
    for key in ("pdf", "ai", "credits", "sso"):
        CatalogService.create_feature(key)
    CatalogService.set_cost("ai", "credits", per=3, units=2)
    lines: list[Any] = [{"feature": "pdf", "quantity": 10}, {"feature": "sso", "period": "1 month"}]
    CatalogService.create_product("pack", prices=[Money(1000, "USD")], features=lines)
    CatalogService.create_product("other", prices=[Money(700, "USD")], features=["pdf"], quantity=3)
    CatalogService.create_product("taxed", prices=[Money(999, "USD")], features=["pdf"], quantity=1, tax_rate="19")
    CatalogService.create_product("gift", prices=[Money(0, "USD")], features=["pdf"], quantity=1)
    CatalogService.create_product("welcome", features=["pdf"], quantity=1, is_default=True)
    CatalogService.create_product("try", features=["credits"], quantity=9, period="14 days", is_trial=True)


def give(customer: Any, feature: str, quantity: int | None = None, **how: Any) -> Grant:
    return QuotaService.grant_feature(customer, feature, quantity=quantity, **how)[0]


def buy(customer: Any, sku: str, quantity: int = 1) -> Any:
    return OrderService.create_order(customer, [{"sku": sku, "quantity": quantity}])


def give_and_take(books: SimpleNamespace, ada: Customer, clock: BillingClock) -> None:
    """Grants by hand that are used, paid from, put back, revoked and run out."""
    books.grant = give(ada, "ai", 4)
    books.credits = give(ada, "credits", 100)
    books.usage = QuotaService.consume_quota(ada, "ai", quantity=10, idempotency_key="u1")
    books.reversal = QuotaService.reverse_usage(books.usage, quantity=2, idempotency_key="r1")
    QuotaService.reverse_usage(books.usage, quantity=1, idempotency_key="r2")
    books.plain = QuotaService.consume_quota(ada, "credits", quantity=3)
    QuotaService.reverse_usage(QuotaService.consume_quota(ada, "ai", quantity=3), idempotency_key="r3")
    books.reduced = give(ada, "credits", 50, period="3 months")
    QuotaService.revoke_grant(books.reduced, quantity=20, idempotency_key="v1")
    books.revocation = books.reduced.adjustments.get()
    books.revoked = give(ada, "pdf", 8)
    QuotaService.revoke_grant(books.revoked, reason="a mistake")
    books.lapsed = give(ada, "pdf", 6, expires_at=clock.now + timedelta(days=2))
    books.spent = give(ada, "pdf", 2, expires_at=clock.now + timedelta(days=2), priority=1)
    spending = QuotaService.consume_quota(ada, "pdf", quantity=2)
    clock.jump(days=2, seconds=1)
    QuotaService.expire_grants()
    QuotaService.reverse_usage(spending, idempotency_key="too late")
    books.open = give(ada, "pdf", 5, expires_at=clock.now + timedelta(days=1))
    books.endless = give(ada, "sso")
    QuotaService.reverse_usage(QuotaService.consume_quota(ada, "sso", quantity=7), quantity=2, idempotency_key="r4")


def sell(books: SimpleNamespace, ada: Customer, clock: BillingClock) -> None:
    """Orders paid at once and in parts, too late and too much, free and called off."""
    books.order = buy(ada, "pack", 2)
    books.paid = OrderService.confirm_payment(books.order, payment_id="p1")
    again = buy(ada, "pack")
    OrderService.confirm_payment(again, payment_id="p2", amount_minor=400)
    OrderService.confirm_payment(again, payment_id="p3", amount_minor=600)
    books.stacked = Grant.objects.get(source_id=str(again.pk), feature__key="sso")
    books.partly = buy(ada, "pack")
    books.part = OrderService.confirm_payment(books.partly, payment_id="p4", amount_minor=400)
    OrderService.confirm_payment(books.partly, payment_id="p5", status="pending")
    books.late = OrderService.confirm_payment(books.order, payment_id="p6", amount_minor=1000)
    books.waiting = buy(ada, "other")
    books.foreign = OrderService.confirm_payment(books.waiting, payment_id="p7", amount_minor=700, currency="EUR")
    books.called_off = buy(ada, "other")
    OrderService.confirm_payment(books.called_off, payment_id="p8", amount_minor=100)
    OrderService.cancel_order(books.called_off)
    OrderService.confirm_payment(buy(ada, "other"), payment_id="p9", status="failed")
    buy(ada, "gift")
    OrderService.confirm_payment(books.bobs_order, payment_id="p10")
    sell_for_less(books, ada)
    trade(books, ada)
    books.item = OrderItem.objects.get(order=books.order)
    books.promise = OrderItemFeature.objects.get(item=books.item, feature__key="pdf")
    books.sold = Grant.objects.get(source_id=str(books.order.pk), feature__key="pdf")
    books.claim = PaymentClaim.objects.get(payment_id="p1", payment_method="default")
    books.gate = PaymentClaim.objects.get(payment_id="p1", payment_method="*")
    books.narrowed = QuotaService.consume_quota(ada, "pdf", sku="pack", quantity=12)


def sell_for_less(books: SimpleNamespace, ada: Customer) -> None:
    """An order with a code and tax, one more that was called off, and Bob's."""
    books.promotion = PromotionService.create_promotion("SPRING", percent_off=10, max_uses=5, products=["taxed"])
    items: Any = [{"sku": "taxed", "quantity": 3}, {"sku": "other"}]
    books.cheaper, called_off, _ = [
        OrderService.create_order(whose, items, promotion_code="spring") for whose in (ada, ada, books.bob)
    ]
    OrderService.confirm_payment(books.cheaper, payment_id="cheaper")
    OrderService.cancel_order(called_off)
    books.taxed = books.cheaper.items.get(sku="taxed")
    books.used, books.given_back = (PromotionUse.objects.get(order_id=each.pk) for each in (books.cheaper, called_off))


def absorb(books: SimpleNamespace, ada: Customer) -> None:
    """Eva turns out to be Ada. What she had used is put back after that."""
    books.eva = CustomerService.identify("telegram", "3").customer
    books.handed = give(books.eva, "credits", 9)
    usage = QuotaService.consume_quota(books.eva, "credits", quantity=4)
    books.merge = CustomerService.merge_customers(ada, books.eva)
    books.heir = Grant.objects.get(origin=books.handed)
    undo = QuotaService.reverse_usage(usage, quantity=3, idempotency_key="r9")
    books.later_heir = Grant.objects.get(origin=books.handed, source_id=str(undo.pk))
    books.moved_name = Identity.objects.get(external_id="3")
    books.handing = LedgerEntry.objects.get(grant=books.handed, kind="transfer", cause_id=books.merge.pk)
    books.left_again = LedgerEntry.objects.get(grant=books.handed, kind="transfer", cause_id=undo.pk)
    books.heir_birth = LedgerEntry.objects.get(grant=books.heir, kind="grant")
    books.later_birth = LedgerEntry.objects.get(grant=books.later_heir, kind="grant")


def trade(books: SimpleNamespace, ada: Customer) -> None:
    """An exchange that stands, and one that was undone."""
    give(ada, "credits", 40)
    CatalogService.create_product("traded", features=["ai"], quantity=2, unit_prices={"credits": 5})
    books.traded = OrderService.exchange(ada, "traded", quantity=3, idempotency_key="trade")
    books.got, books.trading = books.traded.grants[0], books.traded.usage
    undone = OrderService.exchange(ada, "traded", idempotency_key="trade and back")
    OrderService.refund_exchange(undone, idempotency_key="back")
    books.undone, books.untaken = undone, LedgerEntry.objects.get(cause_id=undone.pk, kind="refund")


def document(books: SimpleNamespace, ada: Customer) -> None:
    """A receipt with tax, and the credit notes of a part and of another part."""
    CatalogService.create_product("paper", prices=[Money(999, "USD")], features=["pdf"], quantity=1, tax_rate="19")
    books.printed = buy(ada, "paper", 3)
    OrderService.confirm_payment(books.printed, payment_id="p12")
    books.receipt = InvoiceService.issue_receipt(books.printed)
    books.receipt_line = books.receipt.lines.get()
    for name, what in {
        "note": {"items": [{"line": 1, "quantity": 1}]},
        "other_note": {"amount": "3.33", "currency": "USD"},
    }.items():
        refund = OrderService.refund_order(books.printed, refund_id=name, **what)
        setattr(books, name, InvoiceService.issue_credit_note(refund))
        setattr(books, f"{name}_line", getattr(books, name).lines.get())
    books.series = InvoiceSeries.objects.get(series="R")


def find_entries(books: SimpleNamespace) -> None:
    """Name an entry of every kind and cause."""
    mine = LedgerEntry.objects.filter(customer=books.ada)
    books.entry = mine.filter(usage=books.usage, kind="consume").earliest("seq")
    books.paying = mine.filter(usage=books.usage, kind="consume").latest("seq")
    books.back = mine.get(cause_id=books.reversal.pk, kind="reverse")
    books.birth = mine.get(grant=books.grant, kind="grant")
    books.order_birth = mine.get(grant=books.sold, kind="grant")
    books.trial_birth = mine.get(grant=books.trials, kind="grant")
    books.expiry = mine.get(grant=books.lapsed, kind="expire")
    books.ending = mine.get(grant=books.revoked, kind="revoke")
    books.reducing = mine.get(grant=books.reduced, kind="revoke")
    books.out_again = mine.get(grant=books.spent, kind="expire")
    books.last_usage = Usage.objects.filter(customer=books.ada).latest("event_seq")
