"""Whatever of a debt somebody changes by hand, verify names the row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Debt, LedgerEntry
from billable.services import CatalogService, QuotaService
from tests.audits.books import give
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture
def debts(books: Any) -> Any:
    """Beside the books: a debt that is repaid in part and forgiven in part, one that went back, one untouched."""
    CatalogService.create_feature("calls", overdraft="record")
    CatalogService.create_feature("mails", overdraft="record")
    first = QuotaService.consume_quota(books.bob, "calls", quantity=10)
    give(books.bob, "calls", 4)
    QuotaService.reverse_usage(first, quantity=2, idempotency_key="forgive")
    second = QuotaService.consume_quota(books.bob, "mails", quantity=5)
    give(books.bob, "mails", 5)
    QuotaService.reverse_usage(second, quantity=3, idempotency_key="give_back")
    third = QuotaService.consume_quota(books.bob, "mails", quantity=50)
    rows = [Debt.objects.get(usage=usage) for usage in (first, second, third)]
    assert [(row.repaid, row.forgiven) for row in rows] == [(4, 2), (2, 3), (0, 0)]
    return SimpleNamespace(
        ada=books.ada,
        usage=first,
        third=third,
        debt=rows[0],
        settled=rows[1],
        untouched=rows[2],
        repayment=LedgerEntry.objects.get(cause_id=rows[0].pk),
        return_=LedgerEntry.objects.get(kind="repay", amount__gt=0),
    )


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("debt", {"repaid": 3}),
    ("debt", {"repaid": 5}),
    ("debt", {"forgiven": 1}),
    ("debt", {"units": 11}),
    ("debt", {"customer_id": lambda debts: debts.ada.pk}),
    ("debt", {"feature_id": lambda debts: debts.settled.feature_id}),
    ("settled", {"repaid": 3, "forgiven": 2}),
    ("untouched", {"repaid": 1}),
    ("untouched", {"forgiven": 1}),
    ("repayment", {"cause_id": lambda debts: debts.settled.pk}),
    ("repayment", {"cause_id": lambda debts: debts.usage.pk}),
    ("repayment", {"kind": "revoke"}),
    ("repayment", {"usage_id": lambda debts: debts.usage.pk}),
    ("return_", {"cause_type": "debt"}),
    ("return_", {"cause_id": lambda debts: debts.usage.pk}),
]


@pytest.mark.parametrize(("which", "values"), CHANGES)
def test_what_was_changed_is_named(debts: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(debts, which)
    values = {name: value(debts) if callable(value) else value for name, value in values.items()}
    type(row)._base_manager.filter(pk=row.pk).update(**values)
    key = f"{row.customer_id}#{row.seq}" if isinstance(row, LedgerEntry) else str(row.pk)
    assert (row._meta.db_table, key) in {(each.table, each.id) for each in problems()}


def test_a_debt_that_is_gone_is_missed_by_its_usage(debts: Any) -> None:
    debts.untouched.delete()
    assert ("billable_usage", str(debts.third.pk)) in {(each.table, each.id) for each in problems()}
