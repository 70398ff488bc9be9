"""The REST face: parse, call the front door, answer. One file per room.

``api`` is the NinjaAPI; :mod:`billable.urls` mounts it.
"""

from __future__ import annotations

from billable import __version__
from billable.api import (
    alerts,
    allowances,
    catalog,
    customers,
    debts,
    exchanges,
    grants,
    holds,
    invoices,
    merges,
    orders,
    payments,
    plans,
    promotions,
    quota,
    referrals,
    refunds,
    subscriptions,
    trials,
)
from billable.api.auth import BearerToken
from billable.api.errors import add_handlers
from billable.api.openapi import BillingAPI
from billable.api.parser import JSONParser

__all__ = ["api"]

DESCRIPTION = """\
What customers may use, what they used, and what they bought.

`{customer}` is flat everywhere: `user_id`, or `customer_id`, or `external_id` with its `provider`. Amounts are decimal
strings with the integer of minor units beside them. Errors are problem documents (RFC 9457) with a stable `code`.
Every POST that writes takes an `Idempotency-Key`.
"""

# The documents are served by ``pages``: gated per request, without a CDN, wherever this is mounted.
api = BillingAPI(
    version=__version__,
    description=DESCRIPTION,
    auth=BearerToken(),
    parser=JSONParser(),
    servers=[{"url": "."}],
    docs_url=None,
    openapi_url=None,
)
for room in (
    *(customers, merges, quota, holds, debts, alerts, catalog, orders, promotions, exchanges),
    *(refunds, invoices, payments, grants, allowances, trials, subscriptions, plans, referrals),
):
    api.add_router("", room.router)
add_handlers(api)
