"""The closed vocabularies of the changes room. Pure."""

from __future__ import annotations

from enum import Enum


class MoneyPolicy(str, Enum):
    """What a change in the middle of a period does about money."""

    PRO_RATA_SECONDS = "pro_rata_seconds"
    NONE = "none"


class UnitPolicy(str, Enum):
    """What a change in the middle of a period does about units."""

    CARRY_USAGE = "carry_usage"
    REGRANT = "regrant"
    CARRY_BALANCE = "carry_balance"
    PRO_RATA_UNITS = "pro_rata_units"
