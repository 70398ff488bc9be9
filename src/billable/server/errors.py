"""Why the server, or a command beside it, does not start."""

from __future__ import annotations

# Never the bare name: on the package index it belongs to another project.
INSTALL_EXTRA = """pip install "./billable[server]" beside a checkout, pip install ".[server]" inside one"""


class CannotStart(Exception):
    """Ends the program with one line that says what is wrong and what to do about it."""
