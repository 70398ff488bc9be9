"""Disputes: what a payment bought is taken back until the bank has decided, and nothing is lost or doubled by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import Dispute, Grant, Payment, Refund
from billable.services import CustomerRef, OrderService, QuotaService


@pytest.fixture
def pay():
    """The payment of an order that was paid at once."""
    return lambda order: Payment.objects.get(order=order)


@pytest.fixture
def standing():
    def standing(order):
        fresh = OrderService.get_order(order)
        statuses = [payment.status for payment in fresh.payments.all()]
        return fresh.status, fresh.refunded_amount_minor, statuses

    return standing


def test_a_dispute_takes_back_what_the_payment_bought(door, clock, buy, pay, use, balance, standing):
    order = buy("both")
    use(30)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1", reason="fraudulent", metadata={"case": 7})
    assert (dispute.status, dispute.amount_minor, dispute.currency) == ("disputed", 1000, "EUR")
    assert (dispute.reason, dispute.metadata, dispute.payment_status) == ("fraudulent", {"case": 7}, "succeeded")
    assert (dispute.order_id, dispute.decided_at, dispute.replayed) == (order.pk, None, False)
    assert standing(order) == ("paid", 0, ["disputed"])
    assert [balance(), balance("ocr")] == [0, 0]
    assert set(Grant.objects.values_list("ended_as", "ended_reason")) == {("disputed", "fraudulent")}


def test_won_the_customer_has_again_what_was_taken_back(door, clock, buy, pay, use, balance, standing):
    order = buy("both")
    use(30)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    clock.advance(days=40)
    won = door.orders.resolve_dispute(dispute, "won")
    assert (won.status, won.decided_at, won.payment.status) == ("won", clock.instant, "succeeded")
    assert standing(order) == ("paid", 0, ["succeeded"])
    assert [balance(), balance("ocr")] == [70, 10]
    heirs = Grant.objects.filter(source="dispute").order_by("line")
    assert [(heir.quantity, heir.source_id, heir.origin.line) for heir in heirs] == [
        (70, str(dispute.pk), 1),
        (10, str(dispute.pk), 2),
    ]


def test_lost_the_money_is_refunded_and_nothing_comes_back(door, buy, pay, use, balance, standing):
    order = buy("both")
    use(30)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1", reason="fraudulent")
    lost = door.orders.resolve_dispute(str(dispute.pk), "lost")
    assert (lost.status, lost.order.status) == ("lost", "refunded")
    assert standing(order) == ("refunded", 1000, ["lost"])
    assert [balance(), balance("ocr")] == [0, 0]
    refund = Refund.objects.get()
    assert (refund.origin, refund.amount_minor, refund.reason) == ("dispute", 1000, "fraudulent")
    assert (refund.payment_id, refund.refund_id) == (dispute.payment_id, f"dispute:{dispute.pk}")
    taken = refund.items.get().grants.order_by("grant__line").values_list("used", "unused", "taken_back")
    assert list(taken) == [(30, 70, 70), (0, 10, 10)]


def test_lost_in_part_the_customer_keeps_what_the_rest_of_the_money_pays_for(door, buy, pay, use, balance, standing):
    order = buy("pack")
    use(30)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1", amount="4.00", currency="EUR")
    assert balance() == 0
    door.orders.resolve_dispute(dispute, "lost")
    assert standing(order) == ("partially_refunded", 400, ["lost"])
    assert balance() == 30
    door.orders.refund_order(order, refund_id="re_1")
    assert standing(order) == ("refunded", 1000, ["lost"])
    assert balance() == 0


def test_what_was_refunded_before_is_not_refunded_again(door, buy, pay, balance, standing):
    order = buy("pack")
    door.orders.refund_order(order, refund_id="re_1", amount_minor=300)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    door.orders.resolve_dispute(dispute, "lost")
    assert standing(order) == ("refunded", 1000, ["lost"])
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [300, 700]

    whole = buy("pack")
    door.orders.refund_order(whole, refund_id="re_1")
    second = door.orders.dispute_payment(pay(whole), dispute_id="dp_2")
    door.orders.resolve_dispute(second, "lost")
    assert standing(whole) == ("refunded", 1000, ["lost"])
    assert Refund.objects.filter(order=whole).count() == 1


def test_what_went_back_of_one_of_two_payments_is_not_taken_from_the_other(door, user, balance, standing):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    for number in (1, 2):
        OrderService.confirm_payment(order, payment_id=f"p{number}", amount_minor=500)
    door.orders.refund_order(payment_id="p1", refund_id="re_1", amount_minor=300)
    dispute = door.orders.dispute_payment(Payment.objects.get(payment_id="p1"), dispute_id="dp_1")
    door.orders.resolve_dispute(dispute, "lost")
    assert (standing(order), balance()) == (("partially_refunded", 500, ["lost", "succeeded"]), 50)
    door.orders.refund_order(payment_id="p2", refund_id="re_2")
    assert (standing(order), balance()) == (("refunded", 1000, ["lost", "succeeded"]), 0)


def test_repeats_change_nothing_and_other_input_is_a_conflict(door, buy, pay, refused):
    payment = pay(buy("pack"))
    first = door.orders.dispute_payment(payment, dispute_id="dp_1", amount_minor=400)
    again = door.orders.dispute_payment(str(payment.pk), dispute_id="dp_1", reason="said otherwise")
    assert (again.pk, again.replayed, again.reason) == (first.pk, True, "")
    with refused("idempotency_conflict", idempotency_key="dp_1", fields=["amount"]):
        door.orders.dispute_payment(payment, dispute_id="dp_1", amount_minor=401)
    with refused("dispute_open", dispute=str(first.pk), dispute_id="dp_1"):
        door.orders.dispute_payment(payment, dispute_id="dp_2")
    door.orders.resolve_dispute(first, "won")
    assert door.orders.resolve_dispute(first, "won").replayed
    with refused("wrong_dispute_state", dispute_status="won", verb="lost"):
        door.orders.resolve_dispute(first, "lost")
    late = door.orders.dispute_payment(payment, dispute_id="dp_1", amount_minor=400)
    assert (late.replayed, late.status) == (True, "won")
    assert Dispute.objects.count() == 1


def test_a_payment_that_was_won_may_be_disputed_again(door, buy, pay, use, balance, standing):
    order = buy("pack")
    use(10)
    for number, used in enumerate([20, 5]):
        dispute = door.orders.dispute_payment(pay(order), dispute_id=f"dp_{number}")
        assert balance() == 0
        door.orders.resolve_dispute(dispute, "won")
        use(used)
    assert balance() == 65
    last = door.orders.dispute_payment(pay(order), dispute_id="dp_9")
    door.orders.resolve_dispute(last, "lost")
    assert (standing(order), balance()) == (("refunded", 1000, ["lost"]), 0)


def test_while_it_is_open_the_order_is_not_refunded(door, buy, pay, refused, standing):
    order = buy("pack")
    payment = pay(order)
    dispute = door.orders.dispute_payment(payment, dispute_id="dp_1")
    with refused("dispute_open", dispute_id="dp_1"):
        door.orders.refund_order(order, refund_id="re_1")
    with refused("dispute_open", dispute_id="dp_1"):
        door.orders.refund_order(payment_id=payment.payment_id, payment_method=payment.payment_method, refund_id="re_1")
    door.orders.resolve_dispute(dispute, "won")
    door.orders.refund_order(order, refund_id="re_1")
    assert standing(order) == ("refunded", 1000, ["succeeded"])


def test_time_that_ran_out_meanwhile_does_not_come_back(door, clock, buy, pay, balance):
    order = buy("mixed")
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    clock.advance(days=40)
    door.orders.resolve_dispute(dispute, "won")
    assert [balance(), balance("sso")] == [0, 0]
    assert not Grant.objects.filter(source="dispute").exists()


def test_unlimited_time_comes_back_with_its_own_end(door, clock, buy, pay, balance):
    order = buy("monthly", "forever")
    end = Grant.objects.get(product__sku="monthly").expires_at
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    assert balance("sso") == 0
    clock.advance(days=7)
    door.orders.resolve_dispute(dispute, "won")
    assert balance("sso") is None
    heirs = Grant.objects.filter(source="dispute")
    assert {(heir.product.sku, heir.quantity, heir.expires_at) for heir in heirs} == {
        ("monthly", None, end),
        ("forever", None, None),
    }


def test_units_that_come_back_during_a_dispute_wait_with_the_others(door, buy, pay, use, balance):
    order = buy("pack")
    usage = use(30)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    door.quota.reverse_usage(usage, quantity=10, idempotency_key="r1")
    assert balance() == 0
    door.orders.resolve_dispute(dispute, "won")
    assert balance() == 80
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="r2")
    assert balance() == 85
    again = door.orders.dispute_payment(pay(order), dispute_id="dp_2")
    door.orders.resolve_dispute(again, "won")
    assert balance() == 85


@pytest.mark.parametrize(("outcome", "gets"), [("won", 40), ("lost", 0)])
def test_units_that_come_back_to_what_was_used_up_wait_too(door, buy, pay, use, balance, outcome, gets):
    order = buy("pack")
    usage = use(100)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1", reason="fraudulent")
    adjustment = door.quota.reverse_usage(usage, quantity=40, idempotency_key="r1")
    assert (balance(), adjustment.balance_after) == (0, 0)
    assert Grant.objects.values_list("ended_as", "ended_reason").get() == ("disputed", "fraudulent")
    door.orders.resolve_dispute(dispute, outcome)
    assert balance() == gets
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="r2")
    assert balance() == (45 if outcome == "won" else 0)


def test_units_that_come_back_after_a_merge_wait_as_well(door, user, buy, pay, use, balance):
    order = buy("pack")
    usage = use(100)
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    survivor = door.customers.identify("telegram", "survivor").customer
    door.customers.merge_customers(survivor, user)
    door.quota.reverse_usage(usage, quantity=40, idempotency_key="r1")
    assert balance() == 0
    door.orders.resolve_dispute(dispute, "won")
    assert balance() == 40


def test_what_the_customer_has_from_elsewhere_stays(door, user, buy, pay, use, balance):
    QuotaService.grant_feature(user, "pdf_export", quantity=5)
    other = buy("pack")
    order = buy("pack")
    door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    assert balance() == 105
    assert OrderService.get_order(other).status == "paid"


def test_two_payments_of_one_order_are_disputed_each_for_itself(door, user, balance, standing):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    for number in (1, 2):
        OrderService.confirm_payment(order, payment_id=f"p{number}", amount_minor=500)
    first, second = (
        door.orders.dispute_payment(payment, dispute_id="dp") for payment in Payment.objects.order_by("payment_id")
    )
    door.orders.resolve_dispute(first, "won")
    assert balance() == 0
    door.orders.resolve_dispute(second, "lost")
    assert standing(order) == ("partially_refunded", 500, ["succeeded", "lost"])
    assert balance() == 50


def test_lost_first_the_rest_still_waits_for_the_other(door, user, balance, standing):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    for number in (1, 2):
        OrderService.confirm_payment(order, payment_id=f"p{number}", amount_minor=500)
    first, second = (
        door.orders.dispute_payment(payment, dispute_id="dp") for payment in Payment.objects.order_by("payment_id")
    )
    door.orders.resolve_dispute(first, "lost")
    assert (standing(order), balance()) == (("partially_refunded", 500, ["lost", "disputed"]), 0)
    door.orders.resolve_dispute(second, "won")
    assert (standing(order), balance()) == (("partially_refunded", 500, ["lost", "succeeded"]), 50)


@pytest.mark.parametrize(("outcome", "becomes"), [("won", "unapplied"), ("lost", "lost")])
def test_money_that_no_order_took_has_nothing_to_take_back(door, buy, balance, standing, outcome, becomes):
    order = buy("pack")
    surplus = OrderService.confirm_payment(order, payment_id="surplus")
    dispute = door.orders.dispute_payment(surplus, dispute_id="dp_1")
    assert (dispute.payment_status, balance()) == ("unapplied", 100)
    door.orders.resolve_dispute(dispute, outcome)
    assert standing(order) == ("paid", 0, ["succeeded", becomes])
    assert (balance(), Refund.objects.count()) == (100, 0)


def test_a_dispute_about_other_money_does_not_stop_a_refund_of_the_order(door, buy, refused, standing):
    order = buy("pack")
    surplus = OrderService.confirm_payment(order, payment_id="surplus")
    dispute = door.orders.dispute_payment(surplus, dispute_id="dp_1")
    with refused("dispute_open", dispute_id="dp_1"):
        door.orders.refund_order(payment_id="surplus", refund_id="re_1")
    door.orders.refund_order(order, refund_id="re_2")
    door.orders.resolve_dispute(dispute, "lost")
    assert standing(order) == ("refunded", 1000, ["succeeded", "lost"])
    with refused("wrong_payment_state", payment_status="lost", verb="refunded"):
        door.orders.refund_order(payment_id="surplus", refund_id="re_3")


def test_an_order_that_still_waits_lets_go_of_disputed_money_and_takes_it_again(door, user, balance, standing):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    part = OrderService.confirm_payment(order, payment_id="part", amount_minor=400)
    dispute = door.orders.dispute_payment(part, dispute_id="dp_1")
    fresh = OrderService.get_order(order)
    assert (fresh.amount_due_minor, dispute.payment.code) == (1000, "payment_disputed")
    door.orders.resolve_dispute(dispute, "won")
    assert OrderService.get_order(order).amount_due_minor == 600
    door.orders.confirm_payment(order, payment_id="rest")
    assert (standing(order), balance()) == (("paid", 0, ["succeeded", "succeeded"]), 100)


def test_an_order_that_found_other_money_meanwhile_does_not_take_it_again(door, user, standing):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    part = OrderService.confirm_payment(order, payment_id="part", amount_minor=400)
    dispute = door.orders.dispute_payment(part, dispute_id="dp_1")
    door.orders.confirm_payment(order, payment_id="all")
    door.orders.resolve_dispute(dispute, "won")
    assert standing(order) == ("paid", 0, ["unapplied", "succeeded"])
    assert [each.code for each in door.orders.list_payments(status="unapplied")] == ["payment_disputed"]


def test_money_that_was_applied_by_hand_is_disputed_where_it_went(door, user, buy, balance, standing):
    first = buy("pack")
    surplus = OrderService.confirm_payment(first, payment_id="surplus")
    second = OrderService.create_order(user, [{"sku": "pack"}])
    OrderService.apply_payment(surplus, second)
    dispute = door.orders.dispute_payment(surplus, dispute_id="dp_1")
    assert (dispute.order_id, balance()) == (second.pk, 100)
    door.orders.resolve_dispute(dispute, "lost")
    assert standing(first) == ("paid", 0, ["succeeded", "lost"])
    assert OrderService.get_order(second).status == "refunded"


def test_disputed_money_is_neither_applied_nor_returned(door, user, buy, refused):
    surplus = OrderService.confirm_payment(buy("pack"), payment_id="surplus")
    other = OrderService.create_order(user, [{"sku": "pack"}])
    door.orders.dispute_payment(surplus, dispute_id="dp_1")
    with refused("wrong_payment_state", payment_status="disputed"):
        door.orders.apply_payment(surplus, other)
    with refused("wrong_payment_state", payment_status="disputed"):
        door.orders.return_payment(surplus)


def test_money_that_never_arrived_or_is_gone_cannot_be_disputed(door, user, buy, refused):
    order = OrderService.create_order(user, [{"sku": "pack"}])
    announced = OrderService.confirm_payment(order, payment_id="a", status="pending")
    returned = OrderService.return_payment(OrderService.confirm_payment(buy("pack"), payment_id="b"))
    lost = OrderService.confirm_payment(buy("pack"), payment_id="c")
    OrderService.resolve_dispute(OrderService.dispute_payment(lost, dispute_id="dp_0"), "lost")
    for payment, status in ((announced, "pending"), (returned, "returned"), (lost, "lost")):
        with refused("wrong_payment_state", payment_status=status, verb="disputed"):
            door.orders.dispute_payment(payment, dispute_id="dp_1")


def test_what_is_unknown_is_not_found(door, refused):
    for unknown in ("01900000-0000-7000-8000-000000000000", "no id", 7):
        with refused("payment_not_found"):
            door.orders.dispute_payment(unknown, dispute_id="dp_1")
        with refused("dispute_not_found"):
            door.orders.resolve_dispute(unknown, "won")


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"dispute_id": ""}, "invalid", "dispute_id"),
        ({"dispute_id": "x" * 201}, "invalid", "dispute_id"),
        ({"amount_minor": 1001}, "invalid", "amount"),
        ({"amount_minor": 0}, "invalid", "amount_minor"),
        ({"amount": "9.999", "currency": "EUR"}, "invalid", "amount"),
        ({"amount": "9.99"}, "invalid", "currency"),
        ({"amount": "9.99", "currency": "USD"}, "currency_mismatch", "currency"),
        ({"currency": "USD"}, "currency_mismatch", "currency"),
        ({"currency": "ABC"}, "invalid", "currency"),
        ({"reason": None}, "invalid", "reason"),
        ({"metadata": []}, "invalid", "metadata"),
    ],
)
def test_bad_input_is_refused(door, buy, pay, refused, wrong, code, field):
    payment = pay(buy("pack"))
    with refused(code, field=field):
        door.orders.dispute_payment(payment, **{"dispute_id": "dp_1", **wrong})


@pytest.mark.parametrize("outcome", ["disputed", "", None, 7, []])
def test_an_outcome_is_won_or_lost(door, buy, pay, refused, outcome):
    dispute = OrderService.dispute_payment(pay(buy("pack")), dispute_id="dp_1")
    with refused("invalid", field="outcome"):
        door.orders.resolve_dispute(dispute, outcome)


def test_the_host_hears_of_it(door, buy, pay, commit):
    from billable import signals

    heard = []

    def receiver(sender, **kwargs):
        (row,) = (kwargs[name] for name in ("payment", "dispute") if name in kwargs)
        heard.append((sender.__name__, row.status))

    won, lost = pay(buy("pack")), pay(buy("pack"))
    listened = (signals.payment_disputed, signals.dispute_won, signals.dispute_lost)
    for signal in listened:
        signal.connect(receiver)
    try:
        with commit():
            for payment, outcome in ((won, "won"), (lost, "lost")):
                dispute = door.orders.dispute_payment(payment, dispute_id="dp_1")
                door.orders.dispute_payment(payment, dispute_id="dp_1")
                door.orders.resolve_dispute(dispute, outcome)
                door.orders.resolve_dispute(dispute, outcome)
    finally:
        for signal in listened:
            signal.disconnect(receiver)
    assert heard == [("Payment", "disputed"), ("Dispute", "won"), ("Payment", "disputed"), ("Dispute", "lost")]


def test_later_periods_keep_their_time_while_it_is_open_and_move_up_when_it_is_lost(door, clock, buy, pay, balance):
    order, later = buy("monthly"), buy("monthly")
    dispute = door.orders.dispute_payment(pay(order), dispute_id="dp_1")
    assert balance("sso") == 0
    clock.advance(days=1)
    door.orders.resolve_dispute(dispute, "lost")
    assert balance("sso") is None
    grant = Grant.objects.get(source_id=str(later.pk))
    assert grant.valid_from == clock.instant
    assert grant.expires_at - grant.valid_from >= timedelta(days=27)


def test_disputes_are_found_by_the_providers_name_and_by_where_they_stand(door, user, buy, pay, refused):
    first, second, third = (door.orders.dispute_payment(pay(buy("pack")), dispute_id=f"dp_{n}") for n in range(3))
    door.orders.resolve_dispute(second, "won")

    def found(*who, **what):
        return [each.dispute_id for each in door.orders.list_disputes(*who, **what).items]

    assert (found(), found(user)) == (["dp_2", "dp_1", "dp_0"],) * 2
    assert (found(dispute_id="dp_1"), found(status="disputed"), found(status="won")) == (
        ["dp_1"],
        ["dp_2", "dp_0"],
        ["dp_1"],
    )
    assert found(CustomerRef(external_id="nobody", provider="telegram")) == []
    page = door.orders.list_disputes(limit=2)
    assert [each.pk for each in page.items] == [third.pk, second.pk]
    rest = door.orders.list_disputes(cursor=page.next)
    assert ([each.pk for each in rest.items], rest.next) == ([first.pk], None)
    assert door.orders.get_dispute(str(second.pk)).status == "won"
    with refused("invalid", field="status"):
        door.orders.list_disputes(status="open")
    with refused("dispute_not_found"):
        door.orders.get_dispute("dp_1")
