"""The closed vocabularies of the refunds room. Pure."""

from __future__ import annotations

from enum import Enum

# A refund that a lost dispute made is called so, and by the id of the dispute.
REFUND_ID_PREFIX = "dispute:"


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
