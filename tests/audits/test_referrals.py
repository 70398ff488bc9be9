"""A referral that was changed by hand is named, and so is a reward that was."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection

from billable.clock import now
from billable.models import Grant, LedgerEntry, Referral, ReferralProgramme
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService, ReferralService
from tests.books import problems

GONE = "00000000-0000-7000-8000-000000000000"


def ref(name: str) -> CustomerRef:
    return CustomerRef(external_id=name)


@pytest.fixture(scope="module")
def referred(kept: None) -> SimpleNamespace:
    """bob brought ada, ada brought carol: each a reward; dan was brought by carol, and his was taken back."""
    for sku in ("thanks", "welcome", "pack"):
        CatalogService.create_product(sku, price="1", features=["credits"], quantity=10)
    ReferralService.create_programme(
        "friends", referrer_product="thanks", referee_product="welcome", cap_per_referrer=2
    )
    ReferralService.create_programme("signup", trigger="on_signup", referrer_product="thanks")
    made = [
        ReferralService.refer(ref(above), ref(below), programme=programme)
        for above, below, programme in (
            *(("bob", "ada", "friends"), ("ada", "carol", "signup"), ("carol", "dan", "friends")),
            ("dan", "eve", "friends"),
        )
    ]
    for name in ("ada", "dan"):
        order = OrderService.create_order(ref(name), [{"sku": "pack"}])
        OrderService.confirm_payment(order, payment_id=name)
    ReferralService.settle_referrals()
    OrderService.refund_order(order, refund_id="r")
    ReferralService.settle_referrals()
    for row in made:
        row.refresh_from_db()
    by_order, by_signup, undone, pending = made
    assert [row.status for row in made] == ["rewarded", "rewarded", "taken_back", "pending"]
    reward = Grant.objects.get(source_id=str(by_order.pk), product__sku="thanks")
    taken = Grant.objects.get(source_id=str(undone.pk), product__sku="thanks")
    assert not problems()
    return SimpleNamespace(
        by_order=by_order,
        by_signup=by_signup,
        undone=undone,
        pending=pending,
        reward=reward,
        taken=taken,
        exit=LedgerEntry.objects.get(grant=taken, kind="revoke"),
    )


@pytest.fixture
def books(referred: SimpleNamespace, db: None) -> SimpleNamespace:
    """The same, for a test to break."""
    return referred


def named(subject: CustomerRef | None = None) -> set[tuple[str, str]]:
    return {(each.table, each.id) for each in problems(subject)}


def key_of(row: Any) -> tuple[str, str]:
    return row._meta.db_table, str(row) if isinstance(row, LedgerEntry) else str(row.pk)


def change(row: Any, **columns: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**columns)


def test_the_books_agree_also_when_the_database_knows_how_small_its_tables_are(books: SimpleNamespace) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert QuotaService.verify_ledger().problems == ()


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("by_order", {"referee_grants": 2}),
        ("by_order", {"referrer_grants": 0}),
        ("by_order", {"referee_grants": 0, "referrer_grants": 0}),
        ("by_order", {"order_id": None}),
        ("by_order", {"order_id": GONE}),
        ("by_order", {"qualified_at": now() - timedelta(days=1)}),
        ("by_order", {"programme": None}),
        ("by_signup", {"order_id": GONE}),
        ("by_signup", {"status": "taken_back", "taken_back_at": now()}),
        ("undone", {"status": "rewarded", "taken_back_at": None, "order_id": None}),
        ("pending", {"status": "qualified", "qualified_at": now(), "due_at": now()}),
    ],
    ids=str,
)
def test_a_changed_referral_is_named(books: SimpleNamespace, name: str, columns: dict[str, Any]) -> None:
    row = getattr(books, name)
    change(row, **columns)
    assert key_of(row) in named()
    assert key_of(row) in named(CustomerRef(customer_id=row.customer_id))


def test_a_reward_for_nobodys_side_is_named(books: SimpleNamespace) -> None:
    change(books.by_order, referrer=books.pending.customer_id)
    assert {key_of(books.by_order), key_of(books.reward)} <= named()


def test_a_reward_of_another_product_is_named(books: SimpleNamespace) -> None:
    change(books.reward, product=ReferralProgramme.objects.get(key="friends").referee_product_id)
    assert key_of(books.reward) in named() & named(ref("bob"))


def test_an_invented_reward_is_named(books: SimpleNamespace) -> None:
    change(books.taken, source_id=str(books.by_signup.pk))
    assert key_of(books.taken) in named() & named(ref("carol"))


def test_an_entry_that_took_back_what_was_not_is_named(books: SimpleNamespace) -> None:
    change(books.undone, status="rewarded", taken_back_at=None, rewarded_at=now())
    assert key_of(books.exit) in named() & named(ref("carol"))


def test_more_rewards_than_the_cap_are_named(books: SimpleNamespace) -> None:
    ReferralProgramme.objects.filter(key="friends").update(cap_per_referrer=0)
    assert key_of(books.by_order) in named() & named(ref("ada"))


def test_a_ring_is_named(books: SimpleNamespace) -> None:
    change(books.by_order, referrer=books.undone.customer_id)
    for row in (books.by_order, books.by_signup, books.undone):
        assert key_of(row) in named() & named(CustomerRef(customer_id=row.customer_id))
    assert key_of(books.pending) not in named()


def test_two_sides_of_one_person_are_named(books: SimpleNamespace) -> None:
    referee = Referral.objects.get(pk=books.pending.pk).customer
    change(referee, merged_into=books.pending.referrer_id)
    assert key_of(books.pending) in named()
