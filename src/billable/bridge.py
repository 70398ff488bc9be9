"""The async twin of a verb.

Verbs are synchronous, because that is where transactions and locks work. A twin is a real ``async def`` with the
verb's signature that runs it in one thread-sensitive hop. Twins run in a transaction of their own; outside a
request they run one after another.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(verb: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The async twin of ``verb``."""

    @functools.wraps(verb)
    async def twin(*args: P.args, **kwargs: P.kwargs) -> T:
        return await sync_to_async(_on_live_connections, thread_sensitive=True)(verb, *args, **kwargs)

    twin.__name__ = twin.__qualname__ = f"a{verb.__name__}"
    return twin


def _on_live_connections(verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    # Django checks connections at the start and the end of a request. A bot has no requests: without this, one
    # dropped connection would fail every later call of the process, whatever CONN_MAX_AGE says.
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
            connection.close()
    return verb(*args, **kwargs)
