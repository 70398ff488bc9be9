"""Whatever of an allowance somebody changes by hand, verify names the row."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import F, Model

from billable.models import Allowance, Customer, Grant, LedgerEntry, RefundGrant
from billable.services import CatalogService, CustomerService, Money, OrderService, QuotaService
from tests.books import problems

pytestmark = pytest.mark.broken_books


@pytest.fixture(scope="module")
def given(written: Any) -> Any:
    """Beside the books: an allowance of two periods with what rolled over; one refunded in part, and merged."""
    line = {"feature": "ocr", "quantity": 10, "reset": "1 month", "rollover_quantity": 4, "rollover_periods": 1}
    CatalogService.create_product("monthly", features=[line])
    CatalogService.create_product("yearly", prices=[Money(1200, "EUR")], features=[{**line, "period": "1 year"}])
    carol, dave = (CustomerService.identify("telegram", name).customer for name in ("carol", "dave"))
    (first,) = QuotaService.grant_product(carol, "monthly")
    order = OrderService.create_order(dave, [{"sku": "yearly", "quantity": 2}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="pi_recurring")
    OrderService.refund_order(order, refund_id="re_recurring", items=[{"line": 1, "quantity": 1}])
    first_one = Allowance.objects.get(customer=carol)
    written.clock.jump(days=40)
    QuotaService.consume_quota(carol, "ocr", quantity=2)
    CustomerService.merge_customers(carol, dave)
    heir = Allowance.objects.get(customer=carol, source="transfer")
    grants = {grant.source: grant for grant in Grant.objects.filter(allowance=first_one).order_by("pk")}
    return SimpleNamespace(
        carol=Customer.objects.get(pk=carol.pk),
        dave=Customer.objects.get(pk=dave.pk),
        given=Allowance.objects.get(pk=first_one.pk),
        bought=Allowance.objects.get(customer=dave),
        heir=heir,
        first=Grant.objects.get(pk=first.pk),
        second=grants["allowance"],
        rolled=grants["rollover"],
        carried=Grant.objects.filter(allowance=heir, rolled_from=None).latest("pk"),
        birth=LedgerEntry.objects.get(grant=grants["allowance"], kind="grant"),
        went=LedgerEntry.objects.get(grant=first.pk, kind="rollover"),
        expired=LedgerEntry.objects.get(grant=first.pk, kind="expire"),
        refunded=RefundGrant.objects.get(part__refund__refund_id="re_recurring"),
        other=written.bobs,
    )


@pytest.fixture
def recurring(given: Any, db: None) -> Any:
    """The same, for a test to break."""
    return given


DAY = timedelta(days=1)
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("given", {"next_index": 3}),
    ("given", {"next_at": None}),
    ("given", {"next_at": F("next_at") + DAY}),
    ("given", {"anchor": F("anchor") - DAY}),
    ("given", {"zone": "Mars/Olympus"}),
    ("given", {"reset_count": 2}),
    ("given", {"quantity": 9}),
    ("given", {"rollover_quantity": 3}),
    ("given", {"rollover_periods": 2}),
    ("given", {"priority": 5}),
    ("given", {"source": "order", "source_id": "nobody"}),
    ("given", {"source": "trial", "source_id": "nobody"}),
    ("given", {"source": "exchange", "source_id": "nobody"}),
    ("given", {"source": "referral", "source_id": "nobody"}),
    ("given", {"source": "default"}),
    ("given", {"customer_id": lambda rows: rows.dave.pk}),
    ("given", {"origin_id": lambda rows: rows.bought.pk}),
    ("given", {"reduced": 1}),
    ("bought", {"expires_at": F("expires_at") + DAY}),
    ("bought", {"quantity": 30}),
    ("bought", {"product_id": lambda rows: rows.given.product_id}),
    ("bought", {"rollover_quantity": 9}),
    ("bought", {"reset_unit": "week"}),
    ("bought", {"ended_at": None, "ended_as": ""}),
    ("bought", {"ended_as": "revoked"}),
    ("heir", {"origin_id": None}),
    ("heir", {"origin_id": lambda rows: rows.other.pk}),
    ("heir", {"anchor": F("anchor") - DAY}),
    ("heir", {"reduced": 0}),
    ("first", {"allowance_id": None}),
    ("first", {"period_index": 1}),
    ("first", {"line": 9}),
    ("second", {"allowance_id": lambda rows: rows.heir.pk}),
    ("second", {"allowance_id": lambda rows: rows.other.pk}),
    ("second", {"source_id": "nobody"}),
    ("second", {"valid_from": F("valid_from") + DAY}),
    ("second", {"expires_at": F("expires_at") + DAY}),
    ("second", {"rolled_from": 0}),
    ("second", {"source": "rollover"}),
    ("second", {"source": "manual"}),
    ("second", {"product_id": lambda rows: rows.bought.product_id}),
    ("second", {"quantity": 11, "remaining": 9}),
    ("second", {"pieces": 2}),
    ("rolled", {"quantity": 3, "remaining": 1}),
    ("rolled", {"rolled_from": None}),
    ("rolled", {"rolled_from": 1}),
    ("rolled", {"period_span": 2}),
    ("rolled", {"line": 9}),
    ("carried", {"allowance_id": None}),
    ("carried", {"allowance_id": lambda rows: rows.given.pk}),
    ("birth", {"cause_id": lambda rows: rows.heir.pk}),
    ("birth", {"cause_type": "grant"}),
    ("birth", {"effective_at": F("effective_at") + DAY}),
    ("went", {"amount": -3}),
    ("went", {"kind": "expire"}),
    ("went", {"cause_id": lambda rows: rows.heir.pk}),
    ("went", {"effective_at": F("effective_at") + DAY}),
    ("refunded", {"reduced": 9}),
    ("carol", {"next_change_at": None}),
    ("carol", {"next_change_at": lambda rows: rows.given.next_at + DAY}),
]


@pytest.mark.parametrize(("which", "values"), CHANGES, ids=lambda value: value if isinstance(value, str) else None)
def test_what_was_changed_is_named(recurring: Any, which: str, values: dict[str, Any]) -> None:
    assert not problems()
    row = getattr(recurring, which)
    change(row, **{name: value(recurring) if callable(value) else value for name, value in values.items()})
    assert problems(), f"nobody noticed {values}"


def test_a_period_that_is_given_twice_is_named(recurring: Any) -> None:
    change(recurring.second, line=1, period_index=0, source_id="another")
    assert any(each.table == "billable_grant" for each in problems())


def test_units_that_should_have_rolled_over_are_named(recurring: Any) -> None:
    """As if nothing had gone on, and everything had expired."""
    change(recurring.expired, amount=F("amount") - 4, remaining_after=0)
    LedgerEntry.objects.filter(grant=recurring.rolled).delete()
    LedgerEntry.objects.filter(pk=recurring.went.pk).delete()
    Grant.objects.filter(pk=recurring.rolled.pk).delete()
    found = [each for each in problems() if "should have rolled over" in each.problem]
    assert [(each.table, each.id) for each in found] == [("billable_grant", str(recurring.first.pk))]


def test_an_allowance_that_an_order_did_not_make_is_missed(recurring: Any) -> None:
    Allowance._base_manager.filter(pk=recurring.bought.pk).update(source="manual", source_id="by hand")
    assert any(each.table == "billable_order" for each in problems())


def change(row: Model, **values: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**values)
