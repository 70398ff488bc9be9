"""Receipts and credit notes over REST."""

from __future__ import annotations

from typing import Any

import pytest

from billable.services import InvoiceService
from tests.api.conftest import Api, is_uuid


@pytest.fixture
def order(api: Api, catalogue: None) -> dict[str, Any]:
    """A paid order of 19.98 EUR."""
    placed = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10", "quantity": 2}]}))
    paid: dict[str, Any] = api.ok(api.post(f"/orders/{placed['id']}/confirm", {"payment_id": "p1"}))
    return paid


@pytest.fixture
def receipt(api: Api, order: dict[str, Any]) -> dict[str, Any]:
    """Its receipt, which follows after a commit."""
    InvoiceService.issue_receipt(order["id"])
    (found,) = api.ok(api.get("/invoices", external_id="anna"))["items"]
    return dict(found)


def test_a_receipt_says_what_was_paid(api: Api, order: dict[str, Any], receipt: dict[str, Any]) -> None:
    assert is_uuid(receipt["id"])
    assert api.ok(api.get(f"/invoices/{receipt['id']}")) == receipt
    expected = {
        "name": f"R-{receipt['year']}-000001",
        "kind": "receipt",
        "number": 1,
        "order_id": order["id"],
        "customer_id": order["customer_id"],
        "refund_id": None,
        "corrects_id": None,
        "currency": "EUR",
        "total": "19.98",
        "total_minor": 1998,
        "net_minor": 1998,
        "tax": "0.00",
        "buyer": {"name": "anna"},
        "seller": {"zone": "UTC"},
        "payment_method": "",
    }
    assert {name: receipt[name] for name in expected} == expected
    (line,) = receipt["lines"]
    assert (line["sku"], line["description"], line["quantity"]) == ("pack10", "Ten exports", 2)
    assert (line["unit_amount"], line["total"], line["tax_rate"]) == ("9.99", "19.98", "0")


def test_lists_are_narrowed(api: Api, order: dict[str, Any], receipt: dict[str, Any]) -> None:
    api.customer("bob")
    assert api.ok(api.get("/invoices")) == {"items": [receipt], "next": None}
    assert api.ok(api.get("/invoices", order_id=order["id"], kind="receipt", limit=1))["items"] == [receipt]
    for query in (
        {"external_id": "bob"},
        {"external_id": "nobody"},
        {"kind": "credit_note"},
        {"order_id": receipt["id"]},
    ):
        assert api.ok(api.get("/invoices", **query)) == {"items": [], "next": None}
    for field in ("kind", "order_id", "cursor", "limit"):
        assert api.fields(api.get("/invoices", **{field: "x"})) == [field]


def test_a_document_is_printed(api: Api, receipt: dict[str, Any]) -> None:
    page = api.get(f"/invoices/{receipt['id']}/html")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert receipt["name"] in page.content.decode()


def test_a_pdf_is_served_or_the_server_says_what_it_lacks(
    api: Api, receipt: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    api.refused(api.get(f"/invoices/{receipt['id']}/pdf"), 503, "misconfigured")


@pytest.mark.parametrize("page", ["", "/html", "/pdf"])
@pytest.mark.parametrize("invoice", ["018f2e9c-0000-7000-8000-000000000000", "R-2026-000001", "%00", "x" * 300])
def test_an_unknown_document_is_not_found(api: Api, invoice: str, page: str) -> None:
    api.refused(api.get(f"/invoices/{invoice}{page}"), 404, "invoice_not_found")


@pytest.mark.parametrize("page", ["", "/html", "/pdf"])
def test_documents_are_for_the_holder_of_the_token(receipt: dict[str, Any], page: str) -> None:
    for path in ("/invoices", f"/invoices/{receipt['id']}{page}"):
        Api(token="wrong").refused(Api(token="wrong").get(path), 401, "unauthorized")
