"""Stories of money that arrives: late, twice, too little, for the wrong thing, and disputed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.services import OrderService, QuotaService
from tests.stories.conftest import Teller


@pytest.fixture
def shop(story: Teller) -> Teller:
    story.sells("pack", "10.00", features=["pdf"], quantity=100)
    story.sells("big", "20.00", features=["pdf"], quantity=300)
    return story


def test_two_parts_are_paid_and_then_the_order_is_called_off(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "big")
    shop.pays(order, "p1", amount="5.00", currency="EUR")
    shop.pays(order, "p2", amount="7.00", currency="EUR")
    assert shop.order(order).amount_due_minor == 800
    shop.do(OrderService.cancel_order, order.pk)
    waiting = OrderService.list_payments(ann.ref, status="unapplied")
    assert sorted(payment.payment_id for payment in waiting) == ["p1", "p2"]
    for payment in waiting:
        shop.do(OrderService.return_payment, payment.pk, reason="called off")
        shop.do(OrderService.return_payment, payment.pk)
    assert not list(OrderService.list_payments(ann.ref, status="unapplied"))
    shop.ends()


def test_an_order_is_paid_twice_and_the_second_payment_buys_another_one(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "pack")
    shop.pays(order, "p1")
    twice = shop.pays(order, "p2", amount="10.00", currency="EUR")
    assert (twice.status, twice.code) == ("unapplied", "order_already_paid")
    other = shop.orders(ann, "pack")
    shop.do(OrderService.apply_payment, twice.pk, other.pk)
    assert shop.order(other).status == "paid"
    assert shop.pays(order, "p2", amount="10.00", currency="EUR").replayed  # the provider tells it again
    assert shop.has(ann, "pdf") == 200
    shop.ends(paid={"EUR": 2000}, granted={"pdf": 200}, left={"pdf": 200})


def test_an_expired_order_still_takes_the_exact_money(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "pack")
    shop.pays(order, "part", amount="4.00", currency="EUR")
    shop.clock.advance(days=8)
    shop.do(OrderService.expire_orders, older_than=timedelta(days=7))
    assert shop.order(order).status == "expired"
    shop.pays(order, "whole", amount="10.00", currency="EUR")
    assert shop.order(order).status == "paid"
    assert shop.has(ann, "pdf") == 100
    shop.ends(paid={"EUR": 1000}, set_aside={"EUR": 400}, granted={"pdf": 100}, left={"pdf": 100})


def test_a_sale_in_the_chat_is_told_three_times(story: Teller) -> None:
    story.sells("stars", "250", "XTR", features=["ai"], quantity=50)
    ann = story.meets("ann")
    for _ in range(3):
        sold = story.do(
            OrderService.record_sale,
            ann.ref,
            [{"sku": "stars"}],
            payment_id="tg-1",
            payment_method="telegram_stars",
            currency="XTR",
        )
    assert sold.status == "succeeded"
    assert sold.replayed
    assert story.has(ann, "ai") == 50
    story.ends(paid={"XTR": 250}, granted={"ai": 50}, left={"ai": 50})


def test_notices_come_in_the_wrong_order_and_twice(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "pack")
    shop.pays(order, "p", status="failed")
    shop.pays(order, "p", status="pending")
    assert shop.order(order).status == "pending"
    shop.pays(order, "p", status="paid")
    for late in ("pending", "failed", "paid"):
        shop.pays(order, "p", status=late)
    assert shop.order(order).status == "paid"
    assert shop.has(ann, "pdf") == 100
    shop.ends(paid={"EUR": 1000}, granted={"pdf": 100}, left={"pdf": 100})


def test_a_lost_dispute_takes_the_units_and_the_money(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    shop.uses(ann, "pdf", 40)
    payment = shop.order(order).payments.get()
    dispute = shop.do(OrderService.dispute_payment, payment.pk, dispute_id="dp_1")
    shop.refuses("dispute_open", OrderService.refund_order, order.pk, refund_id="r")
    shop.do(OrderService.resolve_dispute, dispute.pk, "lost")
    shop.do(OrderService.resolve_dispute, dispute.pk, "lost")
    assert shop.order(order).status == "refunded"
    assert shop.has(ann, "pdf") == 0
    shop.refuses("wrong_order_state", OrderService.refund_order, order.pk, refund_id="r")
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, used={"pdf": 40}, gone={"pdf": 60})


def test_a_job_fails_while_its_payment_is_disputed_and_the_dispute_is_won(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    usage = shop.uses(ann, "pdf", 40)
    payment = shop.order(order).payments.get()
    dispute = shop.do(OrderService.dispute_payment, payment.pk, dispute_id="dp_1")
    shop.do(QuotaService.reverse_usage, usage, quantity=10, idempotency_key="k1")
    assert shop.has(ann, "pdf") == 0
    shop.do(OrderService.resolve_dispute, dispute.pk, "won")
    assert shop.has(ann, "pdf") == 70
    shop.do(QuotaService.reverse_usage, usage, idempotency_key="k2")
    assert shop.has(ann, "pdf") == 100
    assert shop.refunds(order).amount_minor == 1000
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, gone={"pdf": 100})


def test_money_for_a_cancelled_order_is_kept_and_returned(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "pack")
    shop.do(OrderService.cancel_order, order.pk)
    late = shop.pays(order, "late", amount="10.00", currency="EUR")
    assert (late.status, late.code) == ("unapplied", "order_cancelled")
    shop.refuses("wrong_order_state", OrderService.refund_order, order.pk, refund_id="r")
    shop.do(OrderService.return_payment, late.pk, reason="sent back by hand")
    assert shop.has(ann, "pdf") == 0
    shop.ends()
