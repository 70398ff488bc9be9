"""Rows of hand-written SQL, converted as the ORM would have done."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from django.db import connections, models

Part: TypeAlias = "type[models.Model] | models.Field[Any, Any]"


def select_list(model: type[models.Model], table: str) -> str:
    """``table``'s columns of ``model``, in the order that :func:`fetch` expects."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def fetch(alias: str, sql: str, params: Sequence[Any], shape: Sequence[Part]) -> Iterator[tuple[Any, ...]]:
    """Run one SELECT and yield a tuple per row.

    A model of ``shape`` becomes an instance of it (None when its key is NULL), a field becomes a value. What a join
    repeats row by row is one instance.
    """
    connection = connections[alias]
    parts = [(part, _conversions(connection, part)) for part in shape]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        raw = cursor.fetchall()
    seen: dict[tuple[Any, ...], Any] = {}
    for row in raw:
        yield tuple(_parts(row, parts, connection, seen))


Conversions: TypeAlias = "list[tuple[int, Any, list[Callable[..., Any]]]]"


def _conversions(connection: Any, part: Part) -> Conversions:
    """Which values of a part the ORM would convert, and how: the same for each row, so a connection keeps it."""
    kept: dict[Part, Conversions] = vars(connection).setdefault("_billable_conversions", {})
    if part not in kept:
        columns = [field.get_col(field.model._meta.db_table) for field in _fields(part)]
        chains = [[*connection.ops.get_db_converters(each), *each.get_db_converters(connection)] for each in columns]
        kept[part] = [(place, columns[place], chain) for place, chain in enumerate(chains) if chain]
    return kept[part]


def _fields(part: Part) -> Sequence[models.Field[Any, Any]]:
    return [part] if isinstance(part, models.Field) else part._meta.concrete_fields


def _parts(
    row: Sequence[Any], parts: Sequence[tuple[Part, Conversions]], connection: Any, seen: dict[tuple[Any, ...], Any]
) -> Iterator[Any]:
    position = 0
    for part, conversions in parts:
        if isinstance(part, models.Field):
            yield _converted(row[position : position + 1], conversions, connection)[0]
            position += 1
            continue
        names, key = _attributes(part)
        chunk = row[position : position + len(names)]
        position += len(names)
        if chunk[key] is None:
            yield None
            continue
        known = (part, chunk[key])
        if known not in seen:
            seen[known] = part.from_db(connection.alias, names, _converted(chunk, conversions, connection))
        yield seen[known]


def _converted(raw: Sequence[Any], conversions: Conversions, connection: Any) -> list[Any]:
    values = list(raw)
    for place, column, chain in conversions:
        for convert in chain:
            values[place] = convert(values[place], column, connection)
    return values


@functools.cache
def _attributes(model: type[models.Model]) -> tuple[list[str], int]:
    """The attributes that a row of the model fills, and which of them is the key."""
    fields = model._meta.concrete_fields
    return [field.attname for field in fields], fields.index(model._meta.pk)
