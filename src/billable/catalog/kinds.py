"""The closed vocabularies of the catalogue. Pure."""

from __future__ import annotations

from enum import Enum


class ValueType(str, Enum):
    """What a static feature reads: a flag is true or false, a limit a whole number. A metered one is consumed."""

    METERED = ""
    FLAG = "flag"
    LIMIT = "limit"
    TEXT = "text"

    @classmethod
    def of(cls, value: object) -> ValueType:
        """The type that a line's value has; without one the line gives units."""
        if value is None:
            return cls.METERED
        if isinstance(value, bool):
            return cls.FLAG
        return cls.LIMIT if isinstance(value, int) else cls.TEXT


class Overdraft(str, Enum):
    """What consuming beyond what is there does: it is refused, allowed down to a limit, or only recorded."""

    REFUSE = "refuse"
    ALLOW = "allow"
    RECORD = "record"
