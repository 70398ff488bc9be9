"""Which order a payment id belongs to, over all customers and at once.

A payment id belongs to one order. The same id under two concrete methods is two payments; ``default`` matches any
method. Two who claim at the same moment see each other because both first lock the id's gate row: the second waits for
the first to commit, and reads afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from billable.db.locks import locked
from billable.db.units import write_alias
from billable.errors import PaymentConflict
from billable.orders.models import Order, PaymentClaim

DEFAULT_METHOD = "default"
GATE = "*"


@dataclass(frozen=True)
class PaymentKey:
    """What names a payment in the world outside."""

    method: str
    id: str
    capture_id: str


def claim(order: Order, key: PaymentKey) -> None:
    """Claim a payment id for a locked order. Raises PaymentConflict, and writes nothing, when another order has it."""
    claims = PaymentClaim.objects.using(write_alias())
    # Whoever has the id wrote its gate before; so where a conflict is found, this insert did nothing.
    claims.bulk_create([PaymentClaim(payment_id=key.id, payment_method=GATE)], ignore_conflicts=True)
    locked(PaymentClaim.objects.all()).get(payment_id=key.id, payment_method=GATE)
    _refuse_foreign(order, key)
    mine = PaymentClaim(
        payment_id=key.id,
        payment_method=key.method,
        capture_id=key.capture_id,
        order_id=order.pk,
        customer_id=order.customer_id,
    )
    # The order's own claim may stand already: the same id by another of its methods.
    claims.bulk_create([mine], ignore_conflicts=True)


def claimed_order_ids(key: PaymentKey) -> list[UUID]:
    """The orders that have a payment id by this method, where ``default`` on either side matches any."""
    claims = PaymentClaim.objects.using(write_alias()).filter(payment_id=key.id).exclude(payment_method=GATE)
    if key.method != DEFAULT_METHOD:
        claims = claims.filter(payment_method__in=[key.method, DEFAULT_METHOD])
    return [order_id for order_id in claims.values_list("order_id", flat=True) if order_id is not None]


def _refuse_foreign(order: Order, key: PaymentKey) -> None:
    if any(order_id != order.pk for order_id in claimed_order_ids(key)):
        raise PaymentConflict(payment_id=key.id, payment_method=key.method)
