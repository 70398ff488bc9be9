"""System checks: the docstrings of ``billable.checks``."""

from __future__ import annotations

import inspect

from billable_reference.markdown import code, docstring, table


def render() -> str:
    """A row per check."""
    from billable import checks

    rows = []
    for name, check in vars(checks).items():
        if name.startswith("check_") and inspect.getmodule(check) is checks:
            number, _, text = docstring(check).partition(":")
            number, _, note = number.partition(" ")
            when = "`check --deploy`" if "--deploy" in note else _when(check)
            level = "error" if number.startswith("E") else "warning"
            rows.append((code(f"billable.{number}"), level, when, _sentence(text)))
    return table(("Id", "Level", "When", "What it finds"), sorted(rows))


def _when(check: object) -> str:
    return "`check --database default`, `migrate`" if "database" in getattr(check, "tags", ()) else "`check`"


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:]
