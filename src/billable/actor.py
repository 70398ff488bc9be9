"""Who acts: the name that every receipt and ledger entry carries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

DEFAULT_ACTOR = "python"
ACTOR_MAX_LENGTH = 100

_actor: ContextVar[str] = ContextVar("billable_actor", default=DEFAULT_ACTOR)


def current_actor() -> str:
    """The actor in force: ``user:7``, ``api:root``, ``command:billable_tick``, or ``python``."""
    return _actor.get()


@contextmanager
def acting_as(actor: str) -> Iterator[None]:
    """Name the actor of every write made inside the block. Names past 100 characters are cut."""
    token = _actor.set(actor[:ACTOR_MAX_LENGTH])
    try:
        yield
    finally:
        _actor.reset(token)
