"""Wherever a host mounts it, and whatever its project demands, the API works the same."""

import re
from typing import Any
from urllib.parse import urljoin

import django
import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connections
from django.test import AsyncClient, Client, override_settings
from django.urls import URLPattern, reverse

from billable.urls import urlpatterns
from tests.api.conftest import Api

MOUNTS = [
    ("plain", "/api/v1/billing", "billable"),
    ("renamed", "/money", "money"),
    ("nested", "/shop/billing", "shop:billable"),
    ("double", "/v1", "billable"),
    ("double", "/v2", "billable-v2"),
    ("root", "", "billable"),
]
# Django has it from 5.1 on; before that no host can ask for it.
LOGIN_REQUIRED = ["django.contrib.auth.middleware.LoginRequiredMiddleware"] if django.VERSION >= (5, 1) else []
URL_NAMES = {
    "identify": {},
    "balance": {},
    "quota-check": {},
    "quota-consume": {},
    "usage-reverse": {"usage_id": "u"},
    "quota-hold": {},
    "holds": {},
    "hold": {"hold_id": "h"},
    "hold-capture": {"hold_id": "h"},
    "hold-release": {"hold_id": "h"},
    "hold-extend": {"hold_id": "h"},
    "products": {},
    "product": {"sku": "s"},
    "features": {},
    "orders": {},
    "order": {"order_id": "o"},
    "order-confirm": {"order_id": "o"},
    "order-cancel": {"order_id": "o"},
    "allowances": {},
    "allowance": {"allowance_id": "a"},
    "allowance-revoke": {"allowance_id": "a"},
    "debts": {},
    "alerts": {},
    "entitlements": {},
    "quota-expiring": {},
    "quota-forecast": {},
    "product-roll-out": {"sku": "s"},
    "grants": {},
    "grant-revoke": {"grant_id": "g"},
    "trials": {},
    "trial-eligibility": {},
    "history": {},
    "customer-state": {},
    "customer-billing-details": {},
    "customer-clock-advance": {"customer_id": "c"},
    "customer-merge": {"customer_id": "c"},
    "customer-unmerge": {"customer_id": "c"},
    "customer-anonymize": {"customer_id": "c"},
    "promotion-check": {},
    "exchanges": {},
    "exchange": {"exchange_id": "e"},
    "exchange-refund": {"exchange_id": "e"},
    "order-refunds": {"order_id": "o"},
    "order-refund-quote": {"order_id": "o"},
    "refunds": {},
    "refund": {"refund_id": "r"},
    "invoices": {},
    "invoice": {"invoice_id": "i"},
    "invoice-html": {"invoice_id": "i"},
    "invoice-pdf": {"invoice_id": "i"},
    "payments": {},
    "payment-apply": {"payment_id": "p"},
    "payment-return": {"payment_id": "p"},
    "payment-dispute": {"payment_id": "p"},
    "disputes": {},
    "dispute": {"dispute_id": "d"},
    "dispute-resolve": {"dispute_id": "d"},
    "sales": {},
    "subscriptions": {},
    "subscription": {"subscription_id": "s"},
    "subscription-renew": {"subscription_id": "s"},
    "subscription-cancel": {"subscription_id": "s"},
    "subscription-undo-cancel": {"subscription_id": "s"},
    "subscription-pause": {"subscription_id": "s"},
    "subscription-resume": {"subscription_id": "s"},
    "subscription-extend-access": {"subscription_id": "s"},
    "subscription-move-billing-date": {"subscription_id": "s"},
    "subscription-preview": {"subscription_id": "s"},
    "subscription-change": {"subscription_id": "s"},
    "subscription-seats": {"subscription_id": "s"},
    "subscription-undo-change": {"subscription_id": "s"},
    "referrals": {},
    "referral-stats": {},
    "referral-claim": {"referral_id": "r"},
    "docs": {},
    "openapi-json": {},
}


@pytest.mark.parametrize(("module", "mount", "namespace"), MOUNTS)
def test_the_whole_flow_works_at_every_mount(
    api: Api, catalogue: None, module: str, mount: str, namespace: str
) -> None:
    api.mount = mount
    with override_settings(ROOT_URLCONF=f"tests.api.mounts.{module}"):
        api.ok(api.post("/identify", {"external_id": "anna"}))
        order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}]}))
        api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p", "status": "paid"}))
        api.ok(api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export"}))
        assert api.ok(api.get("/balance", external_id="anna"))["features"][0]["balance"] == 9
        api.refused(api.get("/nothing"), 404, "not_found")
        for name, arguments in URL_NAMES.items():
            assert reverse(f"{namespace}:{name}", kwargs=arguments).startswith(f"{mount}/")


@override_settings(BILLABLE_SHOW_DOCS=True)
@pytest.mark.parametrize(("module", "mount", "namespace"), MOUNTS)
def test_the_documentation_leads_to_the_mount_it_is_under(db: None, module: str, mount: str, namespace: str) -> None:
    with override_settings(ROOT_URLCONF=f"tests.api.mounts.{module}"):
        client, page = Client(), f"{mount}/docs"
        html = client.get(page).content.decode()
        description = urljoin(page, re.search(r'"url": "([^"]+)"', html)[1])  # type: ignore[index]  # or it fails
        document = client.get(description).json()
        assets = [urljoin(page, address) for address in re.findall(r'(?:src|href)="([^"]+)"', html)]

        assert description == f"{mount}/openapi.json"
        assert len(assets) == 5
        assert all(client.get(asset).status_code == 200 for asset in assets)
        assert document["servers"] == [{"url": mount or "/"}]
        assert "/balance" in document["paths"]


@override_settings(
    MIDDLEWARE=[*settings.MIDDLEWARE, *LOGIN_REQUIRED],
    BILLABLE_SHOW_DOCS=True,
)
def test_a_host_whose_pages_need_a_login_lets_tokens_in(api: Api, catalogue: None) -> None:
    api.ok(api.get("/products"))
    api.ok(api.post("/identify", {"external_id": "anna"}))
    api.refused(Client().get(f"{api.mount}/products"), 401, "unauthorized")
    api.refused(api.get("/nothing"), 404, "not_found")
    assert api.get("/docs").status_code == 200
    assert api.get("/openapi.json").status_code == 200


def test_no_csrf_token_is_asked_for(api: Api, catalogue: None) -> None:
    api.client = Client(enforce_csrf_checks=True)

    api.ok(api.post("/identify", {"external_id": "anna"}))
    api.refused(api.post("/nothing"), 404, "not_found")
    api.refused(api.post("/products"), 405, "method_not_allowed")
    with override_settings(BILLABLE_SHOW_DOCS=True):
        api.refused(api.post("/docs"), 405, "method_not_allowed")


@pytest.mark.parametrize("pattern", urlpatterns, ids=str)
def test_every_view_is_detached_from_the_hosts_demands(pattern: URLPattern) -> None:
    view: Any = pattern.callback

    assert view.csrf_exempt is True
    assert view._non_atomic_requests == set(connections)
    assert getattr(view, "login_required", False) is False


@pytest.mark.parametrize("pattern", urlpatterns, ids=str)
def test_every_operation_has_a_name(pattern: URLPattern) -> None:
    assert pattern.name in URL_NAMES or str(pattern.pattern).startswith("docs/") or str(pattern.pattern) == ""


@pytest.mark.django_db(transaction=True)
def test_the_whole_flow_works_with_atomic_requests(api: Api, catalogue: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)

    order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}]}))
    assert api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p"}))["status"] == "paid"
    api.refused(
        api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export", "quantity": 99}),
        402,
        "quota_exceeded",
    )


def test_an_asgi_server_serves_the_same(api: Api, catalogue: None) -> None:
    client, address = AsyncClient(), f"{api.mount}/products"

    found = async_to_sync(client.get)(address, headers=api.headers)
    refused = async_to_sync(client.get)(address)

    assert [product["sku"] for product in api.ok(found)["items"]] == ["pack10", "pro_monthly", "trial"]
    api.refused(refused, 401, "unauthorized")
