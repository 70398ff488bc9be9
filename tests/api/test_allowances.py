"""What recurs, over REST."""

import uuid
from typing import Any

import pytest

from billable.services import CatalogService, FeatureLine
from tests.api.conftest import Api, is_uuid

LINE: FeatureLine = {
    "feature": "tokens",
    "quantity": 10,
    "reset": "1 month",
    "rollover_quantity": 4,
    "rollover_periods": 2,
    "cap_quantity": 5,
    "cap_period": "1 day",
}


@pytest.fixture
def given(api: Api, catalogue: None) -> dict[str, Any]:
    """Anna gets the free tier; the grant of its first period."""
    api.customer("anna")
    CatalogService.create_product("free", features=[LINE])
    (grant,) = api.ok(api.post("/grants", {"external_id": "anna", "sku": "free", "reason": "hello"}, key="k"))["items"]
    return dict(grant)


def test_a_grant_names_its_allowance_and_that_says_what_recurs(api: Api, given: dict[str, Any]) -> None:
    assert (given["source"], given["quantity"], is_uuid(given["allowance_id"])) == ("allowance", 10, True)

    allowance = api.ok(api.get(f"/allowances/{given['allowance_id']}"))

    assert api.ok(api.get("/allowances", external_id="anna")) == {"items": [allowance], "next": None}
    assert (allowance["feature"], allowance["sku"], allowance["quantity"]) == ("tokens", "free", 10)
    assert (allowance["reset"], allowance["rollover_quantity"], allowance["rollover_periods"]) == ("1 month", 4, 2)
    assert (allowance["cap_quantity"], allowance["cap_period"], allowance["reason"]) == (5, "1 day", "hello")
    assert (allowance["status"], allowance["expires_at"], allowance["replayed"]) == ("running", None, False)
    assert allowance["next_reset_at"] == given["expires_at"]


def test_balance_check_and_state_say_when_units_come_anew(api: Api, given: dict[str, Any]) -> None:
    (feature,) = api.ok(api.get("/balance", external_id="anna"))["features"]
    check = api.ok(api.get("/quota/check", external_id="anna", feature="tokens"))
    state = api.ok(api.get("/customers/state", external_id="anna"))

    assert feature["next_reset_at"] == check["next_reset_at"] == given["expires_at"]
    assert [each["id"] for each in state["allowances"]] == [given["allowance_id"]]


def test_an_allowance_is_revoked_once(api: Api, given: dict[str, Any]) -> None:
    path = f"/allowances/{given['allowance_id']}/revoke"

    ended = api.ok(api.post(path, {"reason": "abuse"}))
    again = api.ok(api.post(path, {}))

    assert (ended["status"], ended["ended_reason"], ended["next_reset_at"]) == ("revoked", "abuse", None)
    assert (again["replayed"], again["ended_reason"]) == (True, "abuse")
    assert api.ok(api.get("/balance", external_id="anna", feature="tokens"))["features"][0]["balance"] == 0


@pytest.mark.parametrize("unknown", [uuid.uuid4(), "nonsense", "0"])
def test_what_nobody_knows_is_not_found(api: Api, catalogue: None, unknown: object) -> None:
    api.refused(api.get(f"/allowances/{unknown}"), 404, "allowance_not_found")
    api.refused(api.post(f"/allowances/{unknown}/revoke", {}), 404, "allowance_not_found")


def test_bad_input_names_its_field(api: Api, given: dict[str, Any]) -> None:
    path = f"/allowances/{given['allowance_id']}/revoke"

    assert api.fields(api.post(path, {"reason": "x" * 501})) == ["reason"]
    assert api.fields(api.post(path, {"quantity": 1})) == ["quantity"]
    assert api.fields(api.get("/allowances", external_id="anna", limit=0)) == ["limit"]
    assert api.fields(api.get("/allowances", external_id="anna", cursor="?")) == ["cursor"]
    assert api.ok(api.get("/allowances", external_id="nobody"))["items"] == []
