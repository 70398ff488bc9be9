"""Rows of SQL that is written once, converted as the ORM would have done.

The ORM takes longer to write such a statement than the database to run it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from django.db import connections, models

Part: TypeAlias = "type[models.Model] | models.Field[Any, Any]"
Model = TypeVar("Model", bound=models.Model)


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


def by(
    alias: str, model: type[Model], keys: Mapping[str, Any], *, also: Sequence[str] = (), ordered: Sequence[str] = ()
) -> list[Model]:
    """What ``filter(**keys).select_related(*also).order_by(*ordered)`` would find.

    ``keys`` are fields and the values that they must have; ``item__order`` is a field of what a foreign key leads to.
    ``also`` names a foreign key before what lies behind it: ``("item", "item__product")``.
    """
    text = _text(model, tuple(keys), tuple(also), tuple(ordered))
    connection = connections[alias]
    params = [field.get_db_prep_value(value, connection) for field, value in zip(text.keys, keys.values(), strict=True)]
    found = []
    for row in fetch(alias, text.sql, params, text.shape):
        for place, (owner, field) in enumerate(text.links, start=1):
            if row[owner] is not None:
                field.set_cached_value(row[owner], row[place])
        found.append(row[0])
    return found


def remember(row: Any, **related: Sequence[Any]) -> None:
    """Put related rows where prefetching would, each with its way back: an answer's attributes run no query."""
    if not hasattr(row, "_prefetched_objects_cache"):
        row._prefetched_objects_cache = {}
    for name, parts in related.items():
        back = row._meta.get_field(name).field
        for part in parts:
            back.set_cached_value(part, row)
        queryset = getattr(row, name).all()
        queryset._result_cache, queryset._prefetch_done = list(parts), True
        row._prefetched_objects_cache[name] = queryset


@dataclass(frozen=True)
class _Text:
    """A statement of :func:`by`. ``links`` says for each further model of a row which one names it, by which field."""

    sql: str
    keys: Sequence[models.Field[Any, Any]]
    shape: Sequence[type[models.Model]]
    links: Sequence[tuple[int, Any]]


@functools.cache
def _text(model: type[models.Model], keys: Sequence[str], also: Sequence[str], ordered: Sequence[str]) -> _Text:
    joins: dict[str, tuple[str, Any]] = {"": ("t0", model._meta)}
    source = [f"{model._meta.db_table} t0"]

    def join(path: str) -> tuple[str, Any]:
        """The table that a path of foreign keys leads to, and its model."""
        if path not in joins:
            before, _, name = path.rpartition("__")
            table, options = join(before)
            field, to = options.get_field(name), f"t{len(joins)}"
            target = field.remote_field.model._meta
            how = "LEFT JOIN" if field.null else "JOIN"
            source.append(f"{how} {target.db_table} {to} ON {to}.{target.pk.column} = {table}.{field.column}")
            joins[path] = to, target
        return joins[path]

    def column(path: str) -> tuple[str, Any]:
        before, _, name = path.rpartition("__")
        table, options = join(before)
        field = options.get_field(name)
        return f"{table}.{field.column}", field

    parts = [(model, "t0"), *((join(path)[1].model, join(path)[0]) for path in also)]
    links = [(("", *also).index(path.rpartition("__")[0]), column(path)[1]) for path in also]
    wanted, order = [column(key) for key in keys], ", ".join(column(name)[0] for name in ordered)
    sql = f"SELECT {', '.join(select_list(*part) for part in parts)} FROM {' '.join(source)}"  # noqa: S608  # names of models
    sql += f" WHERE {' AND '.join(f'{name} = %s' for name, _ in wanted)}" + (f" ORDER BY {order}" if order else "")
    return _Text(sql, [field for _, field in wanted], [each for each, _ in parts], links)


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
