"""Whatever of a cap's count somebody changes by hand, verify names the grant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import Customer, Grant, LedgerEntry
from billable.services import CatalogService, CustomerService, QuotaService
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture
def caps(books: Any) -> Any:
    """Beside the books: grants with a cap, one used in two windows, one untouched, one carried on by a merge."""
    line = {"feature": "ocr", "quantity": 300, "cap_quantity": 50, "cap_period": "1 day"}
    CatalogService.create_product("scans", features=[line])
    used, untouched, before = (QuotaService.grant_product(who, "scans")[0] for who in people("u", "n", "m"))
    QuotaService.consume_quota(used.customer, "ocr", quantity=20)
    first = QuotaService.hold_quota(used.customer, "ocr", 10, ttl=200_000)
    QuotaService.consume_quota(before.customer, "ocr", quantity=30)
    books.clock.jump(days=1)
    QuotaService.consume_quota(used.customer, "ocr", quantity=7)
    QuotaService.release_hold(QuotaService.hold_quota(used.customer, "ocr", 3))
    QuotaService.capture_hold(first, 4)
    usage = QuotaService.consume_quota(before.customer, "ocr", quantity=12)
    QuotaService.reverse_usage(usage, quantity=2, idempotency_key="back")
    (survivor,) = people("s")
    CustomerService.merge_customers(survivor, before.customer)
    QuotaService.consume_quota(survivor, "ocr", quantity=5)
    return SimpleNamespace(
        used=Grant.objects.get(pk=used.pk), untouched=untouched, heir=Grant.objects.get(origin=before)
    )


def people(*names: str) -> list[Customer]:
    return [CustomerService.identify("test", name).customer for name in names]


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("used", {"cap_used": 6}),
    ("used", {"cap_used": 8}),
    ("used", {"cap_index": 0}),
    ("used", {"cap_index": 2}),
    ("untouched", {"cap_used": 1}),
    ("untouched", {"cap_index": 1}),
    ("heir", {"cap_used": 4}),
    ("heir", {"cap_used": 18}),
    ("heir", {"cap_index": 0}),
]


def test_what_is_counted_is_what_was_taken_in_the_window(caps: Any) -> None:
    assert not problems()
    stands = [(row.cap_index, row.cap_used) for row in (caps.used, caps.untouched, caps.heir)]
    assert stands == [(1, 7), (0, 0), (1, 15)]


@pytest.mark.parametrize(("which", "values"), CHANGES)
def test_what_was_changed_is_named(caps: Any, which: str, values: dict[str, Any]) -> None:
    row = getattr(caps, which)
    Grant.objects.filter(pk=row.pk).update(**values)
    assert ("billable_grant", str(row.pk)) in {(each.table, each.id) for each in problems()}


def test_an_entry_that_was_moved_to_another_window_is_noticed(caps: Any) -> None:
    entry = LedgerEntry.objects.filter(grant=caps.used, kind="consume").earliest("seq")
    moved = entry.effective_at.replace(year=2027)
    LedgerEntry.objects.filter(pk=entry.pk).update(effective_at=moved)
    assert ("billable_grant", str(caps.used.pk)) in {(each.table, each.id) for each in problems()}
