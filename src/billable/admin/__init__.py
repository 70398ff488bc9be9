"""The admin of the engine: look at everything, edit what is sold and how, act through the front door.

The books (grants, usages, orders, payments, the ledger) are read here and never written. One file per room:

- ``base``: what every page shares; ``columns``, ``panels`` and ``acts`` are its parts.
- ``editing``: what every page with a form shares: it saves through the front door.
- ``catalog``, ``customers``, ``quota``, ``orders`` and the others: the tables of each room.
"""

from billable.admin import (
    alerts,
    allowances,
    catalog,
    customers,
    exchanges,
    invoices,
    orders,
    planning,
    promotions,
    quota,
    referrals,
    refunds,
    sandbox,
    subscriptions,
    trials,
)

__all__ = [
    "alerts",
    "allowances",
    "catalog",
    "customers",
    "exchanges",
    "invoices",
    "orders",
    "planning",
    "promotions",
    "quota",
    "referrals",
    "refunds",
    "sandbox",
    "subscriptions",
    "trials",
]
