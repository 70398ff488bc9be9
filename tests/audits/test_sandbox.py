"""What verify says of the sandbox when somebody changes it by hand."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from billable.models import ClockMove, Customer, Referral
from billable.services import CatalogService, CustomerService, InvoiceService, OrderService, ReferralService
from tests.audits.test_changed_by_hand import named
from tests.books import problems

pytestmark = [pytest.mark.broken_books, pytest.mark.django_db]


@pytest.fixture
def box(db: None) -> SimpleNamespace:
    """Two of the sandbox who became one; one who was brought, and bought something."""
    CatalogService.create_product("box-pack", price="1.00", features=["box-pdf"], quantity=1)
    names = ("lead", "other", "brought", "real")
    found = {name: CustomerService.identify("box", name, sandbox=name != "real").customer for name in names}
    CustomerService.merge_customers(found["lead"], found["other"])
    CustomerService.advance_clock(found["lead"], days=3)
    ReferralService.refer(found["lead"], found["brought"])
    order = OrderService.create_order(found["brought"], [{"sku": "box-pack"}])
    OrderService.confirm_payment(order, payment_id="box-p")
    invoice = InvoiceService.issue_receipt(order)
    assert problems() == []
    referral = Referral.objects.get(customer=found["brought"])
    return SimpleNamespace(**found, invoice=invoice, move=ClockMove.objects.get(), referral=referral)


def change(row: Any, **columns: Any) -> None:
    assert type(row)._base_manager.filter(pk=row.pk).update(**columns) == 1


def test_a_clock_that_was_put_back_is_told(box: Any) -> None:
    Customer.objects.filter(pk__in=[box.lead.pk, box.other.pk]).update(clock_offset_seconds=60)

    assert named() == {("billable_clockmove", str(box.move.pk))}


def test_the_clock_of_one_who_was_absorbed_is_told(box: Any) -> None:
    change(box.other, clock_offset_seconds=60)

    assert ("billable_customer", str(box.other.pk)) in named()


def test_one_of_the_sandbox_who_was_made_real_is_told(box: Any) -> None:
    Customer.objects.filter(pk__in=[box.lead.pk, box.other.pk]).update(is_sandbox=False, clock_offset_seconds=0)

    assert {("billable_clockmove", str(box.move.pk)), ("billable_referral", str(box.referral.pk))} <= named()


def test_a_document_in_the_series_of_others_is_told(box: Any) -> None:
    change(box.brought, is_sandbox=False)

    assert ("billable_invoice", str(box.invoice.pk)) in named()
    assert box.invoice.series == "SANDBOX"


def test_a_move_that_is_under_way_is_no_problem(box: Any) -> None:
    change(box.move, finished_at=None, to_offset_seconds=box.move.to_offset_seconds + 60)

    assert named() == set()


def test_a_move_belongs_to_somebody(box: Any) -> None:
    change(box.move, customer=box.real, started_at=box.move.started_at - timedelta(days=1))

    assert ("billable_clockmove", str(box.move.pk)) in named()
