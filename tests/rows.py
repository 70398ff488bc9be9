"""What stands in every table of the engine, as something cheap to compare."""

from __future__ import annotations

import functools
from typing import Any

from django.apps import apps
from django.db import connection

from billable.db.rows import fetch


def everything() -> Any:
    """A picture of every row of every billable table: two that are equal mean that nothing was written in between."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(connection.vendor))
        return cursor.fetchall()


def of(model: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of every row of a table. The ORM would need longer to write the statement than to run it."""
    fields = [model._meta.get_field(column) for column in columns]
    names = ", ".join(field.column for field in fields)
    return list(fetch("default", f"SELECT {names} FROM {model._meta.db_table}", [], fields))  # noqa: S608  # names of models


@functools.cache
def _statement(vendor: str) -> str:
    models = [*apps.get_app_config("billable").get_models(), apps.get_model("auth", "User")]
    return " UNION ALL ".join(_picture(vendor, model._meta) for model in models)


def _picture(vendor: str, table: Any) -> str:
    if vendor == "sqlite":
        row = " || ',' || ".join(f"quote({field.column})" for field in table.concrete_fields)
        return f"SELECT '{table.db_table}', group_concat({row}, ';') FROM {table.db_table}"  # noqa: S608  # names of models
    text = "string_agg(picture::text, ';' ORDER BY picture::text)"
    return f"SELECT '{table.db_table}', md5({text}) FROM {table.db_table} AS picture"  # noqa: S608
