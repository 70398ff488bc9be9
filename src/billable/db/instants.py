"""Instants in hand-written SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connections


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
