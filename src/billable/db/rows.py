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

    A model of ``shape`` becomes an instance of it (None when its key is NULL), a field becomes a value.
    """
    connection = connections[alias]
    conversions = _conversions(connection, tuple(shape))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        raw = cursor.fetchall()
    for row in raw:
        values = list(row)
        for place, column, chain in conversions:
            for convert in chain:
                values[place] = convert(values[place], column, connection)
        yield tuple(_parts(values, shape, alias))


def _conversions(connection: Any, shape: tuple[Part, ...]) -> list[tuple[int, Any, list[Callable[..., Any]]]]:
    """Which values of a row the ORM would convert, and how: the same for each row, so a connection keeps it."""
    kept: dict[tuple[Part, ...], Any] = vars(connection).setdefault("_billable_conversions", {})
    if shape not in kept:
        fields = [field for part in shape for field in _fields(part)]
        columns = [field.get_col(field.model._meta.db_table) for field in fields]
        chains = [[*connection.ops.get_db_converters(each), *each.get_db_converters(connection)] for each in columns]
        kept[shape] = [(place, columns[place], chain) for place, chain in enumerate(chains) if chain]
    return kept[shape]  # type: ignore[no-any-return]  # what was put there


def _fields(part: Part) -> Sequence[models.Field[Any, Any]]:
    return [part] if isinstance(part, models.Field) else part._meta.concrete_fields


def _parts(values: list[Any], shape: Sequence[Part], alias: str) -> Iterator[Any]:
    position = 0
    for part in shape:
        if isinstance(part, models.Field):
            yield values[position]
            position += 1
            continue
        names, key = _attributes(part)
        chunk = values[position : position + len(names)]
        position += len(names)
        yield None if chunk[key] is None else part.from_db(alias, names, chunk)


@functools.cache
def _attributes(model: type[models.Model]) -> tuple[list[str], int]:
    """The attributes that a row of the model fills, and which of them is the key."""
    fields = model._meta.concrete_fields
    return [field.attname for field in fields], fields.index(model._meta.pk)
