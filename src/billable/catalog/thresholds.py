"""Thresholds of use: ``80%`` is so much of what was granted used, ``10 left`` so many units not used yet. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from billable.errors import Invalid

MAX_THRESHOLDS = 10
MAX_LEFT = 10**12

_SHAPE = re.compile(r"(?P<percent>[0-9]{1,3}) ?%|(?P<left>[0-9]{1,13}) left", re.ASCII)


@dataclass(frozen=True)
class Threshold:
    """One point that use may cross: ``percent`` of what was granted is used, or ``left`` units are not."""

    percent: int | None = None
    left: int | None = None

    @classmethod
    def parse(cls, value: object, field: str = "alerts") -> Threshold:
        """Read text such as ``"80%"`` or ``"10 left"``. Raises Invalid."""
        match = _SHAPE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise Invalid(field=field, problem="must be thresholds such as '80%' or '10 left'")
        if match["percent"] is not None:
            if not 1 <= int(match["percent"]) <= 100:
                raise Invalid(field=field, problem="must be percentages from 1 to 100")
            return cls(percent=int(match["percent"]))
        if int(match["left"]) > MAX_LEFT:
            raise Invalid(field=field, problem=f"must be at most {MAX_LEFT} units")
        return cls(left=int(match["left"]))

    def is_reached(self, used: int, granted: int) -> bool:
        """Whether so much of what was granted is at it or past it."""
        if self.percent is not None:
            return used * 100 >= self.percent * granted
        return granted - used <= (self.left or 0)

    def __str__(self) -> str:
        return f"{self.left} left" if self.percent is None else f"{self.percent}%"


def written(values: object, field: str = "alerts") -> str:
    """Thresholds as a row keeps them, each once, in the order given: ``80%, 10 left``. Raises Invalid."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise Invalid(field=field, problem="must be a list of thresholds such as ['80%', '10 left']")
    thresholds = dict.fromkeys(Threshold.parse(value, field) for value in values)
    if len(thresholds) > MAX_THRESHOLDS:
        raise Invalid(field=field, problem=f"must be at most {MAX_THRESHOLDS} thresholds")
    return ", ".join(map(str, thresholds))


def read(text: str) -> tuple[Threshold, ...]:
    """What ``written`` wrote."""
    return tuple(Threshold.parse(part) for part in text.split(", ")) if text else ()
