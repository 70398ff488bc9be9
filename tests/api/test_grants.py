"""Giving and taking back by hand."""

import uuid

import pytest

from tests.api.conftest import Api, is_uuid


@pytest.fixture
def anna(api: Api, catalogue: None) -> str:
    return api.customer("anna")


def test_a_product_is_granted_with_all_it_gives(api: Api, anna: str) -> None:
    body = {"external_id": "anna", "sku": "pro_monthly", "reason": "goodwill", "metadata": {"ticket": 3}}

    answer = api.ok(api.post("/grants", body, key="ticket_3"))

    assert answer["next"] is None
    assert [(grant["feature"], grant["quantity"]) for grant in answer["items"]] == [("pdf_export", 100), ("sso", None)]
    for grant in answer["items"]:
        assert is_uuid(grant["id"])
        assert (grant["sku"], grant["source"], grant["reason"]) == ("pro_monthly", "manual", "goodwill")
        assert (grant["metadata"], grant["actor"], grant["replayed"]) == ({"ticket": 3}, "api:root", False)
        assert grant["expires_at"].endswith("Z")
    again = api.ok(api.post("/grants", body, key="ticket_3"))
    assert [grant["id"] for grant in again["items"]] == [grant["id"] for grant in answer["items"]]
    assert all(grant["replayed"] for grant in again["items"])


def test_a_feature_is_granted_for_a_while(api: Api, anna: str) -> None:
    body = {"external_id": "anna", "feature": "pdf_export", "quantity": 5, "expires_at": "2999-12-31T23:00:00+01:00"}

    (grant,) = api.ok(api.post("/grants", {**body, "idempotency_key": "a"}))["items"]

    assert (grant["quantity"], grant["remaining"], grant["sku"]) == (5, 5, None)
    assert grant["expires_at"] == "2999-12-31T22:00:00Z"
    (monthly,) = api.ok(api.post("/grants", {"external_id": "anna", "feature": "sso", "period": "1 month"}, key="b"))[
        "items"
    ]
    assert monthly["quantity"] is None
    assert monthly["expires_at"] > monthly["valid_from"]


def test_a_grant_needs_a_key(api: Api, anna: str) -> None:
    body = {"external_id": "anna", "feature": "pdf_export", "quantity": 5}

    assert api.fields(api.post("/grants", body)) == ["idempotency_key"]
    assert api.ok(api.get("/grants", external_id="anna"))["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sku"),
        ({"sku": "pack10", "feature": "pdf_export"}, "sku"),
        ({"sku": "pack10", "period": "1 month"}, "period"),
        ({"feature": "pdf_export", "period": "soon"}, "period"),
        ({"feature": "pdf_export", "period": "1 month", "expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "2000-01-01T00:00:00Z"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "2999-01-01T00:00:00"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "2999-01-01"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "2999-02-31T00:00:00Z"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": 32503680000}, "expires_at"),
        ({"feature": "pdf_export", "expires_at": "32503680000"}, "expires_at"),
    ],
)
def test_a_grant_that_cannot_be_is_refused(api: Api, anna: str, body: dict[str, object], field: str) -> None:
    assert api.fields(api.post("/grants", {"external_id": "anna", **body}, key="k")) == [field]
    assert api.ok(api.get("/grants", external_id="anna"))["items"] == []


def test_grants_to_somebody_unknown_or_of_something_unknown_are_not_found(api: Api, anna: str) -> None:
    feature = {"feature": "pdf_export", "quantity": 1}

    api.refused(api.post("/grants", {"external_id": "nobody", **feature}, key="k"), 404, "customer_not_found")
    api.refused(api.post("/grants", {"external_id": "anna", "feature": "x"}, key="k"), 404, "feature_not_found")
    api.refused(api.post("/grants", {"external_id": "anna", "sku": "x"}, key="k"), 404, "product_not_found")


def test_grants_are_listed_in_pages(api: Api, anna: str) -> None:
    ids = [api.granted(quantity=number)["id"] for number in (1, 2, 3)]

    first = api.ok(api.get("/grants", external_id="anna", limit=2))
    rest = api.ok(api.get("/grants", external_id="anna", limit=2, cursor=first["next"]))

    assert [grant["id"] for grant in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None
    assert api.ok(api.get("/grants", external_id="anna", feature="sso"))["items"] == []


def test_a_grant_is_revoked_whole_without_a_key_but_never_by_a_body_that_got_lost(api: Api, anna: str) -> None:
    grant = api.granted()

    assert api.post(f"/grants/{grant['id']}/revoke").status_code == 422
    first = api.ok(api.post(f"/grants/{grant['id']}/revoke", {}))
    api.ok(api.post(f"/grants/{grant['id']}/revoke", {"reason": "again"}))

    assert (first["remaining"], first["ended_as"]) == (0, "revoked")
    assert api.ok(api.get("/balance", external_id="anna", feature="pdf_export"))["features"][0]["balance"] == 0


def test_a_part_of_a_grant_is_revoked_with_a_key(api: Api, anna: str) -> None:
    path = f"/grants/{api.granted()['id']}/revoke"

    assert api.fields(api.post(path, {"quantity": 4})) == ["idempotency_key"]
    first = api.ok(api.post(path, {"quantity": 4}, key="fix"))
    second = api.ok(api.post(path, {"quantity": 4, "idempotency_key": "fix"}))
    assert (first["remaining"], second["remaining"]) == (6, 6)
    assert (first["replayed"], second["replayed"]) == (False, True)
    problem = api.refused(api.post(path, {"quantity": 7}, key="more"), 409, "revocation_too_large")
    assert problem["remaining"] == 6


def test_a_grant_that_is_none_is_not_found(api: Api) -> None:
    api.refused(api.post(f"/grants/{uuid.uuid4()}/revoke", {}, key="k"), 404, "grant_not_found")
    for text in ("1", "not-a-uuid", "%00", "a" * 300):
        api.refused(api.post(f"/grants/{text}/revoke", {}, key="k"), 404, "grant_not_found")


def test_a_body_in_chunks_is_refused_before_it_can_mean_something_else(api: Api, anna: str) -> None:
    grant = api.granted()
    path = f"{api.mount}/grants/{grant['id']}/revoke"
    answer = api.client.post(
        path, headers={**api.headers, "Transfer-Encoding": "chunked"}, content_type="application/json"
    )
    api.refused(answer, 411, "length_required")
    assert api.ok(api.get("/balance", external_id="anna", feature="pdf_export"))["features"][0]["balance"] > 0
