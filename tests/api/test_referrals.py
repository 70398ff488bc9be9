"""Referrals over REST."""

from typing import Any

import pytest

from billable.services import CatalogService, ReferralService
from tests.api.conftest import Api, is_uuid


@pytest.fixture
def programme(catalogue: None) -> None:
    ReferralService.create_programme(
        "friends", trigger="on_signup", referrer_product="pack10", referee_product="pack10"
    )


def pair(referrer: str, referee: str, **given: Any) -> dict[str, Any]:
    return {"referrer_external_id": referrer, "referee_external_id": referee, **given}


def test_a_referral_is_made_once_and_listed(api: Api, programme: None) -> None:
    first = api.ok(api.post("/referrals", pair("bob", "anna", metadata={"from": "link"})))
    again = api.ok(api.post("/referrals", pair("bob", "anna"), key="any"))

    assert is_uuid(first["id"])
    assert (first["created"], first["programme"], first["metadata"]) == (True, "friends", {"from": "link"})
    assert (first["referrer_customer_id"], first["referee_customer_id"]) == (api.customer("bob"), api.customer("anna"))
    assert (again["id"], again["created"]) == (first["id"], False)
    page = api.ok(api.get("/referrals", external_id="bob"))
    assert ([each["id"] for each in page["items"]], page["next"]) == ([first["id"]], None)
    assert api.ok(api.get("/referrals", external_id="anna"))["items"] == []
    assert api.ok(api.get("/referrals", external_id="nobody"))["items"] == []


def test_a_reward_is_claimed_once(api: Api, programme: None) -> None:
    made = api.ok(api.post("/referrals", pair("bob", "anna")))
    first = api.ok(api.post(f"/referrals/{made['id']}/claim"))
    again = api.ok(api.post(f"/referrals/{made['id']}/claim", {}, key="again"))

    assert (first["status"], first["replayed"], again["replayed"]) == ("rewarded", False, True)
    assert [(grant["feature"], grant["quantity"]) for grant in first["grants"]] == [("pdf_export", 10)] * 2
    assert {grant["id"] for grant in again["grants"]} == {grant["id"] for grant in first["grants"]}
    for name in ("anna", "bob"):
        assert api.ok(api.get("/balance", external_id=name, feature="pdf_export"))["features"][0]["balance"] == 10


def test_the_counts_of_a_customer(api: Api, programme: None) -> None:
    made = api.ok(api.post("/referrals", pair("bob", "anna")))
    stats = api.ok(api.get("/referrals/stats", external_id="bob"))
    assert (stats["total"], stats["qualified"], stats["referred_by"]) == (1, 1, None)
    assert api.ok(api.get("/referrals/stats", external_id="anna"))["referred_by"] == made["referrer_customer_id"]
    assert api.ok(api.get("/referrals/stats", external_id="nobody"))["customer_id"] is None
    api.refused(api.get("/referrals/stats"), 422, "invalid_subject")


def test_what_is_refused_is_a_problem(api: Api, programme: None) -> None:
    made = api.ok(api.post("/referrals", pair("bob", "anna")))
    api.refused(api.post("/referrals", pair("bob", "bob")), 409, "self_referral")
    api.refused(api.post("/referrals", pair("anna", "bob")), 409, "referral_cycle")
    problem = api.refused(api.post("/referrals", pair("carol", "anna")), 409, "already_referred")
    assert problem["referral"] == made["id"]
    api.refused(api.post("/referrals", pair("bob", "dan", programme="none")), 404, "programme_not_found")
    unknown = {"referrer_external_id": "bob", "referee_customer_id": "00000000-0000-0000-0000-000000000000"}
    api.refused(api.post("/referrals", unknown), 404, "customer_not_found")
    for unknown_id in ("x", "00000000-0000-0000-0000-000000000000"):
        api.refused(api.post(f"/referrals/{unknown_id}/claim"), 404, "referral_not_found")
    ReferralService.create_programme("later")
    assert api.fields(api.post("/referrals", pair("bob", "dan"))) == ["programme"]
    late = api.ok(api.post("/referrals", pair("bob", "dan", programme="later")))
    problem = api.refused(api.post(f"/referrals/{late['id']}/claim"), 409, "bonus_not_due")
    assert (problem["reason"], problem["due_at"]) == ("not_earned", None)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"referrer_user_id": True}, "referrer_user_id"),
        ({"referee_user_id": 1.5}, "referee_user_id"),
        ({"referrer_customer_id": "x"}, "referrer_customer_id"),
        ({"referee_external_id": ""}, "referee_external_id"),
        ({"referee_external_id": " anna"}, "external_id"),
        ({"referrer_external_id": None}, "referrer_external_id"),
        ({"provider": 7}, "provider"),
        ({"programme": "no key"}, "programme"),
        ({"metadata": [1]}, "metadata"),
        ({"user_id": 1}, "user_id"),
    ],
)
def test_bad_input_names_its_field(api: Api, programme: None, wrong: dict[str, Any], field: str) -> None:
    assert api.fields(api.post("/referrals", pair("bob", "anna", **wrong))) == [field]


def test_a_list_refuses_what_it_does_not_know(api: Api, programme: None) -> None:
    assert api.fields(api.get("/referrals", status="done")) == ["status"]
    assert api.fields(api.get("/referrals", cursor="x")) == ["cursor"]
    assert api.fields(api.get("/referrals", customer="bob")) == ["customer"]


def test_products_that_are_rewards_need_no_price(api: Api, catalogue: None) -> None:
    CatalogService.create_product("free_credit", features=["pdf_export"], quantity=1)
    ReferralService.create_programme("free", trigger="on_signup", referee_product="free_credit")
    made = api.ok(api.post("/referrals", pair("bob", "anna")))
    claimed = api.ok(api.post(f"/referrals/{made['id']}/claim"))
    assert [grant["quantity"] for grant in claimed["grants"]] == [1]
