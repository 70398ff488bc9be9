"""Why the server does not start."""

from __future__ import annotations


class CannotStart(Exception):
    """Ends the program with one line that says what is wrong and what to do about it."""
