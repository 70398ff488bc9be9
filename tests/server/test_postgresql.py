"""`DATABASE_URL` moves the server to PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

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
        assert first.post("quota/consume", {"external_id": "ada", "feature": "pdf_export"})[1]["balance"] == 4
        assert first.stop() == 0
    with serving("serve", home=home, **variables) as second:
        assert second.post("identify", {"external_id": "ada"})[1]["created"] is False
        assert "user admin, password" not in second.told

    assert billable("verify", home=home, **variables).returncode == 0
    assert not (home / "billable.sqlite3").exists()


def test_a_foreign_database_is_left_alone(database_url: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE shop_cart (id integer)")

    refusal = billable("serve", home=tmp_path / "home", PORT="0", DATABASE_URL=database_url)

    assert refusal.returncode == 1
    (line,) = refusal.stderr.splitlines()
    assert "shop_cart" in line
    assert "--migrate" in line
