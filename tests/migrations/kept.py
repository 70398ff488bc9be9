"""Books as a release wrote them, kept: what a migration must carry over unchanged.

``python -m tests.migrations.kept 0001_initial > tests/migrations/books/0001.json`` keeps what this version writes into
an empty database, by the tables and columns of one of its migrations.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import django
from django.apps.registry import Apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

FOLDER = Path(__file__).with_name("books")
USERS = "auth.user"


def as_of(migration: str) -> Apps:
    """The models as they stood after a migration."""
    return MigrationLoader(connection).project_state(("billable", migration)).apps


def tables(apps: Any) -> list[Any]:
    """The engine's models, and the users that they name."""
    return [apps.get_model(USERS), *apps.get_app_config("billable").get_models()]


def rows(apps: Any) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by the columns that these models know."""
    return {model._meta.label_lower: list(model._base_manager.order_by("pk").values()) for model in tables(apps)}


def load(release: str, apps: Any) -> None:
    """Write the kept rows of a release, whose models these are, into a database that stands where it stood."""
    told = json.loads((FOLDER / f"{release}.json").read_text())
    with transaction.atomic():
        for model in tables(apps):
            fields = {field.attname: field for field in model._meta.concrete_fields}
            model._base_manager.bulk_create(
                model(**{name: fields[name].to_python(value) for name, value in row.items()})
                for row in told[model._meta.label_lower]
            )
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables(apps)):
            cursor.execute(statement)


def main(migration: str) -> None:
    django.setup()
    from billable.testing import BillingClock
    from tests.audits.books import START, write
    from tests.migrations import subscribers

    call_command("migrate", verbosity=0)
    with BillingClock(START) as clock:
        write(clock)
        subscribers.write(clock)
    lines = {
        label: ",\n".join(f"    {json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)}" for row in found)
        for label, found in rows(as_of(migration)).items()
    }
    tables_told = ",\n".join(f'  "{label}": [\n{told}\n  ]' for label, told in lines.items())
    sys.stdout.write(f"{{\n{tables_told}\n}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
