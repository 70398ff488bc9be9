"""Reading environment variables."""

from __future__ import annotations

import os


def listed(name: str) -> list[str]:
    """The comma-separated parts of a variable."""
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def switched(name: str, *, default: bool) -> bool:
    """Whether a variable is on; ``default`` where it is not set."""
    value = os.environ.get(name, "").strip().lower()
    return value in ("1", "true", "yes", "on") if value else default
