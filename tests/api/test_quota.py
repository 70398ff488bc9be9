"""Checking, consuming, reversing, and the history of it."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api, is_uuid

USE = {"external_id": "anna", "feature": "pdf_export"}


@pytest.fixture
def anna(api: Api, catalogue: None) -> str:
    """A customer with ten exports; its id."""
    customer_id = api.customer("anna")
    api.granted()
    return customer_id


def test_check_says_yes_and_what_would_pay(api: Api, anna: str) -> None:
    answer = api.ok(api.get("/quota/check", **USE, quantity=10))

    (grant,) = answer.pop("grants")
    assert answer == {
        "allowed": True,
        "code": "allowed",
        "message": answer["message"],
        "balance": 10,
        "value": None,
        "cap": None,
        "expires_at": None,
        "next_reset_at": None,
        "grant_count": 1,
        "offers": [],
    }
    assert is_uuid(grant.pop("grant_id"))
    assert grant == {
        "feature": "pdf_export",
        "sku": None,
        "remaining": 10,
        "available": 10,
        "cap": None,
        "value": None,
        "expires_at": None,
        "source": "manual",
    }


def test_check_says_no_and_what_would_help(api: Api, anna: str) -> None:
    answer = api.ok(api.get("/quota/check", **USE, quantity=11))

    assert (answer["allowed"], answer["code"], answer["balance"]) == (False, "exhausted", 10)
    assert "pack10" in [offer["sku"] for offer in answer["offers"]]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"external_id": "nobody", "feature": "pdf_export"}, "unknown_customer"),
        ({"external_id": "anna", "feature": "no_such_feature"}, "unknown_feature"),
        ({"external_id": "anna", "feature": "No such feature!"}, "unknown_feature"),
        ({"external_id": "anna", "feature": "sso"}, "no_grant"),
    ],
)
def test_whatever_is_unknown_is_a_no_with_a_code(api: Api, anna: str, query: dict[str, str], code: str) -> None:
    answer = api.ok(api.get("/quota/check", **query))

    assert (answer["allowed"], answer["code"]) == (False, code)


def test_consume_answers_the_usage(api: Api, anna: str) -> None:
    body = {**USE, "quantity": 3, "action_type": "report", "action_id": "1042", "metadata": {"pages": 7}}

    usage = api.ok(api.post("/quota/consume", body, key="report_1042"))

    assert is_uuid(usage.pop("id"))
    assert usage.pop("created_at").endswith("Z")
    assert usage == {
        "customer_id": anna,
        "feature": "pdf_export",
        "quantity": 3,
        "sku": None,
        "balance": 7,
        "replayed": False,
        "idempotency_key": "report_1042",
        "hold_id": None,
        "late": False,
        "action_type": "report",
        "action_id": "1042",
        "metadata": {"pages": 7},
        "actor": "api:root",
    }


def test_consume_without_a_quantity_takes_one(api: Api, anna: str) -> None:
    assert api.ok(api.post("/quota/consume", USE))["balance"] == 9


def test_a_repeated_key_answers_the_same_usage(api: Api, anna: str) -> None:
    first = api.ok(api.post("/quota/consume", USE, key="once"))
    in_header = api.ok(api.post("/quota/consume", USE, key="once"))
    in_body = api.ok(api.post("/quota/consume", {**USE, "idempotency_key": "once"}))
    in_both = api.ok(api.post("/quota/consume", {**USE, "idempotency_key": "once"}, key="once"))

    assert in_header == in_body == in_both == {**first, "replayed": True}
    assert api.ok(api.get("/balance", **USE))["features"][0]["balance"] == 9


def test_a_key_that_meant_something_else_is_a_conflict(api: Api, anna: str) -> None:
    api.ok(api.post("/quota/consume", USE, key="once"))

    problem = api.refused(api.post("/quota/consume", {**USE, "quantity": 2}, key="once"), 409, "idempotency_conflict")

    assert problem["fields"] == ["quantity"]


def test_the_key_of_a_refused_consume_may_succeed_later(api: Api, anna: str) -> None:
    body = {**USE, "quantity": 12}
    api.refused(api.post("/quota/consume", body, key="big"), 402, "quota_exceeded")
    api.granted(quantity=2)

    assert api.ok(api.post("/quota/consume", body, key="big"))["replayed"] is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"external_id": "nobody", "feature": "pdf_export"}, "customer_not_found"),
        ({"customer_id": str(uuid.uuid4()), "feature": "pdf_export"}, "customer_not_found"),
        ({"user_id": 999_999, "feature": "pdf_export"}, "customer_not_found"),
        ({"external_id": "anna", "feature": "no_such_feature"}, "feature_not_found"),
    ],
)
def test_consuming_of_or_for_something_unknown_is_not_found(
    api: Api, anna: str, body: dict[str, object], code: str
) -> None:
    api.refused(api.post("/quota/consume", body), 404, code)


def test_reversing_puts_units_back_once(api: Api, anna: str) -> None:
    usage = api.ok(api.post("/quota/consume", {**USE, "quantity": 5}))
    path = f"/quota/usages/{usage['id']}/reverse"

    first = api.ok(api.post(path, {"quantity": 2, "reason": "two failed"}, key="undo"))
    second = api.ok(api.post(path, {"quantity": 2, "reason": "two failed"}, key="undo"))

    assert (first["usage_id"], first["quantity"], first["balance"]) == (usage["id"], 2, 7)
    assert (first["replayed"], second) == (False, {**first, "replayed": True})
    problem = api.refused(api.post(path, {"quantity": 4}, key="more"), 409, "reversal_too_large")
    assert problem["reversible"] == 3


def test_reversing_needs_a_key_and_a_body_that_cannot_get_lost(api: Api, anna: str) -> None:
    usage = api.ok(api.post("/quota/consume", {**USE, "quantity": 5}))
    path = f"/quota/usages/{usage['id']}/reverse"

    assert api.post(path, key="undo").status_code == 422
    assert api.fields(api.post(path, {})) == ["idempotency_key"]
    assert api.ok(api.post(path, {}, key="undo"))["quantity"] == 5


def test_a_usage_that_is_none_is_not_found(api: Api) -> None:
    api.refused(api.post(f"/quota/usages/{uuid.uuid4()}/reverse", {}, key="k"), 404, "usage_not_found")
    for text in ("1", "not-a-uuid", "%00", "a" * 300):
        api.refused(api.post(f"/quota/usages/{text}/reverse", {}, key="k"), 404, "usage_not_found")


def test_history_is_the_ledger_newest_first(api: Api, anna: str) -> None:
    api.ok(api.post("/quota/consume", {**USE, "metadata": {"page": 1}}))

    used, granted = api.ok(api.get("/history", external_id="anna"))["items"]

    assert (used["seq"], used["kind"], used["amount"], used["remaining_after"]) == (2, "consume", -1, 9)
    assert (granted["seq"], granted["kind"], granted["amount"], granted["remaining_after"]) == (1, "grant", 10, 10)
    assert used["grant_id"] == granted["grant_id"]
    assert (used["feature"], used["source"], used["metadata"]) == ("pdf_export", "manual", {"page": 1})


def test_history_is_filtered_and_paged(api: Api, anna: str) -> None:
    for _ in range(4):
        api.ok(api.post("/quota/consume", USE))

    seen, cursor = [], {}
    for _ in range(3):
        page = api.ok(api.get("/history", external_id="anna", kind="consume", limit=2, **cursor))
        seen += [entry["seq"] for entry in page["items"]]
        cursor = {"cursor": page["next"]}
        if page["next"] is None:
            break

    assert seen == [5, 4, 3, 2]
    assert api.ok(api.get("/history", external_id="anna", feature="sso"))["items"] == []


@pytest.mark.parametrize("address", ["/history", "/grants", "/orders"])
@pytest.mark.parametrize(
    "cursor", ["", "x", "%00", "AAAA", "MQ", "é", "a" * 500, "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"]
)
def test_a_tampered_cursor_is_refused_by_name(api: Api, anna: str, address: str, cursor: str) -> None:
    response = api.get(address, external_id="anna", cursor=cursor)

    if response.status_code != 200:
        assert api.fields(response) == ["cursor"]


def test_reading_writes_nothing(api: Api, anna: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for address in ("/balance", "/quota/check", "/history", "/grants", "/orders"):
            feature = {} if address == "/orders" else {"feature": "pdf_export"}
            api.ok(api.get(address, external_id="anna", **feature))
            api.ok(api.get(address, external_id="nobody", **feature))
        api.ok(api.get("/products"))
        api.ok(api.get("/features"))

    assert all(query["sql"].lstrip().upper().startswith(("SELECT", "WITH")) for query in queries)
