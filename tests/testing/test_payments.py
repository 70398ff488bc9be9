"""FakePayments: what a payment service may say, in any order and as often as it likes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.errors import PaymentConflict
from billable.models import Invoice
from billable.services import OrderService, QuotaService
from billable.testing import (
    FakePayments,
    assert_balance,
    assert_books_are_right,
    assert_no_grants,
    capture_events,
    make_customer,
    make_product,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer(db):
    return make_customer()


@pytest.fixture
def order(buyer):
    return OrderService.create_order(buyer, [{"sku": make_product().sku}])


def status(order):
    return OrderService.get_order(order).status


def test_a_charge_pays_the_order_and_its_receipt_follows(billing_payments, order, buyer):
    with capture_events() as sent:
        payment = billing_payments.pay(order)

    assert (payment.payment_id, payment.payment_method, payment.status) == ("fake-1", "fake", "succeeded")
    assert status(order) == "paid"
    assert "order.paid" in sent.names
    assert Invoice.objects.get().order_id == order.pk
    assert_balance(buyer, "units", 10)


def test_a_charge_fails_and_the_next_one_succeeds(billing_payments, order, buyer):
    failed = billing_payments.fail(order)
    assert (failed.status, status(order)) == ("failed", "pending")
    assert_no_grants(buyer)

    assert billing_payments.settle(failed).pk == failed.pk
    assert status(order) == "paid"


def test_money_is_announced_and_arrives_or_does_not(billing_payments, order, buyer):
    first, second = billing_payments.announce(order), billing_payments.announce(order)
    assert (first.status, first.payment_id, second.payment_id) == ("pending", "fake-1", "fake-2")

    assert billing_payments.bounce(first).status == "failed"
    assert billing_payments.settle(second).status == "succeeded"


def test_money_arrives_when_the_clock_is_moved(billing_clock, billing_payments, order, buyer):
    billing_payments.pay_later(order, days=3)

    billing_clock.advance(days=2)
    assert status(order) == "pending"
    billing_clock.advance(days=2)
    assert OrderService.get_order(order).paid_at == billing_clock.now - timedelta(days=1)


def test_money_of_a_sandbox_customer_arrives_by_its_clock(billing_clock, billing_payments):
    box = make_customer(sandbox=True)
    order = OrderService.create_order(box, [{"sku": make_product().sku}])
    billing_payments.pay_later(order, days=3)

    billing_clock.for_customer(box).advance(days=4)

    assert OrderService.get_order(order).paid_at == billing_clock.now + timedelta(days=3)


def test_later_needs_a_clock(order):
    with pytest.raises(ValueError, match="clock"):
        FakePayments().pay_later(order, days=1)


def test_a_notice_comes_twice(billing_payments, order, buyer):
    paid = billing_payments.pay(order)

    again = billing_payments.repeat(3)

    assert [(payment.pk, payment.replayed) for payment in again] == [(paid.pk, True)] * 3
    assert_balance(buyer, "units", 10)


def test_notices_come_in_another_order(billing_payments, order, buyer):
    pending = billing_payments.notice(order, "pending")
    paid = billing_payments.notice(order, payment_id=pending.payment_id)

    billing_payments.deliver(paid)
    payment = billing_payments.deliver(pending)

    assert payment.status == "succeeded"
    assert [notice.status for notice in billing_payments.sent] == ["paid", "pending"]
    assert_balance(buyer, "units", 10)


def test_an_order_is_paid_in_parts_and_too_much_is_kept(billing_payments, order):
    billing_payments.pay(order, amount_minor=400)
    assert status(order) == "pending"
    billing_payments.pay(order)
    assert status(order) == "paid"
    assert billing_payments.sent[-1].amount_minor == 600
    assert billing_payments.pay(order).status == "unapplied"


def test_money_goes_back(billing_payments, order, buyer):
    payment = billing_payments.pay(order)

    part, rest = billing_payments.refund(payment, amount_minor=300), billing_payments.refund(payment)

    assert [(refund.refund_id, refund.amount_minor) for refund in (part, rest)] == [
        ("fake-re-1", 300),
        ("fake-re-2", 700),
    ]
    assert Invoice.objects.filter(kind="credit_note").count() == 2
    assert_no_grants(buyer)


@pytest.mark.parametrize(("outcome", "left"), [("won", 10), ("lost", 0)])
def test_a_payer_disputes(billing_payments, order, buyer, outcome, left):
    dispute = billing_payments.dispute(billing_payments.pay(order))
    assert_no_grants(buyer)

    billing_payments.decide(dispute, outcome)

    assert_balance(buyer, "units", left)
    assert QuotaService.verify_ledger()
    assert_books_are_right(buyer)


def test_two_services_of_one_name_are_in_each_others_way(billing_payments, order, buyer):
    billing_payments.pay(order)
    other = OrderService.create_order(buyer, [{"sku": make_product().sku}])
    with pytest.raises(PaymentConflict):
        FakePayments().pay(other)
    assert FakePayments(name="another").pay(other).status == "succeeded"
