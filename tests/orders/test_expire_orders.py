"""expire_orders: what nobody paid in time is called off, and its money is not lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import Grant, Order
from billable.services import OrderService


@pytest.fixture
def day(settings):
    settings.BILLABLE_ORDER_TTL_HOURS = 24


def order_of(user, sku="pack"):
    return OrderService.create_order(user, [{"sku": sku}])


def test_without_a_setting_an_order_waits_for_ever(door, user, clock):
    order = order_of(user)
    clock.advance(days=4000)
    assert order.expires_at is None
    assert door.orders.expire_orders().orders == 0
    assert OrderService.get_order(order).status == "pending"


def test_an_order_that_nobody_pays_in_time_expires(door, user, clock, day):
    order, paid = order_of(user), order_of(user)
    OrderService.confirm_payment(paid, payment_id="a")
    assert order.expires_at == clock.instant + timedelta(hours=24)
    clock.advance(hours=23, minutes=59)
    assert door.orders.expire_orders().orders == 0
    clock.advance(minutes=1)
    assert door.orders.expire_orders().orders == 1
    assert door.orders.expire_orders().orders == 0
    assert [OrderService.get_order(each).status for each in (order, paid)] == ["expired", "paid"]


def test_an_order_of_nothing_to_pay_has_no_time_to_be_paid(door, user, day):
    assert order_of(user, "free").expires_at is None


def test_what_it_had_taken_becomes_unapplied_and_the_exact_money_still_pays(door, user, clock, day):
    order, other = order_of(user), order_of(user)
    part = OrderService.confirm_payment(order, payment_id="part", amount_minor=400)
    surplus = OrderService.confirm_payment(other, payment_id="much", amount_minor=501)
    clock.advance(days=1)
    door.orders.expire_orders()
    waiting = {(each.pk, each.code) for each in door.orders.list_payments(status="unapplied")}
    assert waiting == {(part.pk, "order_expired"), (surplus.pk, "amount_exceeds_due")}
    assert OrderService.get_order(order).paid_amount_minor == 0
    assert door.orders.confirm_payment(order, payment_id="late").status == "succeeded"
    assert OrderService.get_order(order).status == "paid"
    assert Grant.objects.count() == 1


def test_an_expired_order_takes_the_exact_money_by_hand_too(door, user, clock, day):
    order, paid = order_of(user), order_of(user)
    OrderService.confirm_payment(paid, payment_id="a")
    surplus = OrderService.confirm_payment(paid, payment_id="b")
    clock.advance(days=1)
    door.orders.expire_orders()
    assert door.orders.apply_payment(surplus, order).applied_to == order
    assert OrderService.get_order(order).status == "paid"


def test_an_expired_order_is_not_cancelled(door, user, clock, day, refused):
    order = order_of(user)
    clock.advance(days=1)
    door.orders.expire_orders()
    with refused("wrong_order_state", status="expired", verb="cancelled"):
        door.orders.cancel_order(order)


def test_older_than_expires_whatever_its_own_time(door, user, clock):
    old = order_of(user)
    clock.advance(hours=2)
    young = order_of(user)
    clock.advance(hours=1)
    assert door.orders.expire_orders(older_than=timedelta(hours=2)).orders == 1
    assert [OrderService.get_order(each).status for each in (old, young)] == ["expired", "pending"]
    assert door.orders.expire_orders(older_than=timedelta.max).orders == 0


def test_a_sweep_may_be_cut_short(door, user, clock, day, monkeypatch):
    monkeypatch.setattr("billable.duties.BATCH", 2)
    for _ in range(5):
        order_of(user)
    clock.advance(days=1)
    assert [door.orders.expire_orders(limit=limit).orders for limit in (1, 3, 3)] == [1, 3, 1]
    assert set(Order.objects.values_list("status", flat=True)) == {"expired"}


def test_an_order_that_was_paid_meanwhile_is_left_alone(door, user, clock, day, monkeypatch):
    from billable.orders import expire

    order = order_of(user)
    clock.advance(days=1)
    stale = list(expire._overdue(None).values_list("pk", flat=True))
    OrderService.confirm_payment(order, payment_id="a")
    assert [expire._expire(order_id) for order_id in stale] == [0]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"older_than": 7}, "older_than"),
        ({"older_than": timedelta(0)}, "older_than"),
        ({"older_than": timedelta(days=-1)}, "older_than"),
        ({"limit": 0}, "limit"),
        ({"limit": "1"}, "limit"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(door, refused, wrong, field):
    with refused("invalid", field=field):
        door.orders.expire_orders(**wrong)


def test_the_host_hears_of_it(door, user, clock, day, commit):
    from billable import signals

    heard = []

    def receiver(sender, order, **kwargs):
        heard.append((order.pk, order.status))

    order = order_of(user)
    clock.advance(days=1)
    signals.order_expired.connect(receiver)
    try:
        with commit():
            door.orders.expire_orders()
    finally:
        signals.order_expired.disconnect(receiver)
    assert heard == [(order.pk, "expired")]
