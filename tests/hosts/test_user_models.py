"""The README's three steps under three kinds of users, followed by the main job over REST and from Python."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hosts.conftest import HostMaker
from tests.hosts.project import Host

VARIANTS: dict[str, dict[str, Any]] = {
    "auth.User": {},
    "a login without username": {"apps": ["accounts"], "settings": 'AUTH_USER_MODEL = "accounts.Account"'},
    "neither of the two": {"apps": ["people"], "settings": 'BILLABLE_USER_MODEL = "people.Person"'},
}
MOUNT = "/api/v1/billing/"


@pytest.fixture(scope="module", params=VARIANTS)
def host(request: pytest.FixtureRequest, make_host: HostMaker) -> Host:
    host = make_host(**VARIANTS[request.param])
    # Step 3 of the README, by the letter; the rest of the host's tables are migrated before the flow.
    host.manage("migrate", "billable")
    host.play("flow", MOUNT)
    return host


@pytest.fixture
def played(host: Host) -> dict[str, Any]:
    return host.facts


@pytest.fixture
def rest(played: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = played["rest"][0]
    return facts


def test_identify_makes_one_customer_and_a_user_only_where_a_username_is_enough(
    host: Host, rest: dict[str, Any]
) -> None:
    first, second = rest["identify"], rest["identify_again"]
    assert (first["http"], first["created"], second["created"]) == (200, True, False)
    assert first["customer_id"] == second["customer_id"]
    assert (first["user_id"] is not None) is (not host.apps)
    assert second["user_id"] == first["user_id"]


def test_an_order_is_confirmed_once_however_often_it_is_told(rest: dict[str, Any]) -> None:
    assert (rest["order"]["total_amount"], rest["order"]["currency"]) == ("9.99", "EUR")
    first, second = rest["confirmed"]
    assert first == second
    assert len(first["payments"]) == 1


def test_balance_and_consume_count_what_was_bought(rest: dict[str, Any]) -> None:
    (feature,) = rest["balance"]["features"]
    assert (feature["feature"], feature["balance"], feature["allowed"]) == ("pdf_export", 3, True)
    assert (rest["consumed"]["http"], rest["consumed"]["balance"]) == (200, 2)
    assert (rest["too_much"]["http"], rest["too_much"]["code"]) == (402, "quota_exceeded")


def test_the_front_door_does_the_same_for_a_user_of_the_host(played: dict[str, Any]) -> None:
    assert played["python"] == {
        "before": [False, "no_grant"],
        "payment": "succeeded",
        "balance": 2,
        "replayed": [True, True],
        "after": [True, 2],
        "user_id_is_kept": True,
    }


def test_rest_finds_a_customer_by_the_primary_key_of_its_user(played: dict[str, Any]) -> None:
    told = played["balance_by_user_id"]
    assert told["http"] == 200
    assert [(each["feature"], each["balance"]) for each in told["features"]] == [("pdf_export", 2)]


def test_every_page_of_the_admin_opens(played: dict[str, Any]) -> None:
    assert len(played["admin"]) > 10
    assert {page: status for page, status in played["admin"].items() if status != 200} == {}


def test_deleting_a_user_keeps_the_books_and_identify_does_not_bring_the_user_back(played: dict[str, Any]) -> None:
    assert played["deleted"] == {
        "same_customer": True,
        "created": False,
        "user_id": None,
        "user_exists": False,
        "orders": 1,
        "entries": 2,
        "balance": 2,
        "code_by_user_id": "unknown_customer",
        "consume_by_user_id": "customer_not_found",
    }


def test_the_books_agree_afterwards(played: dict[str, Any]) -> None:
    assert played["verify"] == []


def test_no_migration_is_missing_and_nothing_is_complained_of(host: Host) -> None:
    # makemigrations runs the system checks first.
    assert host.manage("makemigrations", "--check", "--dry-run").strip() == "No changes detected"
