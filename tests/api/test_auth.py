"""Who gets in, and what the others are told."""

import pytest
from django.test import Client, override_settings

from tests.api.conftest import MOUNT, Api

GET_ADDRESSES = ["/products", "/features", "/balance?user_id=1", "/orders", "/grants?user_id=1", "/history?user_id=1"]


@pytest.mark.parametrize("address", GET_ADDRESSES)
def test_without_a_token_nobody_gets_in(address: str) -> None:
    response = Client().get(MOUNT + address)

    problem = Api().refused(response, 401, "unauthorized")
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert set(problem) == {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic dXNlcjpwYXNz",
        "bearer",
        "Bearer t\xf6ken",
        "Bearer \u2603",
        "\x00",
    ],
)
def test_another_credential_gets_nobody_in(header: str) -> None:
    response = Client().get(f"{MOUNT}/products", headers={"Authorization": header})

    assert response.status_code == 401


def test_the_token_gets_in(api: Api) -> None:
    api.ok(api.get("/products"))


def test_the_scheme_is_case_insensitive(api: Api) -> None:
    api.headers["Authorization"] = api.headers["Authorization"].replace("Bearer", "bEARER")

    api.ok(api.get("/products"))


@pytest.mark.parametrize("token", ["", None])
def test_where_no_token_is_configured_nobody_gets_in(token: str | None) -> None:
    with override_settings(BILLABLE_API_TOKEN=token):
        for credential in ("Bearer ", "Bearer None", "Bearer"):
            response = Client().get(f"{MOUNT}/products", headers={"Authorization": credential})
            assert response.status_code == 401


def test_an_example_token_lets_nobody_in_outside_debug(db: None) -> None:
    example = "change-me-in-production"
    with override_settings(BILLABLE_API_TOKEN=example):
        assert Api(token=example).get("/products").status_code == 401
        with override_settings(DEBUG=True):
            assert Api(token=example).get("/products").status_code == 200


def test_a_token_may_have_any_characters(db: None) -> None:
    with override_settings(BILLABLE_API_TOKEN="schlüssel-☃-0123456789"):
        # What a server makes of UTF-8 bytes in a header.
        assert Api(token="schlüssel-☃-0123456789".encode().decode("latin-1")).get("/products").status_code == 200
        assert Api(token="schlussel-?-0123456789").get("/products").status_code == 401


def test_a_write_is_signed_with_its_actor(api: Api, catalogue: None) -> None:
    api.customer()
    api.granted()

    (entry,) = api.ok(api.get("/history", external_id="anna"))["items"]
    assert entry["actor"] == "api:root"


def test_who_may_not_come_in_learns_nothing_of_the_body() -> None:
    response = Client().post(f"{MOUNT}/quota/consume", b"\xff", content_type="text/plain")

    assert response.status_code == 401
