"""Every paid order gets a receipt, every refund a credit note: numbered, once, without gaps."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from billable.invoices import issue
from billable.models import Invoice, InvoiceLine, InvoiceSeries, Payment
from billable.services import CustomerRef, CustomerService, InvoiceService, OrderService
from tests.invoices.conftest import SELLER, refund

NEW_YEARS_EVE = datetime(2026, 12, 31, 23, 30, tzinfo=timezone.utc)  # 2027 in Berlin


def test_a_paid_order_gets_a_receipt_of_what_it_sold(door, user, buy, clock):
    order = buy(("pro", 3), "pack", tax="0", rates={"pro": "19"}, off="1.00")
    clock.advance(days=1)

    receipt = door.invoices.issue_receipt(order)

    assert (receipt.name, receipt.kind, receipt.replayed) == ("R-2026-000001", "receipt", False)
    assert (receipt.issued_at, receipt.created_at, receipt.actor) == (clock.instant, clock.instant, "python")
    assert (receipt.order_id, receipt.source_id, receipt.customer_id) == (order.pk, order.pk, order.customer_id)
    assert (receipt.total_minor, receipt.tax_minor, receipt.net_minor) == (3397, 463, 2934)
    assert (str(receipt.total), receipt.tax_included, receipt.payment_method) == ("33.97 EUR", True, "stripe")
    assert (receipt.refund, receipt.corrects) == (None, None)
    assert [
        (each.line, each.sku, each.description, each.quantity, each.unit_amount_minor, each.discount_minor)
        for each in receipt.lines.all()
    ] == [(1, "pro", "Pro", 3, 999, 100), (2, "pack", "pack", 1, 500, 0)]
    assert [(each.net_minor, each.tax_rate, each.tax_minor, each.total_minor) for each in receipt.lines.all()] == [
        (2434, 19, 463, 2897),
        (500, 0, 0, 500),
    ]


def test_prices_without_tax_are_the_net(door, user, buy):
    receipt = door.invoices.issue_receipt(buy(("pro", 3), tax="19", included=False))
    assert (receipt.net_minor, receipt.tax_minor, receipt.total_minor) == (2997, 569, 3566)
    assert receipt.tax_included is False


def test_an_order_has_one_receipt(door, user, buy):
    order = buy("pro")
    first, again = door.invoices.issue_receipt(order), door.invoices.issue_receipt(str(order.pk))
    assert (again.pk, again.replayed, [line.pk for line in again.lines.all()]) == (
        first.pk,
        True,
        [line.pk for line in first.lines.all()],
    )
    assert Invoice.objects.count() == 1


def test_what_is_not_paid_gets_none(door, user, refused):
    order = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="half", amount_minor=500)
    with refused("wrong_order_state", status="pending", verb="receipted"):
        door.invoices.issue_receipt(order)
    for nothing in (uuid4(), "nothing", 7):
        with refused("order_not_found"):
            door.invoices.issue_receipt(nothing)
        with refused("refund_not_found"):
            door.invoices.issue_credit_note(nothing)


def test_the_receipt_comes_by_itself_after_the_payment(door, user, commit, clock):
    order = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    with commit():
        door.orders.confirm_payment(order, payment_id="p1", status="pending")
        door.orders.confirm_payment(order, payment_id="p1", amount_minor=500)
    assert Invoice.objects.count() == 0
    with commit():
        door.orders.confirm_payment(order, payment_id="p2", payment_method="bank", amount_minor=499)
    assert Invoice.objects.get().payment_method == ""  # two methods are no one method
    with commit():
        assert door.orders.confirm_payment(order, payment_id="p2").replayed
    assert (Invoice.objects.get().order_id, InvoiceSeries.objects.get().last_number) == (order.pk, 1)


def test_a_free_order_gets_one_too(door, user, commit):
    with commit():
        order = door.orders.create_order(user, [{"sku": "free"}])
    receipt = Invoice.objects.get()
    assert (receipt.order_id, receipt.total_minor, receipt.payment_method) == (order.pk, 0, "")


def test_a_receipt_that_cannot_be_issued_changes_nothing_about_the_payment(door, user, commit, settings, caplog):
    settings.BILLABLE_SELLER = {"zone": "No/Where"}
    order = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    with commit():
        payment = door.orders.confirm_payment(order, payment_id="p1")
    assert (payment.status, payment.order.status) == ("succeeded", "paid")
    assert "No/Where" in caplog.text
    assert (Invoice.objects.count(), InvoiceSeries.objects.count()) == (0, 0)
    settings.BILLABLE_SELLER = SELLER
    assert door.invoices.issue_missing().receipts == 1


def test_seller_and_buyer_stay_as_they_were(door, user, buy, settings):
    CustomerService.set_billing_details(user, {"name": "Ada Lovelace", "address": "12 Square\nLondon", "tax_id": "GB1"})
    first = door.invoices.issue_receipt(buy("pro"))
    CustomerService.set_billing_details(user, {"name": "Countess of Lovelace"})
    settings.BILLABLE_SELLER = {"name": "Finer Tools AG", "unknown": "left out", "email": None}
    second = door.invoices.issue_receipt(buy("pro"))
    first = door.invoices.get_invoice(first)
    assert first.seller == SELLER
    assert first.buyer == {"name": "Ada Lovelace", "address": "12 Square\nLondon", "tax_id": "GB1"}
    assert second.seller == {"name": "Finer Tools AG", "zone": "UTC"}
    assert second.buyer == {"name": "Countess of Lovelace"}


@pytest.mark.parametrize(
    ("provider", "profile", "party"),
    [
        ("telegram", {"name": " Anna "}, {"name": "Anna"}),
        ("telegram", {"name": 7}, {"name": "telegram:4711"}),
        ("default", {}, {"name": "4711"}),
        ("email", {}, {"email": "4711"}),
    ],
)
def test_a_buyer_without_details_is_called_as_they_are_known(door, provider, profile, party):
    ref = CustomerRef(customer_id=CustomerService.identify(provider, "4711", profile=profile).customer_id)
    order = OrderService.create_order(ref, [{"sku": "free"}])
    assert door.invoices.issue_receipt(order).buyer == party


def test_a_buyer_who_is_only_a_user_is_called_as_one(door, user, buy, django_user_model):
    assert door.invoices.issue_receipt(buy("free")).buyer == {"name": "ada"}
    order = buy("free")
    django_user_model.objects.all().delete()
    assert door.invoices.issue_receipt(order).buyer == {}


def test_numbers_have_no_gaps_and_begin_anew_each_year_of_the_seller(door, user, buy, clock):
    names = [door.invoices.issue_receipt(buy("pro")).name for _ in range(2)]
    clock.instant = NEW_YEARS_EVE
    names += [door.invoices.issue_receipt(buy("pro")).name for _ in range(2)]
    assert names == ["R-2026-000001", "R-2026-000002", "R-2027-000001", "R-2027-000002"]


def test_series_have_names_of_their_own(door, user, buy, settings):
    settings.BILLABLE_INVOICE_SERIES = {"receipt": "SHOP"}
    assert door.invoices.issue_receipt(buy("pro")).name == "SHOP-2026-000001"


def test_an_issue_that_fails_leaves_no_gap(door, user, buy, monkeypatch):
    order = buy("pro")
    with transaction.atomic():
        assert InvoiceService.issue_receipt(order).number == 1
        transaction.set_rollback(True)
    with monkeypatch.context() as patch:
        patch.setattr(
            issue, "_sold", lambda invoice, item: InvoiceLine(invoice=invoice, net_minor=1, tax_minor=1, total_minor=3)
        )
        with pytest.raises(IntegrityError):
            InvoiceService.issue_receipt(order)
    assert (Invoice.objects.count(), InvoiceSeries.objects.count()) == (0, 0)
    assert door.invoices.issue_receipt(order).number == 1


def test_a_refund_gets_a_credit_note(door, user, buy, clock):
    CustomerService.set_billing_details(user, {"name": "Ada Lovelace"})
    order = buy(("pro", 2), "pack", tax="19")
    receipt = door.invoices.issue_receipt(order)
    CustomerService.set_billing_details(user, {"name": "Somebody else"})
    back = OrderService.refund_order(order, refund_id="r1", items=[{"line": 1, "quantity": 1}, {"line": 2}])

    note = door.invoices.issue_credit_note(back)

    assert (note.name, note.kind, note.replayed) == ("C-2026-000001", "credit_note", False)
    assert (note.order_id, note.refund_id, note.source_id) == (order.pk, back.pk, back.pk)
    assert (note.corrects_id, note.buyer, note.payment_method) == (receipt.pk, receipt.buyer, "stripe")
    assert (note.total_minor, note.tax_minor, note.net_minor) == (1499, 240, 1259)
    assert [(each.line, each.sku, each.quantity, each.total_minor, each.tax_minor) for each in note.lines.all()] == [
        (1, "pro", 1, 999, 160),
        (2, "pack", 1, 500, 80),
    ]
    again = door.invoices.issue_credit_note(str(back.pk))
    assert (again.pk, again.replayed) == (note.pk, True)


@pytest.mark.parametrize("turned", [False, True])
def test_credit_notes_add_up_to_the_receipt_whatever_comes_first(door, user, buy, turned):
    order = buy(("pro", 2), tax="19")
    parts = [refund(order, 1, amount_minor=amount) for amount in (333, 333, 333, 998, 1)]
    notes = [door.invoices.issue_credit_note(part) for part in (reversed(parts) if turned else parts)]
    receipt = door.invoices.issue_receipt(order)
    assert receipt.replayed  # the first credit note needed it
    assert sum(note.total_minor for note in notes) == receipt.total_minor == 1998
    assert sum(note.tax_minor for note in notes) == receipt.tax_minor == 319
    assert [note.number for note in notes] == [1, 2, 3, 4, 5]
    assert {line.quantity for note in notes for line in note.lines.all()} == {0, 2}


def test_the_credit_note_comes_by_itself_after_the_refund(door, user, buy, commit):
    order = buy("pro")
    with commit():
        back = door.orders.refund_order(order, refund_id="r1")
    with commit():
        assert door.orders.refund_order(order, refund_id="r1").replayed
    note = Invoice.objects.get(kind="credit_note")
    assert (note.refund_id, note.corrects.order_id) == (back.pk, order.pk)


def test_a_dispute_that_is_lost_brings_a_credit_note_and_one_that_is_won_none(door, user, buy, commit):
    for outcome in ("won", "lost"):
        payment = buy("pro").payments.get()
        dispute = door.orders.dispute_payment(payment, dispute_id=f"dp_{outcome}")
        with commit():
            door.orders.resolve_dispute(dispute, outcome)
        with commit():
            assert door.orders.resolve_dispute(dispute, outcome).replayed
    note = Invoice.objects.get(kind="credit_note")
    assert (note.order_id, note.total_minor, note.refund.origin) == (payment.order_id, 999, "dispute")


def test_money_that_no_order_took_gets_none(door, user, buy, commit, refused):
    order = buy("pro")
    OrderService.confirm_payment(order, payment_id="too late", amount_minor=999)
    with commit():
        back = door.orders.refund_order(payment_id="too late", refund_id="r1")
    assert Invoice.objects.count() == 0
    with refused("invalid", field="refund"):
        door.invoices.issue_credit_note(back)
    sweep = door.invoices.issue_missing()
    assert (sweep.receipts, sweep.credit_notes) == (1, 0)


def test_money_that_is_applied_by_hand_brings_the_receipt_of_the_order_that_took_it(door, user, buy, commit):
    paid = buy("pro")
    OrderService.confirm_payment(paid, payment_id="again", amount_minor=999, payment_method="bank")
    other = OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    with commit():
        door.orders.apply_payment(Payment.objects.get(payment_id="again"), other)
    receipt = Invoice.objects.get()
    assert (receipt.order_id, receipt.payment_method) == (other.pk, "bank")


def test_a_sale_made_elsewhere_brings_a_receipt(door, user, commit):
    with commit():
        payment = door.orders.record_sale(user, [{"sku": "pro"}], payment_id="shop 1", currency="EUR")
    assert Invoice.objects.get().order_id == payment.order_id


def test_what_was_missed_is_made_up_for_the_oldest_first(door, user, buy, clock, refused):
    orders = []
    for _ in range(3):
        orders.append(buy("pro"))
        clock.advance(hours=1)
    OrderService.create_order(user, [{"sku": "pro"}], currency="EUR")
    back = refund(orders[1], 1, amount_minor=100)
    door.invoices.issue_receipt(orders[2])

    sweep = door.invoices.issue_missing(limit=1)
    assert (sweep.receipts, sweep.credit_notes) == (1, 0)
    sweep = door.invoices.issue_missing(limit=2)
    assert (sweep.receipts, sweep.credit_notes) == (1, 1)
    sweep = door.invoices.issue_missing()
    assert (sweep.receipts, sweep.credit_notes) == (0, 0)

    receipts = {each.order_id: each.number for each in Invoice.objects.filter(kind="receipt")}
    assert [receipts[order.pk] for order in orders] == [2, 3, 1]
    assert Invoice.objects.get(kind="credit_note").refund_id == back.pk
    for limit in (0, -1, "1", True, 1.5):
        with refused("invalid", field="limit"):
            door.invoices.issue_missing(limit=limit)


def test_an_order_of_who_was_absorbed_is_made_out_to_who_absorbed_them(door, user, buy, django_user_model):
    order = buy("pro")
    bob = CustomerService.set_billing_details(django_user_model.objects.create(username="bob"), {"name": "Bob"})
    CustomerService.merge_customers(bob, order.customer)
    receipt = door.invoices.issue_receipt(order)
    assert (receipt.customer_id, receipt.buyer) == (order.customer_id, {"name": "Bob"})
    assert [each.pk for each in door.invoices.list_invoices(bob)] == [receipt.pk]


def test_issuing_costs_few_statements(statements, user, buy):
    InvoiceService.issue_receipt(buy("pro"))
    order = buy(*["pro"] * 20)
    assert len(statements(lambda: InvoiceService.issue_receipt(order))) == 15
    assert len(statements(lambda: InvoiceService.issue_receipt(order))) == 4


@pytest.fixture
def documents(door: Any, user: Any, buy: Any) -> list[Invoice]:
    orders = [buy("pro"), buy("free"), buy("pack")]
    return [InvoiceService.issue_receipt(order) for order in orders]


def test_documents_are_listed_newest_first(door, user, documents, django_user_model):
    door.invoices.list_invoices()
    ids = [each.pk for each in reversed(documents)]
    assert [each.pk for each in door.invoices.list_invoices()] == ids
    assert [each.pk for each in door.invoices.list_invoices(user, kind="receipt")] == ids
    assert [each.pk for each in door.invoices.list_invoices(order=documents[1].order_id)] == [documents[1].pk]
    assert list(door.invoices.list_invoices(kind="credit_note")) == []
    assert list(door.invoices.list_invoices(django_user_model.objects.create(username="bob"))) == []
    first = door.invoices.list_invoices(user, limit=2)
    second = door.invoices.list_invoices(user, limit=2, cursor=first.next)
    assert [each.pk for each in (*first, *second)] == ids
    assert second.next is None


def test_bad_questions_about_documents_are_refused(door, user, documents, refused):
    for field, question in {"kind": {"kind": "bill"}, "cursor": {"cursor": "x!"}, "limit": {"limit": 0}}.items():
        with refused("invalid", field=field):
            door.invoices.list_invoices(user, **question)
    with refused("order_not_found"):
        door.invoices.list_invoices(order="x")
    for nothing in (uuid4(), "R-2026-000001", 7, None):
        for verb in (door.invoices.get_invoice, door.invoices.render_invoice, door.invoices.render_invoice_pdf):
            with refused("invoice_not_found"):
                verb(nothing)


def test_an_answer_needs_no_further_query(door, user, documents, statements):
    one = door.invoices.get_invoice(str(documents[0].pk))
    assert (
        statements(lambda: (one.name, one.total, list(one.lines.all()), one.order.status, one.corrects, one.refund))
        == []
    )
