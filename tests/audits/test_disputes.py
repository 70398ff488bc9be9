"""Whatever somebody changes by hand about payments and disputes, verify names the row."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Grant, LedgerEntry, Refund
from billable.services import OrderService, QuotaService
from tests.audits.books import START, buy
from tests.audits.test_changed_by_hand import GONE, change, copy, key_of, named, of, product

pytestmark = pytest.mark.broken_books


@pytest.fixture(scope="module")
def disputed(written: Any) -> SimpleNamespace:
    """Payments that were applied and returned by hand, and disputes that are open, won and lost."""
    ada = written.ada
    first = OrderService.confirm_payment(buy(ada, "pack"), payment_id="m1")
    rows = SimpleNamespace(bob=written.bob, partly=written.partly, first=first, first_order=first.order)
    surplus = OrderService.confirm_payment(first.order, payment_id="m2")
    rows.target = buy(ada, "pack")
    rows.applied = OrderService.apply_payment(surplus, rows.target)
    rows.returned = OrderService.return_payment(OrderService.confirm_payment(first.order, payment_id="m3"))
    rows.open = OrderService.dispute_payment(first, dispute_id="d1")
    won = OrderService.confirm_payment(buy(ada, "pack"), payment_id="m4")
    rows.won = OrderService.resolve_dispute(OrderService.dispute_payment(won, dispute_id="d2"), "won")
    rows.won_payment = rows.won.payment
    rows.heir = Grant.objects.get(source="dispute", source_id=str(rows.won.pk), quantity=10)
    rows.root = rows.heir.origin
    rows.endless = Grant.objects.get(source="dispute", source_id=str(rows.won.pk), quantity=None)
    rows.heir_birth = LedgerEntry.objects.get(grant=rows.heir, kind="grant")
    rows.way_out = LedgerEntry.objects.get(grant=rows.root, kind="dispute")
    lost = OrderService.confirm_payment(buy(ada, "pack"), payment_id="m5")
    opened = OrderService.dispute_payment(lost, dispute_id="d3", amount_minor=400)
    rows.lost = OrderService.resolve_dispute(opened, "lost")
    rows.lost_payment, rows.refund = rows.lost.payment, Refund.objects.get(refund_id=rows.lost.refund_id)
    waits = OrderService.confirm_payment(buy(ada, "pack"), payment_id="m6", amount_minor=100)
    rows.let_go = OrderService.dispute_payment(waits, dispute_id="d4").payment
    for row in vars(rows).values():
        row.refresh_from_db()
    return rows


@pytest.fixture
def money(disputed: SimpleNamespace, db: None) -> SimpleNamespace:
    """The same, for a test to break."""
    return disputed


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("applied", {"applied_to_id": of("partly")}),
    ("applied", {"applied_to_id": None, "code": ""}),
    ("applied", {"code": ""}),
    ("applied", {"code": "order_cancelled"}),
    ("applied", {"amount_minor": 999}),
    ("applied", {"succeeded_at": None}),
    ("target", {"paid_amount_minor": 1000, "status": "pending"}),
    ("target", {"customer_id": of("bob")}),
    ("returned", {"code": ""}),
    ("returned", {"status": "unapplied", "returned_at": None, "succeeded_at": None}),
    ("first", {"status": "succeeded"}),
    ("first", {"status": "lost"}),
    ("first", {"status": "unapplied", "code": "order_already_paid"}),
    ("won_payment", {"status": "disputed"}),
    ("lost_payment", {"status": "succeeded"}),
    ("lost_payment", {"status": "disputed"}),
    ("let_go", {"code": "order_cancelled"}),
    ("open", {"amount_minor": 1001}),
    ("open", {"currency": "EUR"}),
    ("open", {"order_id": of("target")}),
    ("open", {"customer_id": of("bob")}),
    ("open", {"payment_id": of("won_payment")}),
    ("open", {"status": "won", "decided_at": START}),
    ("won", {"status": "disputed", "decided_at": None}),
    ("won", {"status": "lost"}),
    ("lost", {"status": "won"}),
    ("lost", {"amount_minor": 300}),
    ("lost", {"amount_minor": 500}),
    ("refund", {"refund_id": "dispute:another"}),
    ("refund", {"payment_id": of("won_payment")}),
    ("refund", {"amount_minor": 500}),
    ("heir", {"quantity": 11}),
    ("heir", {"source_id": "nothing"}),
    ("heir", {"origin_id": of("endless")}),
    ("heir", {"origin_id": None}),
    ("heir", {"product_id": product("other")}),
    ("heir", {"source": "transfer"}),
    ("endless", {"product_id": product("other")}),
    ("heir_birth", {"cause_id": of("open")}),
    ("heir_birth", {"cause_id": GONE}),
    ("heir_birth", {"cause_type": "order"}),
    ("way_out", {"kind": "revoke"}),
    ("way_out", {"cause_type": "usage"}),
    ("root", {"ended_as": "refunded"}),
    ("root", {"ended_at": START - timedelta(days=1)}),
]


def test_books_with_disputes_agree(money: SimpleNamespace, books: Any) -> None:
    for user in (None, books.ada, books.bob):
        report = QuotaService.verify_ledger(user)
        assert report.ok, report.problems


@pytest.mark.parametrize(
    ("name", "columns"), [pytest.param(name, columns, id=f"{name}.{','.join(columns)}") for name, columns in CHANGES]
)
def test_a_changed_row_is_named(money: SimpleNamespace, books: Any, name: str, columns: dict[str, Any]) -> None:
    row = getattr(money, name)
    change(row, **{column: value(money) if callable(value) else value for column, value in columns.items()})
    expected = key_of(type(row)._base_manager.get(pk=row.pk))

    assert expected in named()
    if "customer_id" not in columns:
        assert expected in named(books.ada)


def test_an_heir_that_nobody_gave_is_named(money: SimpleNamespace, books: Any) -> None:
    twin = copy(money.heir, line=9)

    assert {key_of(twin), key_of(money.root)} <= named() & named(books.ada)


@pytest.mark.parametrize(
    ("gone", "left"), [("heir", "root"), ("refund", "lost"), ("open", "first"), ("lost", "refund")]
)
def test_what_a_deleted_row_leaves_behind_is_named(money: SimpleNamespace, books: Any, gone: str, left: str) -> None:
    row = getattr(money, gone)
    type(row)._base_manager.filter(pk=row.pk)._raw_delete("default")

    assert key_of(getattr(money, left)) in named() & named(books.ada)
