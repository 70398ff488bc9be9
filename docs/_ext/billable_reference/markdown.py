"""From Python objects and their docstrings to Markdown."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

LINE = 96

Rows = Iterable[Sequence[str]]


def code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"


def label(kind: str, name: str) -> str:
    """The name that other pages link to: ``verb-check-quota``."""
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"


def target(kind: str, name: str) -> str:
    """The line that makes the next heading a target of links."""
    return f"({label(kind, name)})="


def table(head: Sequence[str], rows: Rows) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in line) + " |" for line in lines)


def cell(text: str) -> str:
    """Text that fits into one cell."""
    return " ".join(text.split()).replace("|", "\\|")


def docstring(thing: object) -> str:
    """The docstring of an object, as Markdown."""
    return prose(inspect.getdoc(thing) or "")


def prose(text: str) -> str:
    """Docstring text as Markdown; refusals after “Raises” become links."""
    text = re.sub(r":\w+:`([^`]+)`", r"``\1``", inspect.cleandoc(text))
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    return re.sub(r"\bRaises\b[^\n]*(?:\n(?!\n)[^\n]*)*", lambda match: _linked(match[0]), text)


def _linked(text: str) -> str:
    from billable_reference.refusals import refusals

    names = "|".join(refusal.__name__ for refusal in refusals())
    return re.sub(rf"\b({names})\b", lambda name: f"[{name[1]}](#{label('refusal', name[1])})", text)


def signature(name: str, function: Callable[..., Any]) -> str:
    """A signature as its author wrote it, on one line or one line per parameter."""
    described = inspect.signature(function)
    parts, keyword_only = [], False
    for parameter in described.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            parts.append("*")
        parts.append(_parameter(parameter))
    answer = f" -> {annotation(described.return_annotation)}"
    line = f"{name}({', '.join(parts)}){answer}"
    if len(line) <= LINE:
        return line
    return "\n".join((f"{name}(", *(f"    {part}," for part in parts), f"){answer}"))


def _parameter(parameter: inspect.Parameter) -> str:
    text = f"{parameter.name}: {annotation(parameter.annotation)}"
    return text if parameter.default is parameter.empty else f"{text} = {parameter.default!r}"


def annotation(given: object) -> str:
    """An annotation as text."""
    return given if isinstance(given, str) else getattr(given, "__name__", str(given))


def documented_assignments(module: ModuleType) -> dict[str, str]:
    """The names of a module that have a string below them, and the string."""
    found = {}
    body = ast.parse(inspect.getsource(module)).body
    for statement, following in pairwise(body):
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or not isinstance(following, ast.Expr):
            continue
        name = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        text = following.value.value if isinstance(following.value, ast.Constant) else None
        if isinstance(name, ast.Name) and isinstance(text, str):
            found[name.id] = text
    return found
