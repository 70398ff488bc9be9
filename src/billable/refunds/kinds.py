"""The closed vocabularies of the refunds room. Pure."""

from __future__ import annotations

from enum import Enum


class DisputeStatus(str, Enum):
    """Where a dispute stands."""

    DISPUTED = "disputed"
    WON = "won"
    LOST = "lost"


class RefundPolicy(str, Enum):
    """How much of what was paid for an item goes back."""

    FULL = "full"
    UNUSED_ONLY = "unused_only"
    PRO_RATA_TIME = "pro_rata_time"


class RefundOrigin(str, Enum):
    """Who started a refund."""

    MERCHANT = "merchant"
    PROVIDER = "provider"
    DISPUTE = "dispute"
