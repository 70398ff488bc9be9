"""What an audit of the books is made of, and what it answers with.

An audit is one statement about rows, so that writers at work cannot make it see half of what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat, Replace, Substr

from billable.db.units import write_alias


@dataclass(frozen=True, kw_only=True)
class LedgerProblem:
    """One row that does not agree with the rest of the books."""

    table: str
    id: str
    problem: str

    def __str__(self) -> str:
        return f"{self.table} {self.id}: {self.problem}"


@dataclass(frozen=True, kw_only=True)
class LedgerReport:
    """What verify found and how many rows it read; true when nothing is wrong."""

    problems: tuple[LedgerProblem, ...]
    customers: int
    grants: int
    entries: int

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok


Scope = tuple[UUID, ...] | None
"""The customers whose books are audited: one family; None is everybody."""

Audit = Callable[[Scope], Iterable[LedgerProblem]]

Rows = QuerySet[Any]


def every(model: type[Model]) -> Rows:
    """All rows of a table, in no order, from the database that is written to."""
    rows: Rows = model._base_manager.using(write_alias())
    return rows.order_by()


def within(rows: Rows, scope: Scope, column: str = "customer") -> Rows:
    """The rows of the scope."""
    return rows if scope is None else rows.filter(**{f"{column}__in": scope})


def breaking(rows: Rows, *rules: Q | Exists) -> Rows:
    """The rows for which not all the rules hold. A rule that comes out NULL does not hold."""
    is_right = Case(When(Q(*rules), then=True), default=False, output_field=BooleanField())
    wrong: Rows = rows.annotate(is_right=is_right).filter(is_right=False)
    return wrong


def named(rows: Rows, problem: str) -> Iterator[LedgerProblem]:
    """A problem for each row; in its text ``{0}`` is the row."""
    for row in rows.iterator():
        yield blame(row, problem.format(row))


def blame(row: Model, problem: str) -> LedgerProblem:
    """The problem of one row. An entry is named by its customer and number, any other row by its key."""
    key = row if row._meta.model_name == "ledgerentry" else row.pk
    return LedgerProblem(table=row._meta.db_table, id=str(key), problem=problem)


def dangling(model: type[Model], scope: Scope) -> Iterator[LedgerProblem]:
    """The rows whose foreign keys, where the database does not check them, lead nowhere."""
    for field in model._meta.concrete_fields:
        target = field.related_model
        if not target or getattr(field, "db_constraint", True) or target._meta.app_label != model._meta.app_label:
            continue
        rows = within(every(model), scope).filter(**{f"{field.attname}__isnull": False})
        lost = rows.filter(~Exists(every(target).filter(pk=OuterRef(field.attname))))
        yield from named(lost, f"its {field.name} does not exist")


def total(rows: Rows, by: str, column: str) -> Coalesce:
    """The sum of a column over the rows of a subquery, which all have the same ``by``."""
    return Coalesce(Subquery(rows.values(by).annotate(value=Sum(column)).values("value")), 0)


def count(rows: Rows, by: str) -> Coalesce:
    """How many rows a subquery has, which all have the same ``by``."""
    return Coalesce(Subquery(rows.values(by).annotate(value=Count("pk")).values("value")), 0)


def as_text(column: str | Combinable) -> Concat:
    """A UUID column as Python writes it, on every database: some store it without the dashes."""
    digits = Replace(Cast(F(column) if isinstance(column, str) else column, CharField(max_length=36)), Value("-"))
    parts = [Substr(digits, start, length) for start, length in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))]
    dash = Value("-")
    return Concat(
        parts[0], dash, parts[1], dash, parts[2], dash, parts[3], dash, parts[4], output_field=CharField(max_length=36)
    )


def of_family(column: str = "customer", *, owner: str = "customer") -> Q:
    """In a subquery: the ``owner`` of its rows is the outer row's ``column`` customer, or another of its family."""
    head, own = OuterRef(f"{column}__merged_into"), OuterRef(column)
    # A join, not `IN (SELECT …)`: PostgreSQL 18.4 hashes such a subquery, copies the condition that it stands in to a
    # scan below the join, and then asks one of the two copies with the hash of an earlier outer row.
    return (
        Q(**{owner: own})
        | Q(**{owner: head})
        | Q(**{f"{owner}__merged_into": own})
        | Q(**{f"{owner}__merged_into": head})
    )
