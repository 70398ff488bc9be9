"""Everything that goes wrong is a problem document, whatever it was."""

import logging
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import DatabaseError
from django.test import override_settings

from billable import errors
from billable.api.errors import STATUSES
from billable.services import CatalogService, QuotaService
from tests.api.conftest import MOUNT, Api


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options", "trace"])
@pytest.mark.parametrize("path", ["/", "/nothing", "/balance/", "/orders/1/2/3", "/%00", "/a%0Ab", "/docs"])
def test_an_unknown_path_is_a_problem_whatever_the_method(path: str, method: str) -> None:
    response = getattr(Api().client, method)(MOUNT + path)

    Api().refused(response, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("delete", "/orders", "GET, POST"),
        ("get", "/identify", "POST"),
        ("put", "/balance", "GET"),
        ("patch", "/grants", "GET, POST"),
        ("get", "/orders/1/confirm", "POST"),
        ("options", "/products", "GET"),
    ],
)
def test_another_method_is_a_problem_that_says_which_are_allowed(method: str, path: str, allow: str) -> None:
    response = getattr(Api().client, method)(MOUNT + path)

    Api().refused(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == allow


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/problem+json"),
        ("*/*", "application/problem+json"),
        ("application/problem+json", "application/problem+json"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("Application/JSON;q=0.9", "application/json"),
        ("application/json, application/problem+json", "application/problem+json"),
        ("text/html", "application/problem+json"),
    ],
)
@pytest.mark.parametrize("path", ["/nothing", "/balance?user_id=1", "/identify"])
def test_the_media_type_is_one_that_the_client_can_parse(path: str, accept: str | None, media_type: str) -> None:
    response = Api().client.get(MOUNT + path, headers={"Accept": accept} if accept else {})

    assert response.headers["Content-Type"] == media_type
    assert response.json()["status"] == response.status_code >= 400


def test_a_refusal_carries_its_data(api: Api, catalogue: None) -> None:
    api.customer()
    api.granted(quantity=2)

    problem = api.refused(
        api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export", "quantity": 3}),
        402,
        "quota_exceeded",
    )

    assert problem["type"] == "urn:problem-type:billable:quota-exceeded"
    assert problem["title"] == "Quota exceeded"
    assert (problem["feature"], problem["requested"], problem["balance"]) == ("pdf_export", 3, 2)
    assert problem["reason"] == "exhausted"
    assert "pack10" in [offer["sku"] for offer in problem["offers"]]


def test_every_refusal_has_a_status() -> None:
    def families(family: type[Any]) -> Any:
        yield family
        for child in family.__subclasses__():
            yield from families(child)

    for refusal in families(errors.BillableError):
        assert any(family in STATUSES for family in refusal.__mro__)


def test_a_busy_database_is_asked_again_later(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CatalogService, "list_products", raising(errors.Retryable()))

    response = api.get("/products")

    api.refused(response, 503, "retryable")
    assert int(response.headers["Retry-After"]) >= 1


@override_settings(BILLABLE_FINGERPRINT_KEYS=[])
def test_a_missing_setting_is_not_the_callers_fault(
    api: Api, catalogue: None, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"external_id": "anna", "sku": "trial", "identities": {"email": "a@example.com"}}
    api.customer()

    problem = api.refused(api.post("/trials", body), 503, "misconfigured")

    assert problem["setting"] == "BILLABLE_FINGERPRINT_KEYS"
    assert any(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_is_logged_and_tells_the_client_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    error = DatabaseError('relation "billable_secret" does not exist')
    monkeypatch.setattr(QuotaService, "balances", raising(error))
    api.client.raise_request_exception = False

    with override_settings(DEBUG=debug):
        response = api.get("/balance", external_id="anna")

    problem = api.refused(response, 500, "internal_error")
    assert "billable_secret" not in str(problem)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert record.exc_info[1] is error


def test_a_bug_reaches_djangos_signal_so_that_tests_and_trackers_see_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CatalogService, "list_products", raising(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        api.get("/products")


def raising(error: Exception) -> Any:
    def verb(*args: object, **kwargs: object) -> None:
        raise error

    return staticmethod(verb)


def test_the_token_is_not_left_where_reports_of_errors_look(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(**how: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(CatalogService, "list_products", look)
    api.client.raise_request_exception = False
    got_request_exception.connect(
        lambda request, **rest: seen.append(str(request.META)), weak=False, dispatch_uid="look"
    )
    try:
        assert api.get("/products").status_code == 500
    finally:
        got_request_exception.disconnect(dispatch_uid="look")
    assert seen
    assert "token-of-the-test-suite" not in seen[0]
