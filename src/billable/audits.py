"""What an audit of the books answers with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet


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


Scope = UUID | None
"""The customer whose books are audited; None is everybody."""

Audit = Callable[[Scope], Iterable[LedgerProblem]]


def within(rows: QuerySet, scope: Scope, column: str = "customer") -> QuerySet:  # type: ignore[type-arg]  # of any model
    """The rows of the scope."""
    return rows if scope is None else rows.filter(**{column: scope})
