"""Why a server does not start: one line each, that says what to do."""

# ruff: noqa: S104  # binding to every interface is what is refused

import importlib.util
import re
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import Warning as CheckWarning

from billable.server import cli
from billable.server.errors import CannotStart
from billable.server.serve import require_extras
from billable.server.system_checks import require_no_errors
from tests.server.processes import TOKEN, billable, serving

pytestmark = pytest.mark.sqlite


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_taken_port_gives_one_line_with_a_free_one(home: Path, taken_port: int) -> None:
    refusal = billable("serve", home=home, PORT=str(taken_port))

    assert refusal.returncode == 1
    assert refusal.stdout == ""
    (line,) = refusal.stderr.splitlines()
    found = re.search(rf"Port {taken_port} on 127.0.0.1 is taken; (\d+) is free", line)
    assert found
    with socket.socket() as free:
        free.bind(("127.0.0.1", int(found[1])))
    assert not home.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "billing.example.com"])
def test_debug_is_refused_where_other_machines_could_see_it(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve", "--debug", "--host", host]) == 1
    monkeypatch.setenv("BILLABLE_DEBUG", "1")
    monkeypatch.setenv("BILLABLE_HOST", host)
    assert cli.main(["serve"]) == 1

    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert host in first


@pytest.mark.parametrize("arguments", [["--port", "http"], ["--port", "65536"], ["--threads", "0"], ["--prot", "1"]])
def test_a_typing_error_in_an_option_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        cli.main(["serve", *arguments])

    assert refusal.value.code == 2


def test_a_foreign_database_is_migrated_only_when_told_to(home: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "shop.sqlite3"
    with sqlite3.connect(foreign) as shop:
        shop.execute("CREATE TABLE shop_cart (id INTEGER)")
    shop.close()
    url = f"sqlite:///{foreign}"

    refusal = billable("serve", home=home, PORT="0", DATABASE_URL=url)

    assert refusal.returncode == 1
    (line,) = refusal.stderr.splitlines()
    assert "shop_cart" in line
    assert "--migrate" in line
    assert tables(foreign) == {"shop_cart"}

    with serving("serve", "--migrate", home=home, DATABASE_URL=url, BILLABLE_API_TOKEN=TOKEN) as served:
        assert served.post("identify", {"external_id": "ada"})[0] == 200
        assert TOKEN not in served.told
    assert {"shop_cart", "billable_customer"} <= tables(foreign)
    with serving("serve", home=home, DATABASE_URL=url) as again:
        assert again.get("/health/live")[0] == 200


def test_a_database_that_does_not_answer_is_one_line_without_its_password(home: Path) -> None:
    refusal = billable("serve", home=home, PORT="0", DATABASE_URL="postgresql://ada:s3cret@127.0.0.1:1/shop")

    assert refusal.returncode == 1
    assert "PostgreSQL database shop at 127.0.0.1:1" in refusal.stderr
    assert len(refusal.stderr.splitlines()) == 1
    assert "s3cret" not in refusal.stdout + refusal.stderr


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["verify"], "billable_verify"),
        (["expire", "--limit", "1"], "billable_expire"),
        (["seed_demo"], "billable_seed_demo"),
        (["manage", "migrate"], "migrate"),
    ],
)
def test_a_command_without_a_server_database_is_one_line_and_makes_nothing(
    arguments: list[str], advice: str, home: Path
) -> None:
    refusal = billable(*arguments, home=home)

    assert refusal.returncode == 1
    (line,) = refusal.stderr.splitlines()
    assert str(home / "billable.sqlite3") in line
    assert "BILLABLE_HOME or DATABASE_URL" in line
    assert line.endswith(f"in a Django project: python manage.py {advice}")
    assert not home.exists()


def test_a_command_in_a_directory_that_is_no_home_leaves_it_alone(home: Path) -> None:
    home.mkdir()

    assert billable("verify", home=home).returncode == 1
    assert list(home.iterdir()) == []


def test_a_command_on_a_named_database_needs_no_home(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.sqlite3'}"

    refusals = [billable(*words, home=home, DATABASE_URL=url) for words in (["verify"], ["manage", "billable_verify"])]
    migrated = billable("manage", "migrate", "--verbosity", "0", home=home, DATABASE_URL=url)
    proofs = [billable(*words, home=home, DATABASE_URL=url) for words in (["verify"], ["manage", "billable_verify"])]

    for refusal in refusals:
        (line,) = refusal.stderr.splitlines()
        assert line.endswith("is not migrated; `billable serve` or `billable manage migrate` does that.")
    assert (migrated.returncode, migrated.stderr) == (0, "")  # a command says nothing about a missing API token
    assert [(proof.returncode, proof.stderr) for proof in proofs] == [(0, ""), (0, "")]
    assert not home.exists()


def test_settings_that_no_verb_can_work_with_are_refused_before_anything_is_migrated(home: Path) -> None:
    refusal = billable(
        "serve",
        home=home,
        PORT="0",
        BILLABLE_CURRENCY="EURO",
        BILLABLE_FINGERPRINT_KEYS="short",
        BILLABLE_API_TOKEN="x",
        BILLABLE_TAX_RATE="nineteen",
        BILLABLE_SELLER_ZONE="Mars/Olympus",
    )

    assert refusal.returncode == 1
    warning, currency, tax, keys, zone = refusal.stderr.splitlines()
    assert warning.startswith("billable: warning: (billable.W001) BILLABLE_API_TOKEN is shorter")
    assert currency == "billable: (billable.E002) BILLABLE_CURRENCY is no known currency: 'EURO'."
    assert tax == "billable: (billable.E002) BILLABLE_TAX_RATE is no percentage: 'nineteen'."
    assert keys.startswith("billable: (billable.E002) BILLABLE_FINGERPRINT_KEYS")
    assert zone == "billable: (billable.E003) BILLABLE_SELLER names an unknown time zone: 'Mars/Olympus'."
    assert not (home / "billable.sqlite3").exists()


def test_a_silenced_check_is_silent(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SILENCED_SYSTEM_CHECKS = ["billable.W001"]

    require_no_errors([CheckWarning("not said", id="billable.W001"), CheckWarning("said", hint="so", id="shop.W1")])

    assert capsys.readouterr().err == "billable: warning: (shop.W1) said HINT: so\n"


def test_a_home_that_is_no_directory_is_one_line(home: Path) -> None:
    home.write_text("not a directory")

    refusal = billable("serve", home=home, PORT="0")

    assert refusal.returncode == 1
    assert "BILLABLE_HOME" in refusal.stderr
    assert len(refusal.stderr.splitlines()) == 1


def test_without_the_server_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(CannotStart, match=r"gunicorn.*pip install \"./billable\[server\]\""):
        require_extras()


def tables(file: Path) -> set[str]:
    with sqlite3.connect(file) as shop:
        found = {name for (name,) in shop.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    shop.close()
    return found
