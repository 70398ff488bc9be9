"""record_sale: a sale that happened elsewhere is ordered and paid in one, once per payment id."""

from __future__ import annotations

import pytest

from billable.models import Customer, Grant, Order, Payment
from billable.services import CustomerRef, OrderService

PACK = [{"sku": "pack"}]


def test_a_sale_is_an_order_that_is_paid(door, user):
    payment = door.orders.record_sale(
        user, PACK, payment_id="tg_1", payment_method="telegram_stars", metadata={"chat": 7}
    )
    assert (payment.status, payment.payment_method, str(payment.amount)) == ("succeeded", "telegram_stars", "5.00 EUR")
    assert (payment.order.status, payment.order.metadata, payment.metadata) == ("paid", {"chat": 7}, {"chat": 7})
    assert (payment.amount_assumed, payment.replayed) == (True, False)
    assert door.quota.check_quota(user, "pdf_export").balance == 10


def test_a_repeat_sells_nothing_again(door, user):
    first = door.orders.record_sale(user, PACK, payment_id="a", payment_method="stripe")
    for method in ("stripe", "default"):
        again = door.orders.record_sale(user, PACK, payment_id="a", payment_method=method)
        assert (again.pk, again.order_id, again.replayed) == (first.pk, first.order_id, True)
    assert (Order.objects.count(), Payment.objects.count(), Grant.objects.count()) == (1, 1, 1)


def test_the_same_payment_for_other_items_is_a_conflict(door, user, refused):
    door.orders.record_sale(user, PACK, payment_id="a")
    for other in ([{"sku": "pro"}], [{"sku": "pack", "quantity": 2}]):
        with refused("idempotency_conflict", idempotency_key="a", fields=["items"]):
            door.orders.record_sale(user, other, payment_id="a")


def test_two_channels_may_have_the_same_payment_id(door, user):
    one = door.orders.record_sale(user, PACK, payment_id="1001", payment_method="shop_a")
    two = door.orders.record_sale(user, PACK, payment_id="1001", payment_method="shop_b")
    assert one.pk != two.pk
    assert door.quota.check_quota(user, "pdf_export").balance == 20


def test_a_payment_of_somebody_else_sells_nothing(door, user, refused, django_user_model):
    door.orders.record_sale(user, PACK, payment_id="a")
    bob = django_user_model.objects.create(username="bob")
    OrderService.create_order(bob, PACK)
    with refused("payment_conflict", payment_id="a"):
        door.orders.record_sale(bob, PACK, payment_id="a")


def test_a_payment_that_was_announced_for_an_order_pays_that_order(door, user):
    order = OrderService.create_order(user, PACK)
    announced = OrderService.confirm_payment(order, payment_id="a", status="pending")
    payment = door.orders.record_sale(user, PACK, payment_id="a")
    assert (payment.pk, payment.status, payment.order_id, payment.order.status) == (
        announced.pk,
        "succeeded",
        order.pk,
        "paid",
    )
    assert Order.objects.count() == 1


def test_whoever_bought_elsewhere_becomes_a_customer(door):
    ref = CustomerRef(provider="telegram", external_id="4711")
    payment = door.orders.record_sale(ref, PACK, payment_id="a")
    again = door.orders.record_sale(ref, PACK, payment_id="a")
    assert (again.pk, Customer.objects.count()) == (payment.pk, 1)
    assert door.quota.check_quota(ref, "pdf_export").balance == 10


def test_nobody_becomes_a_customer_by_a_sale_that_is_refused(door, refused):
    ref = CustomerRef(provider="telegram", external_id="4711")
    door.orders.record_sale(CustomerRef(provider="telegram", external_id="1"), PACK, payment_id="a")
    with refused("payment_conflict"):
        door.orders.record_sale(ref, PACK, payment_id="a")
    with refused("product_not_found"):
        door.orders.record_sale(ref, [{"sku": "nothing"}], payment_id="b")


def test_the_money_that_arrived_may_be_less_or_more(door, user):
    less = door.orders.record_sale(user, PACK, payment_id="a", amount="4.00", currency="EUR")
    assert (less.status, less.order.status, less.order.amount_due_minor) == ("succeeded", "pending", 100)
    more = door.orders.record_sale(user, PACK, payment_id="b", amount_minor=501)
    assert (more.status, more.code, more.order.status) == ("unapplied", "amount_exceeds_due", "pending")


def test_the_currency_of_the_money_is_that_of_the_order(door, user):
    payment = door.orders.record_sale(user, [{"sku": "pro"}], payment_id="a", amount="10.99", currency="USD")
    assert (payment.order.currency, payment.order.status) == ("USD", "paid")


def test_a_free_sale_is_paid_once(door, user):
    payment = door.orders.record_sale(user, [{"sku": "free"}], payment_id="a")
    assert (payment.amount_minor, payment.status, payment.order.status) == (0, "succeeded", "paid")
    assert door.orders.record_sale(user, [{"sku": "free"}], payment_id="a").replayed
    assert Grant.objects.count() == 1


def test_payment_ids_may_be_as_long_as_keys_are(door, user):
    longest = "x" * 200
    payment = door.orders.record_sale(user, PACK, payment_id=longest, payment_method="m" * 64)
    assert door.orders.record_sale(user, PACK, payment_id=longest, payment_method="m" * 64).pk == payment.pk


def test_a_sale_of_which_a_part_is_due_expires_like_any_order(door, user, settings, clock):
    settings.BILLABLE_ORDER_TTL_HOURS = 1
    part = door.orders.record_sale(user, PACK, payment_id="a", amount_minor=400)
    clock.advance(hours=1)
    door.orders.expire_orders()
    assert Payment.objects.get(pk=part.pk).status == "unapplied"
    again = door.orders.record_sale(user, PACK, payment_id="a", amount_minor=400)
    assert (again.replayed, again.status) == (True, "unapplied")


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"payment_id": ""}, "invalid", "payment_id"),
        ({"payment_method": "*"}, "invalid", "payment_method"),
        ({"amount": "5"}, "invalid", "currency"),
        ({"amount": "5.001", "currency": "EUR"}, "invalid", "amount"),
        ({"amount": 5.0, "currency": "EUR"}, "invalid", "amount"),
        ({"amount_minor": 0}, "invalid", "amount_minor"),
        ({"currency": "ABC"}, "invalid", "currency"),
        ({"currency": "USD"}, "currency_mismatch", "items[0].sku"),
        ({"items": []}, "invalid", "items"),
        ({"items": [{"sku": "try"}]}, "not_for_sale", "items[0].sku"),
        ({"metadata": []}, "invalid", "metadata"),
    ],
)
def test_bad_input_is_refused_and_sells_nothing(door, user, refused, wrong, code, field):
    OrderService.create_order(user, PACK)
    with refused(code, field=field):
        door.orders.record_sale(user, **{"items": PACK, "payment_id": "a", **wrong})
