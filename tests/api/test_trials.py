"""Trials, once per person."""

import uuid
from typing import Any

import pytest

from tests.api.conftest import Api, is_uuid


def trial(external_id: str, email: str | None = None, **given: Any) -> dict[str, Any]:
    identities = {} if email is None else {"identities": {"email": email}}
    return {"external_id": external_id, "sku": "trial", **identities, **given}


def test_a_trial_starts_once(api: Api, catalogue: None) -> None:
    first = api.ok(api.post("/trials", trial("anna", "anna@example.com")))
    again = api.ok(api.post("/trials", trial("anna", "anna@example.com")))

    assert is_uuid(first["id"])
    assert (first["sku"], first["campaign"], first["replayed"]) == ("trial", "trial", False)
    assert [(grant["feature"], grant["quantity"], grant["source"]) for grant in first["grants"]] == [
        ("pdf_export", 3, "trial")
    ]
    assert (again["id"], again["replayed"]) == (first["id"], True)
    assert api.ok(api.get("/balance", external_id="anna"))["features"][0]["balance"] == 3


def test_another_account_of_the_same_person_gets_no_second_one(api: Api, catalogue: None) -> None:
    api.ok(api.post("/trials", trial("anna", "anna@example.com")))

    problem = api.refused(api.post("/trials", trial("anna2", "ANNA@example.com")), 409, "trial_already_used")

    assert problem["sku"] == "trial"


def test_eligibility_answers_without_starting(api: Api, catalogue: None) -> None:
    ask = trial("anna", "anna@example.com")

    assert api.ok(api.post("/trials/eligibility", ask)) == {"eligible": True, "code": "eligible"}
    api.ok(api.post("/trials", ask))
    answer = api.ok(api.post("/trials/eligibility", trial("anna2", "anna@example.com")))
    assert answer == {"eligible": False, "code": "trial_already_used"}


def test_eligibility_for_what_is_no_trial_is_a_no(api: Api, catalogue: None) -> None:
    for sku in ("nothing", "pack10"):
        assert api.ok(api.post("/trials/eligibility", trial("anna", "a@example.com", sku=sku)))["eligible"] is False


def test_an_ordinary_product_is_no_trial(api: Api, catalogue: None) -> None:
    api.refused(api.post("/trials", trial("anna", "a@example.com", sku="pack10")), 422, "not_for_sale")
    api.refused(api.post("/trials", trial("anna", "a@example.com", sku="nothing")), 404, "product_not_found")


def test_an_unknown_customer_starts_none(api: Api, catalogue: None) -> None:
    body = {"customer_id": str(uuid.uuid4()), "sku": "trial", "identities": {"email": "a@example.com"}}

    api.refused(api.post("/trials", body), 404, "customer_not_found")


@pytest.mark.parametrize(
    ("identities", "field"),
    [
        ([], "identities"),
        ("anna@example.com", "identities"),
        ({"email": 1}, "identities.email"),
        ({"email": None}, "identities.email"),
        ({"email": ["a"]}, "identities.email"),
    ],
)
def test_identities_are_texts_by_kind(api: Api, catalogue: None, identities: Any, field: str) -> None:
    for address in ("/trials", "/trials/eligibility"):
        assert api.fields(api.post(address, trial("anna", identities=identities))) == [field]
