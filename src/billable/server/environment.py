"""Reading environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterable


def listed(name: str) -> list[str]:
    """The comma-separated parts of a variable."""
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def collected(prefix: str, names: Iterable[str]) -> dict[str, str]:
    """What the variables of a prefix say, such as ``name`` for ``PREFIX_NAME``; those that say nothing are left out.

    ``\\n`` in a text begins a line: in many files of variables no text has more than one.
    """
    said = {name: os.environ.get(f"{prefix}_{name.upper()}", "").strip() for name in names}
    return {name: text.replace("\\n", "\n") for name, text in said.items() if text}


def switched(name: str, *, default: bool) -> bool:
    """Whether a variable is on; ``default`` where it is not set."""
    value = os.environ.get(name, "").strip().lower()
    return value in ("1", "true", "yes", "on") if value else default
