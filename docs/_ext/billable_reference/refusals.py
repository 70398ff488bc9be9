"""Refusals: the tree, and each with its code, HTTP status, message and data."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

from billable.errors import BillableError
from billable_reference.markdown import annotation, code, label, prose, table, target


def refusals(family: type[BillableError] = BillableError) -> Iterator[type[BillableError]]:
    """The whole tree, each family before its members."""
    yield family
    for member in family.__subclasses__():
        yield from refusals(member)


def status_of(refusal: type[BillableError]) -> int:
    """The HTTP status that the REST API answers it with."""
    from billable.api.errors import STATUSES

    return next(STATUSES[family] for family in refusal.__mro__ if family in STATUSES)


def render() -> str:
    """A table of all, then a heading each."""
    return "\n\n".join((_overview(), *map(_refusal, refusals())))


def _overview() -> str:
    rows = [(_indented(refusal), code(refusal.code), str(status_of(refusal))) for refusal in refusals()]
    return table(("Class", "Code", "HTTP status"), rows)


def _indented(refusal: type[BillableError]) -> str:
    name = refusal.__name__
    return f"{'&emsp;' * _depth(refusal)}[{name}](#{label('refusal', name)})"


def _depth(refusal: type[BillableError]) -> int:
    return sum(issubclass(base, BillableError) for base in refusal.__mro__) - 1


def _refusal(refusal: type[BillableError]) -> str:
    message, _, more = inspect.cleandoc(vars(refusal)["__doc__"] or "").partition("\n")
    parts = [
        target("refusal", refusal.__name__),
        f"## {refusal.__name__}",
        f"Code `{refusal.code}`, status {status_of(refusal)}. Message: `{message}`",
    ]
    if more.strip():
        parts.append(prose(more))
    if rows := [(code(field.name), code(annotation(field.type))) for field in dataclasses.fields(refusal)]:
        parts.append(table(("Data", "Type"), rows))
    return "\n\n".join(parts)
