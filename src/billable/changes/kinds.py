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


class ChangeKind(str, Enum):
    """What changes: the plan, with its seats, or seats that are added to a plan that goes on."""

    PLAN = "plan"
    SEATS = "seats"


class ChangeTime(str, Enum):
    """When a change takes effect."""

    NOW = "now"
    PERIOD_END = "period_end"


class ChangeStatus(str, Enum):
    """Where a change stands."""

    WAITING = "waiting"
    SCHEDULED = "scheduled"
    APPLIED = "applied"
    DROPPED = "dropped"
