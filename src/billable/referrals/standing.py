"""Where a referral stands, and what may be done about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from billable.referrals.kinds import ReferralStatus


class Step(str, Enum):
    """What a referral is due for."""

    NOTHING = "nothing"
    REWARD = "reward"
    TAKE_BACK = "take_back"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of a referral. ``due_at`` None: nothing earned the reward yet.

    ``undone``: the order that earned it was refunded whole, or a dispute about it was lost; ``disputed``: one is open.
    ``one_person``: referrer and referee were merged since.
    """

    status: ReferralStatus
    due_at: datetime | None
    now: datetime
    undone: bool = False
    disputed: bool = False
    one_person: bool = False


@dataclass(frozen=True)
class Verdict:
    """The step that is due, or why none is."""

    step: Step
    reason: str = ""


GIVEN = (ReferralStatus.REWARDED, ReferralStatus.CAPPED)


def judge(case: Case) -> Verdict:
    """What a referral is due for now.

    Reasons for nothing: ``given``, ``taken_back``, ``not_earned``, ``one_person``, ``disputed``, ``on_hold``.
    """
    if case.status is ReferralStatus.TAKEN_BACK:
        return Verdict(Step.NOTHING, "taken_back")
    if case.due_at is None:
        return Verdict(Step.NOTHING, "one_person" if case.one_person else "not_earned")
    if case.undone:
        return Verdict(Step.TAKE_BACK, "taken_back")
    if case.status in GIVEN:
        return Verdict(Step.NOTHING, "given")
    if case.one_person:
        return Verdict(Step.NOTHING, "one_person")
    if case.disputed:
        return Verdict(Step.NOTHING, "disputed")
    if case.now < case.due_at:
        return Verdict(Step.NOTHING, "on_hold")
    return Verdict(Step.REWARD)
