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


class GrantEnd(str, Enum):
    """How a grant ended for good."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    TRANSFERRED = "transferred"
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
    REVOKE = "revoke"
    REFUND = "refund"
    DISPUTE = "dispute"
    TRANSFER = "transfer"
    CHANGE = "change"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"


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
    CHANGE = "change"
