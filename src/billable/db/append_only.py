"""Append-only tables, kept so by triggers.

Ledger entries and invoices never change. Usages, adjustments and refunds never change either, except that their
personal columns may be emptied. The triggers are installed after every migrate, not by a migration, so that a setting
can leave them out of a test database, where flush must be able to delete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core import mail
from django.db import connections
from django.db.models import UniqueConstraint

from billable.conf import knobs
from billable.db.units import write_alias


@dataclass(frozen=True)
class Protected:
    """A table whose rows stay as they were written; ``erasable`` columns may be emptied."""

    model: str
    erasable: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """Its name in the database."""
        return str(self._meta.db_table)

    @property
    def frozen_columns(self) -> list[str]:
        """The columns that never change."""
        return [field.column for field in self._meta.concrete_fields if field.column not in self.erasable]

    @property
    def keys(self) -> list[list[str]]:
        """The columns of each of its unique keys."""
        unique = [each for each in self._meta.constraints if isinstance(each, UniqueConstraint)]
        return [["id"], *([self._meta.get_field(name).column for name in each.fields] for each in unique)]

    @property
    def _meta(self) -> Any:
        return apps.get_model("billable", self.model)._meta


PROTECTED = (
    Protected("LedgerEntry"),
    Protected("Usage", erasable=("metadata",)),
    Protected("Adjustment", erasable=("metadata", "reason")),
    Protected("Refund", erasable=("metadata", "reason")),
    Protected("RefundItem"),
    Protected("RefundGrant"),
    Protected("AlertNotice"),
    Protected("ExpiryNotice"),
    Protected("Invoice"),
    Protected("InvoiceLine"),
)
_ACTS = {
    "postgresql": ("update", "delete", "truncate"),
    "sqlite": ("update", "delete", "replace"),
    "mysql": ("update", "delete"),
}
_EMPTY = {"metadata": "'{}'", "reason": "''"}


def wanted() -> bool:
    """Whether this database is to have the triggers, by ``BILLABLE_APPEND_ONLY``."""
    if knobs.append_only == "auto":
        # Django's test set-up replaces the mailbox; it is the documented sign that a test run is going on.
        return not hasattr(mail, "outbox")
    return knobs.append_only == "on"


def install_after_migrate(using: str, **kwargs: Any) -> None:
    """Install the triggers where they are wanted, remove them where they are not; a receiver of post_migrate."""
    if using != write_alias():
        return
    if wanted():
        install(using)
    elif knobs.append_only == "off":
        remove(using)


def unprotected_tables(alias: str) -> list[str]:
    """The tables that should have triggers and have none."""
    if not wanted() or connections[alias].vendor not in _DIALECTS:
        return []
    present = _present(alias)
    return [each.table for each in _standing(alias) if not _names(each, alias) <= present]


def install(alias: str) -> None:
    """Install the triggers, replacing those of an earlier version."""
    if connections[alias].vendor in _DIALECTS:
        dialect = _DIALECTS[connections[alias].vendor]
        tables = _standing(alias)
        _execute(alias, [*_removal(alias), *(statement for each in tables for statement in dialect(each))])


def remove(alias: str) -> None:
    """Remove the triggers."""
    _execute(alias, _removal(alias))


def _standing(alias: str) -> list[Protected]:
    """The protected tables that exist: post_migrate is sent for every app, whatever was migrated."""
    tables = connections[alias].introspection.table_names()
    return [each for each in PROTECTED if each.table in tables]


def _names(each: Protected, alias: str) -> set[str]:
    return {f"{each.table}_no_{act}" for act in _ACTS.get(connections[alias].vendor, ())}


def _execute(alias: str, statements: Iterable[str]) -> None:
    with connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _present(alias: str) -> set[str]:
    query = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' "
        "AND pg_table_is_visible(tgrelid)",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "mysql": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    }[connections[alias].vendor]
    with connections[alias].cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()}


def _removal(alias: str) -> Iterator[str]:
    on_postgresql = connections[alias].vendor == "postgresql"
    for each in _standing(alias):
        for name in sorted(_names(each, alias)):
            yield f"DROP TRIGGER IF EXISTS {name}" + (f" ON {each.table}" if on_postgresql else "")
    if on_postgresql:
        for each in PROTECTED:
            yield f"DROP FUNCTION IF EXISTS {each.table}_is_append_only() CASCADE"


def _sqlite(each: Protected) -> Iterator[str]:
    refusal = f"SELECT RAISE(ABORT, '{each.table} is append-only');"
    yield (
        f"CREATE TRIGGER {each.table}_no_update BEFORE UPDATE ON {each.table} WHEN {_changed(each, 'IS NOT')} "
        f"BEGIN {refusal} END"
    )
    yield f"CREATE TRIGGER {each.table}_no_delete BEFORE DELETE ON {each.table} BEGIN {refusal} END"
    # INSERT OR REPLACE deletes what is in its way without firing a delete trigger.
    keys = (" AND ".join(f"present.{column} = NEW.{column}" for column in key) for key in each.keys)
    present = f"SELECT 1 FROM {each.table} present WHERE {' OR '.join(keys)}"  # noqa: S608  # names of ours
    trigger = f"CREATE TRIGGER {each.table}_no_replace BEFORE INSERT ON {each.table}"
    yield f"{trigger} WHEN EXISTS ({present}) BEGIN {refusal} END"


def _postgresql(each: Protected) -> Iterator[str]:
    function = f"{each.table}_is_append_only"
    yield (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{each.table} is append-only'; END $$"
    )
    yield (
        f"CREATE TRIGGER {each.table}_no_update BEFORE UPDATE ON {each.table} FOR EACH ROW "
        f"WHEN ({_changed(each, 'IS DISTINCT FROM', cast='::text')}) EXECUTE FUNCTION {function}()"
    )
    yield (
        f"CREATE TRIGGER {each.table}_no_delete BEFORE DELETE ON {each.table} FOR EACH ROW "
        f"EXECUTE FUNCTION {function}()"
    )
    # A row trigger does not see TRUNCATE.
    yield (
        f"CREATE TRIGGER {each.table}_no_truncate BEFORE TRUNCATE ON {each.table} FOR EACH STATEMENT "
        f"EXECUTE FUNCTION {function}()"
    )


def _mariadb(each: Protected) -> Iterator[str]:
    refusal = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{each.table} is append-only'"
    yield (
        f"CREATE TRIGGER {each.table}_no_update BEFORE UPDATE ON {each.table} FOR EACH ROW "
        f"IF {_changed(each, '<=>', negate=True)} THEN {refusal}; END IF"
    )
    yield f"CREATE TRIGGER {each.table}_no_delete BEFORE DELETE ON {each.table} FOR EACH ROW {refusal}"


_DIALECTS = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb}


def _changed(each: Protected, operator: str, *, cast: str = "", negate: bool = False) -> str:
    """The condition that an update changes a frozen column, or an erasable one to anything but empty."""
    no = "NOT " if negate else ""
    conditions = [f"{no}(NEW.{column} {operator} OLD.{column})" for column in each.frozen_columns]
    for column in each.erasable:
        changed = f"{no}(NEW.{column}{cast} {operator} OLD.{column}{cast})"
        conditions.append(f"({changed} AND NEW.{column}{cast} <> {_EMPTY[column]})")
    return " OR ".join(conditions)
