"""confirm_payment: money that arrived is never lost, doubled or refused."""

from __future__ import annotations

import pytest

from billable.errors import PaymentUnapplied
from billable.models import Grant, Payment
from billable.services import OrderService


@pytest.fixture
def order(user):
    return OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")


def status_of(order):
    fresh = OrderService.get_order(order)
    return fresh.status, fresh.amount_due_minor


def test_paid_in_full_the_order_grants_what_it_promised(door, user, order):
    payment = door.orders.confirm_payment(
        order, payment_id="pi_1", payment_method="stripe", amount="9.99", currency="EUR"
    )

    assert (payment.status, payment.code, str(payment.amount), payment.amount_assumed) == (
        "succeeded",
        "",
        "9.99 EUR",
        False,
    )
    assert payment.order.status == "paid"
    assert status_of(order) == ("paid", 0)
    check = door.quota.check_quota(user, "pdf_export")
    assert (check.balance, check.product.sku) == (100, "pro")
    assert door.quota.check_quota(user, "sso").balance is None
    assert set(Grant.objects.values_list("source", "source_id")) == {("order", str(order.pk))}


def test_a_repeat_changes_nothing_whatever_it_says_now(door, user, order):
    door.orders.confirm_payment(str(order.pk), payment_id="pi_1", payment_method="stripe")
    for how in (
        {},
        {"payment_method": "default"},
        {"payment_method": "paypal"},
        {"amount_minor": 5, "currency": "USD"},
    ):
        again = door.orders.confirm_payment(order.pk, payment_id="pi_1", **how)
        assert (again.replayed, again.status, again.payment_method, again.amount_minor) == (
            True,
            "succeeded",
            "stripe",
            999,
        )
    assert (Payment.objects.count(), Grant.objects.count()) == (1, 2)


def test_no_amount_means_what_is_due(door, order):
    door.orders.confirm_payment(order, payment_id="a", amount_minor=400)
    rest = door.orders.confirm_payment(order, payment_id="b")
    late = door.orders.confirm_payment(order, payment_id="c")
    assert (rest.amount_minor, rest.amount_assumed, rest.status) == (599, True, "succeeded")
    assert (late.amount_minor, late.status, late.code) == (999, "unapplied", "order_already_paid")


def test_less_than_due_is_kept_while_the_order_waits(door, user, order):
    first = door.orders.confirm_payment(order, payment_id="a", amount="4", currency="EUR")
    assert (first.status, status_of(order)) == ("succeeded", ("pending", 599))
    assert not door.quota.check_quota(user, "pdf_export")
    door.orders.confirm_payment(order, payment_id="b", amount="5.99", currency="EUR")
    assert status_of(order) == ("paid", 0)


@pytest.mark.parametrize(
    ("money", "code"),
    [
        ({"amount_minor": 1000}, "amount_exceeds_due"),
        ({"amount": "9.99", "currency": "USD"}, "currency_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
    ],
)
def test_money_that_the_order_cannot_take_is_kept_unapplied(door, user, order, money, code):
    payment = door.orders.confirm_payment(order, payment_id="a", **money)
    assert (payment.status, payment.code) == ("unapplied", code)
    assert status_of(order) == ("pending", 999)
    assert not door.quota.check_quota(user, "pdf_export")
    with pytest.raises(PaymentUnapplied):
        payment.raise_if_unapplied()
    assert door.orders.confirm_payment(order, payment_id="a").replayed
    door.orders.confirm_payment(order, payment_id="b").raise_if_unapplied()
    assert status_of(order) == ("paid", 0)


def test_a_second_payment_of_a_paid_order_is_kept_unapplied(door, order):
    door.orders.confirm_payment(order, payment_id="a")
    second = door.orders.confirm_payment(order, payment_id="b", amount_minor=999)
    assert (second.status, second.code) == ("unapplied", "order_already_paid")
    assert Grant.objects.count() == 2


def test_pending_and_failed_payments_may_still_succeed_and_nothing_goes_back(door, order):
    def confirm(status, **how):
        payment = door.orders.confirm_payment(order, payment_id="a", status=status, **how)
        return payment.status, payment.replayed

    assert confirm("pending", amount_minor=999) == ("pending", False)
    assert confirm("pending") == ("pending", True)
    assert confirm("failed") == ("failed", False)
    assert confirm("pending") == ("pending", False)
    assert status_of(order) == ("pending", 999)
    assert confirm("paid") == ("succeeded", False)
    assert confirm("failed") == ("succeeded", True)
    assert confirm("pending") == ("succeeded", True)
    assert status_of(order) == ("paid", 0)
    assert [each["status"] for each in Payment.objects.get().notices] == ["failed", "pending"]


def test_an_amount_once_named_outlives_a_notice_without_one(door, order):
    door.orders.confirm_payment(order, payment_id="a", status="pending", amount_minor=400)
    payment = door.orders.confirm_payment(order, payment_id="a")
    assert (payment.amount_minor, payment.amount_assumed) == (400, False)
    assert status_of(order) == ("pending", 599)


def test_captures_of_one_payment_are_payments_of_their_own(door, order):
    door.orders.confirm_payment(order, payment_id="a", capture_id="1", amount_minor=400)
    door.orders.confirm_payment(order, payment_id="a", capture_id="2", amount_minor=599)
    assert door.orders.confirm_payment(order, payment_id="a", capture_id="1").replayed
    assert status_of(order) == ("paid", 0)


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        ("stripe", "stripe", True),
        ("default", "stripe", True),
        ("stripe", "default", True),
        ("stripe", "paypal", False),
    ],
)
def test_a_payment_id_belongs_to_one_order(door, user, order, refused, django_user_model, first, second, conflict):
    other = OrderService.create_order(django_user_model.objects.create(username="bob"), [{"sku": "pack"}])
    door.orders.confirm_payment(order, payment_id="a", payment_method=first)
    if conflict:
        with refused("payment_conflict", payment_id="a"):
            door.orders.confirm_payment(other, payment_id="a", payment_method=second)
    else:
        assert door.orders.confirm_payment(other, payment_id="a", payment_method=second).status == "succeeded"


def test_cancelling_unapplies_what_was_paid_and_a_second_time_does_nothing(door, order, refused):
    door.orders.confirm_payment(order, payment_id="a", amount_minor=400)
    cancelled = door.orders.cancel_order(order, reason="changed my mind")
    assert (cancelled.status, cancelled.paid_amount_minor, cancelled.reason) == ("cancelled", 0, "changed my mind")
    assert door.orders.cancel_order(order).replayed
    assert set(Payment.objects.values_list("status", "code")) == {("unapplied", "order_cancelled")}
    late = door.orders.confirm_payment(order, payment_id="b")
    assert (late.status, late.code, Grant.objects.count()) == ("unapplied", "order_cancelled", 0)


def test_a_paid_order_cannot_be_cancelled(door, order, refused):
    door.orders.confirm_payment(order, payment_id="a")
    with refused("wrong_order_state", status="paid", verb="cancelled"):
        door.orders.cancel_order(order)
    with refused("order_not_found"):
        door.orders.cancel_order("01900000-0000-7000-8000-000000000000")


def test_an_expired_order_takes_the_exact_money_and_no_other(door, user):
    def expired():
        made = OrderService.create_order(user, [{"sku": "pack"}])
        type(made).objects.filter(pk=made.pk).update(status="expired")
        return made

    assert door.orders.confirm_payment(expired(), payment_id="a", amount_minor=499).code == "order_expired"
    assert door.orders.confirm_payment(expired(), payment_id="b", amount_minor=501).code == "amount_exceeds_due"
    assert door.orders.confirm_payment(expired(), payment_id="c").status == "succeeded"


def test_what_stopped_being_sold_is_still_granted_when_it_is_paid(door, user, order):
    from billable.services import CatalogService

    CatalogService.deactivate_product("pro")
    door.orders.confirm_payment(order, payment_id="a")
    assert door.quota.check_quota(user, "pdf_export").balance == 100


def test_time_that_reaches_past_the_calendar_is_for_ever_and_never_loses_the_money(door, user):
    from billable.services import CatalogService

    CatalogService.create_product("years", price="1", currency="EUR", features=["sso"], period="1 year")
    order = door.orders.create_order(user, [{"sku": "years", "quantity": 9000}])
    assert door.orders.confirm_payment(order, payment_id="a").status == "succeeded"
    assert Grant.objects.get().expires_at is None


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"payment_id": ""}, "payment_id"),
        ({"payment_id": "x" * 201}, "payment_id"),
        ({"payment_id": "a\0"}, "payment_id"),
        ({"payment_method": "*"}, "payment_method"),
        ({"payment_method": ""}, "payment_method"),
        ({"capture_id": " "}, "capture_id"),
        ({"status": "done"}, "status"),
        ({"status": None}, "status"),
        ({"amount": "9.99"}, "currency"),
        ({"amount": "9.999", "currency": "EUR"}, "amount"),
        ({"amount": "9.99", "amount_minor": 999, "currency": "EUR"}, "amount"),
        ({"amount": 9.99, "currency": "EUR"}, "amount"),
        ({"amount": "-1", "currency": "EUR"}, "amount"),
        ({"amount": "0", "currency": "EUR"}, "amount"),
        ({"amount": "1e3", "currency": "EUR"}, "amount"),
        ({"amount": "NaN", "currency": "EUR"}, "amount"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 9.0}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": 10**15 + 1}, "amount_minor"),
        ({"currency": "ABC"}, "currency"),
        ({"metadata": []}, "metadata"),
    ],
)
def test_input_that_says_nothing_about_money_is_refused(door, order, refused, how, field):
    with refused("invalid", field=field):
        door.orders.confirm_payment(order, **{"payment_id": "a", **how})


def test_signals_are_sent_after_the_commit_and_a_broken_receiver_stops_nobody(door, user, order, commit, caplog):
    from billable import signals

    heard = []

    def broken(**kwargs):
        raise RuntimeError("a receiver of the host")

    def receiver(sender, **kwargs):
        heard.append((sender.__name__, next(name for name in kwargs if name not in ("signal",))))

    for signal in (signals.order_paid, signals.payment_received, signals.grant_created):
        signal.connect(broken)
        signal.connect(receiver, weak=False)
    try:
        with commit():
            door.orders.confirm_payment(order, payment_id="a")
            assert heard == []
    finally:
        for signal in (signals.order_paid, signals.payment_received, signals.grant_created):
            signal.disconnect(broken)
            signal.disconnect(receiver)
    assert sorted(heard) == [("Grant", "grant"), ("Grant", "grant"), ("Order", "order"), ("Payment", "payment")]
    assert "a receiver of the host" in caplog.text
