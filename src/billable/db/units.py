"""Units of work: where a verb's transaction begins and ends, and what happens when the database says "again"."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from django.apps import apps
from django.db import OperationalError, connections, router, transaction

from billable.errors import InsideTransaction, Retryable

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 5
FIRST_PAUSE_SECONDS = 0.01

# PostgreSQL SQLSTATEs: serialization failure, deadlock, lock not available.
_RETRYABLE_STATES = frozenset({"40001", "40P01", "55P03"})
# MariaDB: lock wait timeout, deadlock.
_RETRYABLE_ERRNOS = frozenset({1205, 1213})

# Whether a verb is already running: only the outermost one may start over.
_running: ContextVar[bool] = ContextVar("billable_unit_of_work", default=False)
# Whether its transaction is its own, not committed yet, and this is not the last try.
_may_start_over: ContextVar[bool] = ContextVar("billable_may_start_over", default=False)


class _StartOver(Exception):
    """The verb that is running holds locks that it must not keep."""


def write_alias() -> str:
    """The alias of the database that the engine's tables are written to."""
    return router.db_for_write(apps.get_model("billable", "Customer"))


def unit_of_work(verb: Callable[P, T]) -> Callable[P, T]:
    """Run a verb in one transaction: the caller's when there is one, else one of its own.

    In its own transaction a deadlock, serialization failure or busy database is tried again, up to five times.
    In the caller's, where only the caller can start over, it becomes Retryable.
    """

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        alias = write_alias()
        joined = connections[alias].in_atomic_block
        if joined and _running.get():
            return verb(*args, **kwargs)
        token = _running.set(True)
        try:
            return _outermost(alias, joined, functools.partial(verb, *args, **kwargs))
        finally:
            _running.reset(token)

    return run


def start_over() -> None:
    """Give all locks back and run the verb from its start. Does nothing in a transaction that is not the verb's own."""
    if _may_start_over.get():
        raise _StartOver


def refuse_transactions() -> None:
    """Refuse to run inside a transaction: nobody else sees what is done in it, and all of it goes with a rollback.

    Raises InsideTransaction.
    """
    # The transaction of a test case is what tests have instead of a database of their own.
    blocks: list[Any] = connections[write_alias()].atomic_blocks
    if any(not block._from_testcase for block in blocks):
        raise InsideTransaction()


def _outermost(alias: str, joined: bool, act: Callable[[], T]) -> T:
    committed: list[bool] = []

    def is_written() -> None:
        committed.append(True)
        _may_start_over.set(False)

    for attempt in range(1, TRIES + 1):
        token = _may_start_over.set(not joined and attempt < TRIES)
        try:
            if joined:
                return act()
            with transaction.atomic(using=alias):
                transaction.on_commit(is_written, using=alias)
                _take_the_write_lock(alias)
                return act()
        except _StartOver:
            continue
        except OperationalError as error:
            # A hook of the host that runs after our commit may fail alike; what is written must not be written twice.
            if committed or not is_retryable(error):
                raise
            if joined or attempt == TRIES:
                raise Retryable() from error
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311  # jitter
        finally:
            _may_start_over.reset(token)
    raise AssertionError("unreachable: the last try returns or raises")


def is_retryable(error: OperationalError) -> bool:
    """Whether the database asks for the same transaction again."""
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _RETRYABLE_STATES:
        return True
    if error.args and error.args[0] in _RETRYABLE_ERRNOS:
        return True
    return "database is locked" in str(error) or "database table is locked" in str(error)


def _take_the_write_lock(alias: str) -> None:
    # A deferred SQLite transaction that reads first and writes later gets SQLITE_BUSY at once, without waiting.
    # Hosts that did not ask for immediate transactions get the lock from a write that changes nothing.
    connection = connections[alias]
    if connection.vendor == "sqlite" and getattr(connection, "transaction_mode", None) not in (
        "IMMEDIATE",
        "EXCLUSIVE",
    ):
        table = connection.ops.quote_name(apps.get_model("billable", "Customer")._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET seq = seq WHERE 1 = 0")  # noqa: S608  # a constant name
