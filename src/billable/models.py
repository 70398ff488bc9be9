"""Every table, re-exported from its room."""

from billable.catalog.models import CatalogName, Feature, FeatureCost, Price, Product, ProductFeature, UnitPrice
from billable.changes.models import PlanChange
from billable.customers.models import ClockMove, Customer, Identity, Merge, UserLink
from billable.exchanges.models import Exchange
from billable.invoices.models import Invoice, InvoiceLine, InvoiceSeries
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment, PaymentClaim
from billable.promotions.models import Promotion, PromotionAmount, PromotionProduct, PromotionUse
from billable.quota.debt_models import Debt
from billable.quota.models import Adjustment, Allowance, Grant, Hold, HoldLeg, LedgerEntry, Usage
from billable.quota.notices import AlertNotice, ExpiryNotice
from billable.quota.roll_out_models import RollOut
from billable.referrals.models import Referral, ReferralProgramme
from billable.refunds.models import Dispute, Refund, RefundGrant, RefundItem
from billable.subscriptions.models import Subscription, SubscriptionPause
from billable.trials.models import Trial, TrialFingerprint

__all__ = [
    "Adjustment",
    "AlertNotice",
    "Allowance",
    "CatalogName",
    "ClockMove",
    "Customer",
    "Debt",
    "Dispute",
    "Exchange",
    "ExpiryNotice",
    "Feature",
    "FeatureCost",
    "Grant",
    "Hold",
    "HoldLeg",
    "Identity",
    "Invoice",
    "InvoiceLine",
    "InvoiceSeries",
    "LedgerEntry",
    "Merge",
    "Order",
    "OrderItem",
    "OrderItemFeature",
    "Payment",
    "PaymentClaim",
    "PlanChange",
    "Price",
    "Product",
    "ProductFeature",
    "Promotion",
    "PromotionAmount",
    "PromotionProduct",
    "PromotionUse",
    "Referral",
    "ReferralProgramme",
    "Refund",
    "RefundGrant",
    "RefundItem",
    "RollOut",
    "Subscription",
    "SubscriptionPause",
    "Trial",
    "TrialFingerprint",
    "UnitPrice",
    "Usage",
    "UserLink",
]
