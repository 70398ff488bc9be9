"""The same page on paper, where this machine has what that takes."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from billable.models import Invoice
from billable.services import InvoiceService
from tests.invoices.conftest import SELLER

try:
    import weasyprint  # noqa: F401
except OSError as missing:
    pytest.skip(f"this machine has no Pango: {str(missing)[:80]}", allow_module_level=True)

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(autouse=True)
def nothing_is_complained_about(caplog: pytest.LogCaptureFixture) -> Any:
    """WeasyPrint logs what it does not understand, or could not fetch."""
    yield
    assert [each.message for each in caplog.records if each.levelno >= logging.WARNING] == []


def words_of(pdf: bytes, folder: Path) -> str:
    """What the pages say, page after page, ended by a form feed each."""
    if shutil.which("pdftotext") is None:
        pytest.skip("this machine has no pdftotext to read PDFs with")
    (folder / "document.pdf").write_bytes(pdf)
    said = subprocess.run(
        ["pdftotext", "-layout", folder / "document.pdf", "-"], capture_output=True, check=True, text=True
    ).stdout
    return re.sub(r"[ \n]+", " ", said)


def test_a_receipt_is_a_pdf_that_says_the_same(door, user, buy, tmp_path):
    receipt = InvoiceService.issue_receipt(buy(("pro", 3)))
    pdf = door.invoices.render_invoice_pdf(receipt)
    assert pdf.startswith(b"%PDF-")
    words = words_of(pdf, tmp_path)
    for said in ("Receipt R-2026-000001", "Hafenstraße 7", "29.97 EUR", "Page 1 of 1"):
        assert said in words
    assert words.count("\f") == 1


def test_many_lines_take_several_pages_with_the_head_on_each(user, buy, tmp_path):
    receipt = InvoiceService.issue_receipt(buy(*[("pro", number) for number in range(1, 61)]))
    pages = words_of(InvoiceService.render_invoice_pdf(receipt), tmp_path).split("\f")[:-1]
    assert len(pages) == 4
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of 4" in page
    assert all("Unit price" in page for page in pages[:-1])


def test_names_of_any_script_and_length_are_printed(user, settings, buy, tmp_path):
    settings.BILLABLE_SELLER = {**SELLER, "name": "Παράδειγμα " + "W" * 200}
    words = words_of(InvoiceService.render_invoice_pdf(InvoiceService.issue_receipt(buy("pro"))), tmp_path)
    assert "Παράδειγμα" in words
    assert words.replace("\n", "").replace(" ", "").count("W") == 200


def test_nothing_is_fetched_whatever_a_template_says(user, settings, buy, tmp_path, caplog):
    own = tmp_path / "billable" / "invoice.html"
    own.parent.mkdir()
    picture = tmp_path / "picture.png"
    own.write_text(
        f'<img src="file://{picture}"><img src="http://127.0.0.1:9/x.png"><img src="data:image/png;base64,{DOT}">'
    )
    picture.write_bytes(b64decode(DOT))
    (templates,) = settings.TEMPLATES
    settings.TEMPLATES = [{**templates, "DIRS": [tmp_path]}]
    pdf = InvoiceService.render_invoice_pdf(InvoiceService.issue_receipt(buy("pro")))
    assert b"/Image" in pdf
    complaints = [each.message for each in caplog.records]
    assert ["disallowed protocol" in each for each in complaints] == [True, True], complaints
    caplog.clear()


@pytest.mark.parametrize("what_is_missing", ["the extra", "the libraries"])
def test_without_what_it_takes_it_is_refused(door, user, buy, refused, monkeypatch, what_is_missing):
    receipt = InvoiceService.issue_receipt(buy("pro"))
    if what_is_missing == "the extra":
        monkeypatch.setitem(sys.modules, "weasyprint", None)
    else:
        monkeypatch.delitem(sys.modules, "weasyprint")
        monkeypatch.setattr(sys, "meta_path", [NoPango(), *sys.meta_path])
    with refused("misconfigured"):
        door.invoices.render_invoice_pdf(receipt)
    assert Invoice.objects.count() == 1


class NoPango:
    """Imports WeasyPrint as it is imported where the system has no Pango."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
