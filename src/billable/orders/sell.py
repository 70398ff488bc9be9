"""record_sale: order and payment of what was already sold elsewhere, in one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.db import transaction

from billable import inputs
from billable.customers.models import Customer
from billable.customers.subjects import Subject, family, lock_customer
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict
from billable.inputs import MAX_KEY_LENGTH, Metadata
from billable.orders.basket import OrderLine
from billable.orders.claims import DEFAULT_METHOD, PaymentKey, claimed_order_ids
from billable.orders.confirm import Notice, payment_key, record
from billable.orders.create import place, wish_for
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import get_order


@unit_of_work
def record_sale(
    user: Subject,
    items: Sequence[OrderLine],
    *,
    payment_id: str,
    payment_method: str = DEFAULT_METHOD,
    amount: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    promotion_code: str | None = None,
    metadata: Metadata | None = None,
) -> Payment:
    """Record a sale that already happened elsewhere: by a payment link, in a chat. The payment id is its key.

    What was sold is ordered at the catalogue's prices and paid with what arrived (no amount: the total), in one
    transaction; ``payment.order`` is the order. Less than the total, or more, is kept as in ``confirm_payment``. The
    same customer, payment id and items again answer with the first payment (``replayed``).

    Raises what ``create_order`` raises, and PaymentConflict when the payment id belongs to somebody else's order.
    """
    key, facts = payment_key(payment_method, payment_id), inputs.metadata(metadata)
    wish = wish_for(
        items,
        currency=currency,
        promotion_code=promotion_code,
        metadata=facts,
        idempotency_key=_order_key(key),
    )
    notice = Notice(
        key=key,
        status=PaymentStatus.SUCCEEDED,
        amount=amount,
        amount_minor=amount_minor,
        currency=currency,
        metadata=facts,
    )
    customer = lock_customer(user)
    earlier = _sold(customer, key)
    if earlier is not None:
        # The order may have been made before, in its own words: of those only what this call repeats is compared.
        named = {"items"} if wish.promotion_code is None else {"items", "promotion_code"}
        if differing := [part for part in wish.differs_from(earlier) if part in named]:
            raise IdempotencyConflict(idempotency_key=key.id, fields=differing)
        return record(customer, earlier, notice)
    # A savepoint, for this once: when the payment turns out to be another's, the order that was made for it must go.
    with transaction.atomic(using=write_alias()):
        return record(customer, place(customer, wish), notice)


def _sold(customer: Customer, key: PaymentKey) -> Order | None:
    """The order of this customer that the payment belongs to, whoever made it."""
    orders = Order.objects.using(write_alias()).filter(pk__in=claimed_order_ids(key), customer__in=family(customer.pk))
    order_id = orders.values_list("pk", flat=True).first()
    return None if order_id is None else get_order(order_id)


def _order_key(key: PaymentKey) -> str:
    """The idempotency key of the order: the payment's name, or its digest where that is too long for a key."""
    name = f"sale:{key.method}:{key.id}"
    return name if len(name) <= MAX_KEY_LENGTH else f"sale:{hashlib.sha256(name.encode()).hexdigest()}"
