"""The closed vocabularies of the referrals room. Pure."""

from __future__ import annotations

from enum import Enum


class ReferralTrigger(str, Enum):
    """What earns the reward."""

    ON_SIGNUP = "on_signup"
    ON_FIRST_PAYMENT = "on_first_payment"


class ReferralStatus(str, Enum):
    """Where a referral stands. ``pending → qualified → rewarded → taken_back``.

    ``capped``: the referrer had all the rewards that the programme gives one; only the referee got theirs.
    """

    PENDING = "pending"
    QUALIFIED = "qualified"
    REWARDED = "rewarded"
    CAPPED = "capped"
    TAKEN_BACK = "taken_back"
