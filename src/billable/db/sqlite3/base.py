"""The backend itself; Django looks for it under this name."""

from __future__ import annotations

from typing import Any

from django.db.backends.sqlite3 import base

BUSY_TIMEOUT_SECONDS = 20
# Python keeps 128 unless it is told otherwise, and the engine has more; parsing one costs more than running it.
CACHED_STATEMENTS = 1024


class DatabaseWrapper(base.DatabaseWrapper):
    """SQLite whose transactions take the write lock when they begin, and wait for it."""

    transaction_mode: str | None = "IMMEDIATE"

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        parameters.setdefault("timeout", BUSY_TIMEOUT_SECONDS)
        parameters.setdefault("cached_statements", CACHED_STATEMENTS)
        parameters.pop("transaction_mode", None)
        self.transaction_mode = "IMMEDIATE"
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.execute("PRAGMA journal_mode = WAL")
        return connection

    def _start_transaction_under_autocommit(self) -> None:
        self.cursor().execute("BEGIN IMMEDIATE")
