"""Which events were sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

from django.db.models import Model

from billable.signals import EVENTS
from billable.testing.hooks import run_commit_hooks


@dataclass(frozen=True)
class Event:
    """An event that was sent: its name, such as ``order.paid``, and the row that it is about."""

    name: str
    row: Model


class Events(list[Event]):
    """What was sent, in order."""

    @property
    def names(self) -> list[str]:
        """The names of all, in order."""
        return [event.name for event in self]

    def rows(self, name: str) -> list[Any]:
        """The rows that events of one name were about, in order."""
        return [event.row for event in self if event.name == name]


@contextmanager
def capture_events(*names: str) -> Iterator[Events]:
    """Take down the events that are sent during a block, all or those of some names, and run what waits for a commit.

    Inside a ``TestCase`` they are there once the block has ended, because nothing is sent before a commit. Raises
    ValueError for an event that does not exist.
    """
    with listen(*names) as sent, run_commit_hooks():
        yield sent


@contextmanager
def listen(*names: str) -> Iterator[Events]:
    """The same, but nothing is run that waits for a commit."""
    for name in names:
        _refuse_unknown(name)
    sent = Events()
    receivers = {name: partial(_take_down, sent, name) for name in names or EVENTS}
    for name, receiver in receivers.items():
        EVENTS[name].connect(receiver, weak=False)
    try:
        yield sent
    finally:
        for name, receiver in receivers.items():
            EVENTS[name].disconnect(receiver)


def _refuse_unknown(name: str) -> None:
    if name in EVENTS:
        return
    near = get_close_matches(name, EVENTS, n=1)
    raise ValueError(f"there is no event {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))


def _take_down(sent: Events, name: str, *, signal: object, sender: object, **payload: Model) -> None:
    (row,) = payload.values()
    sent.append(Event(name, row))


@contextmanager
def assert_signal_sent(name: str, *, times: int | None = None) -> Iterator[Events]:
    """Fail unless an event such as ``order.paid`` is sent during the block: at least once, or just so many times."""
    _refuse_unknown(name)
    with capture_events() as sent:
        yield sent
    count = len(sent.rows(name))
    if (count == 0) if times is None else (count != times):
        wanted = "at least once" if times is None else f"{times} times"
        raise AssertionError(f"{name} was sent {count} times, expected {wanted}; sent: {sent.names}")
