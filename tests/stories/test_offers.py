"""Stories of discounts, exchange, tax and receipts."""

from __future__ import annotations

from typing import Any

import pytest

from billable.services import CatalogService, InvoiceService, Money, OrderService, PromotionService
from tests.stories.conftest import Teller


def codes(story: Teller, code: str, **names: Any) -> None:
    story.do(PromotionService.create_promotion, code, **names)


@pytest.fixture
def shop(story: Teller) -> Teller:
    story.sells("pack", "10.00", features=["pdf"], quantity=100)
    story.sells("mug", "7.00", features=["sso"], period="1 year")
    return story


def test_a_cancelled_order_gives_its_code_back(shop: Teller) -> None:
    codes(shop, "SPRING", percent_off="20", max_uses=1)
    ann, bob = shop.meets("ann"), shop.meets("bob")
    first = shop.orders(ann, "pack", promotion_code="spring")
    assert first.total_amount_minor == 800
    shop.refuses("promotion_refused", OrderService.create_order, bob.ref, [{"sku": "pack"}], promotion_code="SPRING")
    shop.do(OrderService.cancel_order, first.pk)
    second = shop.buys(bob, "pack", promotion_code="SPRING")
    assert second.status == "paid"
    shop.ends(paid={"EUR": 800}, granted={"pdf": 100}, left={"pdf": 100})


def test_the_last_use_comes_back_with_a_whole_refund(shop: Teller) -> None:
    codes(shop, "ONCE", percent_off="50", max_uses=1)
    ann, bob = shop.meets("ann"), shop.meets("bob")
    order = shop.buys(ann, "pack", promotion_code="ONCE")
    shop.refunds(order, "r1", amount="2.00", currency="EUR")
    shop.refuses("promotion_refused", OrderService.create_order, bob.ref, [{"sku": "pack"}], promotion_code="ONCE")
    shop.refunds(order, "r2")
    shop.buys(bob, "pack", promotion_code="ONCE")
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 500}, granted={"pdf": 200}, left={"pdf": 100}, gone={"pdf": 100})


def test_only_the_first_order_is_cheaper(shop: Teller) -> None:
    codes(shop, "HELLO", percent_off="10", first_order_only=True)
    ann = shop.meets("ann")
    assert shop.buys(ann, "pack", promotion_code="HELLO").total_amount_minor == 900
    shop.refuses("promotion_refused", OrderService.create_order, ann.ref, [{"sku": "pack"}], promotion_code="HELLO")
    shop.ends(paid={"EUR": 900}, granted={"pdf": 100}, left={"pdf": 100})


def test_a_fixed_discount_is_spread_and_every_cent_of_it_stays(shop: Teller) -> None:
    codes(shop, "FIVE", amounts_off=[Money(500, "EUR")])
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack", "mug", promotion_code="FIVE")  # 17.00 - 5.00
    assert order.total_amount_minor == 1200
    back = [shop.refunds(order, f"r{line}", items=[{"line": line}]).amount_minor for line in (1, 2)]
    assert sum(back) == 1200
    assert shop.order(order).status == "refunded"
    shop.ends(paid={"EUR": 1200}, refunded={"EUR": 1200}, granted={"pdf": 100}, gone={"pdf": 100})


def test_a_code_that_makes_it_free(shop: Teller) -> None:
    codes(shop, "GIFT", percent_off="100", max_uses_per_customer=1)
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack", promotion_code="GIFT")
    assert (order.status, order.total_amount_minor) == ("paid", 0)
    shop.uses(ann, "pdf", 3)
    shop.ends(granted={"pdf": 100}, used={"pdf": 3}, left={"pdf": 97})


def test_credits_buy_a_pass_and_come_back_to_where_they_were(story: Teller) -> None:
    story.sells("coins", "5.00", features=["credits"], quantity=50)
    story.sells("bonus", "1.00", features=["credits"], quantity=10, period="1 month")
    story.do(CatalogService.create_product, "ten", features=["pdf"], quantity=10, unit_prices={"credits": 30})
    ann = story.meets("ann")
    story.buys(ann, "coins")
    story.refuses("quota_exceeded", OrderService.exchange, ann.ref, "ten", quantity=2, idempotency_key="too-much")
    story.buys(ann, "bonus")
    exchange = story.do(OrderService.exchange, ann.ref, "ten", idempotency_key="x1")
    assert story.do(OrderService.exchange, ann.ref, "ten", idempotency_key="x1").replayed
    assert (story.has(ann, "credits"), story.has(ann, "pdf")) == (30, 10)  # 10 of the bonus, 20 of the coins
    story.uses(ann, "pdf", 4)
    story.do(OrderService.refund_exchange, exchange.pk, idempotency_key="x1-back")  # six tenths of 30
    assert (story.has(ann, "credits"), story.has(ann, "pdf")) == (48, 0)
    story.ends(
        paid={"EUR": 600},
        granted={"credits": 60, "pdf": 10},
        used={"credits": 12, "pdf": 4},
        left={"credits": 48},
        gone={"pdf": 6},
    )


def test_net_prices_get_their_tax_and_a_refund_in_parts_gives_all_of_it_back(story: Teller, settings: Any) -> None:
    settings.BILLABLE_PRICES_INCLUDE_TAX = False
    story.sells("pack", "3.33", features=["pdf"], quantity=3, tax_rate="19")
    ann = story.meets("ann")
    order = story.buys(ann, ("pack", 3))  # 9.99 net, 1.90 tax
    assert (order.tax_minor, order.total_amount_minor) == (190, 1189)
    back = [story.refunds(order, f"r{n}", items=[{"line": 1, "quantity": 1}]).amount_minor for n in (1, 2, 3)]
    assert sum(back) == 1189
    receipt, *notes = sorted(
        InvoiceService.list_invoices(ann.ref), key=lambda each: (each.kind == "credit_note", each.number)
    )
    assert (receipt.net_minor, receipt.tax_minor, receipt.total_minor) == (999, 190, 1189)
    assert sum(note.tax_minor for note in notes) == 190
    assert sum(note.net_minor for note in notes) == 999
    story.ends(paid={"EUR": 1189}, refunded={"EUR": 1189}, granted={"pdf": 9}, gone={"pdf": 9})


def test_receipts_and_credit_notes_are_numbered_without_gaps(shop: Teller) -> None:
    ann, bob = shop.meets("ann"), shop.meets("bob")
    orders = [shop.buys(person, "pack") for person in (ann, bob, ann)]
    unpaid = shop.orders(bob, "pack")
    shop.do(OrderService.cancel_order, unpaid.pk)
    shop.refunds(orders[1], amount="1.00", currency="EUR")
    documents = [*InvoiceService.list_invoices(ann.ref), *InvoiceService.list_invoices(bob.ref)]
    assert sorted(each.name for each in documents) == [
        "C-2026-000001", "R-2026-000001", "R-2026-000002", "R-2026-000003"
    ]  # fmt: skip
    shop.ends(paid={"EUR": 3000}, refunded={"EUR": 100}, granted={"pdf": 300}, left={"pdf": 290}, gone={"pdf": 10})
