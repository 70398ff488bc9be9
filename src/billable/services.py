"""The front door: what the product can do, as one table.

Each verb is synchronous and has an async twin beside it, named with an ``a`` in front. Who is meant comes first; the
rest is named. Answers are rows, or frozen values where they are computed. Refusals are :mod:`billable.errors`.
"""

from __future__ import annotations

from billable import merge, onboarding, privacy, sandbox, upkeep, verify
from billable.aftermath import followed_by
from billable.audits import LedgerProblem, LedgerReport
from billable.bridge import in_thread
from billable.catalog import features
from billable.catalog import services as catalog
from billable.catalog.lines import FeatureLine
from billable.catalog.periods import Period
from billable.customers import services as customers
from billable.customers.services import BillingDetails
from billable.customers.subjects import CustomerRef, Subject
from billable.exchanges import services as exchanges
from billable.invoices import steps as documents
from billable.invoices.issue import InvoiceSweep, issue_credit_note, issue_missing, issue_receipt
from billable.invoices.read import get_invoice, list_invoices
from billable.invoices.render import INVOICE_CONTENT_SECURITY_POLICY, render_invoice, render_invoice_pdf
from billable.linking import LinkConflict, LinkReport, link_identities
from billable.money import Money
from billable.onboarding import Admit, Identification, opens_account
from billable.orders import cancel, confirm, create, sell
from billable.orders.basket import OrderLine
from billable.orders.discount import PromotionCheck, check_promotion
from billable.orders.expire import OrderSweep, expire_orders
from billable.orders.read import get_order, list_orders, list_payments
from billable.orders.unapplied import apply_payment, return_payment
from billable.overview import CustomerState, customer_state
from billable.paging import Page
from billable.promotions import services as promotions
from billable.quota import alerts, allowances, capture, debts, hold, holds, reverse, revoke
from billable.quota.balances import Balance, balances
from billable.quota.caps import CapState
from billable.quota.check import GrantSummary, QuotaCheck, check
from billable.quota.consume import consume
from billable.quota.entitlements import Entitlement, entitlement_value, entitlements
from billable.quota.expire import Sweep, expire_grants
from billable.quota.expiring import Expiring, expiring_soon
from billable.quota.forecast import Forecast, forecast
from billable.quota.grant import grant_feature, grant_product
from billable.quota.history import history, list_grants
from billable.quota.holding import Holding, with_hold
from billable.quota.roll_out import RollOutReport, RollOutSkip, roll_out_product_change
from billable.referrals import sweep as rewards
from billable.referring import ReferralService, ReferralStats, ReferralSweep
from billable.refunds import dispute, resolve
from billable.refunds.asked import RefundLine
from billable.refunds.exchange import refund_exchange
from billable.refunds.quote import RefundGrantQuote, RefundItemQuote, RefundQuote, quote_refund
from billable.refunds.read import get_dispute, get_refund, list_disputes, list_refunds
from billable.refunds.refund import refund_order
from billable.refunds.slide import RefundSlide
from billable.sandbox import ClockAdvance, ClockStep
from billable.subscribing import (
    FeatureChange,
    PlanPreview,
    RenewalFailure,
    RenewalSweep,
    SubscriptionService,
    SubscriptionSweep,
    TrialEligibility,
    TrialService,
)
from billable.upkeep import UpkeepReport, UpkeepStep

__all__ = [
    "INVOICE_CONTENT_SECURITY_POLICY", "Balance", "BillingDetails", "CapState", "CatalogService", "ClockAdvance",
    "ClockStep", "CustomerRef", "CustomerService", "CustomerState", "Entitlement", "Expiring", "FeatureChange",
    "FeatureLine", "Forecast", "GrantSummary", "Holding", "Identification", "InvoiceService", "InvoiceSweep",
    "LedgerProblem", "LedgerReport", "LinkConflict", "LinkReport", "Money", "OrderLine", "OrderService", "OrderSweep",
    "Page", "Period", "PlanPreview", "PromotionCheck", "PromotionService", "QuotaCheck", "QuotaService",
    "ReferralService", "ReferralStats", "ReferralSweep", "RefundGrantQuote", "RefundItemQuote", "RefundLine",
    "RefundQuote", "RefundSlide", "RenewalFailure", "RenewalSweep", "RollOutReport", "RollOutSkip", "Subject",
    "SubscriptionService", "SubscriptionSweep", "Sweep", "TrialEligibility", "TrialService", "UpkeepReport",
    "UpkeepService", "UpkeepStep",
]  # fmt: skip

# An existing user becomes a customer at the first write that grants or sells; an unknown identity only at the verbs
# that open accounts. Consuming makes a customer only where default products give it something to consume.
_consume = opens_account(consume, Admit.USERS_WITH_DEFAULTS)
_hold_quota = opens_account(hold.hold_quota, Admit.USERS_WITH_DEFAULTS)
_grant_product = opens_account(grant_product, Admit.USERS)
_grant_feature = opens_account(grant_feature, Admit.USERS)
_link_identity = opens_account(customers.link_identity, Admit.USERS)
_set_billing_details = opens_account(customers.set_billing_details, Admit.USERS)
_exchange = opens_account(exchanges.exchange, Admit.USERS_WITH_DEFAULTS)
_open_and_create_order = opens_account(create.create_order, Admit.ANYBODY)
_open_and_record_sale = opens_account(sell.record_sale, Admit.ANYBODY)

# What follows a verb once it is committed.
_create_order = followed_by(_open_and_create_order, documents.receipt_after_order)
_confirm_payment = followed_by(confirm.confirm_payment, documents.receipt_after_payment, rewards.reward_after_payment)
_apply_payment = followed_by(apply_payment, documents.receipt_after_payment, rewards.reward_after_payment)
_record_sale = followed_by(_open_and_record_sale, documents.receipt_after_payment, rewards.reward_after_payment)
_refund_order = followed_by(refund_order, documents.note_after_refund, rewards.reward_after_refund)
_resolve_dispute = followed_by(
    resolve.resolve_dispute, documents.receipt_after_dispute, documents.note_after_dispute, rewards.reward_after_dispute
)


class CatalogService:
    """What is sold, for how much, and what the customer gets."""

    list_products = staticmethod(catalog.list_products)
    alist_products = staticmethod(in_thread(catalog.list_products))

    get_product = staticmethod(catalog.get_product)
    aget_product = staticmethod(in_thread(catalog.get_product))

    create_product = staticmethod(catalog.create_product)
    acreate_product = staticmethod(in_thread(catalog.create_product))

    update_product = staticmethod(catalog.update_product)
    aupdate_product = staticmethod(in_thread(catalog.update_product))

    deactivate_product = staticmethod(catalog.deactivate_product)
    adeactivate_product = staticmethod(in_thread(catalog.deactivate_product))

    offers_for = staticmethod(catalog.offers_for)
    aoffers_for = staticmethod(in_thread(catalog.offers_for))

    list_features = staticmethod(features.list_features)
    alist_features = staticmethod(in_thread(features.list_features))

    create_feature = staticmethod(features.create_feature)
    acreate_feature = staticmethod(in_thread(features.create_feature))

    update_feature = staticmethod(features.update_feature)
    aupdate_feature = staticmethod(in_thread(features.update_feature))

    set_cost = staticmethod(features.set_cost)
    aset_cost = staticmethod(in_thread(features.set_cost))


class CustomerService:
    """Who is billed, and by which names they are known."""

    identify = staticmethod(onboarding.identify)
    aidentify = staticmethod(in_thread(onboarding.identify))

    find_customer = staticmethod(customers.find_customer)
    afind_customer = staticmethod(in_thread(customers.find_customer))

    get_customer = staticmethod(customers.get_customer)
    aget_customer = staticmethod(in_thread(customers.get_customer))

    link_identity = staticmethod(_link_identity)
    alink_identity = staticmethod(in_thread(_link_identity))

    link_user = staticmethod(customers.link_user)
    alink_user = staticmethod(in_thread(customers.link_user))

    user_id_of = staticmethod(customers.user_id_of)
    auser_id_of = staticmethod(in_thread(customers.user_id_of))

    merge_customers = staticmethod(merge.merge_customers)
    amerge_customers = staticmethod(in_thread(merge.merge_customers))

    unmerge_customers = staticmethod(merge.unmerge_customers)
    aunmerge_customers = staticmethod(in_thread(merge.unmerge_customers))

    anonymize_customer = staticmethod(privacy.anonymize_customer)
    aanonymize_customer = staticmethod(in_thread(privacy.anonymize_customer))

    customer_state = staticmethod(customer_state)
    acustomer_state = staticmethod(in_thread(customer_state))

    link_identities = staticmethod(link_identities)
    alink_identities = staticmethod(in_thread(link_identities))

    advance_clock = staticmethod(sandbox.advance_clock)
    aadvance_clock = staticmethod(in_thread(sandbox.advance_clock))

    set_billing_details = staticmethod(_set_billing_details)
    aset_billing_details = staticmethod(in_thread(_set_billing_details))


class QuotaService:
    """What a customer may use, and what they used."""

    check_quota = staticmethod(check)
    acheck_quota = staticmethod(in_thread(check))

    consume_quota = staticmethod(_consume)
    aconsume_quota = staticmethod(in_thread(_consume))

    reverse_usage = staticmethod(reverse.reverse_usage)
    areverse_usage = staticmethod(in_thread(reverse.reverse_usage))

    hold_quota = staticmethod(_hold_quota)
    ahold_quota = staticmethod(in_thread(_hold_quota))

    capture_hold = staticmethod(capture.capture_hold)
    acapture_hold = staticmethod(in_thread(capture.capture_hold))

    release_hold = staticmethod(hold.release_hold)
    arelease_hold = staticmethod(in_thread(hold.release_hold))

    extend_hold = staticmethod(hold.extend_hold)
    aextend_hold = staticmethod(in_thread(hold.extend_hold))

    holding = staticmethod(with_hold(_hold_quota))

    get_hold = staticmethod(holds.get_hold)
    aget_hold = staticmethod(in_thread(holds.get_hold))

    list_holds = staticmethod(holds.list_holds)
    alist_holds = staticmethod(in_thread(holds.list_holds))

    roll_out_product_change = staticmethod(roll_out_product_change)
    aroll_out_product_change = staticmethod(in_thread(roll_out_product_change))

    list_debts = staticmethod(debts.list_debts)
    alist_debts = staticmethod(in_thread(debts.list_debts))

    balances = staticmethod(balances)
    abalances = staticmethod(in_thread(balances))

    entitlement_value = staticmethod(entitlement_value)
    aentitlement_value = staticmethod(in_thread(entitlement_value))

    entitlements = staticmethod(entitlements)
    aentitlements = staticmethod(in_thread(entitlements))

    grant_product = staticmethod(_grant_product)
    agrant_product = staticmethod(in_thread(_grant_product))

    grant_feature = staticmethod(_grant_feature)
    agrant_feature = staticmethod(in_thread(_grant_feature))

    revoke_grant = staticmethod(revoke.revoke_grant)
    arevoke_grant = staticmethod(in_thread(revoke.revoke_grant))

    list_grants = staticmethod(list_grants)
    alist_grants = staticmethod(in_thread(list_grants))

    list_allowances = staticmethod(allowances.list_allowances)
    alist_allowances = staticmethod(in_thread(allowances.list_allowances))

    get_allowance = staticmethod(allowances.get_allowance)
    aget_allowance = staticmethod(in_thread(allowances.get_allowance))

    revoke_allowance = staticmethod(allowances.revoke_allowance)
    arevoke_allowance = staticmethod(in_thread(allowances.revoke_allowance))

    expire_grants = staticmethod(expire_grants)
    aexpire_grants = staticmethod(in_thread(expire_grants))

    list_alerts = staticmethod(alerts.list_alerts)
    alist_alerts = staticmethod(in_thread(alerts.list_alerts))

    expiring_soon = staticmethod(expiring_soon)
    aexpiring_soon = staticmethod(in_thread(expiring_soon))

    forecast = staticmethod(forecast)
    aforecast = staticmethod(in_thread(forecast))

    history = staticmethod(history)
    ahistory = staticmethod(in_thread(history))

    verify_ledger = staticmethod(verify.verify_ledger)
    averify_ledger = staticmethod(in_thread(verify.verify_ledger))


class OrderService:
    """What is ordered, the money that arrives for it, and the money that goes back."""

    create_order = staticmethod(_create_order)
    acreate_order = staticmethod(in_thread(_create_order))

    confirm_payment = staticmethod(_confirm_payment)
    aconfirm_payment = staticmethod(in_thread(_confirm_payment))

    cancel_order = staticmethod(cancel.cancel_order)
    acancel_order = staticmethod(in_thread(cancel.cancel_order))

    get_order = staticmethod(get_order)
    aget_order = staticmethod(in_thread(get_order))

    list_orders = staticmethod(list_orders)
    alist_orders = staticmethod(in_thread(list_orders))

    expire_orders = staticmethod(expire_orders)
    aexpire_orders = staticmethod(in_thread(expire_orders))

    record_sale = staticmethod(_record_sale)
    arecord_sale = staticmethod(in_thread(_record_sale))

    list_payments = staticmethod(list_payments)
    alist_payments = staticmethod(in_thread(list_payments))

    apply_payment = staticmethod(_apply_payment)
    aapply_payment = staticmethod(in_thread(_apply_payment))

    return_payment = staticmethod(return_payment)
    areturn_payment = staticmethod(in_thread(return_payment))

    quote_refund = staticmethod(quote_refund)
    aquote_refund = staticmethod(in_thread(quote_refund))

    refund_order = staticmethod(_refund_order)
    arefund_order = staticmethod(in_thread(_refund_order))

    get_refund = staticmethod(get_refund)
    aget_refund = staticmethod(in_thread(get_refund))

    list_refunds = staticmethod(list_refunds)
    alist_refunds = staticmethod(in_thread(list_refunds))

    dispute_payment = staticmethod(dispute.dispute_payment)
    adispute_payment = staticmethod(in_thread(dispute.dispute_payment))

    resolve_dispute = staticmethod(_resolve_dispute)
    aresolve_dispute = staticmethod(in_thread(_resolve_dispute))

    get_dispute = staticmethod(get_dispute)
    aget_dispute = staticmethod(in_thread(get_dispute))

    list_disputes = staticmethod(list_disputes)
    alist_disputes = staticmethod(in_thread(list_disputes))

    exchange = staticmethod(_exchange)
    aexchange = staticmethod(in_thread(_exchange))

    refund_exchange = staticmethod(refund_exchange)
    arefund_exchange = staticmethod(in_thread(refund_exchange))

    get_exchange = staticmethod(exchanges.get_exchange)
    aget_exchange = staticmethod(in_thread(exchanges.get_exchange))

    list_exchanges = staticmethod(exchanges.list_exchanges)
    alist_exchanges = staticmethod(in_thread(exchanges.list_exchanges))


class PromotionService:
    """Codes that take something off an order. Ordering with one is a part of ``OrderService.create_order``."""

    check_promotion = staticmethod(check_promotion)
    acheck_promotion = staticmethod(in_thread(check_promotion))

    get_promotion = staticmethod(promotions.get_promotion)
    aget_promotion = staticmethod(in_thread(promotions.get_promotion))

    list_promotions = staticmethod(promotions.list_promotions)
    alist_promotions = staticmethod(in_thread(promotions.list_promotions))

    create_promotion = staticmethod(promotions.create_promotion)
    acreate_promotion = staticmethod(in_thread(promotions.create_promotion))

    update_promotion = staticmethod(promotions.update_promotion)
    aupdate_promotion = staticmethod(in_thread(promotions.update_promotion))


class InvoiceService:
    """Numbered receipts of what was paid, and credit notes of what went back."""

    list_invoices = staticmethod(list_invoices)
    alist_invoices = staticmethod(in_thread(list_invoices))

    get_invoice = staticmethod(get_invoice)
    aget_invoice = staticmethod(in_thread(get_invoice))

    render_invoice = staticmethod(render_invoice)
    arender_invoice = staticmethod(in_thread(render_invoice))

    render_invoice_pdf = staticmethod(render_invoice_pdf)
    arender_invoice_pdf = staticmethod(in_thread(render_invoice_pdf))

    issue_receipt = staticmethod(issue_receipt)
    aissue_receipt = staticmethod(in_thread(issue_receipt))

    issue_credit_note = staticmethod(issue_credit_note)
    aissue_credit_note = staticmethod(in_thread(issue_credit_note))

    issue_missing = staticmethod(issue_missing)
    aissue_missing = staticmethod(in_thread(issue_missing))


class UpkeepService:
    """What becomes due by itself, written down early. Nothing that a customer may do depends on it."""

    tick = staticmethod(upkeep.tick)
    atick = staticmethod(in_thread(upkeep.tick))
