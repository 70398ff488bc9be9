"""What helps to test a project: everything that billable.testing exports, and the fixtures of its plugin."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from billable_reference.markdown import code, docstring, prose, signature, table, target


def exported() -> dict[str, Any]:
    """What can be imported from billable.testing, by name."""
    from billable import testing

    return {name: getattr(testing, name) for name in testing.__all__}


def fixtures() -> Iterator[tuple[str, str]]:
    """The fixtures of the plugin and what they are. Read, not imported: the docs are built without pytest."""
    from billable import testing

    plugin = ast.parse(Path(testing.__file__).with_name("plugin.py").read_text(encoding="utf-8"))
    for node in plugin.body:
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            yield node.name, ast.get_docstring(node) or ""


def render() -> str:
    """The fixtures, then a heading per name."""
    rows = [(code(name), prose(said)) for name, said in fixtures()]
    parts = ["## Fixtures", table(("Fixture", "What it is"), rows)]
    return "\n\n".join([*parts, *(_entry(name, each) for name, each in exported().items())])


def _entry(name: str, each: Any) -> str:
    shown = signature(name, each)
    parts = [target("testing", name), f"## {name}", f"```python\n{shown}\n```", docstring(each)]
    if inspect.isclass(each):
        rows = [
            (code(member), docstring(getattr(value, "fget", None) or value))
            for member, value in vars(each).items()
            if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property))
        ]
        parts += [table(("Member", "What it does"), rows)] if rows else []
    return "\n\n".join(parts)
