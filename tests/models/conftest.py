"""Time and chance of the model tests: a clock that a test moves, and ids that come out the same again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from billable import clock as engine_clock
from billable import ids

START = datetime(2026, 1, 31, 10, 30, tzinfo=timezone.utc)


@dataclass
class Clock:
    """The only time that the engine knows, and the chance that its ids are made of."""

    now: datetime = START
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    rolls: int = 0

    def start(self, now: datetime, seed: int) -> None:
        """Begin again, so that the same acts bring the same rows."""
        self.now, self.chance, self.rolls = now, random.Random(seed), 0

    def dice(self, size: int) -> bytes:
        """Chance that grows: of two ids that are made at one instant, the later is the larger."""
        self.rolls += 1
        return self.rolls.to_bytes(size - 4, "big") + self.chance.randbytes(4)

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands still until it is moved; ids are made from it too."""
    own = Clock()
    monkeypatch.setattr(engine_clock, "now", lambda: own.now)
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: int(own.now.timestamp() * 1000) * 1_000_000))
    monkeypatch.setattr(ids, "os", SimpleNamespace(urandom=own.dice))
    return own
