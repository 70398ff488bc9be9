"""create_order: a snapshot of what somebody wants to buy, at the catalogue's prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.listing import Listing, read_listings
from billable.catalog.models import ProductFeature
from billable.conf import knobs
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, lock_customer
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict, Invalid, NotForSale, ProductNotFound
from billable.ids import new_id
from billable.inputs import MAX_ORDER_LINES, MAX_ORDER_QUANTITY, MAX_UNITS, Metadata
from billable.orders import pricing
from billable.orders.fulfil import fulfil
from billable.orders.models import Order, OrderItem, OrderItemFeature
from billable.orders.read import with_parts
from billable.signals import emit


class _SkuNamed(TypedDict):
    sku: str


class OrderLine(_SkuNamed, total=False):
    """One line of an order. No quantity is one. The price is the catalogue's and cannot be given."""

    quantity: int


@unit_of_work
def create_order(
    user: Subject,
    items: Sequence[OrderLine],
    *,
    currency: str | None = None,
    metadata: Metadata | None = None,
    idempotency_key: str | None = None,
) -> Order:
    """Order 1 to 100 lines, all in one currency, at the catalogue's prices. A total of 0 is paid at once.

    Without ``currency`` it is ``BILLABLE_CURRENCY`` if every product has a price in it, else the only one that all
    share. Raises ProductNotFound, NotForSale, CurrencyMismatch, CustomerNotFound, IdempotencyConflict, Invalid; an
    order with one bad line is refused whole.
    """
    wish = wish_for(items, currency=currency, metadata=metadata, idempotency_key=idempotency_key)
    return place(lock_customer(user), wish)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to order, with everything checked that needs no database."""

    lines: Sequence[tuple[str, int]]
    currency: str | None
    idempotency_key: str | None
    metadata: dict[str, Any]


def wish_for(items: object, *, currency: object, metadata: object, idempotency_key: object) -> Wish:
    """What a caller asks for, clean. Raises Invalid."""
    return Wish(
        lines=_lines(items),
        currency=None if currency is None else inputs.currency(currency),
        idempotency_key=inputs.optional_key(idempotency_key),
        metadata=inputs.metadata(metadata),
    )


def place(customer: Customer, wish: Wish) -> Order:
    """Order for a locked customer. Raises what create_order raises about the lines, the currency and the key."""
    if earlier := _by_key(customer, wish.idempotency_key):
        return _replay(earlier, wish.lines, wish.currency)
    listings = read_listings(sorted({sku for sku, _ in wish.lines}))
    wanted = [_wanted(place, sku, quantity, listings.get(sku)) for place, (sku, quantity) in enumerate(wish.lines)]
    chosen = pricing.choose_currency(wanted, wish.currency, knobs.currency)
    total = pricing.total_minor(wanted, chosen)
    order = Order(
        customer=customer,
        currency=chosen,
        total_amount_minor=total,
        idempotency_key=wish.idempotency_key,
        expires_at=_deadline(customer) if total else None,
        metadata=wish.metadata,
        actor=current_actor(),
        created_at=clock.now(),
    )
    _insert(order, wanted, listings)
    emit("order.created", order=order)
    if order.total_amount_minor == 0:
        fulfil(customer, order)
    return order


def _deadline(customer: Customer) -> datetime | None:
    hours = knobs.order_ttl_hours
    return None if hours is None else now_for(customer) + timedelta(hours=hours)


def _lines(items: object) -> list[tuple[str, int]]:
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Sequence):
        raise Invalid(field="items", problem="must be a list")
    if not 1 <= len(items) <= MAX_ORDER_LINES:
        raise Invalid(field="items", problem=f"must be 1 to {MAX_ORDER_LINES} lines")
    return [_line(place, item) for place, item in enumerate(items)]


def _line(place: int, item: object) -> tuple[str, int]:
    where = f"items[{place}]"
    if not isinstance(item, Mapping):
        raise Invalid(field=where, problem="must be an object with a sku")
    for name in item:
        if name not in ("sku", "quantity"):
            raise Invalid(
                field=f"{where}.{name}", problem="is not a part of an order line, which is a sku and a quantity"
            )
    quantity = inputs.whole(item.get("quantity", 1), f"{where}.quantity", maximum=MAX_ORDER_QUANTITY)
    return inputs.name(item.get("sku"), f"{where}.sku"), quantity


def _wanted(place: int, sku: str, quantity: int, listing: Listing | None) -> pricing.Wanted:
    where = f"items[{place}].sku"
    if listing is None:
        raise ProductNotFound(sku=sku)
    if not listing.product.is_active:
        raise NotForSale(field=where, problem=f"the product {sku!r} is not active")
    if listing.product.is_trial:
        raise NotForSale(field=where, problem=f"{sku!r} is a trial; start it instead")
    for line in listing.lines:
        if not line.feature.is_active:
            raise NotForSale(field=where, problem=f"the feature {line.feature.key!r} is not active")
        if line.quantity is not None and line.quantity * quantity > MAX_UNITS:
            problem = f"gives more than {MAX_UNITS} units of {line.feature.key}"
            raise Invalid(field=f"items[{place}].quantity", problem=problem)
    return pricing.Wanted(sku, quantity, listing.prices)


def _insert(order: Order, wanted: Sequence[pricing.Wanted], listings: Mapping[str, Listing]) -> None:
    alias, items, features = write_alias(), [], []
    for number, line in enumerate(wanted, start=1):
        product, unit = listings[line.sku].product, line.prices[order.currency]
        item = OrderItem(
            id=new_id(),
            customer=order.customer,
            order=order,
            line=number,
            product=product,
            sku=product.sku,
            name=product.name,
            quantity=line.quantity,
            unit_amount_minor=unit,
            total_amount_minor=unit * line.quantity,
        )
        given = [_feature(item, each) for each in listings[line.sku].lines]
        _remember(item, features=given)
        items.append(item)
        features.extend(given)
    Order.objects.using(alias).bulk_create([order])
    OrderItem.objects.using(alias).bulk_create(items)
    OrderItemFeature.objects.using(alias).bulk_create(features)
    _remember(order, items=items, payments=[], applied_payments=[])


def _feature(item: OrderItem, line: ProductFeature) -> OrderItemFeature:
    return OrderItemFeature(
        customer=item.customer,
        item=item,
        line=line.line,
        feature=line.feature,
        quantity=line.quantity,
        period_count=line.period_count,
        period_unit=line.period_unit,
        priority=line.priority,
    )


def _remember(row: Order | OrderItem, **related: Sequence[Any]) -> None:
    """Put related rows where prefetching would: an answer's attributes run no query."""
    if not hasattr(row, "_prefetched_objects_cache"):
        row._prefetched_objects_cache = {}  # type: ignore[union-attr]  # not in the stubs
    for name, rows in related.items():
        queryset = getattr(row, name).all()
        queryset._result_cache, queryset._prefetch_done = list(rows), True
        row._prefetched_objects_cache[name] = queryset  # type: ignore[union-attr]  # as above


def _by_key(customer: Customer, key: str | None) -> Order | None:
    if key is None:
        return None
    return with_parts().filter(customer=customer, idempotency_key=key).first()


def _replay(earlier: Order, lines: Sequence[tuple[str, int]], currency: str | None) -> Order:
    differing = []
    if [(item.sku, item.quantity) for item in earlier.items.all()] != list(lines):
        differing.append("items")
    if currency is not None and currency != earlier.currency:
        differing.append("currency")
    if differing:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key or "", fields=differing)
    earlier.replayed = True
    return earlier
