"""Whatever of a notice somebody changes by hand, verify names the row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import AlertNotice, ExpiryNotice
from billable.quota.expiring import EXPIRY_NOTICES
from billable.services import CatalogService, QuotaService
from tests.audits.books import give
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture
def notices(books: Any) -> Any:
    """Beside the books: one threshold that Bob crossed, and one grant that he was told of."""
    CatalogService.create_feature("ocr", alerts=["80%"])
    grant = give(books.bob, "ocr", 100, period="30 days")
    QuotaService.consume_quota(books.bob, "ocr", quantity=85)
    another = QuotaService.consume_quota(books.bob, "pdf", quantity=1)
    books.clock.jump(days=28)
    assert EXPIRY_NOTICES.do(grant.pk)
    return SimpleNamespace(
        ada=books.ada,
        bobs=books.bobs,
        another=another,
        alert=AlertNotice.objects.get(),
        expiry=ExpiryNotice.objects.get(grant=grant),
        later=books.clock.jump(days=1),
    )


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("alert", {"customer_id": lambda notices: notices.ada.pk}),
    ("alert", {"usage_id": lambda notices: notices.another.pk}),
    ("alert", {"usage_id": lambda notices: notices.ada.pk}),
    ("alert", {"feature_id": lambda notices: notices.bobs.feature_id}),
    ("alert", {"since": lambda notices: notices.later}),
    ("expiry", {"customer_id": lambda notices: notices.ada.pk}),
    ("expiry", {"grant_id": lambda notices: notices.bobs.pk}),
    ("expiry", {"units": 101}),
    ("expiry", {"units": None}),
]


def test_untouched_notices_are_well(notices: Any) -> None:
    assert problems() == []


@pytest.mark.parametrize(("name", "change"), CHANGES, ids=lambda part: part if isinstance(part, str) else "".join(part))
def test_a_row_that_was_changed_is_named(notices: Any, name: str, change: dict[str, Any]) -> None:
    row = getattr(notices, name)
    values = {column: value(notices) if callable(value) else value for column, value in change.items()}
    type(row).objects.filter(pk=row.pk).update(**values)

    found = problems()

    assert {(problem.table, problem.id) for problem in found} == {(row._meta.db_table, str(row.pk))}
