"""Every table, re-exported from its room."""

from billable.catalog.models import CatalogName, Feature, FeatureCost, Price, Product, ProductFeature
from billable.customers.models import Customer, Identity, UserLink
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment, PaymentClaim
from billable.quota.models import Adjustment, Grant, Hold, HoldLeg, LedgerEntry, Usage
from billable.trials.models import Trial, TrialFingerprint

__all__ = [
    "Adjustment",
    "CatalogName",
    "Customer",
    "Feature",
    "FeatureCost",
    "Grant",
    "Hold",
    "HoldLeg",
    "Identity",
    "LedgerEntry",
    "Order",
    "OrderItem",
    "OrderItemFeature",
    "Payment",
    "PaymentClaim",
    "Price",
    "Product",
    "ProductFeature",
    "Trial",
    "TrialFingerprint",
    "Usage",
    "UserLink",
]
