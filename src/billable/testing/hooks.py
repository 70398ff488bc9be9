"""What waits for a commit, run in a test that never commits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from billable.db.units import write_alias

logger = logging.getLogger("billable.testing")


@contextmanager
def run_commit_hooks(using: str | None = None) -> Iterator[None]:
    """A block after which what waits for the commit has run: signals, receipts, rewards, and hooks of your own.

    ``using`` is the alias of a database (None: the one that billable writes to). Blocks may be nested: each runs what
    was asked for inside it, once. Where the test commits by itself, the hooks have run already. When the block raises,
    nothing is run.
    """
    connection = connections[using or write_alias()]
    start = len(connection.run_on_commit)
    yield
    hooks: list[tuple[Any, ...]] = connection.run_on_commit
    while len(hooks) > start:
        _, hook, robust = hooks.pop(start)
        _run(hook, robust)


def _run(hook: Any, robust: bool) -> None:
    if not robust:
        hook()
        return
    try:
        hook()
    except Exception:
        # As after a real commit: it was asked for as something that may fail.
        logger.exception("%s failed after the commit", getattr(hook, "__qualname__", hook))
