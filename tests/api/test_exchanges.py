"""Exchanges over REST."""

from __future__ import annotations

from typing import Any

import pytest

from billable.services import CatalogService
from tests.api.conftest import Api, is_uuid

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def shop(api: Api, catalogue: None) -> None:
    CatalogService.create_feature("credits")
    CatalogService.update_product("pack10", unit_prices={"credits": 20})
    api.customer("anna")
    api.granted("credits", 50)


def wish(**given: Any) -> dict[str, Any]:
    return {"external_id": "anna", "sku": "pack10", **given}


def test_units_are_exchanged_once_per_key(api: Api) -> None:
    made = api.ok(api.post("/exchanges", wish(quantity=2, metadata={"a": 1}), key="e1"))
    again = api.ok(api.post("/exchanges", wish(quantity=2, idempotency_key="e1")))

    assert is_uuid(made["id"])
    assert is_uuid(made["usage_id"])
    assert (made["sku"], made["feature"], made["units"], made["balance"]) == ("pack10", "credits", 40, 10)
    assert [(grant["feature"], grant["quantity"], grant["source"]) for grant in made["grants"]] == [
        ("pdf_export", 20, "exchange")
    ]
    assert again == {**made, "replayed": True}
    assert api.ok(api.get(f"/exchanges/{made['id']}"))["grants"] == made["grants"]
    listed = api.ok(api.get("/exchanges", external_id="anna"))
    assert [each["id"] for each in listed["items"]] == [made["id"]]
    assert api.ok(api.get("/exchanges", external_id="nobody"))["items"] == []


def test_too_few_units_are_402_and_name_what_was_asked(api: Api) -> None:
    problem = api.refused(api.post("/exchanges", wish(quantity=3), key="e1"), 402, "quota_exceeded")

    assert (problem["feature"], problem["requested"], problem["balance"]) == ("credits", 60, 50)


def test_an_exchange_is_refunded_once_per_key(api: Api) -> None:
    made = api.ok(api.post("/exchanges", wish(), key="e1"))
    api.ok(api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export", "quantity": 5}))
    path = f"/exchanges/{made['id']}/refund"

    back = api.ok(api.post(path, {"reason": "a mistake"}, key="r1"))
    again = api.ok(api.post(path, {}, key="r1"))

    assert (back["refunded_units"], back["replayed"], again["replayed"]) == (10, False, True)
    balance = api.ok(api.get("/balance", external_id="anna", feature="credits"))["features"][0]["balance"]
    assert balance == 40
    problem = api.refused(api.post(path, {}, key="r2"), 409, "nothing_to_refund")
    assert problem["exchange"] == made["id"]
    assert api.refused(api.post(path, {"policy": "full"}, key="r1"), 409, "idempotency_conflict")["fields"] == [
        "policy"
    ]


def test_what_can_never_be_right_is_named(api: Api) -> None:
    made = api.ok(api.post("/exchanges", wish(), key="e1"))
    for body, field in [
        (wish(), "idempotency_key"),
        (wish(quantity=0, idempotency_key="e2"), "quantity"),
        (wish(quantity=True, idempotency_key="e2"), "quantity"),
        (wish(feature="", idempotency_key="e2"), "feature"),
        (wish(units=1, idempotency_key="e2"), "units"),
    ]:
        assert api.fields(api.post("/exchanges", body)) == [field], body
    for given in ({"sku": "pro_monthly"}, {"feature": "pdf_export"}):
        api.refused(api.post("/exchanges", wish(**given), key="e2"), 422, "not_for_sale")
    api.refused(api.post("/exchanges", {"sku": "pack10"}, key="e2"), 422, "invalid_subject")
    for body, field in [
        ({}, "idempotency_key"),
        ({"policy": "half", "idempotency_key": "r1"}, "policy"),
        ({"units": 1, "idempotency_key": "r1"}, "units"),
    ]:
        assert api.fields(api.post(f"/exchanges/{made['id']}/refund", body)) == [field], body


def test_what_is_unknown_is_not_found(api: Api) -> None:
    api.refused(api.post("/exchanges", wish(external_id="nobody"), key="e1"), 404, "customer_not_found")
    api.refused(api.post("/exchanges", wish(sku="nothing"), key="e1"), 404, "product_not_found")
    for unknown in (MISSING, "x"):
        api.refused(api.get(f"/exchanges/{unknown}"), 404, "exchange_not_found")
        api.refused(api.post(f"/exchanges/{unknown}/refund", {}, key="r1"), 404, "exchange_not_found")
