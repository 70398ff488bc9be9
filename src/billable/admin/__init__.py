"""The admin of the engine: look at everything, edit the catalogue, act through the front door.

The books (grants, usages, orders, payments, the ledger) are read here and never written. One file per room:

- ``base``: what every page shares; ``columns``, ``panels`` and ``acts`` are its parts.
- ``catalog``, ``customers``, ``quota``, ``orders`` and the others: the tables of each room.
"""

from billable.admin import (
    catalog,
    customers,
    exchanges,
    invoices,
    orders,
    promotions,
    quota,
    referrals,
    refunds,
    trials,
)

__all__ = [
    "catalog",
    "customers",
    "exchanges",
    "invoices",
    "orders",
    "promotions",
    "quota",
    "referrals",
    "refunds",
    "trials",
]
