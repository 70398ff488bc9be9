"""What the columns of answered rows are. mypy knows them through its Django plugin; pyright has none and calls the
columns of every Django model unknown, so that it has nothing to say about this file."""

# pyright: basic, reportAttributeAccessIssue=false, reportAssertTypeFailure=false

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from typing_extensions import assert_type

from billable.models import Customer, Grant, LedgerEntry, Order, OrderItem, Payment, Product, Usage


def columns(usage: Usage, grant: Grant, entry: LedgerEntry, order: Order, payment: Payment, product: Product) -> None:
    assert_type(usage.id, UUID)
    assert_type(usage.quantity, int)
    assert_type(usage.customer, Customer)
    assert_type(usage.created_at, datetime)
    assert_type(grant.quantity, int | None)
    assert_type(grant.remaining, int | None)
    assert_type(grant.expires_at, datetime | None)
    assert_type(grant.product, Product | None)
    assert_type(entry.seq, int)
    assert_type(entry.amount, int)
    assert_type(order.id, UUID)
    assert_type(order.status, str)
    assert_type(order.total_amount_minor, int)
    assert_type(order.paid_at, datetime | None)
    assert_type(order.items.get(), OrderItem)
    assert_type(payment.amount_minor, int)
    assert_type(product.sku, str)
