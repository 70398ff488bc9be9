"""judge: what a referral is due for."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from billable.referrals.audit import in_rings
from billable.referrals.kinds import ReferralStatus
from billable.referrals.standing import Case, Step, judge

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
LATER = NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("case", "step", "reason"),
    [
        ({"status": "pending", "due_at": None}, "nothing", "not_earned"),
        ({"status": "pending", "due_at": None, "one_person": True}, "nothing", "one_person"),
        ({"status": "qualified"}, "reward", ""),
        ({"status": "qualified", "due_at": LATER}, "nothing", "on_hold"),
        ({"status": "qualified", "disputed": True}, "nothing", "disputed"),
        ({"status": "qualified", "one_person": True}, "nothing", "one_person"),
        ({"status": "qualified", "undone": True, "due_at": LATER}, "take_back", "taken_back"),
        ({"status": "rewarded"}, "nothing", "given"),
        ({"status": "capped", "disputed": True}, "nothing", "given"),
        ({"status": "rewarded", "undone": True, "one_person": True}, "take_back", "taken_back"),
        ({"status": "capped", "undone": True}, "take_back", "taken_back"),
        ({"status": "taken_back", "undone": True}, "nothing", "taken_back"),
    ],
)
def test_each_case_has_its_step(case, step, reason):
    facts = {"due_at": NOW, "now": NOW, **case, "status": ReferralStatus(case["status"])}
    verdict = judge(Case(**facts))
    assert (verdict.step, verdict.reason) == (Step(step), reason)


def test_rings_are_found_wherever_they_hang():
    assert in_rings({"a": "b", "b": "c", "x": "y"}) == set()
    assert in_rings({"a": "b", "b": "a", "c": "a", "d": "c"}) == {"a", "b"}
    assert in_rings({"a": "b", "b": "c", "c": "d", "d": "b", "e": "f", "f": "e"}) == {"b", "c", "d", "e", "f"}
