"""The part of the front door that trials and subscriptions stand behind; ``services`` has it in its table."""

from __future__ import annotations

from billable.aftermath import followed_by
from billable.bridge import in_thread
from billable.invoices import steps as documents
from billable.onboarding import Admit, opens_account
from billable.plans import change as changes
from billable.plans.deal import FeatureChange
from billable.plans.preview import PlanPreview, preview_change
from billable.plans.undo import undo_change
from billable.renewals import cancel as cancellations
from billable.renewals import pause as pauses
from billable.renewals import renew
from billable.renewals.renew import RenewalFailure, RenewalSweep
from billable.subscriptions import cancel as reprieves
from billable.subscriptions import dates
from billable.subscriptions import pause as resumptions
from billable.subscriptions import read as subscriptions
from billable.subscriptions.settle import SubscriptionSweep, settle_subscriptions
from billable.trials.services import TrialEligibility, start_trial, trial_eligibility

__all__ = [
    "FeatureChange",
    "PlanPreview",
    "RenewalFailure",
    "RenewalSweep",
    "SubscriptionService",
    "SubscriptionSweep",
    "TrialEligibility",
    "TrialService",
]

_start_trial = opens_account(start_trial, Admit.ANYBODY)
# A renewal or a change that credit pays whole is paid at once.
_change_plan = followed_by(changes.change_plan, documents.receipt_after_change)
_change_seats = followed_by(changes.change_seats, documents.receipt_after_change)
_renew_subscription = followed_by(renew.renew_subscription, documents.receipt_after_order)


class TrialService:
    """Trials, once per person."""

    start_trial = staticmethod(_start_trial)
    astart_trial = staticmethod(in_thread(_start_trial))

    trial_eligibility = staticmethod(trial_eligibility)
    atrial_eligibility = staticmethod(in_thread(trial_eligibility))


class SubscriptionService:
    """What is paid for again and again. It begins with an order, or with a trial."""

    get_subscription = staticmethod(subscriptions.get_subscription)
    aget_subscription = staticmethod(in_thread(subscriptions.get_subscription))

    list_subscriptions = staticmethod(subscriptions.list_subscriptions)
    alist_subscriptions = staticmethod(in_thread(subscriptions.list_subscriptions))

    renew_subscription = staticmethod(_renew_subscription)
    arenew_subscription = staticmethod(in_thread(_renew_subscription))

    make_renewals = staticmethod(renew.make_renewals)
    amake_renewals = staticmethod(in_thread(renew.make_renewals))

    cancel_subscription = staticmethod(cancellations.cancel_subscription)
    acancel_subscription = staticmethod(in_thread(cancellations.cancel_subscription))

    undo_cancel = staticmethod(reprieves.undo_cancel)
    aundo_cancel = staticmethod(in_thread(reprieves.undo_cancel))

    pause_subscription = staticmethod(pauses.pause_subscription)
    apause_subscription = staticmethod(in_thread(pauses.pause_subscription))

    resume_subscription = staticmethod(resumptions.resume_subscription)
    aresume_subscription = staticmethod(in_thread(resumptions.resume_subscription))

    extend_access = staticmethod(dates.extend_access)
    aextend_access = staticmethod(in_thread(dates.extend_access))

    move_billing_date = staticmethod(dates.move_billing_date)
    amove_billing_date = staticmethod(in_thread(dates.move_billing_date))

    preview_change = staticmethod(preview_change)
    apreview_change = staticmethod(in_thread(preview_change))

    change_plan = staticmethod(_change_plan)
    achange_plan = staticmethod(in_thread(_change_plan))

    change_seats = staticmethod(_change_seats)
    achange_seats = staticmethod(in_thread(_change_seats))

    undo_change = staticmethod(undo_change)
    aundo_change = staticmethod(in_thread(undo_change))

    settle_subscriptions = staticmethod(settle_subscriptions)
    asettle_subscriptions = staticmethod(in_thread(settle_subscriptions))
