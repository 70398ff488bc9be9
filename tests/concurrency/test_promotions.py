"""Codes under contention: the last uses go to exactly so many orders, and what is given back is given back once."""

from __future__ import annotations

import pytest

from billable.errors import PromotionRefused, WrongOrderState
from billable.models import Order, Promotion, PromotionUse
from billable.services import CatalogService, CustomerRef, OrderService, PromotionService
from tests.concurrency.conftest import customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import in_one_transaction, verb
from tests.concurrency.worker import Job

ROUNDS = 3


@pytest.fixture(autouse=True)
def pack(credits: str) -> str:
    CatalogService.create_product("pack", price="10", features=[credits], quantity=100)
    return "pack"


def order(ref: CustomerRef, **how: object) -> Job:
    return verb("OrderService.create_order", ref, [{"sku": "pack"}], promotion_code="spring", **how)


def used() -> int:
    return Promotion.objects.get().used


@pytest.mark.parametrize("in_callers_transaction", [False, True])
@pytest.mark.parametrize(("uses", "customers"), [(1, 2), (2, 2), (5, 16)])
def test_the_last_uses_of_a_code_go_to_as_many_orders(
    crew: Crew, uses: int, customers: int, in_callers_transaction: bool
) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses=uses)
    jobs = [order(customer(f"customer-{number}")) for number in range(customers)]

    results = crew.at_once(
        *[in_one_transaction(job) if in_callers_transaction else job for job in jobs], refusing=PromotionRefused
    )

    assert len(results.values) == Order.objects.count() == PromotionUse.objects.count() == used() == uses
    assert {refusal.reason for refusal in results.refusals} <= {"exhausted"}
    assert set(Order.objects.values_list("total_amount_minor", flat=True)) == {900}


def test_a_customer_that_orders_eight_times_at_once_uses_a_code_as_often_as_it_may(
    crew: Crew, ref: CustomerRef
) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses_per_customer=2)

    results = crew.at_once(*[order(ref)] * 8, refusing=PromotionRefused)

    assert len(results.values) == used() == 2
    assert {refusal.reason for refusal in results.refusals} == {"used_up_by_customer"}


def test_a_cart_that_is_sent_eight_times_uses_a_code_once(crew: Crew, ref: CustomerRef) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses=1)

    results = crew.at_once(*[order(ref, idempotency_key="cart")] * 8)

    assert {each.pk for each in results.values} == {Order.objects.get().pk}
    assert used() == 1


def test_an_order_that_is_cancelled_and_paid_at_once_counts_its_use_as_it_ended(crew: Crew, ref: CustomerRef) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10)
    for number in range(ROUNDS):
        placed = OrderService.create_order(ref, [{"sku": "pack"}], promotion_code="spring")
        before = used()

        crew.at_once(
            verb("OrderService.cancel_order", placed),
            verb("OrderService.confirm_payment", placed, payment_id=f"pi_{number}"),
            verb("OrderService.cancel_order", placed),
            refusing=WrongOrderState,
        )

        status = OrderService.get_order(placed).status
        assert (status, used()) in [("paid", before), ("cancelled", before - 1)]


def test_a_use_that_is_given_back_goes_to_one_who_waits_for_it(crew: Crew, ref: CustomerRef) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses=1)
    placed = OrderService.create_order(ref, [{"sku": "pack"}], promotion_code="spring")
    waiting = [order(customer(f"customer-{number}")) for number in range(7)]

    results = crew.at_once(verb("OrderService.cancel_order", placed), *waiting, refusing=PromotionRefused)

    assert used() == len(results.values) - 1 <= 1
