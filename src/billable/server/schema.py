"""The server migrates the database itself, unless somebody else's tables are in it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from billable.server.database import SQLITE, described, is_own_file
from billable.server.errors import CannotStart

NAMED_TABLES = 3
ADVISORY_LOCK = int.from_bytes(b"billable", "big")  # a number that nobody else on this database picks by chance
WAIT_SECONDS = 120
PAUSE_SECONDS = 0.2


def connect() -> None:
    """Reach the database, or say in one line why not."""
    try:
        connection.ensure_connection()
    except (ImproperlyConfigured, OperationalError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CannotStart(f"Cannot use the {described(connection.settings_dict)}: {reason}") from None


def is_current() -> bool:
    """Whether no migration waits."""
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def require_current() -> None:
    """Raise CannotStart unless the database is there and migrated."""
    settings = connection.settings_dict
    there = settings["ENGINE"] != SQLITE or Path(settings["NAME"]).exists()
    if there:
        connect()
    if not there or not is_current():
        raise CannotStart(
            f"The {described(settings)} is not migrated; `billable serve` or `billable manage migrate` does that."
        )


@contextmanager
def alone() -> Iterator[None]:
    """On PostgreSQL, keep other servers that start on this database waiting.

    Raises CannotStart when it is our turn to wait and another takes too long.
    """
    if connection.vendor != "postgresql":
        yield
        return
    deadline = time.monotonic() + WAIT_SECONDS
    while not asked("SELECT pg_try_advisory_lock(%s)"):
        if time.monotonic() > deadline:
            raise CannotStart(
                f"Another server has been starting on the {described(connection.settings_dict)} "
                f"for {WAIT_SECONDS} seconds; start this one when that one is done."
            )
        time.sleep(PAUSE_SECONDS)
    try:
        yield
    finally:
        asked("SELECT pg_advisory_unlock(%s)")


def asked(statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [ADVISORY_LOCK])
        return bool(cursor.fetchone()[0])


def bring_up_to_date(*, among_foreign_tables: bool) -> bool:
    """Migrate if a migration waits. Returns whether one did.

    Raises CannotStart when the database has tables of others, unless ``among_foreign_tables``.
    """
    if is_current():
        return False
    foreign = foreign_tables()
    if foreign and not among_foreign_tables:
        named = ", ".join(foreign[:NAMED_TABLES]) + (", …" if len(foreign) > NAMED_TABLES else "")
        raise CannotStart(
            f"The {described(connection.settings_dict)} has tables that are not billable's ({named}); "
            "start with --migrate to put billable's tables beside them."
        )
    call_command("migrate", interactive=False, verbosity=0)
    return True


def foreign_tables() -> list[str]:
    """Tables that this project did not make. Where it never migrated, that is every table."""
    tables = set(connection.introspection.table_names())
    if not is_own_file(connection.settings_dict) and not has_our_history():
        return sorted(tables)
    ours = set(connection.introspection.django_table_names())
    ours.add(MigrationRecorder.Migration._meta.db_table)
    return sorted(table for table in tables - ours if not table.startswith("billable_"))


def has_our_history() -> bool:
    applied = MigrationRecorder(connection).applied_migrations()
    return any(app == "billable" for app, _ in applied)
