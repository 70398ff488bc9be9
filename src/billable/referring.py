"""The part of the front door that referrals stand behind; ``services`` has it in its table."""

from __future__ import annotations

from billable.aftermath import followed_by
from billable.bridge import in_thread
from billable.onboarding import Admit, opens_account
from billable.referrals import programmes as referral_programmes
from billable.referrals import sweep as rewards
from billable.referrals.read import ReferralStats, get_referral, list_referrals, referral_stats
from billable.referrals.refer import refer
from billable.referrals.reward import claim_bonus
from billable.referrals.sweep import ReferralSweep, settle_referrals

__all__ = ["ReferralService", "ReferralStats", "ReferralSweep"]

_refer = followed_by(opens_account(refer, Admit.ANYBODY, subjects=("referrer", "referee")), rewards.reward_after_refer)


class ReferralService:
    """Who brought whom, and what both get for it."""

    create_programme = staticmethod(referral_programmes.create_programme)
    acreate_programme = staticmethod(in_thread(referral_programmes.create_programme))

    update_programme = staticmethod(referral_programmes.update_programme)
    aupdate_programme = staticmethod(in_thread(referral_programmes.update_programme))

    get_programme = staticmethod(referral_programmes.get_programme)
    aget_programme = staticmethod(in_thread(referral_programmes.get_programme))

    list_programmes = staticmethod(referral_programmes.list_programmes)
    alist_programmes = staticmethod(in_thread(referral_programmes.list_programmes))

    refer = staticmethod(_refer)
    arefer = staticmethod(in_thread(_refer))

    claim_bonus = staticmethod(claim_bonus)
    aclaim_bonus = staticmethod(in_thread(claim_bonus))

    settle_referrals = staticmethod(settle_referrals)
    asettle_referrals = staticmethod(in_thread(settle_referrals))

    get_referral = staticmethod(get_referral)
    aget_referral = staticmethod(in_thread(get_referral))

    list_referrals = staticmethod(list_referrals)
    alist_referrals = staticmethod(in_thread(list_referrals))

    referral_stats = staticmethod(referral_stats)
    areferral_stats = staticmethod(in_thread(referral_stats))
