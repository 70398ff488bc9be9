"""A client of the mounted API, and a small catalogue to use it on."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client

from billable.money import Money
from billable.services import CatalogService
from tests.shelf import stock

MOUNT = "/api/v1/billing"


class Api:
    """Calls the API as its clients do: over HTTP, with a token, in JSON."""

    def __init__(self, mount: str = MOUNT, token: str | None = None) -> None:
        self.client = Client()
        self.mount = mount
        self.headers = {"Authorization": f"Bearer {settings.BILLABLE_API_TOKEN if token is None else token}"}

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.client.get(self.mount + path, query, headers={**self.headers, **(headers or {})})

    def post(self, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> Any:
        """``body`` is sent as JSON, or as it is when it is bytes; ``key`` is the header Idempotency-Key."""
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        headers |= options.pop("headers", {})
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        options.setdefault("content_type", "application/json")
        return self.client.post(self.mount + path, content, headers=headers, **options)

    def ok(self, response: Any) -> Any:
        """The answer of a call that must succeed."""
        assert response.status_code == 200, response.content
        assert response.headers["Content-Type"].startswith("application/json")
        return response.json()

    def refused(self, response: Any, status: int, code: str) -> Any:
        """The problem of a call that must be refused so."""
        assert response.headers["Content-Type"].startswith("application/problem+json"), response.content
        problem = response.json()
        assert (response.status_code, problem["status"], problem["code"]) == (status, status, code), problem
        return problem

    def fields(self, response: Any) -> list[str]:
        """The fields that failed validation."""
        return [error["field"] for error in self.refused(response, 422, "invalid")["errors"]]

    def customer(self, external_id: str = "anna") -> str:
        """A customer, made by identify; its id."""
        answer: str = self.ok(self.post("/identify", {"external_id": external_id}))["customer_id"]
        return answer

    def granted(self, feature: str = "pdf_export", quantity: int | None = 10, **given: Any) -> dict[str, Any]:
        """One grant by hand for the customer anna."""
        body = {"external_id": "anna", "feature": feature, "quantity": quantity, **given}
        page = self.ok(self.post("/grants", body, key=f"grant-{feature}-{quantity}"))
        return page["items"][0]


@pytest.fixture
def api(db: None) -> Api:
    """The API, used by the holder of the token."""
    return Api()


@pytest.fixture
def catalogue(db: None) -> None:
    """A pack of ten exports, a month of everything, and a trial."""
    stock(_catalogue)


def _catalogue() -> None:
    CatalogService.create_product(
        "pack10", name="Ten exports", price="9.99", currency="EUR", features=["pdf_export"], quantity=10
    )
    CatalogService.create_product(
        "pro_monthly",
        name="Pro",
        prices=[Money(1900, "EUR"), Money(2100, "USD"), Money(500, "XTR")],
        features=[
            {"feature": "pdf_export", "quantity": 100, "period": "1 month"},
            {"feature": "sso", "period": "1 month"},
        ],
        metadata={"tier": 2},
    )
    CatalogService.create_product("trial", name="Trial", features=["pdf_export"], quantity=3, is_trial=True)


def is_uuid(text: str) -> bool:
    return str(UUID(text)) == text
