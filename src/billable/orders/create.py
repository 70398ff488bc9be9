"""create_order: a snapshot of what somebody wants to buy, at the catalogue's prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from billable import inputs
from billable.actor import current_actor
from billable.catalog.models import Product, ProductFeature
from billable.conf import knobs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, lock_customer, of_family
from billable.db import rows
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict
from billable.ids import new_id
from billable.inputs import Metadata
from billable.orders.basket import Basket, Lines, OrderLine, fill, lines_of
from billable.orders.discount import Discount, discount_for
from billable.orders.fulfil import fulfil
from billable.orders.models import Order, OrderItem, OrderItemFeature
from billable.orders.pricing import Charge, Wanted
from billable.orders.read import get_order
from billable.promotions.services import code_of
from billable.promotions.uses import reserve
from billable.signals import emit


@unit_of_work
def create_order(
    user: Subject,
    items: Sequence[OrderLine],
    *,
    currency: str | None = None,
    promotion_code: str | None = None,
    metadata: Metadata | None = None,
    idempotency_key: str | None = None,
) -> Order:
    """Order 1 to 100 lines, all in one currency, at the catalogue's prices. A total of 0 is paid at once.

    Without ``currency`` it is ``BILLABLE_CURRENCY`` if every product has a price in it, else the only one that all
    share. ``promotion_code``, in any case, takes off what it takes off, and one of its uses is reserved: it comes back
    when the order is cancelled, expires or is refunded whole. Raises ProductNotFound, NotForSale, CurrencyMismatch,
    PromotionNotFound, PromotionRefused, CustomerNotFound, IdempotencyConflict, Invalid; an order with one bad line is
    refused whole.
    """
    wish = wish_for(
        items,
        currency=currency,
        promotion_code=promotion_code,
        metadata=metadata,
        idempotency_key=idempotency_key,
    )
    return place(lock_customer(user), wish)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to order, with everything checked that needs no database."""

    lines: Lines
    currency: str | None
    promotion_code: str | None
    idempotency_key: str | None
    metadata: dict[str, Any]

    def differs_from(self, earlier: Order) -> list[str]:
        """The parts in which it is not what an earlier order asked for, as the caller names them."""
        same = {
            "items": [(item.sku, item.quantity) for item in earlier.items.all()] == list(self.lines),
            "currency": self.currency in (None, earlier.currency),
            "promotion_code": (self.promotion_code or "") == earlier.promotion_code,
        }
        return [name for name, is_same in same.items() if not is_same]


def wish_for(
    items: object, *, currency: object, promotion_code: object, metadata: object, idempotency_key: object
) -> Wish:
    """What a caller asks for, clean. Raises Invalid, PromotionNotFound."""
    return Wish(
        lines=lines_of(items),
        currency=None if currency is None else inputs.currency(currency),
        promotion_code=None if promotion_code is None else code_of(promotion_code),
        idempotency_key=inputs.optional_key(idempotency_key),
        metadata=inputs.metadata(metadata),
    )


def place(customer: Customer, wish: Wish) -> Order:
    """Order for a locked customer. Raises what create_order raises about the lines, the currency, code and key."""
    if earlier := _by_key(customer, wish.idempotency_key):
        return _replay(earlier, wish)
    basket, now = fill(wish.lines, wish.currency), now_for(customer)
    if wish.promotion_code is None:
        return write(customer, draft(customer, basket, wish, now))
    discount = discount_for(customer, wish.promotion_code, basket)
    # A savepoint, for this once: when the last use went to somebody else while this was written, it must go again.
    with transaction.atomic(using=write_alias()):
        order = write(customer, draft(customer, basket, wish, now, discount))
        reserve(customer, discount.promotion, order.pk, order.currency, order.discount_minor)
    return order


def write(customer: Customer, order: Order) -> Order:
    """Insert an order with its items, for a locked customer; one of nothing to pay is paid."""
    alias, items = write_alias(), order.items.all()
    Order.objects.using(alias).bulk_create([order])
    OrderItem.objects.using(alias).bulk_create(items)
    OrderItemFeature.objects.using(alias).bulk_create([given for item in items for given in item.features.all()])
    emit("order.created", order=order)
    if order.total_amount_minor == 0:
        fulfil(customer, order, order.created_at)
    return order


def draft(
    customer: Customer,
    basket: Basket,
    wish: Wish,
    now: datetime,
    discount: Discount | None = None,
    *,
    credits_minor: Sequence[int] | None = None,
) -> Order:
    """The order with its items and what they give, not yet written. ``credits_minor`` is taken off line by line."""
    charges = basket.charges(discount.by_line if discount else credits_minor)
    total = sum(charge.total_minor for charge in charges)
    order = Order(
        customer=customer,
        currency=basket.currency,
        total_amount_minor=total,
        discount_minor=sum(charge.discount_minor for charge in charges),
        tax_minor=sum(charge.tax_minor for charge in charges),
        tax_included=knobs.prices_include_tax,
        promotion_code=discount.promotion.code if discount else "",
        idempotency_key=wish.idempotency_key,
        expires_at=_deadline(now) if total else None,
        metadata=wish.metadata,
        actor=current_actor(),
        # By the customer's clock: expire_orders counts an order's age from it.
        created_at=now,
    )
    items = []
    for number, (line, charge) in enumerate(zip(basket.wanted, charges, strict=True), start=1):
        listing = basket.listings[line.sku]
        item = _item(order, number, line, charge, listing.product)
        item.credit_minor = credits_minor[number - 1] if credits_minor else 0
        rows.remember(item, features=[_feature(item, each) for each in listing.lines])
        items.append(item)
    rows.remember(order, items=items, payments=[], applied_payments=[], refunds=[])
    return order


def _deadline(now: datetime) -> datetime | None:
    hours = knobs.order_ttl_hours
    return None if hours is None else now + timedelta(hours=hours)


def _item(order: Order, number: int, line: Wanted, charge: Charge, product: Product) -> OrderItem:
    return OrderItem(
        id=new_id(),
        customer=order.customer,
        order=order,
        line=number,
        product=product,
        sku=product.sku,
        name=product.name,
        quantity=line.quantity,
        unit_amount_minor=charge.unit_minor,
        discount_minor=charge.discount_minor,
        tax_rate=charge.tax_rate,
        tax_minor=charge.tax_minor,
        tax_included=order.tax_included,
        total_amount_minor=charge.total_minor,
        recurs_count=product.recurs_count,
        recurs_unit=product.recurs_unit,
        grace_days=None if product.recurs is None else product.effective_grace_days,
    )


def _feature(item: OrderItem, line: ProductFeature) -> OrderItemFeature:
    return OrderItemFeature(
        customer=item.customer,
        item=item,
        line=line.line,
        feature=line.feature,
        **line.terms.columns(),
    )


def _by_key(customer: Customer, key: str | None) -> Order | None:
    if key is None:
        return None
    found = of_family(Order.objects.using(write_alias()).filter(idempotency_key=key), customer)
    order_id = found.values_list("pk", flat=True).first()
    return None if order_id is None else get_order(order_id)


def _replay(earlier: Order, wish: Wish) -> Order:
    if differing := wish.differs_from(earlier):
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key or "", fields=differing)
    earlier.replayed = True
    return earlier
