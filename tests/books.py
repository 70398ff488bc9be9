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
_prepared: dict[tuple[int, Scope], str] = {}
"""The one statement of a scope by its name, where a connection to PostgreSQL (the process at its other end) has it."""


def problems(user: Subject | None = None) -> list[LedgerProblem]:
    """What verify would say about the rows of one customer's books, or of all."""
    scope = None if user is None else tuple(family(get_customer(user).pk).values_list("pk", flat=True))
    clear = _clear(scope)
    return [problem for audit in AUDITS if audit not in clear for problem in _asked(audit, scope)]


def _asked(audit: Audit, scope: Scope) -> list[LedgerProblem]:
    """What an audit says; its statements are kept, if they are those of clean books."""
    taken: list[Statement] = []

    def take_down(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        taken.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(take_down):
        found = list(audit(scope))
    if not found:
        # Statements that follow from what was found would belong to this time only.
        _statements[audit, scope] = taken
    return found


def _clear(scope: Scope) -> set[Audit]:
    """The audits whose statements are known, and find no row."""
    known = [audit for audit in AUDITS if (audit, scope) in _statements]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql" and len(known) == len(AUDITS):
            return _clear_at_once(cursor, scope)
        # The parser of SQLite has no room for all of them in one, and its driver keeps what it has parsed.
        return {audit for audit in known if not any(_finds_rows(cursor, each) for each in _statements[audit, scope])}


def _clear_at_once(cursor: Any, scope: Scope) -> set[Audit]:
    """The same in one statement, which is planned once per connection: planning took most of the time."""
    here = connection.connection.info.backend_pid, scope
    if here not in _prepared:
        asked = [_statements[audit, scope] for audit in AUDITS]
        # An audit that is of everybody's books alone asks nothing about one customer's.
        found = (" OR ".join(f"EXISTS ({sql})" for sql, _ in statements) or "FALSE" for statements in asked)
        params = [param for statements in asked for _, given in statements for param in given or ()]
        name = f"books_{len(_prepared)}"
        cursor.execute(f"PREPARE {name} AS SELECT {', '.join(found)}", params)
        _prepared[here] = name
    cursor.execute(f"EXECUTE {_prepared[here]}")
    return {audit for audit, found in zip(AUDITS, cursor.fetchone(), strict=True) if not found}


def _finds_rows(cursor: Any, statement: Statement) -> bool:
    cursor.execute(*statement)
    return cursor.fetchone() is not None
