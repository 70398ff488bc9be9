"""POST /identify and GET /balance."""

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from billable.services import CustomerRef, CustomerService, QuotaService
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
            "expires_at": None,
            "next_reset_at": None,
        },
        {
            "feature": "sso",
            "allowed": True,
            "balance": None,
            "unlimited": True,
            "held": 0,
            "expires_at": None,
            "next_reset_at": None,
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
