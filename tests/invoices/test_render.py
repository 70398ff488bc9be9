"""The printed page: every amount as its currency writes it, nothing that runs, nothing to fetch."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from billable.models import Invoice
from billable.services import CatalogService, CustomerService, InvoiceService, Money
from tests.invoices.conftest import refund

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """The tags, attributes and words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.words = ""
        self.feed(html)
        self.words = re.sub(r"\s+", " ", self.words)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data
        if "style" not in self.open:
            self.words += data


def page(invoice: Invoice) -> Page:
    html = InvoiceService.render_invoice(invoice)
    assert html.startswith("<!DOCTYPE html>")
    read = Page(html)
    assert read.open == [], "every tag is closed"
    return read


def receipt(order: Any) -> Page:
    return page(InvoiceService.issue_receipt(order))


def test_a_receipt_says_who_what_when_and_how_much(door, user, buy, clock):
    CustomerService.set_billing_details(user, {"name": "Ada Lovelace", "address": "12 Square\nLondon", "tax_id": "GB1"})
    order = buy(("pro", 3), "pack", rates={"pro": "19", "pack": "7.7"})
    clock.advance(days=3)
    shown = Page(door.invoices.render_invoice(InvoiceService.issue_receipt(order)))
    for words in (
        "Fine Tools GmbH Hafenstraße 7 20457 Hamburg Germany billing@example.com Tax ID DE123456789",
        "Receipt R-2026-000001",
        "Billed to Ada Lovelace 12 Square London Tax ID GB1",
        "Issued2026-02-03 Paid2026-01-31, stripe",
        f"Order{order.pk} Customer{order.customer_id}",
        "Amounts in EUR",
        "Unit prices include tax.",
    ):
        assert words in shown.words
    assert shown.rows == [
        ["Description", "Quantity", "Unit price", "Net", "Tax rate", "Tax", "Total"],
        ["Pro pro"],
        ["", "3", "9.99", "25.18", "19\xa0%", "4.79", "29.97"],
        ["pack"],
        ["", "1", "5.00", "4.64", "7.7\xa0%", "0.36", "5.00"],
        ["Tax rate", "Net", "Tax", "Total"],
        ["19\xa0%", "25.18", "4.79", "29.97"],
        ["7.7\xa0%", "4.64", "0.36", "5.00"],
        ["Net", "29.82 EUR"],
        ["Tax", "5.15 EUR"],
        ["Paid", "34.97 EUR"],
    ]


def test_without_tax_there_are_no_columns_of_it(user, buy):
    shown = receipt(buy("pro", off="0.99"))
    assert shown.rows == [
        ["Description", "Quantity", "Unit price", "Discount", "Total"],
        ["Pro pro"],
        ["", "1", "9.99", "−0.99", "9.00"],
        ["Paid", "9.00 EUR"],
    ]
    assert "tax" not in shown.words.lower().replace("tax id de123456789", "")


@pytest.mark.parametrize(
    ("currency", "unit", "total"),
    [("JPY", "500", "1,500"), ("KWD", "1,234.567", "3,703.701"), ("XTR", "50", "150"), ("EUR", "9.99", "29.97")],
)
def test_each_currency_has_its_own_decimals(user, buy, currency, unit, total):
    shown = receipt(buy(("pro", 3), currency=currency))
    assert shown.rows[2] == ["", "3", unit, total]
    assert shown.rows[-1] == ["Paid", f"{total} {currency}"]


def test_a_currency_that_left_the_settings_is_shown_in_minor_units(user, settings, buy):
    settings.BILLABLE_CURRENCIES = {"POINTS": 1}
    CatalogService.create_product("point", prices=[Money(12345, "POINTS")], features=["pdf_export"], quantity=1)
    order = buy("point", currency="POINTS")
    assert receipt(order).rows[-1] == ["Paid", "1,234.5 POINTS"]
    settings.BILLABLE_CURRENCIES = {}
    assert receipt(order).rows[-1] == ["Paid", "12,345 POINTS"]


def test_a_credit_note_says_what_went_back_and_what_it_corrects(user, buy, clock):
    order = buy(("pro", 3), tax="19")
    InvoiceService.issue_receipt(order)
    shown = page(InvoiceService.issue_credit_note(refund(order, 1, amount_minor=500)))
    assert "Credit note C-2026-000001" in shown.words
    assert "Refunded2026-01-31, stripe CorrectsReceipt R-2026-000001" in shown.words
    assert shown.rows[:3] == [
        ["Description", "Net", "Tax rate", "Tax", "Total"],
        ["Pro pro"],
        ["", "4.20", "19\xa0%", "0.80", "5.00"],
    ]
    assert shown.rows[-1] == ["Refunded", "5.00 EUR"]


def test_days_are_those_of_the_seller(user, buy, clock):
    clock.advance(hours=11, minutes=30)  # 23:30 in UTC, the next day in Berlin
    assert "Issued2026-02-01 Paid2026-02-01" in receipt(buy("pro")).words


def test_names_are_text_and_nothing_runs(user, buy, settings):
    settings.BILLABLE_SELLER = dict.fromkeys(("name", "address", "email", "tax_id", "country"), EVIL)
    CustomerService.set_billing_details(user, dict.fromkeys(("name", "address", "email"), EVIL))
    CatalogService.update_product("pro", name=EVIL)
    shown = receipt(buy("pro"))
    assert {"script", "img", "link", "iframe", "object", "a"}.isdisjoint(shown.tags)
    assert {name for name in shown.attributes if name.startswith("on")} == set()
    assert {"src", "href", "style"}.isdisjoint(shown.attributes)
    assert shown.words.count(EVIL) == 9


def test_a_host_changes_the_page_block_by_block(user, buy, settings, tmp_path: Path):
    own = tmp_path / "billable" / "invoice.html"
    own.parent.mkdir()
    own.write_text(
        '{% extends "billable/invoice.html" %}{% block heading %}<h1>Quittung {{ document.number }}</h1>{% endblock %}'
    )
    (templates,) = settings.TEMPLATES
    settings.TEMPLATES = [{**templates, "DIRS": [tmp_path]}]
    shown = receipt(buy("pro"))
    assert "Quittung R-2026-000001" in shown.words
    assert "Billed to ada" in shown.words
