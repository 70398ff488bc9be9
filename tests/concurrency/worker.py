"""A process that takes jobs through a pipe and runs them on its own connection."""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

READY = "ready"
BEGUN = "begun"

Job = Callable[[], Any]


@dataclass(kw_only=True)
class Outcome:
    """What became of a job: a value, a refusal of the engine, or the traceback of anything else.

    ``tries`` counts the transactions that took the engine's lock, ``troubles`` what a database refused on the way, also
    when the engine tried again, and every plain FOR UPDATE.
    """

    value: Any = None
    refusal: Exception | None = None
    traceback: str = ""
    tries: int = 0
    troubles: list[str] = field(default_factory=list)


@dataclass
class Watch:
    """Sees every statement of a connection."""

    outcome: Outcome = field(default_factory=Outcome)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        from django.db import OperationalError

        if takes_the_lock(sql):
            self.outcome.tries += 1
        if "FOR UPDATE" in sql:
            self.outcome.troubles.append(f"a plain FOR UPDATE: {sql}")
        try:
            return execute(sql, params, many, context)
        except OperationalError as error:
            self.outcome.troubles.append(str(error))
            raise


def takes_the_lock(sql: str) -> bool:
    """Whether a statement is the first of the engine that waits for others."""
    return locks_the_customer(sql) or sql == "BEGIN IMMEDIATE" or sql.endswith("SET seq = seq WHERE 1 = 0")


def locks_the_customer(sql: str) -> bool:
    """Whether a statement locks the row of a customer."""
    return re.search(r'FROM "?billable_customer\b', sql) is not None and sql.endswith("FOR NO KEY UPDATE")


def run(job: Job, outcome: Outcome) -> None:
    from billable.errors import BillableError

    try:
        outcome.value = job()
    except BillableError as refusal:
        outcome.refusal = refusal
    except Exception:
        outcome.traceback = traceback.format_exc()


def work(pipe: Connection) -> None:
    from django.db import connection

    watch = Watch()
    with connection.execute_wrapper(watch):
        pipe.send(READY)
        while (job := pipe.recv()) is not None:
            watch.outcome = Outcome()
            connection.ensure_connection()
            pipe.send(BEGUN)
            run(job, watch.outcome)
            pipe.send(watch.outcome)
    connection.close()


def main(pipe: Connection, database: Mapping[str, Any]) -> None:
    """Work until the tests say goodbye. ``database`` changes the settings of the default database."""
    importlib.import_module("tests.concurrency.nursery")
    connect_otherwise(database)
    work(pipe)


def connect_otherwise(database: Mapping[str, Any]) -> None:
    from django.db import connections

    if database:
        standing = connections.settings["default"]
        connections.settings = connections.configure_settings({"default": {**standing, **database}})
