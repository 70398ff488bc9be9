"""On which terms a line gives units: how many, for how long, how often anew, how fast. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billable.catalog.periods import Period

DEFAULT_PRIORITY = 100


@dataclass(frozen=True, kw_only=True)
class Rollover:
    """Up to ``quantity`` units that a period leaves unused go on for ``periods`` periods."""

    quantity: int
    periods: int


@dataclass(frozen=True, kw_only=True)
class Cap:
    """At most ``quantity`` units in each ``period``."""

    quantity: int
    period: Period


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What one piece of a line gives, as the catalogue words it and as orders and allowances copy it.

    ``quantity`` None is unlimited, ``period`` None for ever. With ``reset`` the quantity comes anew each such period,
    and ``rollover`` says what of it goes on. ``value`` is what a static feature reads; such a line has no units.
    """

    quantity: int | None = None
    period: Period | None = None
    priority: int = DEFAULT_PRIORITY
    reset: Period | None = None
    rollover: Rollover | None = None
    cap: Cap | None = None
    value: Any = None

    def columns(self) -> dict[str, Any]:
        """The terms as the columns that every table of lines has."""
        return {
            "quantity": self.quantity,
            **span_columns("period", self.period),
            "priority": self.priority,
            **span_columns("reset", self.reset),
            "rollover_quantity": self.rollover.quantity if self.rollover else None,
            "rollover_periods": self.rollover.periods if self.rollover else None,
            "cap_quantity": self.cap.quantity if self.cap else None,
            **span_columns("cap_period", self.cap.period if self.cap else None),
            "value": self.value,
        }


def span_columns(name: str, span: Period | None) -> dict[str, Any]:
    """A period as the two columns that store it: ``{name}_count`` and ``{name}_unit``."""
    return {f"{name}_count": span.count if span else None, f"{name}_unit": span.unit.value if span else None}
