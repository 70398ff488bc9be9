"""Refunds that a provider started: they name the payment, and the payment finds its order."""

from __future__ import annotations

import pytest

from billable import signals
from billable.models import Payment
from billable.services import OrderService


@pytest.fixture
def two_payments(user):
    """An order of 10 EUR that two payments paid."""
    order = OrderService.create_order(user, [{"sku": "pack"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="card", payment_method="stripe", amount_minor=400)
    OrderService.confirm_payment(order, payment_id="bank", payment_method="sepa", amount_minor=600)
    return order


@pytest.fixture
def unapplied(user):
    """Money that came for an order that was cancelled."""
    order = OrderService.create_order(user, [{"sku": "pack"}], currency="EUR")
    OrderService.cancel_order(order)
    return OrderService.confirm_payment(order, payment_id="late", payment_method="stripe")


def test_the_only_payment_of_an_order_is_the_order(door, buy, state):
    order = buy("pack")
    refund = door.orders.refund_order(payment_id="pi_1", refund_id="re_1", origin="provider")
    assert (refund.order, refund.amount_minor, refund.origin) == (order, 1000, "provider")
    assert refund.payment.payment_id == "pi_1"
    assert state(order) == ("refunded", 1000, [0])
    assert door.orders.refund_order(order, refund_id="re_1").replayed


def test_one_of_two_payments_goes_back_with_its_part_of_the_units(door, two_payments, state, refused):
    refund = door.orders.refund_order(payment_id="card", payment_method="stripe", refund_id="re_1")
    assert (refund.amount_minor, refund.payment.payment_id) == (400, "card")
    assert state(two_payments) == ("partially_refunded", 400, [60])
    with refused("nothing_to_refund"):
        door.orders.refund_order(payment_id="card", refund_id="re_2")
    with refused("refund_too_large", requested="6.01 EUR", refundable="6.00 EUR"):
        door.orders.refund_order(payment_id="bank", refund_id="re_2", amount_minor=601)
    with refused("refund_too_large", requested="0.01 EUR", refundable="0.00 EUR"):
        door.orders.refund_order(payment_id="card", refund_id="re_2", amount_minor=1)
    door.orders.refund_order(payment_id="bank", refund_id="re_2")
    assert state(two_payments) == ("refunded", 1000, [0])


def test_what_was_refunded_by_order_counts_for_its_only_payment(door, buy, refused):
    order = buy("pack")
    door.orders.refund_order(order, refund_id="re_1", amount_minor=700)
    with refused("refund_too_large", requested="3.01 EUR", refundable="3.00 EUR"):
        door.orders.refund_order(payment_id="pi_1", refund_id="re_2", amount_minor=301)
    assert door.orders.refund_order(payment_id="pi_1", refund_id="re_2").amount_minor == 300


def test_money_that_no_order_took_is_returned_whole(door, unapplied, commit, refused):
    returned = []
    signals.payment_returned.connect(receiver := lambda payment, **_: returned.append(payment.payment_id))
    with refused("invalid", field="amount"):
        door.orders.refund_order(payment_id="late", refund_id="re_1", amount_minor=999)
    with refused("currency_mismatch"):
        door.orders.refund_order(payment_id="late", refund_id="re_1", amount="10.00", currency="USD")
    with commit():
        refund = door.orders.refund_order(payment_id="late", refund_id="re_1", reason="too late")
    signals.payment_returned.disconnect(receiver)
    assert (refund.amount_minor, refund.payment, list(refund.items.all())) == (1000, unapplied, [])
    payment = Payment.objects.get()
    assert (payment.status, payment.reason, returned) == ("returned", "too late", ["late"])
    assert OrderService.get_order(unapplied.order).refunded_amount_minor == 0
    assert door.orders.refund_order(payment_id="late", refund_id="re_1").replayed
    with refused("wrong_payment_state", payment_status="returned", verb="refunded"):
        door.orders.refund_order(payment_id="late", refund_id="re_2")


def test_money_that_another_order_took_goes_back_from_that_one(door, user, unapplied, state):
    other = OrderService.create_order(user, [{"sku": "both"}], currency="EUR")
    OrderService.apply_payment(unapplied, other)
    refund = door.orders.refund_order(payment_id="late", refund_id="re_1")
    assert refund.order == other
    assert state(other) == ("refunded", 1000, [0, 0])


def test_a_payment_must_be_known_and_must_have_arrived(door, user, buy, refused):
    order = buy("pack")
    with refused("payment_not_found", payment="default:pi_2"):
        door.orders.refund_order(payment_id="pi_2", refund_id="re_1")
    with refused("payment_not_found", payment="paypal:pi_1"):
        door.orders.refund_order(payment_id="pi_1", payment_method="paypal", refund_id="re_1")
    other = OrderService.create_order(user, [{"sku": "pack"}], currency="EUR")
    with refused("payment_not_found"):
        door.orders.refund_order(other, payment_id="pi_1", refund_id="re_1")
    OrderService.confirm_payment(other, payment_id="soon", status="pending")
    with refused("wrong_payment_state", payment_status="pending"):
        door.orders.refund_order(payment_id="soon", refund_id="re_1")
    OrderService.confirm_payment(other, payment_id="pi_1", payment_method="paypal")
    with refused("invalid", field="payment_method"):
        door.orders.refund_order(payment_id="pi_1", refund_id="re_1")
    assert door.orders.refund_order(order, payment_id="pi_1", refund_id="re_1").order == order


def test_nobody_but_a_dispute_names_a_refund_as_disputes_do(door, user, buy, state, refused):
    order = buy("pack")
    OrderService.confirm_payment(order, payment_id="twice")
    dispute = door.orders.dispute_payment(Payment.objects.get(payment_id="pi_1"), dispute_id="dp_1")
    with refused("invalid", field="refund_id"):
        door.orders.refund_order(payment_id="twice", refund_id=f"dispute:{dispute.pk}")
    door.orders.resolve_dispute(dispute, "lost")
    assert state(order) == ("refunded", 1000, [0])


def test_a_provider_may_say_again_that_one_of_two_payments_went_back(door, two_payments, state, refused):
    first = door.orders.refund_order(payment_id="card", refund_id="re_1", origin="provider")
    again = door.orders.refund_order(payment_id="card", payment_method="stripe", refund_id="re_1", origin="provider")
    assert (again.pk, again.replayed, again.amount_minor) == (first.pk, True, 400)
    last = door.orders.refund_order(payment_id="bank", refund_id="re_2")
    assert door.orders.refund_order(payment_id="bank", refund_id="re_2").pk == last.pk
    assert state(two_payments) == ("refunded", 1000, [0])


def test_a_refund_id_means_one_payment(door, two_payments, refused):
    door.orders.refund_order(payment_id="card", refund_id="re_1")
    with refused("idempotency_conflict", fields=["payment_id"]):
        door.orders.refund_order(payment_id="bank", refund_id="re_1")
    with refused("idempotency_conflict", fields=["payment_id"]):
        door.orders.refund_order(two_payments, refund_id="re_1")
    door.orders.refund_order(two_payments, refund_id="re_2", amount_minor=100)
    assert door.orders.refund_order(payment_id="bank", refund_id="re_2", amount_minor=100).replayed


def test_money_that_no_order_took_is_not_taken_for_money_that_went_back(door, buy, refused):
    order = buy("pack")
    twice = OrderService.confirm_payment(order, payment_id="twice", payment_method="stripe")
    door.orders.refund_order(order, refund_id="re_1")
    with refused("idempotency_conflict", fields=["payment_id"]):
        door.orders.refund_order(payment_id="twice", refund_id="re_1")
    assert door.orders.refund_order(payment_id="twice", refund_id="re_2").payment == twice
    assert door.orders.refund_order(payment_id="twice", refund_id="re_2").replayed


def test_of_a_payment_in_several_captures_the_refund_names_one(door, user, state, refused):
    order = OrderService.create_order(user, [{"sku": "pack"}], currency="EUR")
    for capture, amount in (("c1", 400), ("c2", 600)):
        OrderService.confirm_payment(order, payment_id="p", capture_id=capture, amount_minor=amount)
    with refused("invalid", field="capture_id"):
        door.orders.refund_order(payment_id="p", refund_id="re_1")
    with refused("payment_not_found"):
        door.orders.refund_order(payment_id="p", capture_id="c3", refund_id="re_1")
    refund = door.orders.refund_order(payment_id="p", capture_id="c2", refund_id="re_1")
    assert (refund.amount_minor, refund.payment.capture_id) == (600, "c2")
    assert door.orders.refund_order(payment_id="p", capture_id="c2", refund_id="re_1").replayed
    with refused("idempotency_conflict", fields=["payment_id"]):
        door.orders.refund_order(payment_id="p", capture_id="c1", refund_id="re_1")
    door.orders.refund_order(payment_id="p", capture_id="c1", refund_id="re_2")
    assert state(order) == ("refunded", 1000, [0])


def test_a_capture_that_nobody_named_before_is_the_payment(door, buy, state):
    order = buy("pack")
    assert door.orders.refund_order(payment_id="pi_1", capture_id="c1", refund_id="re_1").order == order
