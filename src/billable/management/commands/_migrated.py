"""What the commands need before they begin."""

from __future__ import annotations

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from billable.db.units import write_alias


def require_migrated() -> None:
    """Raise CommandError while a migration of billable waits."""
    alias = write_alias()
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes("billable"))
    if any(migration.app_label == "billable" for migration, _ in plan):
        option = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
        raise CommandError(f"The tables of billable are not up to date; run: python manage.py migrate{option}")
