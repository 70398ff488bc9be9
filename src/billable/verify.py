"""verify: the books prove themselves. Above the rooms, because every room audits its own."""

from __future__ import annotations

from billable.audits import LedgerProblem, LedgerReport, within
from billable.customers.audit import AUDITS as CUSTOMER_AUDITS
from billable.customers.models import Customer
from billable.customers.services import get_customer
from billable.customers.subjects import Subject, family
from billable.db import append_only
from billable.db.units import write_alias
from billable.exchanges.audit import AUDITS as EXCHANGE_AUDITS
from billable.invoices.audit import AUDITS as INVOICE_AUDITS
from billable.orders.audit import AUDITS as ORDER_AUDITS
from billable.orders.audit_charges import AUDITS as CHARGE_AUDITS
from billable.plans.audit import AUDITS as PLAN_AUDITS
from billable.promotions.audit import AUDITS as PROMOTION_AUDITS
from billable.quota.audit import AUDITS as QUOTA_AUDITS
from billable.quota.audit_allowances import AUDITS as ALLOWANCE_AUDITS
from billable.quota.audit_caps import AUDITS as CAP_AUDITS
from billable.quota.audit_debts import AUDITS as DEBT_AUDITS
from billable.quota.audit_holds import AUDITS as HOLD_AUDITS
from billable.quota.audit_lineage import AUDITS as LINEAGE_AUDITS
from billable.quota.audit_notices import AUDITS as NOTICE_AUDITS
from billable.quota.audit_roll_outs import AUDITS as ROLL_OUT_AUDITS
from billable.quota.audit_usages import AUDITS as USAGE_AUDITS
from billable.quota.models import Grant, LedgerEntry
from billable.referrals.audit import AUDITS as REFERRAL_AUDITS
from billable.refunds.audit import AUDITS as REFUND_AUDITS
from billable.refunds.audit_disputes import AUDITS as DISPUTE_AUDITS
from billable.renewals.audit import AUDITS as RENEWAL_AUDITS
from billable.subscriptions.audit import AUDITS as SUBSCRIPTION_AUDITS
from billable.trials.audit import AUDITS as TRIAL_AUDITS

AUDITS = (
    *(*QUOTA_AUDITS, *USAGE_AUDITS, *HOLD_AUDITS, *CAP_AUDITS, *DEBT_AUDITS, *LINEAGE_AUDITS, *ALLOWANCE_AUDITS),
    *(*ROLL_OUT_AUDITS, *ORDER_AUDITS, *CHARGE_AUDITS, *PROMOTION_AUDITS, *EXCHANGE_AUDITS, *REFUND_AUDITS),
    *(*DISPUTE_AUDITS, *TRIAL_AUDITS, *REFERRAL_AUDITS, *CUSTOMER_AUDITS, *INVOICE_AUDITS),
    *(*SUBSCRIPTION_AUDITS, *RENEWAL_AUDITS, *PLAN_AUDITS, *NOTICE_AUDITS),
)


def verify_ledger(user: Subject | None = None) -> LedgerReport:
    """Recompute the books of one customer, or of all, and name every row that does not agree.

    The books of a customer are those of the ones that it absorbed, too. Writes nothing. The report is true when
    everything agrees. Raises CustomerNotFound.
    """
    scope = None if user is None else tuple(family(get_customer(user).pk).values_list("pk", flat=True))
    problems = [problem for audit in AUDITS for problem in audit(scope)]
    alias = write_alias()
    problems += [
        LedgerProblem(table=table, id="-", problem="has no append-only triggers")
        for table in append_only.unprotected_tables(alias)
    ]
    return LedgerReport(
        problems=tuple(dict.fromkeys(problems)),
        customers=within(Customer.objects.using(alias), scope, "pk").count(),
        grants=within(Grant.objects.using(alias), scope).count(),
        entries=within(LedgerEntry.objects.using(alias), scope).count(),
    )
