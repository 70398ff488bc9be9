"""An empty database of a test's own, on the backend that the suite runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from django.db import connection


@contextmanager
def empty_database(folder: Path) -> Iterator[str]:
    """Its name, as DATABASES["NAME"]: a file in ``folder``, or a database on the server of the suite."""
    name = f"billable_empty_{uuid4().hex[:12]}"
    if connection.vendor == "sqlite":
        yield str(folder / f"{name}.sqlite3")
        return
    _on_server(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        _on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def server_url() -> str:
    """The server that the suite runs on."""
    return os.environ["BILLABLE_TEST_DATABASE_URL"]


def _on_server(statement: str) -> None:
    import psycopg

    # Not the connection of the test: CREATE DATABASE wants no transaction around it.
    with psycopg.connect(server_url(), autocommit=True) as server:
        server.execute(statement)
