"""The reference, written by the code itself.

A page of ``docs/reference`` has a line ``<!-- generated: verbs -->``. While Sphinx reads the page, the line is replaced
by what :func:`render` says about the package as it is installed. Nothing is written to disk, so nothing can go stale.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

PARTS = ("verbs", "answers", "refusals", "settings", "checks", "signals", "commands", "rest", "tables", "testing")
MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


def render(part: str) -> str:
    """The Markdown of one part."""
    if part not in PARTS:
        raise ValueError(f"there is no part {part!r} of the reference")
    import_module("billable_reference.project").start()
    text: str = import_module(f"billable_reference.{part}").render()
    return text


def fill(app: Any, page: str, source: list[str]) -> None:
    """Replace the marks of a page; a handler of Sphinx's source-read."""
    source[0] = MARK.sub(lambda mark: render(mark[1]), source[0])


def outdated(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Read the generated pages in every build: they change when the code does, not when they do."""
    return [page for page in env.found_docs if page.startswith("reference/")]


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", fill)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
