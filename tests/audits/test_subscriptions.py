"""Whatever of a subscription somebody changes by hand, verify names the row."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Grant, LedgerEntry, OrderItem, SubscriptionPause
from billable.services import CatalogService, OrderService, QuotaService, SubscriptionService, TrialService
from tests.books import problems

pytestmark = pytest.mark.broken_books
DAY = timedelta(days=1)


@pytest.fixture
def subs(books: Any) -> Any:
    """Beside the books: one that was renewed, one that waits for its renewal, one paused, one on trial, one over."""
    CatalogService.create_product(
        "plan", price="9.99", features=["credits", "sso"], quantity=100, recurs="1 month", trial_period="14 days"
    )
    renewed, waiting, paused, over = (subscribe(books.bob) for _ in range(4))
    order = SubscriptionService.renew_subscription(renewed)
    OrderService.confirm_payment(order, payment_id=str(order.pk))
    SubscriptionService.renew_subscription(waiting)
    SubscriptionService.pause_subscription(paused)
    SubscriptionService.cancel_subscription(over, at_period_end=False)
    trial = TrialService.start_trial(books.bob, "plan", identities={"email": "bob@example.com"})
    usage = QuotaService.consume_quota(books.bob, "credits", sku="plan", quantity=1)
    rows = SimpleNamespace(
        ada=books.ada,
        renewed=now(renewed),
        waiting=now(waiting),
        paused=now(paused),
        over=now(over),
        tried=now(trial.subscription),
        trial=trial,
        first=OrderItem.objects.get(subscription=renewed, period_index=0),
        second=OrderItem.objects.get(subscription=renewed, period_index=1),
        old=Grant.objects.get(subscription=renewed, period_index=0, feature__key="credits"),
        new=Grant.objects.get(subscription=renewed, period_index=1, feature__key="credits"),
        gone=Grant.objects.filter(subscription=over).first(),
        pause=SubscriptionPause.objects.get(),
        used=LedgerEntry.objects.get(usage=usage),
    )
    return rows


def subscribe(customer: Any) -> Any:
    order = OrderService.create_order(customer, [{"sku": "plan"}])
    OrderService.confirm_payment(order, payment_id=str(order.pk))
    return order.items.get().subscription


def now(subscription: Any) -> Any:
    return SubscriptionService.get_subscription(subscription)


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("renewed", {"paid_until": lambda rows: rows.renewed.paid_until + DAY}),
    ("renewed", {"anchor": lambda rows: rows.renewed.anchor + DAY}),
    ("renewed", {"zone": "Nowhere/Land"}),
    ("renewed", {"period_index": 2}),
    ("renewed", {"due_at": None}),
    ("renewed", {"due_at": lambda rows: rows.renewed.due_at + DAY}),
    ("renewed", {"renews_at": None}),
    ("renewed", {"trial_until": lambda rows: rows.renewed.paid_from}),
    ("renewed", {"paused_at": lambda rows: rows.renewed.paid_from, "renews_at": None, "due_at": None}),
    ("renewed", {"renewal_id": lambda rows: rows.waiting.renewal_id, "renews_at": None}),
    ("renewed", {"customer_id": lambda rows: rows.ada.pk}),
    ("renewed", {"currency": "EUR"}),
    ("waiting", {"renewal_id": lambda rows: rows.first.order_id}),
    ("waiting", {"renewal_id": lambda rows: rows.trial.pk}),
    ("waiting", {"renewal_id": None}),
    ("waiting", {"renews_at": lambda rows: rows.waiting.paid_from}),
    ("paused", {"paused_at": None}),
    ("paused", {"resumes_at": lambda rows: rows.paused.paused_at + DAY}),
    ("tried", {"trial_until": None}),
    ("tried", {"period_index": 1}),
    ("pause", {"ends_at": lambda rows: rows.pause.begins_at + DAY}),
    ("pause", {"begins_at": lambda rows: rows.pause.begins_at - DAY}),
    ("pause", {"customer_id": lambda rows: rows.ada.pk}),
    ("first", {"period_index": 5}),
    ("second", {"period_index": None, "period_from": None, "period_until": None}),
    ("second", {"subscription_id": lambda rows: rows.over.pk}),
    ("old", {"expires_at": lambda rows: rows.renewed.access_until}),
    ("old", {"period_index": 1}),
    ("old", {"subscription_id": None}),
    ("new", {"expires_at": lambda rows: rows.renewed.paid_until}),
    ("new", {"expires_at": None}),
    ("new", {"subscription_id": lambda rows: rows.waiting.pk}),
    ("gone", {"subscription_id": lambda rows: rows.trial.pk}),
    ("trial", {"subscription_id": None}),
]
# What a change makes wrong is told at another row of the same thing.
TOLD_ELSEWHERE = {
    ("renewed", "customer_id"), ("renewed", "currency"), ("second", "subscription_id"), ("pause", "begins_at"),
    ("pause", "ends_at"), ("old", "period_index"), ("old", "subscription_id"), ("trial", "subscription_id"),
    ("first", "period_index"), ("second", "period_index"),
}  # fmt: skip


@pytest.mark.parametrize(("which", "values"), CHANGES, ids=lambda value: value if isinstance(value, str) else None)
def test_what_was_changed_is_named(subs: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(subs, which)
    changed = {name: value(subs) if callable(value) else value for name, value in values.items()}

    assert type(row)._base_manager.filter(pk=row.pk).update(**changed) == 1

    told = {(each.table, each.id) for each in problems()}
    assert told, f"nobody noticed {values}"
    if not any((which, name) in TOLD_ELSEWHERE for name in values):
        assert (row._meta.db_table, str(row.pk)) in told


def test_what_was_consumed_in_a_pause_is_named(subs: Any) -> None:
    grant = Grant.objects.filter(subscription=subs.paused, feature__key="credits").get()
    LedgerEntry.objects.filter(pk=subs.used.pk).update(grant=grant, effective_at=subs.pause.begins_at + DAY)

    assert any("was paused" in each.problem for each in problems())


@pytest.mark.parametrize("which", ["pause", "trial"])
def test_what_is_gone_is_missed(subs: Any, which: str) -> None:
    getattr(subs, which).delete()

    assert problems()
