"""Run by test_migrate.py on an empty database: forward, backward to nothing, forward again.

Prints the tables of each stop as JSON.
"""

from __future__ import annotations

import json
import sys

import django
from django.core.management import call_command
from django.db import connection


def billable_objects() -> list[str]:
    """Everything in the database that is called after the engine: tables, triggers, functions."""
    queries = {
        "sqlite": "SELECT name FROM sqlite_master WHERE name LIKE 'billable%'",
        "postgresql": "SELECT relname FROM pg_class WHERE relname LIKE 'billable%' UNION ALL "
        "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'billable%' UNION ALL "
        "SELECT proname FROM pg_proc WHERE proname LIKE 'billable%'",
    }
    with connection.cursor() as cursor:
        cursor.execute(queries[connection.vendor])
        return sorted(name for (name,) in cursor.fetchall())


def main(stops: list[str]) -> None:
    django.setup()
    found = {}
    for number, stop in enumerate(stops):
        call_command("migrate", *stop.split(), verbosity=0, interactive=False)
        found[f"{number} {stop}"] = billable_objects()
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
