"""Whatever of a roll-out somebody changes by hand, verify names a row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Allowance, Grant, RollOut
from billable.services import CatalogService, QuotaService
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture
def rolled(books: Any) -> Any:
    """Beside the books: an allowance on new terms, units that were added, a new line."""
    line = {"feature": "ocr", "quantity": 10, "reset": "1 month", "rollover_quantity": 5}
    CatalogService.create_product("scans", features=[line])
    QuotaService.grant_product(books.bob, "scans")
    CatalogService.update_product("scans", features=[{**line, "quantity": 15}, {"feature": "faxes", "quantity": 3}])
    QuotaService.roll_out_product_change("scans", policy="now")
    receipts = {row.kind: row for row in RollOut.objects.all()}
    books.clock.jump(days=40)
    QuotaService.expire_grants()
    return SimpleNamespace(
        terms=receipts["terms"],
        units=receipts["units"],
        line=receipts["line"],
        added=Grant.objects.get(source="roll_out", source_id=str(receipts["units"].pk)),
        replaced=Allowance.objects.get(ended_as="replaced"),
        heir=Allowance.objects.get(source="roll_out"),
        rolled=Grant.objects.get(source="rollover", feature__key="ocr"),
        period=Grant.objects.get(source="allowance", feature__key="ocr", line=2),
        other=Allowance.objects.exclude(product__sku="scans").first(),
    )


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("terms", {"allowance_id": None}),
    ("units", {"quantity": 4}),
    ("units", {"grant_id": None}),
    ("line", {"kind": "terms"}),
    ("added", {"source_id": "0190a6a0-0000-7000-8000-000000000000"}),
    ("heir", {"source_id": "0190a6a0-0000-7000-8000-000000000000"}),
    ("heir", {"origin_id": None}),
    ("heir", {"replaces_id": None}),
    ("heir", {"quantity": 14}),
    ("period", {"priority": 3}),
]


@pytest.mark.parametrize(("which", "values"), CHANGES)
def test_what_was_changed_is_noticed(rolled: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(rolled, which)
    type(row)._base_manager.filter(pk=row.pk).update(**values)
    assert problems(), f"nobody noticed {values}"
