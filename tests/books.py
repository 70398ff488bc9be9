"""verify after every test, quickly: what verify asks the database is asked again word for word, and not built anew.

Most of the time that an audit takes goes into writing its statements, which are the same each time. So they are taken
down once per process. An audit whose statements find no row has nothing to say; one that finds rows is run in earnest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

from billable.audits import Audit, LedgerProblem, Scope
from billable.customers.services import get_customer
from billable.customers.subjects import Subject, family
from billable.verify import AUDITS

Statement = tuple[str, Any]

_statements: dict[tuple[Audit, Scope], list[Statement]] = {}


def problems(user: Subject | None = None) -> list[LedgerProblem]:
    """What verify would say about the rows of one customer's books, or of all."""
    scope = None if user is None else tuple(family(get_customer(user).pk).values_list("pk", flat=True))
    suspected = [audit for audit in AUDITS if any(_finds_rows(statement) for statement in _asked_by(audit, scope))]
    return [problem for audit in suspected for problem in audit(scope)]


def _asked_by(audit: Audit, scope: Scope) -> list[Statement]:
    if (audit, scope) not in _statements:
        taken: list[Statement] = []

        def take_down(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            taken.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(take_down):
            found = list(audit(scope))
        if found:
            # Statements that follow from what was found belong to this time only.
            return taken
        _statements[audit, scope] = taken
    return _statements[audit, scope]


def _finds_rows(statement: Statement) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        return cursor.fetchone() is not None
