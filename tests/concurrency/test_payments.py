"""Money arrives twice, from two sides, for two orders: at once."""

from __future__ import annotations

from typing import Any

import pytest

from billable.errors import PaymentConflict, WrongOrderState
from billable.models import Grant, Order, Payment
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import in_one_transaction, one_after_the_other, quietly, verb
from tests.concurrency.worker import Job

ROUNDS = 3


@pytest.fixture(autouse=True)
def pack(credits: str) -> str:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)
    return "pack"


def order_of(name: str) -> Order:
    return OrderService.create_order(customer(name), [{"sku": "pack"}])


def confirm(order: Order, payment_id: str, **kwargs: Any) -> Job:
    return verb("OrderService.confirm_payment", order.pk, payment_id=payment_id, **kwargs)


def owner(order: Order) -> CustomerRef:
    return CustomerRef(customer_id=order.customer_id)


@pytest.mark.parametrize("how_many", [2, 8])
def test_one_payment_confirmed_at_once_pays_once(crew: Crew, how_many: int) -> None:
    order = order_of("ada")

    results = crew.at_once(*[confirm(order, "pi_1")] * how_many)

    (payment,) = Payment.objects.all()
    assert {(each.pk, each.status, each.amount_minor) for each in results.values} == {(payment.pk, "succeeded", 999)}
    assert [each.replayed for each in results.values].count(False) == 1
    assert {each.order.status for each in results.values} == {"paid"}
    assert Grant.objects.count() == 1
    assert balance(owner(order)) == 100


def test_two_payments_for_one_order_are_both_kept_and_one_is_applied(crew: Crew) -> None:
    order = order_of("ada")

    results = crew.at_once(confirm(order, "pi_1", amount_minor=999), confirm(order, "pi_2", amount_minor=999))

    assert sorted((payment.status, payment.code) for payment in results.values) == [
        ("succeeded", ""),
        ("unapplied", "order_already_paid"),
    ]
    assert sorted(Payment.objects.values_list("payment_id", "amount_minor")) == [("pi_1", 999), ("pi_2", 999)]
    assert OrderService.get_order(order).paid_amount_minor == 999
    assert balance(owner(order)) == 100


def test_payments_in_part_add_up(crew: Crew) -> None:
    order = order_of("ada")

    crew.at_once(*[confirm(order, f"pi_{number}", amount_minor=111) for number in range(9)])

    paid = OrderService.get_order(order)
    assert (paid.status, paid.paid_amount_minor) == ("paid", 999)
    assert Payment.objects.filter(status="succeeded").count() == 9
    assert balance(owner(order)) == 100


def test_contradicting_notices_about_one_payment_end_with_the_money(crew: Crew) -> None:
    order = order_of("ada")
    notices = ["pending", "paid", "failed"] * 3

    crew.at_once(*[confirm(order, "pi_1", status=status) for status in notices])

    assert Payment.objects.get().status == "succeeded"
    assert OrderService.get_order(order).status == "paid"
    assert balance(owner(order)) == 100


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({"payment_method": "stripe"}, {"payment_method": "stripe"}),
        ({}, {"payment_method": "stripe"}),
        ({"capture_id": "a"}, {"capture_id": "b"}),
    ],
    ids=["both by default", "both by stripe", "default against stripe", "two captures"],
)
def test_one_payment_id_on_two_orders_belongs_to_one(crew: Crew, one: dict[str, str], other: dict[str, str]) -> None:
    for number in range(ROUNDS):
        mine, yours = order_of(f"ada-{number}"), order_of(f"bob-{number}")

        results = crew.at_once(
            confirm(mine, f"pi_{number}", **one),
            confirm(yours, f"pi_{number}", **other),
            refusing=PaymentConflict,
        )

        assert (len(results.values), len(results.refusals)) == (1, 1)
        assert sorted([balance(owner(mine)), balance(owner(yours))]) == [0, 100]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"payment_method": "paypal"}, {"payment_method": "paypal"}),
        ({"payment_method": "paypal", "capture_id": "a"}, {"payment_method": "paypal", "capture_id": "b"}),
    ],
    ids=["same capture", "two captures"],
)
def test_a_payment_id_that_was_seen_by_another_method_still_belongs_to_one_order(
    crew: Crew, one: dict[str, str], other: dict[str, str]
) -> None:
    for number in range(ROUNDS):
        OrderService.confirm_payment(order_of(f"eve-{number}"), payment_id=f"pi_{number}", payment_method="stripe")
        mine, yours = order_of(f"ada-{number}"), order_of(f"bob-{number}")

        results = crew.at_once(
            confirm(mine, f"pi_{number}", **one),
            confirm(yours, f"pi_{number}", **other),
            refusing=PaymentConflict,
        )

        assert (len(results.values), len(results.refusals)) == (1, 1)


def test_a_second_method_of_ones_own_payment_still_keeps_others_away(crew: Crew) -> None:
    for number in range(ROUNDS):
        mine, yours = order_of(f"ada-{number}"), order_of(f"bob-{number}")
        OrderService.confirm_payment(
            mine, payment_id=f"pi_{number}", payment_method="stripe", capture_id="first", amount_minor=1
        )

        results = crew.at_once(
            confirm(mine, f"pi_{number}", capture_id="second", amount_minor=998),
            confirm(yours, f"pi_{number}", payment_method="paypal"),
            refusing=PaymentConflict,
        )

        # Whoever comes first: `default` matches any method, so it cannot stand beside another order's.
        assert (len(results.values), len(results.refusals)) == (1, 1)


def test_two_methods_with_one_payment_id_are_two_payments(crew: Crew) -> None:
    mine, yours = order_of("ada"), order_of("bob")

    crew.at_once(
        confirm(mine, "pi_1", payment_method="stripe"),
        confirm(yours, "pi_1", payment_method="paypal"),
    )

    assert (balance(owner(mine)), balance(owner(yours))) == (100, 100)


def test_a_conflict_inside_the_callers_transaction_leaves_nothing_that_blocks_the_winner(crew: Crew) -> None:
    mine, yours = order_of("ada"), order_of("bob")

    results = crew.at_once(
        in_one_transaction(confirm(mine, "pi_1"), confirm(mine, "pi_1")),
        in_one_transaction(confirm(yours, "pi_1"), confirm(yours, "pi_1")),
        refusing=PaymentConflict,
    )

    assert len(results.refusals) == 1
    assert Payment.objects.count() == 1


def test_many_payment_ids_in_opposite_order_reach_one_order_each(crew: Crew) -> None:
    numbers = list(range(6))
    mine, yours = [order_of(f"ada-{n}") for n in numbers], [order_of(f"bob-{n}") for n in numbers]
    there = [quietly(confirm(mine[n], f"pi_{n}")) for n in numbers]
    back = [quietly(confirm(yours[n], f"pi_{n}")) for n in reversed(numbers)]

    crew.at_once(one_after_the_other(*there), one_after_the_other(*back))

    assert sorted(Payment.objects.values_list("payment_id", flat=True)) == [f"pi_{n}" for n in numbers]


def test_an_order_that_is_cancelled_while_it_is_paid_is_one_or_the_other(crew: Crew) -> None:
    outcomes = set()
    for number in range(ROUNDS):
        order = order_of(f"ada-{number}")
        jobs = [confirm(order, f"pi_{number}"), verb("OrderService.cancel_order", order.pk)]

        results = crew.at_once(*jobs[:: 1 if number % 2 else -1], refusing=WrongOrderState)

        state, payment = OrderService.get_order(order), Payment.objects.get(order=order)
        outcomes.add((state.status, payment.status, len(results.refusals), balance(owner(order))))
    assert outcomes <= {("paid", "succeeded", 1, 100), ("cancelled", "unapplied", 0, 0)}


def test_eight_orders_with_one_key_are_one_order(crew: Crew, ref: CustomerRef) -> None:
    create = verb("OrderService.create_order", ref, [{"sku": "pack"}], idempotency_key="cart-1")

    results = crew.at_once(*[create] * 8)

    assert {order.pk for order in results.values} == {Order.objects.get().pk}
    assert [order.replayed for order in results.values].count(False) == 1


def test_an_audit_sees_no_order_half_paid(crew: Crew) -> None:
    orders = [[order_of(f"customer-{row}-{n}") for n in range(15)] for row in range(3)]
    payers = [one_after_the_other(*[confirm(order, f"pi_{order.pk}") for order in line]) for line in orders]
    auditors = [one_after_the_other(*[verb("QuotaService.verify_ledger")] * 8)] * 2

    results = crew.at_once(*payers, *auditors)

    problems = {
        problem for reports in results.values[len(payers) :] for report in reports for problem in report.problems
    }
    assert not problems


def test_many_who_confirm_the_same_orders_in_different_order_pay_each_once(crew: Crew) -> None:
    orders = [order_of(f"customer-{n}") for n in range(4)]
    streams = [
        one_after_the_other(*[confirm(order, f"pi_{order.pk}") for order in [*orders[n:], *orders[:n]]])
        for n in range(4)
    ]

    crew.at_once(*streams, *streams)

    assert Payment.objects.filter(status="succeeded").count() == 4
    assert [balance(owner(order)) for order in orders] == [100] * 4
    assert QuotaService.verify_ledger().grants == 4
