"""Whatever of a hold somebody changes by hand, verify names the row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import Model

from billable.models import Adjustment, HoldLeg, LedgerEntry
from billable.services import CatalogService, QuotaService
from tests.audits.books import give
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture(scope="module")
def held(written: Any) -> Any:
    """Beside the books: one hold that is open, one captured in bits, one released."""
    CatalogService.create_feature("ocr")
    grant = give(written.bob, "ocr", 100)
    open_one, used, freed = (QuotaService.hold_quota(written.bob, "ocr", 10) for _ in range(3))
    QuotaService.capture_hold(used, 2, final=False, idempotency_key="bit")
    usage = QuotaService.capture_hold(used, 5)
    QuotaService.release_hold(freed)
    QuotaService.extend_hold(open_one, ttl=3600, idempotency_key="longer")
    legs = {leg.hold_id: leg for leg in HoldLeg.objects.all()}
    return SimpleNamespace(
        ada=written.ada,
        bob=type(written.bob).objects.get(pk=written.bob.pk),
        bobs=written.bobs,
        grant=grant,
        open=QuotaService.get_hold(open_one),
        used=QuotaService.get_hold(used),
        freed=QuotaService.get_hold(freed),
        usage=usage,
        open_leg=legs[open_one.pk],
        used_leg=legs[used.pk],
        freed_leg=legs[freed.pk],
        entry=LedgerEntry.objects.get(cause_id=open_one.pk),
        capture=LedgerEntry.objects.filter(cause_id=used.pk, kind="capture").first(),
        extension=Adjustment.objects.get(hold=open_one),
    )


@pytest.fixture
def holds(held: Any, db: None) -> Any:
    """The same, for a test to break."""
    return held


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("open", {"captured": 1}),
    ("open", {"closed_at": lambda holds: holds.used.closed_at, "closed_as": "released"}),
    ("used", {"captured": 6}),
    ("used", {"closed_at": None, "closed_as": "", "final_capture_id": None}),
    ("used", {"final_capture_id": lambda holds: holds.grant.pk}),
    ("freed", {"closed_at": None, "closed_as": ""}),
    ("open_leg", {"units": 9}),
    ("open_leg", {"released": 1}),
    ("open_leg", {"customer_id": lambda holds: holds.ada.pk}),
    ("open_leg", {"hold_id": lambda holds: holds.used.pk, "position": 9}),
    ("open_leg", {"grant_id": lambda holds: holds.bobs.pk}),
    ("used_leg", {"captured": 6}),
    ("freed_leg", {"released": 9}),
    ("grant", {"held": 9}),
    ("usage", {"quantity": 4}),
    ("usage", {"hold_id": None}),
    ("entry", {"cause_id": lambda holds: holds.grant.pk}),
    ("capture", {"usage_id": None}),
    ("extension", {"hold_id": None}),
    ("bob", {"next_change_at": None}),
    ("bob", {"next_change_at": lambda holds: holds.open.lapses_at.replace(year=2030)}),
]


@pytest.mark.parametrize(("which", "values"), CHANGES, ids=lambda value: value if isinstance(value, str) else None)
def test_what_was_changed_is_named(holds: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(holds, which)
    change(row, **{name: value(holds) if callable(value) else value for name, value in values.items()})
    assert problems(), f"nobody noticed {values}"
    if which != "usage" or "hold_id" not in values:
        assert named(row)


def test_entries_without_a_leg_are_named(holds: Any) -> None:
    HoldLeg.objects.filter(pk=holds.freed_leg.pk).delete()
    assert any(each.table == "billable_ledgerentry" for each in problems())


def change(row: Model, **values: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**values)


def named(row: Any) -> bool:
    """Whether the row is named, or what hangs from it."""
    found = {(each.table, each.id) for each in problems()}
    key = f"{row.customer_id}#{row.seq}" if isinstance(row, LedgerEntry) else str(row.pk)
    tables = {row._meta.db_table}
    return any((table, key) in found for table in tables)
