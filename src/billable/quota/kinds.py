"""The closed vocabularies of the quota room. Pure."""

from __future__ import annotations

from enum import Enum


class GrantSource(str, Enum):
    """What made a grant."""

    ORDER = "order"
    TRIAL = "trial"
    DEFAULT = "default"
    MANUAL = "manual"
    EXCHANGE = "exchange"
    REFERRAL = "referral"
    TRANSFER = "transfer"
    DISPUTE = "dispute"
    ALLOWANCE = "allowance"
    ROLLOVER = "rollover"
    ROLL_OUT = "roll_out"


OF_ALLOWANCES = (GrantSource.ALLOWANCE.value, GrantSource.ROLLOVER.value)
"""What an allowance gives: the units of a period, and those that a period left unused."""


class GrantEnd(str, Enum):
    """How a grant ended for good."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    TRANSFERRED = "transferred"
    REPLACED = "replaced"
    CHANGED = "changed"


OVER_BY_TIME = ("", GrantEnd.EXPIRED.value)
"""How a grant stands whose time alone may have ended it: not written down yet, or written."""


class HoldEnd(str, Enum):
    """How a hold was closed."""

    CAPTURED = "captured"
    RELEASED = "released"
    LAPSED = "lapsed"


class EntryKind(str, Enum):
    """What a ledger entry records."""

    GRANT = "grant"
    CONSUME = "consume"
    REVERSE = "reverse"
    EXPIRE = "expire"
    ROLLOVER = "rollover"
    REVOKE = "revoke"
    REFUND = "refund"
    DISPUTE = "dispute"
    TRANSFER = "transfer"
    CHANGE = "change"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    REPAY = "repay"


class AdjustmentKind(str, Enum):
    """What an adjustment did."""

    REVERSE = "reverse"
    REVOKE = "revoke"
    EXTEND = "extend"


class CauseType(str, Enum):
    """What kind of receipt a ledger entry hangs from."""

    GRANT = "grant"
    USAGE = "usage"
    ADJUSTMENT = "adjustment"
    HOLD = "hold"
    ORDER = "order"
    TRIAL = "trial"
    REFUND = "refund"
    DISPUTE = "dispute"
    EXCHANGE = "exchange"
    REFERRAL = "referral"
    MERGE = "merge"
    ALLOWANCE = "allowance"
    DEBT = "debt"
    ROLL_OUT = "roll_out"
    CHANGE = "change"


class RollOutPolicy(str, Enum):
    """When a change of a product reaches those who hold it: with the next period of what recurs, or also at once."""

    NEXT_PERIOD = "next_period"
    NOW = "now"


class RollOutKind(str, Enum):
    """What a roll-out changed: the terms of an allowance, the units of a grant, its cap or value; or a line is new."""

    TERMS = "terms"
    UNITS = "units"
    CAP = "cap"
    VALUE = "value"
    LINE = "line"
