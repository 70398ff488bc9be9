"""Rows of hand-written SQL, converted as the ORM would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import connections, models


def select_list(model: type[models.Model], table: str) -> str:
    """``table``'s columns of ``model``, in the order that :func:`fetch` expects."""
    return ", ".join(f"{table}.{field.column}" for field in model._meta.concrete_fields)


def fetch(
    alias: str, sql: str, params: Sequence[Any], shape: Sequence[type[models.Model] | models.Field[Any, Any]]
) -> Iterator[tuple[Any, ...]]:
    """Run one SELECT and yield a tuple per row.

    A model of ``shape`` becomes an instance of it (None when its key is NULL), a field becomes a value.
    """
    connection = connections[alias]
    fields: list[models.Field[Any, Any]] = []
    for part in shape:
        fields.extend([part] if isinstance(part, models.Field) else part._meta.concrete_fields)
    converters = [_converter(field, connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        raw = cursor.fetchall()
    for row in raw:
        values = [convert(value) for value, convert in zip(row, converters, strict=True)]
        yield tuple(_parts(values, shape, alias))


def _converter(field: models.Field[Any, Any], connection: Any) -> Callable[[Any], Any]:
    """What the ORM would do to a value of a column."""
    column = field.get_col(field.model._meta.db_table)
    chain = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]

    def convert(value: Any) -> Any:
        for converter in chain:
            value = converter(value, column, connection)
        return value

    return convert


def _parts(
    values: list[Any], shape: Sequence[type[models.Model] | models.Field[Any, Any]], alias: str
) -> Iterator[Any]:
    position = 0
    for part in shape:
        if isinstance(part, models.Field):
            yield values[position]
            position += 1
            continue
        fields = part._meta.concrete_fields
        chunk = values[position : position + len(fields)]
        position += len(fields)
        key = chunk[fields.index(part._meta.pk)]
        yield None if key is None else part.from_db(alias, [field.attname for field in fields], chunk)
