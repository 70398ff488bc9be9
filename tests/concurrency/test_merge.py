"""Two customers become one while somebody uses, pays and merges them: at once."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum

from billable.errors import MergeRefused, QuotaExceeded, UnmergeRefused
from billable.models import Customer, LedgerEntry, Merge, Usage
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, one_after_the_other, verb
from tests.concurrency.worker import Job

ROUNDS = 4


def merge(survivor: CustomerRef, absorbed: CustomerRef) -> Job:
    return verb("CustomerService.merge_customers", survivor, absorbed)


def pair(number: int) -> tuple[CustomerRef, CustomerRef]:
    return customer(f"ada-{number}", credits=50), customer(f"bob-{number}", credits=50)


def name_of(number: int, who: str) -> CustomerRef:
    return CustomerRef(provider="test", external_id=f"{who}-{number}")


def consumed() -> Any:
    return Usage.objects.aggregate(units=Sum("quantity"))["units"]


def test_two_who_absorb_each_other_become_one(crew: Crew, credits: str) -> None:
    for number in range(ROUNDS):
        ada, bob = pair(number)

        results = crew.at_once(merge(ada, bob), merge(bob, ada), refusing=MergeRefused)

        assert [refusal.reason for refusal in results.refusals] in (["ring"], ["already_merged"])
        assert len(results.values) == 1
        assert balance(ada) == balance(bob) == 100
    assert Customer.objects.exclude(merged_into=None).count() == Merge.objects.count() == ROUNDS


def test_many_who_absorb_one_another_in_a_circle_end_without_a_ring(crew: Crew, credits: str) -> None:
    people = [customer(f"customer-{n}", credits=10) for n in range(4)]
    circle = [merge(one, other) for one, other in zip(people, [*people[1:], people[0]], strict=True)]

    results = crew.at_once(*circle, *circle, refusing=MergeRefused)

    heads = Customer.objects.filter(merged_into=None)
    assert heads.count() == 4 - len(results.values)
    assert not Customer.objects.filter(merged_into__merged_into__isnull=False).exists()
    assert sum(balance(CustomerRef(customer_id=head.pk)) for head in heads) == 40


def test_whoever_waited_for_a_customer_that_was_absorbed_meanwhile_uses_the_survivors_units(
    crew: Crew, credits: str
) -> None:
    for number in range(ROUNDS):
        ada, bob = pair(number)

        results = crew.at_once(merge(ada, bob), *[consume(bob, quantity=20)] * 2, *[consume(ada, quantity=20)] * 2)

        assert len(results.values) == 5
        assert balance(ada) == balance(bob) == 20


def test_units_and_keys_survive_a_merge_among_those_who_use_and_pay(crew: Crew, credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)
    for number in range(ROUNDS):
        ada, bob = pair(number)
        orders = [OrderService.create_order(side, [{"sku": "pack"}]) for side in (ada, bob)]
        pays = [
            verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}_{place}")
            for place, order in enumerate(orders)
        ]
        ways = [ada, bob, name_of(number, "ada"), name_of(number, "bob")]
        uses = [
            one_after_the_other(*[consume(way, quantity=3, idempotency_key=f"job-{n}") for n in range(4)])
            for way in ways
        ]
        before = consumed() or 0

        results = crew.at_once(*uses[:2], merge(ada, bob), *pays, *uses[2:])

        assert len(results.values) == 7
        made = (consumed() or 0) - before
        assert balance(ada) == balance(bob) == 300 - made
        # The two sides use the same keys: each means a usage of its own, or after the merge the one that is there.
        assert made in range(12, 25, 3)
        for way in ways:
            for n in range(4):
                assert QuotaService.consume_quota(way, "credits", quantity=3, idempotency_key=f"job-{n}").replayed
        for place, order in enumerate(orders):
            assert OrderService.confirm_payment(order, payment_id=f"pi_{number}_{place}").replayed


def test_a_merge_and_its_undoing_lose_nothing(crew: Crew, credits: str) -> None:
    for number in range(ROUNDS):
        ada, bob = pair(number)
        CustomerService.merge_customers(ada, bob)
        undo = verb("CustomerService.unmerge_customers", bob)

        results = crew.at_once(undo, consume(ada, quantity=2), consume(bob, quantity=3), undo)

        assert len(results.values) == 4
        assert balance(ada) + balance(bob) == 95
        assert LedgerEntry.objects.filter(kind="transfer").count() == 2 * (number + 1)


def test_whoever_waited_for_a_customer_that_was_parted_meanwhile_uses_its_own_units(crew: Crew, credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)
    for number in range(2 * ROUNDS):
        ada, bob = pair(number)
        order = OrderService.create_order(bob, [{"sku": "pack"}])
        merged = CustomerService.merge_customers(ada, bob)
        undo = verb("CustomerService.unmerge_customers", merged)
        pay = verb("OrderService.confirm_payment", order.pk, payment_id=f"pi_{number}")

        crew.at_once(undo, *[consume(bob, quantity=3)] * 3, pay, undo, refusing=UnmergeRefused)

        merged.refresh_from_db()
        survivors = Usage.objects.filter(customer=merged.customer)
        if merged.undone_at is not None:
            assert not survivors.filter(created_at__gt=merged.undone_at).exists()
        assert balance(ada) + balance(bob) == (191 if merged.undone_at else 382)


def test_whoever_waited_for_a_customer_that_was_absorbed_meanwhile_holds_nobody_up(crew: Crew, credits: str) -> None:
    for number in range(2 * ROUNDS):
        ada, bob = pair(number)
        undo = verb("CustomerService.unmerge_customers", bob)

        crew.at_once(merge(ada, bob), *[consume(bob, quantity=1)] * 4, *[undo] * 3, refusing=UnmergeRefused)

        standing = Customer.objects.filter(pk=str(bob.customer_id), merged_into=None).exists()
        assert balance(ada) + balance(bob) == (96 if standing else 192)


def test_what_came_back_to_the_survivor_is_taken_back_under_that_ones_lock(crew: Crew, credits: str) -> None:
    CatalogService.create_product("pack", price="9.99", features=[credits], quantity=100)
    for number in range(2 * ROUNDS):
        ada, bob = customer(f"ada-{number}"), customer(f"bob-{number}")
        order = OrderService.create_order(bob, [{"sku": "pack"}])
        payment = OrderService.confirm_payment(order, payment_id=f"pi_{number}")
        merged = CustomerService.merge_customers(ada, bob)
        usage = QuotaService.consume_quota(ada, credits, quantity=60)
        CustomerService.unmerge_customers(merged)
        QuotaService.reverse_usage(usage, idempotency_key="undo")
        back = [
            verb("OrderService.refund_order", order.pk, refund_id="re_1"),
            verb("OrderService.dispute_payment", payment.pk, dispute_id="dp_1"),
        ][number % 2]

        crew.at_once(*[consume(ada, quantity=5)] * 3, back, *[consume(ada, quantity=5)] * 3, refusing=QuotaExceeded)

        assert (balance(ada), balance(bob)) == (0, 0)
