"""Documents are printed from the admin, for those who may see them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billable import models
from billable.services import CatalogService, InvoiceService, OrderService


@pytest.fixture
def receipt(django_user_model: Any) -> models.Invoice:
    CatalogService.create_product("pack", price="5", features=["pdf_export"], quantity=10)
    order = OrderService.create_order(django_user_model.objects.create(username="ada"), [{"sku": "pack"}])
    OrderService.confirm_payment(order, payment_id="p1")
    return InvoiceService.issue_receipt(order)


def address(page: str, receipt: models.Invoice) -> str:
    return reverse(f"admin:billable_invoice_{page}", args=[receipt.pk])


def test_a_document_is_printed_from_its_page(receipt: models.Invoice, admin_client: Client) -> None:
    page = admin_client.get(address("change", receipt)).content.decode()
    assert f'href="{address("html", receipt)}"' in page
    assert f'href="{address("pdf", receipt)}"' in page
    shown = admin_client.get(address("html", receipt))
    assert receipt.name in shown.content.decode()
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]


def test_without_what_a_pdf_takes_the_page_says_so(
    receipt: models.Invoice, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    page = admin_client.get(address("pdf", receipt), follow=True)
    assert page.redirect_chain == [(address("change", receipt), 302)]
    assert "extra" in page.content.decode()


@pytest.mark.parametrize("page", ["html", "pdf"])
def test_only_those_who_may_see_documents_print_them(receipt: models.Invoice, staff: Any, page: str) -> None:
    assert Client().get(address(page, receipt)).status_code == 302
    assert staff("view_order").get(address(page, receipt)).status_code == 403


def test_what_is_none_is_not_found(receipt: models.Invoice, admin_client: Client) -> None:
    receipt.pk = receipt.order_id
    for page in ("html", "pdf"):
        assert admin_client.get(address(page, receipt)).status_code == 404
