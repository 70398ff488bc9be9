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
    plan = _plan(connection, tuple(shape))
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        raw = cursor.fetchall()
    seen: list[dict[Any, Any]] = [{} for _ in plan]
    for row in raw:
        yield tuple(step.read(row, known, connection) for step, known in zip(plan, seen, strict=True))


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


@dataclass(frozen=True)
class _Step:
    """How a part of a row is read: its columns from ``start`` on, those that the ORM would convert, and how.

    ``key`` is the column that is NULL where a join found nothing; a single value has none.
    """

    part: Part
    start: int
    names: Sequence[str]
    key: int | None
    conversions: Sequence[tuple[int, Any, Sequence[Callable[..., Any]]]]

    def read(self, row: Sequence[Any], known: dict[Any, Any], connection: Any) -> Any:
        if self.key is None:
            value = row[self.start]
            for _, column, chain in self.conversions:
                for convert in chain:
                    value = convert(value, column, connection)
            return value
        key = row[self.key]
        if key is None or key in known:
            return known.get(key)
        values = list(row[self.start : self.start + len(self.names)])
        for place, column, chain in self.conversions:
            for convert in chain:
                values[place] = convert(values[place], column, connection)
        known[key] = self.part.from_db(connection.alias, self.names, values)  # type: ignore[union-attr]  # a model: it has a key
        return known[key]


def _plan(connection: Any, shape: tuple[Part, ...]) -> Sequence[_Step]:
    """How rows of a shape are read: the same for each, so a connection keeps it."""
    kept: dict[tuple[Part, ...], Sequence[_Step]] = vars(connection).setdefault("_billable_plans", {})
    if shape not in kept:
        steps, start = [], 0
        for part in shape:
            fields = [part] if isinstance(part, models.Field) else part._meta.concrete_fields
            key = None if isinstance(part, models.Field) else start + fields.index(part._meta.pk)
            names = [field.attname for field in fields]
            steps.append(_Step(part, start, names, key, list(_conversions(connection, fields))))
            start += len(fields)
        kept[shape] = steps
    return kept[shape]


def _conversions(
    connection: Any, fields: Sequence[models.Field[Any, Any]]
) -> Iterator[tuple[int, Any, Sequence[Callable[..., Any]]]]:
    """Which values the ORM would convert, and how."""
    for place, field in enumerate(fields):
        column = field.get_col(field.model._meta.db_table)
        if chain := [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]:
            yield place, column, chain
