"""The admin of the engine: look at everything, edit what is sold and how, act through the front door.

The books (grants, usages, orders, payments, the ledger) are read here and never written. One file per room:

- ``base``: what every page shares; ``columns``, ``panels`` and ``acts`` are its parts.
- ``editing``: what every page with a form shares: it saves through the front door.
- ``catalog``, ``customers``, ``quota``, ``orders`` and the others: the tables of each room.
"""

from billable.admin import (
    allowances,
    catalog,
    customers,
    exchanges,
    invoices,
    orders,
    promotions,
    quota,
    referrals,
    refunds,
    sandbox,
    trials,
)

__all__ = [
    "allowances",
    "catalog",
    "customers",
    "exchanges",
    "invoices",
    "orders",
    "promotions",
    "quota",
    "referrals",
    "refunds",
    "sandbox",
    "trials",
]
