"""Numbers without gaps, each document once: also when everybody pays in the same moment."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from billable.models import Invoice, InvoiceSeries, Order
from billable.services import CatalogService, InvoiceService, OrderService
from tests.concurrency.conftest import customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import change_ones_mind, die_before_the_receipt, pay_and_nothing_more, verb
from tests.concurrency.worker import Job


@pytest.fixture(autouse=True)
def pack(credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100, tax_rate="19")


def order_of(name: str, quantity: int = 1) -> Order:
    return OrderService.create_order(customer(name), [{"sku": "pack", "quantity": quantity}])


def paid_orders(how_many: int) -> list[Order]:
    """Orders of as many customers, whose receipts were lost."""
    orders = [order_of(f"customer-{number}") for number in range(how_many)]
    for order in orders:
        pay_and_nothing_more(order.pk)
    return orders


def receipt(order: Order) -> Job:
    return verb("InvoiceService.issue_receipt", order.pk)


def numbers(kind: str = "receipt") -> list[int]:
    return sorted(Invoice.objects.filter(kind=kind).values_list("number", flat=True))


def test_sixteen_orders_paid_at_once_have_the_first_sixteen_numbers(crew: Crew) -> None:
    orders = [order_of(f"customer-{number}") for number in range(16)]

    crew.at_once(*[verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{order.pk}") for order in orders])

    assert numbers() == list(range(1, 17))
    assert set(Invoice.objects.values_list("order", flat=True)) == {order.pk for order in orders}


def test_one_order_receipted_eight_times_at_once_has_one_receipt(crew: Crew) -> None:
    (order,) = paid_orders(1)

    results = crew.at_once(*[receipt(order)] * 8)

    assert [each.replayed for each in results.values].count(False) == 1
    assert {each.pk for each in results.values} == {Invoice.objects.get().pk}
    assert numbers() == [1]


def test_sweeps_and_steps_at_once_issue_each_document_once(crew: Crew) -> None:
    orders = paid_orders(8)

    results = crew.at_once(*[verb("InvoiceService.issue_missing")] * 4, *[receipt(order) for order in orders[:4]])

    assert numbers() == list(range(1, 9))
    swept = sum(sweep.receipts for sweep in results.values[:4])
    assert swept + [each.replayed for each in results.values[4:]].count(False) == 8


def test_who_rolls_back_among_others_leaves_no_gap(crew: Crew) -> None:
    orders = paid_orders(8)
    jobs = [receipt(order) if number % 2 else change_ones_mind(receipt(order)) for number, order in enumerate(orders)]

    crew.at_once(*jobs)

    assert numbers() == [1, 2, 3, 4]
    assert InvoiceSeries.objects.get().last_number == 4


def test_credit_notes_of_one_order_at_once_add_up_to_its_receipt(crew: Crew) -> None:
    order = order_of("ada", quantity=8)
    pay_and_nothing_more(order.pk)
    amounts = [333, 1, 999, 1000, 17, 2500, 1142, 2000]

    crew.at_once(*[refund(order, f"re_{number}", amount) for number, amount in enumerate(amounts)])

    order.refresh_from_db()
    notes = Invoice.objects.filter(kind="credit_note")
    issued = Invoice.objects.get(kind="receipt")
    assert (sum(amounts), order.status) == (7992, "refunded")
    assert numbers("credit_note") == list(range(1, 9))
    assert sum(note.total_minor for note in notes) == issued.total_minor == 7992
    assert sum(note.tax_minor for note in notes) == issued.tax_minor == 1276


def refund(order: Order, refund_id: str, amount_minor: int) -> Job:
    money: dict[str, Any] = {"amount_minor": amount_minor, "currency": order.currency}
    return verb("OrderService.refund_order", order.pk, refund_id=refund_id, **money)


def test_a_death_before_the_receipt_is_made_up_for(crew: Crew) -> None:
    order = order_of("ada")
    worker = crew.take()
    worker.begin(partial(die_before_the_receipt, order.pk))
    worker.wait_for_its_death()

    order.refresh_from_db()
    assert (order.status, numbers()) == ("paid", [])
    sweep = InvoiceService.issue_missing()
    assert (sweep.receipts, sweep.credit_notes, numbers()) == (1, 0, [1])
