"""POST /identify and GET /balance."""

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests.api.conftest import Api, is_uuid


def test_identify_makes_a_customer_once(api: Api) -> None:
    body = {"provider": "telegram", "external_id": "8675309", "profile": {"name": "Jenny"}}

    first = api.ok(api.post("/identify", body))
    second = api.ok(api.post("/identify", body))

    named = {"customer_id", "user_id", "provider", "external_id", "created", "profile", "is_sandbox"}
    assert set(first) == named
    assert is_uuid(first["customer_id"])
    assert (first["created"], second["created"]) == (True, False)
    assert {**first, "created": False} == second
    assert first["profile"] == {"name": "Jenny"}


def test_the_provider_is_default_when_none_is_named(api: Api) -> None:
    assert api.ok(api.post("/identify", {"external_id": "x"}))["provider"] == "default"


@override_settings(BILLABLE_USER_FACTORY=None)
def test_the_user_is_null_when_there_is_none(api: Api) -> None:
    assert api.ok(api.post("/identify", {"external_id": "x"}))["user_id"] is None
    assert api.ok(api.get("/balance", external_id="x"))["user_id"] is None


def test_balance_lists_what_a_customer_has(api: Api, catalogue: None) -> None:
    customer_id = api.customer()
    api.granted("pdf_export", 10)
    api.granted("sso", None)

    answer = api.ok(api.get("/balance", external_id="anna"))

    assert answer["customer_id"] == customer_id
    assert isinstance(answer["user_id"], int)
    assert answer["features"] == [
        {
            "feature": "pdf_export",
            "allowed": True,
            "balance": 10,
            "unlimited": False,
            "held": 0,
            "owed": 0,
            "expires_at": None,
            "next_reset_at": None,
            "cap": None,
        },
        {
            "feature": "sso",
            "allowed": True,
            "balance": None,
            "unlimited": True,
            "held": 0,
            "owed": 0,
            "expires_at": None,
            "next_reset_at": None,
            "cap": None,
        },
    ]


@pytest.mark.parametrize("reference", ["user_id", "customer_id", "external_id"])
def test_all_references_name_the_same_customer(api: Api, catalogue: None, reference: str) -> None:
    known = api.ok(api.post("/identify", {"external_id": "anna"}))
    api.granted()

    answer = api.ok(api.get("/balance", **{reference: known[reference]}))

    assert answer["customer_id"] == known["customer_id"]
    assert answer["features"][0]["balance"] == 10


def test_references_to_two_customers_are_refused(api: Api) -> None:
    anna, bert = api.customer("anna"), api.customer("bert")

    assert api.fields(api.get("/balance", external_id="anna", customer_id=bert)) == ["customer"]
    assert api.ok(api.get("/balance", external_id="anna", customer_id=anna))["customer_id"] == anna


def test_somebody_unknown_has_nothing_and_a_named_feature_is_listed_all_the_same(api: Api, catalogue: None) -> None:
    assert api.ok(api.get("/balance", external_id="nobody")) == {
        "customer_id": None,
        "user_id": None,
        "features": [],
    }
    (listed,) = api.ok(api.get("/balance", external_id="nobody", feature="pdf_export"))["features"]
    assert (listed["feature"], listed["allowed"], listed["balance"]) == ("pdf_export", False, 0)


def test_a_user_who_bought_nothing_has_nothing(api: Api) -> None:
    user = User.objects.create(username="carl")

    assert api.ok(api.get("/balance", user_id=user.pk))["features"] == []


def test_a_user_of_a_shared_customer_sees_its_balance(api: Api, catalogue: None) -> None:
    customer = CustomerService.get_customer(CustomerRef(customer_id=api.customer()))
    user = User.objects.create(username="colleague")
    CustomerService.link_user(customer, user)
    QuotaService.grant_feature(customer, "pdf_export", quantity=4)

    answer = api.ok(api.get("/balance", user_id=user.pk))

    assert answer["features"][0]["balance"] == 4
    assert answer["user_id"] != user.pk, "the oldest link's"


@pytest.mark.parametrize("address", ["/balance", "/grants", "/history", "/quota/check"])
def test_the_servers_token_must_name_a_customer(api: Api, address: str) -> None:
    query = {"feature": "pdf_export"} if address == "/quota/check" else {}

    response = api.get(address, **query)

    assert api.refused(response, 422, "invalid_subject")["errors"][0]["field"] == "customer"


def test_the_cap_that_keeps_units_back_is_told(api: Api, catalogue: None) -> None:
    capped(api)
    QuotaService.consume_quota(CustomerRef(external_id="anna"), "pdf_export", quantity=45)

    (line,) = api.ok(api.get("/balance", external_id="anna"))["features"]
    cap = line.pop("cap")
    resets_at = cap.pop("resets_at")
    assert cap == {"feature": "pdf_export", "quantity": 50, "used": 45, "period": "1 day"}
    assert (line["balance"], line["unlimited"]) == (5, False)

    check = api.ok(api.get("/quota/check", external_id="anna", feature="pdf_export", quantity=6))
    assert (check["allowed"], check["code"], check["balance"]) == (False, "cap_reached", 5)
    assert check["cap"] == check["grants"][0]["cap"] == {**cap, "resets_at": resets_at}
    assert (check["grants"][0]["remaining"], check["grants"][0]["available"]) == (255, 5)

    body = {"external_id": "anna", "feature": "pdf_export", "quantity": 6}
    problem = api.refused(api.post("/quota/consume", body), 402, "quota_exceeded")
    assert (problem["reason"], problem["balance"], {**problem["cap"], "resets_at": ""}) == (
        "cap_reached",
        5,
        {**cap, "resets_at": ""},
    )
    assert problem["detail"].startswith("At most 50 pdf_export in 1 day")

    (grant,) = api.ok(api.get("/grants", external_id="anna"))["items"]
    assert (grant["cap_quantity"], grant["cap_period"], grant["value"]) == (50, "1 day", None)


def capped(api: Api) -> None:
    line = {"feature": "pdf_export", "quantity": 300, "cap_quantity": 50, "cap_period": "1 day"}
    CatalogService.create_product("capped", features=[line])
    api.customer()
    QuotaService.grant_product(CustomerRef(external_id="anna"), "capped")


def test_entitlements_are_what_static_features_read(api: Api, catalogue: None) -> None:
    customer_id = api.customer()
    CatalogService.create_feature("seats", value_type="limit")
    CatalogService.create_feature("dark_mode", value_type="flag")
    body = {"external_id": "anna", "feature": "seats", "value": 10}
    (grant,) = api.ok(api.post("/grants", body, key="a"))["items"]
    assert (grant["value"], grant["quantity"]) == (10, None)

    answer = api.ok(api.get("/entitlements", external_id="anna"))
    assert answer["customer_id"] == customer_id
    seats = {"feature": "seats", "value_type": "limit", "value": 10, "sku": None, "expires_at": None}
    assert answer["entitlements"] == [seats]
    (none,) = api.ok(api.get("/entitlements", external_id="anna", feature="dark_mode"))["entitlements"]
    assert none == {"feature": "dark_mode", "value_type": "flag", "value": None, "sku": None, "expires_at": None}

    check = api.ok(api.get("/quota/check", external_id="anna", feature="seats"))
    assert (check["allowed"], check["value"], check["balance"]) == (True, 10, 10)
    api.ok(api.post("/grants", {**body, "feature": "dark_mode", "value": True}, key="b"))
    (flag,) = api.ok(api.get("/entitlements", external_id="anna", feature="dark_mode"))["entitlements"]
    assert flag["value"] is True


def test_entitlements_of_somebody_unknown_are_none(api: Api, catalogue: None) -> None:
    answer = api.ok(api.get("/entitlements", external_id="nobody"))
    assert answer == {"customer_id": None, "user_id": None, "entitlements": []}
    api.refused(api.get("/entitlements"), 422, "invalid_subject")


def test_a_feature_is_consumed_or_read(api: Api, catalogue: None) -> None:
    api.customer()
    CatalogService.create_feature("seats", value_type="limit")
    body = {"external_id": "anna", "feature": "seats"}
    api.refused(api.post("/quota/consume", body), 422, "wrong_feature_type")
    api.refused(api.post("/grants", {**body, "quantity": 5}, key="a"), 422, "wrong_feature_type")
    api.refused(api.post("/grants", {**body, "value": "ten"}, key="a"), 422, "wrong_feature_type")
    for value in (1.5, [], {}, "", "x" * 201, 10**20, "a\u0000"):
        assert api.post("/grants", {**body, "value": value}, key="a").status_code == 422
    api.refused(api.get("/entitlements", external_id="anna", feature="pdf_export"), 422, "wrong_feature_type")


def test_what_was_overdrawn_is_owed_and_listed(api: Api, catalogue: None) -> None:
    customer_id = api.customer()
    CatalogService.create_feature("calls", overdraft="allow", overdraft_limit=10)
    body = {"external_id": "anna", "feature": "calls", "quantity": 8}
    usage = api.ok(api.post("/quota/consume", body))
    assert usage["balance"] == -8
    api.granted("calls", 3)

    (line,) = api.ok(api.get("/balance", external_id="anna"))["features"]
    assert (line["balance"], line["owed"], line["allowed"]) == (-5, 5, True)
    (debt,) = api.ok(api.get("/debts", external_id="anna", open_only="true"))["items"]
    assert is_uuid(debt.pop("id"))
    assert debt.pop("created_at")
    assert debt == {
        **{"customer_id": customer_id, "feature": "calls", "usage_id": usage["id"], "actor": "api:root"},
        **{"units": 8, "repaid": 3, "forgiven": 0, "owed": 5, "closed_at": None},
    }
    problem = api.refused(api.post("/quota/consume", body), 402, "quota_exceeded")
    assert (problem["balance"], problem["requested"]) == (-5, 8)
    api.granted("calls", 5)
    assert api.ok(api.get("/debts", feature="calls", open_only="true"))["items"] == []
    assert len(api.ok(api.get("/debts"))["items"]) == 1
    assert api.ok(api.get("/debts", external_id="nobody"))["items"] == []
    assert api.fields(api.get("/debts", open_only="perhaps")) == ["open_only"]
    features = api.ok(api.get("/features"))["items"]
    assert [(row["overdraft"], row["overdraft_limit"]) for row in features if row["key"] == "calls"] == [("allow", 10)]
