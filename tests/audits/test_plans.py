"""Whatever of a change of plan somebody changes by hand, verify names the row."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Grant, LedgerEntry, Order, OrderItem, PlanChange, Subscription
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService
from tests.books import problems

pytestmark = pytest.mark.broken_books
DAY = timedelta(days=1)


@pytest.fixture
def plans(books: Any) -> Any:
    """Beside the books: a subscription that went up, down (credit is left) and will be changed; one that waits."""
    for sku, price, pages in (("small", "10.00", 100), ("large", "24.00", 300)):
        lines = [{"feature": "pages", "quantity": pages}]
        CatalogService.create_product(sku, price=price, features=lines, recurs="1 month")
    running, other = subscribe(books.bob), subscribe(books.bob)
    QuotaService.consume_quota(books.bob, "pages", sku="small", quantity=30)
    up = SubscriptionService.change_plan(running, sku="large")
    OrderService.confirm_payment(up.order.pk, payment_id="up")
    down = SubscriptionService.change_plan(running, sku="small")
    later = SubscriptionService.change_plan(running, sku="large", at="period_end")
    waiting = SubscriptionService.change_plan(other, sku="large")
    return SimpleNamespace(
        ada=books.ada,
        running=Subscription.objects.get(pk=running.pk),
        other=other,
        up=PlanChange.objects.get(pk=up.pk),
        down=PlanChange.objects.get(pk=down.pk),
        later=later,
        waiting=waiting,
        first=OrderItem.objects.get(subscription=running, period_index=0),
        second=OrderItem.objects.get(change=up),
        grant=Grant.objects.filter(ended_as="changed").earliest("id"),
        entry=LedgerEntry.objects.filter(kind="change").earliest("id"),
    )


def subscribe(customer: Any) -> Any:
    order = OrderService.create_order(customer, [{"sku": "small"}])
    OrderService.confirm_payment(order, payment_id=str(order.pk))
    return order.items.get().subscription


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("up", {"credited_minor": 1}),
    ("up", {"charged_minor": 1}),
    ("up", {"currency": "CHF"}),
    ("up", {"applied_at": None}),
    ("up", {"effective_at": None}),
    ("up", {"subscription_id": lambda rows: rows.other.pk}),
    ("up", {"applied_at": lambda rows: rows.up.applied_at - DAY}),
    ("down", {"charged_minor": lambda rows: rows.down.charged_minor - 1}),
    ("down", {"applied_at": None, "dropped_at": lambda rows: rows.down.applied_at}),
    ("waiting", {"applied_at": lambda rows: rows.up.applied_at, "effective_at": lambda rows: rows.up.applied_at}),
    ("later", {"dropped_at": lambda rows: rows.up.applied_at}),
    ("later", {"to_seats": 2}),
    ("later", {"period_index": 1}),
    ("later", {"customer_id": lambda rows: rows.ada.pk}),
    ("running", {"credit_minor": 0}),
    ("running", {"next_product_id": None}),
    ("running", {"next_seats": 2}),
    ("first", {"credited_minor": 0}),
    ("first", {"credited_minor": 0, "credited_by_id": None}),
    ("first", {"credited_by_id": lambda rows: rows.down.pk}),
    ("first", {"credited_by_id": lambda rows: rows.waiting.pk}),
    ("second", {"change_id": None}),
    ("second", {"subscription_id": lambda rows: rows.other.pk}),
    ("grant", {"subscription_id": None}),
    ("grant", {"subscription_id": lambda rows: rows.other.pk}),
    ("grant", {"ended_as": "revoked"}),
    ("entry", {"cause_id": lambda rows: rows.down.pk}),
    ("entry", {"cause_type": "grant"}),
    ("entry", {"kind": "revoke"}),
]
# What a change makes wrong is told at another row of the same thing.
TOLD_ELSEWHERE = {
    *(("later", name) for name in ("dropped_at", "to_seats", "period_index", "customer_id")),
    *(("first", "credited_by_id"), ("first", "credited_minor"), ("second", "change_id")),
    *(("second", "subscription_id"), ("entry", "cause_type"), ("grant", "subscription_id"), ("up", "applied_at")),
    *(("up", "subscription_id"),),
}


@pytest.mark.parametrize(("which", "values"), CHANGES, ids=lambda value: value if isinstance(value, str) else None)
def test_what_was_changed_is_named(plans: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(plans, which)
    changed = {name: value(plans) if callable(value) else value for name, value in values.items()}

    assert type(row)._base_manager.filter(pk=row.pk).update(**changed) == 1

    told = {(each.table, each.id) for each in problems()}
    assert told, f"nobody noticed {values}"
    if not any((which, name) in TOLD_ELSEWHERE for name in values):
        name = f"{row.customer_id}#{row.seq}" if isinstance(row, LedgerEntry) else str(row.pk)
        assert (row._meta.db_table, name) in told


def test_more_credited_than_was_left_is_named(plans: Any) -> None:
    OrderItem.objects.filter(pk=plans.first.pk).update(credited_minor=1000)
    PlanChange.objects.filter(pk=plans.up.pk).update(credited_minor=1000)
    OrderItem.objects.filter(pk=plans.first.pk).update(refunded_minor=100)
    Order.objects.filter(pk=plans.first.order_id).update(refunded_amount_minor=100, status="partially_refunded")

    assert any("of which 900 were left" in each.problem for each in problems())
