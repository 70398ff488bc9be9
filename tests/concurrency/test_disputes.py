"""Orders expire while they are paid, payments go two ways at once, disputed units are used: one or the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.errors import QuotaExceeded, WrongDisputeState, WrongPaymentState
from billable.models import Dispute, Grant, Order, Payment, Refund
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, one_after_the_other, quietly, verb

ROUNDS = 3
NOW = timedelta(microseconds=1)


@pytest.fixture(autouse=True)
def pack(credits: str) -> str:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)
    return "pack"


def order_of(ref: CustomerRef) -> Order:
    return OrderService.create_order(ref, [{"sku": "pack"}])


def mixed(jobs: list[Any], number: int) -> list[Any]:
    return jobs[:: 1 if number % 2 else -1]


def test_an_order_that_expires_while_it_is_paid_is_paid(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        order = order_of(ref)
        pay = verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}")

        crew.at_once(*mixed([pay, verb("OrderService.expire_orders", older_than=NOW)], number))

        assert OrderService.get_order(order).status == "paid"
        assert (Payment.objects.get(order=order).status, balance(ref)) == ("succeeded", 100)


def test_part_of_the_money_for_an_order_that_expires_meanwhile_is_never_lost(crew: Crew) -> None:
    for number in range(ROUNDS):
        order = order_of(customer(f"ada-{number}"))
        pay = verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}", amount_minor=500)

        crew.at_once(*mixed([pay, verb("OrderService.expire_orders", older_than=NOW)], number))

        payment, state = Payment.objects.get(order=order), OrderService.get_order(order)
        assert (payment.status, payment.code) == ("unapplied", "order_expired")
        assert (state.status, state.paid_amount_minor) == ("expired", 0)


def test_many_sweeps_expire_each_order_once(crew: Crew) -> None:
    for number in range(6):
        order_of(customer(f"ada-{number}"))

    results = crew.at_once(*[verb("OrderService.expire_orders", older_than=NOW)] * 4)

    assert sum(sweep.orders for sweep in results.values) == 6
    assert set(Order.objects.values_list("status", flat=True)) == {"expired"}


def test_money_that_is_applied_and_returned_at_once_goes_one_way(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        paid, waiting = order_of(ref), order_of(ref)
        OrderService.confirm_payment(paid, payment_id=f"pi_{number}")
        surplus = OrderService.confirm_payment(paid, payment_id=f"more_{number}")
        jobs = [
            verb("OrderService.apply_payment", surplus.pk, waiting.pk),
            verb("OrderService.return_payment", surplus.pk),
        ]

        results = crew.at_once(*mixed(jobs, number), refusing=WrongPaymentState)

        assert len(results.refusals) == 1
        payment, state = Payment.objects.get(pk=surplus.pk), OrderService.get_order(waiting).status
        assert (payment.status, state, balance(ref)) in {("succeeded", "paid", 200), ("returned", "pending", 100)}


def test_one_payment_applied_to_two_orders_at_once_pays_one(crew: Crew, ref: CustomerRef) -> None:
    paid, first, second = order_of(ref), order_of(ref), order_of(ref)
    before = balance(ref)
    OrderService.confirm_payment(paid, payment_id="pi")
    surplus = OrderService.confirm_payment(paid, payment_id="more")

    results = crew.at_once(
        *[verb("OrderService.apply_payment", surplus.pk, order.pk) for order in (first, second)],
        refusing=WrongPaymentState,
    )

    assert len(results.refusals) == 1
    statuses = sorted(OrderService.get_order(order).status for order in (first, second))
    assert (statuses, balance(ref) - before) == (["paid", "pending"], 200)


def test_eight_reports_of_one_sale_sell_once(crew: Crew) -> None:
    ref = CustomerRef(provider="telegram", external_id="new")
    sell = verb("OrderService.record_sale", ref, [{"sku": "pack"}], payment_id="tg_1")

    results = crew.at_once(*[sell] * 8)

    assert [payment.replayed for payment in results.values].count(False) == 1
    assert (Order.objects.count(), Payment.objects.count(), Grant.objects.count(), balance(ref)) == (1, 1, 1, 100)


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_units_that_are_used_while_they_are_disputed_are_used_or_taken_and_never_both(crew: Crew, outcome: str) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        payment = OrderService.confirm_payment(order_of(ref), payment_id=f"pi_{number}")
        use = one_after_the_other(*[quietly(consume(ref, quantity=10)) for _ in range(4)])
        dispute = verb("OrderService.dispute_payment", payment.pk, dispute_id=f"dp_{number}")

        results = crew.at_once(use, dispute, use, dispute, refusing=QuotaExceeded)

        used = sum(
            each.quantity
            for answer in results.values
            if isinstance(answer, list)
            for each in answer
            if not isinstance(each, Exception)
        )
        (opened,) = Dispute.objects.filter(payment=payment)
        assert balance(ref) == 0
        OrderService.resolve_dispute(opened, outcome)
        assert balance(ref) == (100 - used if outcome == "won" else 0)


def test_a_dispute_that_is_won_and_lost_at_once_is_one_of_them(crew: Crew) -> None:
    for number in range(ROUNDS):
        ref = customer(f"ada-{number}")
        payment = OrderService.confirm_payment(order_of(ref), payment_id=f"pi_{number}")
        opened = OrderService.dispute_payment(payment, dispute_id="dp")
        jobs = [verb("OrderService.resolve_dispute", opened.pk, outcome) for outcome in ("won", "lost")]

        results = crew.at_once(*mixed(jobs, number), refusing=WrongDisputeState)

        assert len(results.refusals) == 1
        status, refunds = Dispute.objects.get(pk=opened.pk).status, Refund.objects.filter(payment=payment).count()
        assert (status, refunds, balance(ref)) in {("won", 0, 100), ("lost", 1, 0)}
    assert QuotaService.verify_ledger()
