"""Money goes back while it is used, paid, or goes back already."""

from __future__ import annotations

from typing import Any

import pytest

from billable.errors import Conflict, QuotaExceeded, WrongOrderState
from billable.models import Order, Refund
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, one_after_the_other, quietly, verb
from tests.concurrency.worker import Job

ROUNDS = 3


@pytest.fixture(autouse=True)
def pack(credits: str) -> str:
    CatalogService.create_product("pack", price="10.00", features=[credits], quantity=100)
    return "pack"


def order_of(name: str, *, pieces: int = 1) -> Order:
    return OrderService.create_order(customer(name), [{"sku": "pack", "quantity": pieces}])


def bought(name: str, *, pieces: int = 1) -> Order:
    order = order_of(name, pieces=pieces)
    OrderService.confirm_payment(order, payment_id=f"pi_{order.pk}")
    return order


def owner(order: Order) -> CustomerRef:
    return CustomerRef(customer_id=order.customer_id)


def refund(order: Order, refund_id: str, **kwargs: Any) -> Job:
    return verb("OrderService.refund_order", order.pk, refund_id=refund_id, **kwargs)


def test_what_is_used_while_it_goes_back_is_paid_for_or_refused(crew: Crew) -> None:
    for number in range(ROUNDS):
        order = bought(f"ada-{number}")
        users = [one_after_the_other(*[quietly(consume(owner(order), quantity=3))] * 8)] * 2

        results = crew.at_once(*users, refund(order, "re_1", policy="unused_only"), refusing=QuotaExceeded)

        (done,) = Refund.objects.filter(order=order)
        (found,) = done.items.get().grants.all()
        assert len(results.values) == 3
        assert found.used % 3 == 0
        assert (found.taken_back, done.amount_minor) == (100 - found.used, 10 * (100 - found.used))
        assert balance(owner(order)) == 0
        assert QuotaService.verify_ledger(owner(order))


@pytest.mark.parametrize("how_many", [2, 8])
def test_one_refund_id_at_once_is_one_refund(crew: Crew, how_many: int) -> None:
    order = bought("ada")

    results = crew.at_once(*[refund(order, "re_1", amount_minor=400)] * how_many)

    (done,) = Refund.objects.all()
    assert {(each.pk, each.amount_minor) for each in results.values} == {(done.pk, 400)}
    assert [each.replayed for each in results.values].count(False) == 1
    assert OrderService.get_order(order).refunded_amount_minor == 400
    assert balance(owner(order)) == 60


def test_of_two_refunds_of_the_whole_one_wins(crew: Crew) -> None:
    for number in range(ROUNDS):
        order = bought(f"ada-{number}")

        results = crew.at_once(refund(order, "re_1"), refund(order, "re_2"), refusing=WrongOrderState)

        assert (len(results.values), len(results.refusals)) == (1, 1)
        assert Refund.objects.get(order=order).amount_minor == 1000
        assert OrderService.get_order(order).status == "refunded"


def test_many_pieces_at_once_add_up_to_the_whole(crew: Crew) -> None:
    order = bought("ada", pieces=7)
    piece = [{"line": 1, "quantity": 1}]

    results = crew.at_once(*[refund(order, f"re_{n}", items=piece) for n in range(8)], refusing=Conflict)

    assert (len(results.values), len(results.refusals)) == (7, 1)
    assert sum(each.amount_minor for each in results.values) == 7000
    state = OrderService.get_order(order)
    assert (state.status, state.refunded_amount_minor, balance(owner(order))) == ("refunded", 7000, 0)


def test_an_order_that_is_refunded_while_it_is_paid_is_refunded_after_or_not(crew: Crew) -> None:
    outcomes = set()
    for number in range(ROUNDS):
        order = order_of(f"ada-{number}")
        pay = verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}")

        results = crew.at_once(pay, refund(order, "re_1"), refusing=WrongOrderState)

        state = OrderService.get_order(order)
        outcomes.add((state.status, len(results.refusals), balance(owner(order))))
    assert outcomes <= {("paid", 1, 100), ("refunded", 0, 0)}
