"""What follows a verb, after its commit: receipts, rewards. Above the rooms, because it leads from one to others.

A step is a transaction of its own, and idempotent. One that fails is logged and changes nothing about the verb, which
has happened: the next sweep does what was missed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import transaction

from billable.db.units import write_alias

P = ParamSpec("P")
T = TypeVar("T")


def followed_by(verb: Callable[P, T], *steps: Callable[[T], object]) -> Callable[P, T]:
    """The same verb; after the commit of its transaction, or of the caller's, each step is called with its answer."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        answer = verb(*args, **kwargs)
        for step in steps:
            transaction.on_commit(_bound(step, answer), using=write_alias(), robust=True)
        return answer

    return run


def _bound(step: Callable[[T], object], answer: T) -> Callable[[], None]:
    """The step with its argument, under its own name: Django logs a failure by ``__qualname__``, a partial has none."""

    @functools.wraps(step)
    def call() -> None:
        step(answer)

    return call
