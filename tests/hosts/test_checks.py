"""What a host is told before it goes wrong: by ``check``, ``check --deploy`` and ``migrate``."""

from __future__ import annotations

import re

import pytest

from tests.hosts.conftest import HostMaker
from tests.hosts.project import Host

CARELESS = """
USE_TZ = False
BILLABLE_CURENCY = "EUR"
BILLABLE_SOMETHING_ELSE_ENTIRELY = 1
"""


@pytest.fixture(scope="module")
def careless(make_host: HostMaker) -> str:
    host = make_host(settings=CARELESS)
    return host.manage("check", "--database", "default", HOST_TOKEN="")


@pytest.fixture(scope="module")
def host(make_host: HostMaker) -> Host:
    return make_host()


def test_a_missing_token_is_a_warning(careless: str) -> None:
    assert re.search(r"WARNINGS:(.|\n)*billable\.W001\) BILLABLE_API_TOKEN is not set", careless)


def test_an_unknown_setting_is_a_warning_with_the_name_that_was_probably_meant(careless: str) -> None:
    assert "(billable.W002) Unknown setting BILLABLE_CURENCY.\n\tHINT: Did you mean BILLABLE_CURRENCY?" in careless
    assert "(billable.W002) Unknown setting BILLABLE_SOMETHING_ELSE_ENTIRELY." in careless


def test_local_time_is_a_warning(careless: str) -> None:
    assert "(billable.W003) USE_TZ is False" in careless


@pytest.mark.sqlite
def test_sqlite_without_immediate_transactions_is_a_warning(careless: str) -> None:
    assert "(billable.W004) SQLite transactions are not immediate." in careless


@pytest.mark.sqlite
def test_sqlite_with_immediate_transactions_is_none(make_host: HostMaker) -> None:
    host = make_host(settings='DATABASES["default"]["ENGINE"] = "billable.db.sqlite3"')
    assert "(billable." not in host.manage("migrate")
    assert "no issues" in host.manage("check", "--database", "default")


@pytest.mark.parametrize(
    ("token", "told"), [("change-me-in-production", "is an example"), ("tooshort", "is shorter than 20 characters")]
)
def test_a_bad_token_stops_a_deployment(host: Host, token: str, told: str) -> None:
    said = host.manage("check", "--deploy", "--tag", "security", HOST_TOKEN=token, fails=True)
    assert re.search(rf"ERRORS:\n\?: \(billable\.E001\) BILLABLE_API_TOKEN {told}", said)
    assert f"(billable.W001) BILLABLE_API_TOKEN {told}" in said


def test_a_good_token_is_not_complained_of(host: Host) -> None:
    assert "(billable." not in host.manage("check", "--deploy", "--tag", "security")
