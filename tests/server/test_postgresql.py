"""`DATABASE_URL` moves the server to PostgreSQL."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from billable.server import schema
from billable.server.errors import CannotStart
from tests.server.processes import TOKEN, billable, serving

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database_url() -> Iterator[str]:
    """A database of its own, on the server that the suite runs on."""
    import psycopg

    server, name = os.environ["BILLABLE_TEST_DATABASE_URL"], f"billable_served_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            yield urlsplit(server)._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_it_serves_from_postgresql_and_finds_its_data_again(database_url: str, tmp_path: Path) -> None:
    home, variables = tmp_path / "home", {"DATABASE_URL": database_url, "BILLABLE_API_TOKEN": TOKEN}

    with serving("serve", "--demo", home=home, **variables) as first:
        assert "PostgreSQL database billable_served_" in first.told
        assert first.post("identify", {"external_id": "ada"})[1]["created"] is True
        assert first.post("quota/consume", {"external_id": "ada", "feature": "papermill_export"})[1]["balance"] == 4
        assert first.stop() == 0
    with serving("serve", home=home, **variables) as second:
        assert second.post("identify", {"external_id": "ada"})[1]["created"] is False
        assert "user admin, password" not in second.told

    assert billable("verify", home=home, **variables).returncode == 0
    assert not (home / "billable.sqlite3").exists()


def test_servers_that_start_on_one_empty_database_migrate_it_one_after_the_other(
    database_url: str, tmp_path: Path
) -> None:
    variables = {"DATABASE_URL": database_url, "BILLABLE_API_TOKEN": TOKEN}

    def start(name: str) -> str:
        with serving("serve", "--demo", "--workers", "1", home=tmp_path / name, **variables) as served:
            assert served.get("/health/live")[0] == 200
            return served.told

    with ThreadPoolExecutor() as pool:
        told = list(pool.map(start, ("first", "second")))

    assert sorted("user admin, password" in text for text in told) == [False, True]
    assert sorted("demo products: " in text for text in told) == [False, True]


@pytest.mark.django_db
def test_a_server_that_waits_too_long_for_another_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "WAIT_SECONDS", 0.1)
    other = connection.copy()
    try:
        assert answered(other, "SELECT pg_try_advisory_lock(%s)")
        with pytest.raises(CannotStart, match="Another server"), schema.alone():
            raise AssertionError("not alone")

        assert answered(other, "SELECT pg_advisory_unlock(%s)")
        with schema.alone():
            assert not answered(other, "SELECT pg_try_advisory_lock(%s)")
        assert answered(other, "SELECT pg_try_advisory_lock(%s)")
    finally:
        other.close()


def answered(other: Any, statement: str) -> bool:
    with other.cursor() as cursor:
        cursor.execute(statement, [schema.ADVISORY_LOCK])
        return bool(cursor.fetchone()[0])


def test_a_foreign_database_is_left_alone(database_url: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE shop_cart (id integer)")

    refusal = billable("serve", home=tmp_path / "home", PORT="0", DATABASE_URL=database_url)

    assert refusal.returncode == 1
    (line,) = refusal.stderr.splitlines()
    assert "shop_cart" in line
    assert "--migrate" in line
