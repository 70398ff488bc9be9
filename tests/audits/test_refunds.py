"""Whatever of a refund somebody changes by hand, verify names the row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Model

from billable.models import Grant, LedgerEntry, OrderItem, RefundGrant, RefundItem
from billable.services import OrderService, QuotaService
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture(scope="module")
def refunded(written: Any) -> Any:
    """Beside the books: an order of three packs of which one went back, one that went back whole, one by payments."""
    part, whole, late, shared = (
        OrderService.create_order(written.bob, [{"sku": "pack", "quantity": pieces}]) for pieces in (3, 1, 1, 1)
    )
    for name in ("card", "bank"):
        OrderService.confirm_payment(shared, payment_id=name, amount_minor=500)
    card, bank = (OrderService.refund_order(payment_id=name, refund_id=name) for name in ("card", "bank"))
    for order, name in ((part, "r1"), (whole, "r2")):
        OrderService.confirm_payment(order, payment_id=name)
    OrderService.cancel_order(late)
    OrderService.confirm_payment(late, payment_id="r3")
    piece = OrderService.refund_order(part, refund_id="one", items=[{"line": 1, "quantity": 1}])
    rest = OrderService.refund_order(whole, refund_id="all")
    returned = OrderService.refund_order(payment_id="r3", refund_id="late")
    grants = RefundGrant.objects.filter(grant__feature__key="pdf")
    return SimpleNamespace(
        ada=written.ada,
        bob=written.bob,
        part=part,
        whole=whole,
        piece=piece,
        rest=rest,
        returned=returned,
        card=card,
        bank=bank,
        item=RefundItem.objects.get(refund=piece),
        whole_item=RefundItem.objects.get(refund=rest),
        sold_item=OrderItem.objects.get(order=part),
        found=grants.get(part__refund=piece),
        ended=grants.get(part__refund=rest),
        timed=RefundGrant.objects.get(part__refund=rest, grant__feature__key="sso"),
        gone=Grant.objects.get(source_id=str(whole.pk), feature__key="pdf"),
        entry=LedgerEntry.objects.get(cause_id=piece.pk),
        reducing=LedgerEntry.objects.filter(kind="revoke").first(),
    )


@pytest.fixture
def refunds(refunded: Any, db: None) -> Any:
    """The same, for a test to break."""
    return refunded


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("part", {"refunded_amount_minor": 999}),
    ("sold_item", {"refunded_minor": 999}),
    ("sold_item", {"refunded_pieces": 2}),
    ("piece", {"amount_minor": 999}),
    ("piece", {"currency": "EUR"}),
    ("piece", {"customer_id": lambda books: books.ada.pk}),
    ("piece", {"order_id": lambda books: books.whole.pk}),
    ("piece", {"payment_id": lambda books: books.returned.payment_id}),
    ("bank", {"payment_id": lambda books: books.card.payment_id}),
    ("returned", {"amount_minor": 1}),
    ("returned", {"currency": "EUR"}),
    ("returned", {"payment_id": None}),
    ("item", {"amount_minor": 999}),
    ("item", {"pieces": 0}),
    ("item", {"item_id": lambda books: books.whole_item.item_id}),
    ("item", {"refund_id": lambda books: books.returned.pk}),
    ("item", {"customer_id": lambda books: books.ada.pk}),
    ("found", {"taken_back": 9}),
    ("found", {"unused": None, "taken_back": None}),
    ("found", {"ended": True}),
    ("found", {"grant_id": lambda books: books.gone.pk}),
    ("found", {"customer_id": lambda books: books.ada.pk}),
    ("ended", {"ended": False}),
    ("timed", {"ended": False}),
    ("timed", {"unused": 1, "taken_back": 0}),
    ("gone", {"ended_as": "disputed"}),
    ("gone", {"ended_as": "", "ended_at": None}),
    ("entry", {"cause_id": lambda books: books.rest.pk}),
    ("entry", {"cause_id": lambda books: books.part.pk}),
    ("entry", {"amount": -9}),
    ("reducing", {"kind": "refund", "cause_type": "refund"}),
]


@pytest.mark.parametrize(("name", "columns"), CHANGES, ids=str)
def test_what_was_changed_is_named(refunds: Any, name: str, columns: dict[str, Any]) -> None:
    row = getattr(refunds, name)
    assert not problems()
    values = {column: value(refunds) if callable(value) else value for column, value in columns.items()}

    assert type(row)._base_manager.filter(pk=row.pk).update(**values) == 1

    assert key_of(row) in {(each.table, each.id) for each in problems()}


@pytest.mark.parametrize("name", ["item", "found", "ended", "timed"])
def test_what_is_gone_is_missed(refunds: Any, name: str) -> None:
    row = getattr(refunds, name)
    if name == "item":
        RefundGrant.objects.filter(part=row).delete()
    type(row)._base_manager.filter(pk=row.pk).delete()

    assert not QuotaService.verify_ledger(refunds.bob)
    assert QuotaService.verify_ledger(refunds.ada)


def key_of(row: Model) -> tuple[str, str]:
    return row._meta.db_table, str(row if isinstance(row, LedgerEntry) else row.pk)
