"""The embedded settings, as the environment makes them."""

# ruff: noqa: S104  # nothing is bound here

import os
import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest

from billable.server import banner, database, home, network
from billable.server.environment import switched
from billable.server.errors import CannotStart

pytestmark = pytest.mark.sqlite


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in [*os.environ]:
        if name.startswith("BILLABLE_") or name in ("DATABASE_URL", "XDG_DATA_HOME", "PORT"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    umask = os.umask(0o022)
    yield
    os.umask(umask)


def test_home_is_the_variable_then_the_local_directory_then_the_users(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert home.home() == Path("/data/billable")
    (tmp_path / ".billable").mkdir()
    assert home.home() == tmp_path / ".billable"
    monkeypatch.setenv("BILLABLE_HOME", "elsewhere")
    assert home.home() == tmp_path / "elsewhere"


def test_a_secret_in_the_environment_goes_before_the_file_and_is_not_written_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BILLABLE_HOME", str(tmp_path))
    monkeypatch.setenv("BILLABLE_API_TOKEN", "given")

    assert home.prepare() == {home.SECRET_KEY, home.FINGERPRINT_KEYS}
    assert home.prepare() == frozenset()
    assert home.secret(home.API_TOKEN) == "given"
    assert not (tmp_path / "token").exists()
    assert "$BILLABLE_API_TOKEN" in banner.curl("http://x/", {})


def test_the_database_is_described_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ada:s3cret@db.example.com:6543/shop")

    assert database.described(database.database()) == "PostgreSQL database shop at db.example.com:6543"


def test_sqlite_gets_the_backend_that_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database.database()["ENGINE"] == "billable.db.sqlite3"
    monkeypatch.setenv("DATABASE_URL", "sqlite:////srv/shop.sqlite3")
    assert database.database()["ENGINE"] == "billable.db.sqlite3"
    assert database.database()["NAME"] == "/srv/shop.sqlite3"


@pytest.mark.parametrize(
    ("host", "loopback", "everywhere", "url"),
    [
        ("127.0.0.1", True, False, "http://127.0.0.1:80"),
        ("localhost", True, False, "http://localhost:80"),
        ("::1", True, False, "http://[::1]:80"),
        ("0.0.0.0", False, True, "http://127.0.0.1:80"),
        ("::", False, True, "http://[::1]:80"),
        ("billing.example.com", False, False, "http://billing.example.com:80"),
    ],
)
def test_addresses(host: str, loopback: bool, everywhere: bool, url: str) -> None:
    assert network.is_loopback(host) is loopback
    assert network.is_everywhere(host) is everywhere
    assert network.url_of(host, 80) == url


def test_a_variable_is_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, on in (("1", True), ("True", True), ("0", False), ("no", False), ("", True)):
        monkeypatch.setenv("BILLABLE_SHOW_DOCS", text)
        assert switched("BILLABLE_SHOW_DOCS", default=True) is on


@pytest.mark.parametrize(
    ("variables", "hosts", "origins"),
    [
        ({}, ["localhost", "127.0.0.1", "[::1]"], []),
        ({"BILLABLE_HOST": "0.0.0.0"}, ["*"], []),
        ({"BILLABLE_HOST": "192.0.2.1"}, ["localhost", "127.0.0.1", "[::1]", "192.0.2.1"], []),
        (
            {"BILLABLE_HOST": "0.0.0.0", "BILLABLE_ALLOWED_HOSTS": "a.example.com, .example.org"},
            ["a.example.com", ".example.org"],
            ["https://a.example.com", "https://*.example.org"],
        ),
    ],
)
def test_it_answers_to_the_names_it_should(
    variables: dict[str, str], hosts: list[str], origins: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    settings = runpy.run_module("billable.server.settings")

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == hosts
    assert settings["CSRF_TRUSTED_ORIGINS"] == origins


def test_the_environment_says_who_sells_and_with_which_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = runpy.run_module("billable.server.settings")
    for name, text in {
        "BILLABLE_SELLER_NAME": " Fine Tools GmbH ",
        "BILLABLE_SELLER_ADDRESS": r"Hafenstraße 7\n20457 Hamburg",
        "BILLABLE_SELLER_TAX_ID": "DE123456789",
        "BILLABLE_SELLER_EMAIL": "",
        "BILLABLE_SELLER_ZONE": "Europe/Berlin",
        "BILLABLE_TAX_RATE": "7.7",
        "BILLABLE_PRICES_INCLUDE_TAX": "0",
    }.items():
        monkeypatch.setenv(name, text)

    somebody = runpy.run_module("billable.server.settings")

    told = ("BILLABLE_SELLER", "BILLABLE_TAX_RATE", "BILLABLE_PRICES_INCLUDE_TAX")
    assert [nobody[name] for name in told] == [{}, "0", True]
    seller = {
        "name": "Fine Tools GmbH",
        "address": "Hafenstraße 7\n20457 Hamburg",
        "tax_id": "DE123456789",
        "zone": "Europe/Berlin",
    }
    assert [somebody[name] for name in told] == [seller, "7.7", False]


@pytest.mark.parametrize(
    "url", ["postgresql://ada:s3cret@localhost:port/shop", "nosql://ada:s3cret@localhost/shop", "sqlite://:memory:"]
)
def test_a_url_of_no_usable_database_is_refused_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(CannotStart, match="DATABASE_URL") as refusal:
        database.database()

    assert "s3cret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
