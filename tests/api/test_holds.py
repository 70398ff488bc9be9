"""Holds over REST."""

from __future__ import annotations

from typing import Any

import pytest

from billable.services import CatalogService
from tests.api.conftest import Api, is_uuid

MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def granted(api: Api) -> None:
    CatalogService.create_feature("pdf_export")
    api.customer("anna")
    api.granted()


def wish(**given: Any) -> dict[str, Any]:
    return {"external_id": "anna", "feature": "pdf_export", **given}


def held(api: Api, quantity: int = 4, **given: Any) -> Any:
    return api.ok(api.post("/quota/hold", wish(quantity=quantity, **given)))


def test_units_are_held_and_captured(api: Api) -> None:
    hold = api.ok(api.post("/quota/hold", wish(quantity=4, ttl=600, metadata={"a": 1}), key="h1"))
    again = api.ok(api.post("/quota/hold", wish(quantity=4, idempotency_key="h1")))

    assert is_uuid(hold["id"])
    assert (hold["status"], hold["quantity"], hold["captured"], hold["balance"]) == ("held", 4, 0, 6)
    assert again == {**hold, "replayed": True}
    line = api.ok(api.get("/balance", external_id="anna", feature="pdf_export"))["features"][0]
    assert (line["balance"], line["held"]) == (6, 4)
    usage = api.ok(api.post(f"/holds/{hold['id']}/capture", {"quantity": 3}))
    assert (usage["quantity"], usage["balance"], usage["metadata"], usage["hold_id"]) == (3, 7, {"a": 1}, hold["id"])
    assert api.ok(api.post(f"/holds/{hold['id']}/capture", {"quantity": 3})) == {**usage, "replayed": True}
    closed = api.ok(api.get(f"/holds/{hold['id']}"))
    assert (closed["status"], closed["captured"]) == ("captured", 3)


def test_a_hold_is_captured_bit_by_bit(api: Api) -> None:
    hold = held(api)
    path = f"/holds/{hold['id']}/capture"

    assert api.ok(api.post(path, {"quantity": 1, "final": False}, key="c1"))["balance"] == 6
    assert api.fields(api.post(path, {"quantity": 1, "final": False})) == ["idempotency_key"]
    problem = api.refused(api.post(path, {"quantity": 4}), 409, "capture_too_large")
    assert (problem["requested"], problem["held"]) == (4, 3)


def test_a_hold_is_released_once_and_extended(api: Api) -> None:
    hold = held(api)

    longer = api.ok(api.post(f"/holds/{hold['id']}/extend", {"ttl": 7200}, key="e1"))
    assert longer["expires_at"] > hold["expires_at"]
    released = api.ok(api.post(f"/holds/{hold['id']}/release", {"reason": "it failed"}))
    assert (released["status"], released["reason"], released["replayed"]) == ("released", "it failed", False)
    assert api.ok(api.post(f"/holds/{hold['id']}/release", {})) == {**released, "replayed": True}
    problem = api.refused(api.post(f"/holds/{hold['id']}/capture", {}), 409, "hold_closed")
    assert problem["hold_status"] == "released"


def test_holds_are_listed(api: Api) -> None:
    first, second = held(api, 1), held(api, 2)
    api.ok(api.post(f"/holds/{first['id']}/release", {}))

    def ids(**query: Any) -> list[str]:
        return [each["id"] for each in api.ok(api.get("/holds", **query))["items"]]

    assert ids() == ids(external_id="anna") == [second["id"], first["id"]]
    assert ids(status="held") == [second["id"]]
    assert ids(external_id="nobody") == []
    page = api.ok(api.get("/holds", limit=1))
    assert ids(cursor=page["next"]) == [first["id"]]
    assert api.fields(api.get("/holds", status="open")) == ["status"]


def test_too_few_units_are_402(api: Api) -> None:
    problem = api.refused(api.post("/quota/hold", wish(quantity=11)), 402, "quota_exceeded")

    assert (problem["requested"], problem["balance"]) == (11, 10)


def test_what_can_never_be_right_is_named(api: Api) -> None:
    hold = held(api)
    for body, field in [
        (wish(quantity=0), "quantity"),
        (wish(ttl=0), "ttl"),
        (wish(ttl=604_801), "ttl"),
        (wish(ttl="60"), "ttl"),
        (wish(ttl_seconds=60), "ttl_seconds"),
    ]:
        assert api.fields(api.post("/quota/hold", body)) == [field], body
    for verb, body, field in [
        ("capture", {"quantity": 0}, "quantity"),
        ("capture", {"final": "no"}, "final"),
        ("extend", {"ttl": 5}, "idempotency_key"),
        ("release", {"quantity": 1}, "quantity"),
    ]:
        assert api.fields(api.post(f"/holds/{hold['id']}/{verb}", body)) == [field], body


def test_what_is_unknown_is_not_found(api: Api) -> None:
    api.refused(api.post("/quota/hold", wish(feature="nothing")), 404, "feature_not_found")
    for unknown in (MISSING, "x"):
        api.refused(api.get(f"/holds/{unknown}"), 404, "hold_not_found")
        for verb in ("capture", "release"):
            api.refused(api.post(f"/holds/{unknown}/{verb}", {}), 404, "hold_not_found")
        api.refused(api.post(f"/holds/{unknown}/extend", {}, key="e1"), 404, "hold_not_found")
