"""Instants in hand-written SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import DateTimeField, Func


def moved(alias: str, instant: datetime, seconds: str) -> tuple[str, list[Any]]:
    """SQL for an instant moved by so many seconds, an expression; and its parameters."""
    connection = connections[alias]
    sql = {
        "postgresql": f"%s::timestamptz + {seconds} * interval '1 second'",
        # Django's own function: what it answers compares with what is stored.
        "sqlite": f"django_format_dtdelta('+', %s, {seconds} * 1000000)",
        "mysql": f"%s + INTERVAL {seconds} SECOND",
    }[connection.vendor]
    return sql, [connection.ops.adapt_datetimefield_value(instant)]


class Moved(Func):
    """An instant moved by so many seconds, both expressions: ``Moved(Value(now), F("clock_offset_seconds"))``."""

    output_field = DateTimeField()
    arity = 2

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s * interval '1 second')", arg_joiner=" + ", **context
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Django's own function: what it answers compares with what is stored.
        template = "django_format_dtdelta('+', %(expressions)s * 1000000)"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler, connection, template="(%(expressions)s SECOND)", arg_joiner=" + INTERVAL ", **context
        )
