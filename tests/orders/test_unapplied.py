"""Money that its order could not take: listed with its reason, applied to an order, or returned."""

from __future__ import annotations

import pytest

from billable.models import Grant, Payment
from billable.services import CustomerService, OrderService


@pytest.fixture
def order(user):
    return OrderService.create_order(user, [{"sku": "pack"}])


@pytest.fixture
def surplus(user):
    """A payment of 5.00 EUR that came for an order which was paid already."""
    paid = OrderService.create_order(user, [{"sku": "pack"}])
    OrderService.confirm_payment(paid, payment_id="first")
    return OrderService.confirm_payment(paid, payment_id="second")


def standing(order):
    fresh = OrderService.get_order(order)
    return fresh.status, fresh.paid_amount_minor, fresh.amount_due_minor


def test_the_work_list_has_unapplied_money_with_its_reason(door, user, order, surplus, django_user_model):
    bob = django_user_model.objects.create(username="bob")
    other = OrderService.create_order(bob, [{"sku": "pack"}])
    too_much = OrderService.confirm_payment(other, payment_id="c", amount_minor=501)
    page = door.orders.list_payments(status="unapplied")
    assert [(each.pk, each.code) for each in page] == [
        (too_much.pk, "amount_exceeds_due"),
        (surplus.pk, "order_already_paid"),
    ]
    assert [each.pk for each in door.orders.list_payments(user, status="unapplied")] == [surplus.pk]
    assert [each.payment_id for each in door.orders.list_payments(user)] == ["second", "first"]


def test_the_list_of_payments_has_pages_and_its_rows_have_their_orders(door, user, surplus, statements):
    first = door.orders.list_payments(user, limit=1)
    rest = door.orders.list_payments(user, limit=1, cursor=first.next)
    assert [each.payment_id for page in (first, rest) for each in page] == ["second", "first"]
    assert rest.next is None
    assert statements(lambda: [(each.order.status, each.applied_to) for each in first]) == []


def test_nobody_has_no_payments(door, user, surplus, django_user_model):
    from django.contrib.auth.models import AnonymousUser

    for nobody in (AnonymousUser(), django_user_model.objects.create(username="bob")):
        assert not list(door.orders.list_payments(nobody))


@pytest.mark.parametrize("wrong", [{"status": "nothing"}, {"cursor": "%%%"}, {"cursor": "YWJj"}, {"limit": 0}])
def test_a_list_that_cannot_be_is_refused(door, user, refused, wrong):
    with refused("invalid", field=next(iter(wrong))):
        door.orders.list_payments(user, **wrong)


def test_unapplied_money_pays_another_order(door, user, order, surplus):
    applied = door.orders.apply_payment(surplus, order, reason="ordered twice")
    assert (applied.status, applied.applied_to, applied.reason) == ("succeeded", order, "ordered twice")
    assert (applied.order_id, applied.code) == (surplus.order_id, "order_already_paid")
    assert standing(order) == ("paid", 500, 0)
    assert door.quota.check_quota(user, "pdf_export").balance == 20
    assert [each.pk for each in OrderService.get_order(order).applied_payments.all()] == [surplus.pk]
    assert not list(door.orders.list_payments(status="unapplied"))


def test_a_repeat_changes_nothing_and_the_first_order_still_knows_the_payment(door, order, surplus):
    door.orders.apply_payment(str(surplus.pk), str(order.pk))
    assert door.orders.apply_payment(surplus.pk, order.pk, reason="again").replayed
    notice = door.orders.confirm_payment(surplus.order_id, payment_id="second")
    assert (notice.pk, notice.replayed, notice.status) == (surplus.pk, True, "succeeded")
    assert (Grant.objects.count(), Payment.objects.count()) == (2, 2)
    assert Payment.objects.get(pk=surplus.pk).reason == ""


def test_less_than_is_due_is_taken_while_the_order_waits(door, user, surplus):
    pro = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    door.orders.apply_payment(surplus, pro)
    assert standing(pro) == ("pending", 500, 499)
    door.orders.confirm_payment(pro, payment_id="rest")
    assert standing(pro) == ("paid", 999, 0)


def test_the_order_that_money_came_for_may_take_it_once_it_can(door, user, order):
    early = OrderService.confirm_payment(order, payment_id="a", amount_minor=501)
    pro = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    late = OrderService.confirm_payment(pro, payment_id="b", amount_minor=500)
    OrderService.cancel_order(pro)
    door.orders.apply_payment(late, order)
    assert standing(order) == ("paid", 500, 0)
    assert door.orders.return_payment(early).status == "returned"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda user: OrderService.create_order(user, [{"sku": "yen"}]), "currency_mismatch"),
        (lambda user: OrderService.cancel_order(OrderService.create_order(user, [{"sku": "pack"}])), "order_cancelled"),
        (lambda user: OrderService.create_order(user, [{"sku": "free"}]), "order_already_paid"),
        (
            lambda user: (
                OrderService.confirm_payment(
                    OrderService.create_order(user, [{"sku": "pack"}]), payment_id="part", amount_minor=1
                ).order
            ),
            "amount_exceeds_due",
        ),
    ],
)
def test_an_order_that_cannot_take_it_refuses_it(door, user, surplus, refused, make, reason):
    order = make(user)
    with refused("payment_unapplied", payment_id="second", reason=reason):
        door.orders.apply_payment(surplus, order)


def test_money_never_pays_for_somebody_else(door, surplus, refused, django_user_model):
    bob = django_user_model.objects.create(username="bob")
    foreign = OrderService.create_order(bob, [{"sku": "pack"}])
    with refused("invalid", field="order"):
        door.orders.apply_payment(surplus, foreign)


def test_only_unapplied_money_can_be_applied_or_returned(door, user, order, surplus, refused):
    taken = OrderService.confirm_payment(order, payment_id="a", amount_minor=400)
    announced = OrderService.confirm_payment(order, payment_id="b", status="pending")
    for payment, status in ((taken, "succeeded"), (announced, "pending")):
        with refused("wrong_payment_state", payment_status=status, verb="returned"):
            door.orders.return_payment(payment)
    other = OrderService.create_order(user, [{"sku": "pack"}])
    with refused("wrong_payment_state", payment_status="succeeded", verb="applied"):
        door.orders.apply_payment(taken, other)
    door.orders.return_payment(surplus)
    with refused("wrong_payment_state", payment_status="returned", verb="applied"):
        door.orders.apply_payment(surplus, other)


def test_what_was_returned_stays_returned(door, clock, surplus):
    returned = door.orders.return_payment(surplus, reason="sent back by wire")
    assert (returned.status, returned.returned_at, returned.reason) == ("returned", clock.instant, "sent back by wire")
    clock.advance(hours=1)
    again = door.orders.return_payment(str(surplus.pk), reason="again")
    assert (again.replayed, again.returned_at, again.reason) == (True, returned.returned_at, "sent back by wire")
    assert door.orders.confirm_payment(surplus.order_id, payment_id="second").status == "returned"


def test_an_order_that_is_cancelled_lets_go_of_what_was_applied_to_it(door, user, surplus):
    pro = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    door.orders.apply_payment(surplus, pro)
    door.orders.confirm_payment(pro, payment_id="own", amount_minor=99)
    door.orders.cancel_order(pro)
    assert standing(pro) == ("cancelled", 0, 0)
    assert {
        (each.payment_id, each.code, each.applied_to) for each in door.orders.list_payments(status="unapplied")
    } == {
        ("second", "order_already_paid", None),
        ("own", "order_cancelled", None),
    }


def test_unknown_payments_and_orders_are_not_found(door, order, surplus, refused):
    for unknown in ("01900000-0000-7000-8000-000000000000", "no id", 7):
        with refused("payment_not_found"):
            door.orders.apply_payment(unknown, order)
        with refused("payment_not_found"):
            door.orders.return_payment(unknown)
        with refused("order_not_found"):
            door.orders.apply_payment(surplus, unknown)


def test_reasons_are_text(door, order, surplus, refused):
    for wrong in (None, 7, "x" * 501, "a\0"):
        with refused("invalid", field="reason"):
            door.orders.apply_payment(surplus, order, reason=wrong)
        with refused("invalid", field="reason"):
            door.orders.return_payment(surplus, reason=wrong)


def test_the_host_hears_of_it(door, order, surplus, commit):
    from billable import signals

    heard = []

    def receiver(sender, **kwargs):
        heard.append((kwargs["payment"].payment_id, kwargs["payment"].status))

    for signal in (signals.payment_applied, signals.payment_returned):
        signal.connect(receiver)
    try:
        with commit():
            third = door.orders.confirm_payment(surplus.order_id, payment_id="third")
            door.orders.apply_payment(surplus, order)
            door.orders.return_payment(third)
        with commit():
            door.orders.apply_payment(surplus, order)
            door.orders.return_payment(third)
    finally:
        for signal in (signals.payment_applied, signals.payment_returned):
            signal.disconnect(receiver)
    assert heard == [("second", "succeeded"), ("third", "returned")]


def test_an_account_by_identity_is_enough(door):
    ref = CustomerService.identify("telegram", "4711").customer
    first, second = (OrderService.create_order(ref, [{"sku": "pack"}]) for _ in range(2))
    for number in range(2):
        payment = OrderService.confirm_payment(first, payment_id=f"p{number}")
    assert door.orders.apply_payment(payment, second).applied_to == second
