"""Verbs of the exchanges room: units of one feature are given for a product, in one transaction."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from billable import clock, inputs, paging
from billable.actor import current_actor
from billable.catalog.models import Product, UnitPrice
from billable.catalog.services import get_product
from billable.customers.models import Customer
from billable.customers.subjects import Subject, family, find_customer_id, lock_customer, of_family, who
from billable.db.units import unit_of_work, write_alias
from billable.errors import ExchangeNotFound, IdempotencyConflict, Invalid, NotForSale
from billable.exchanges.models import Exchange
from billable.inputs import MAX_ORDER_QUANTITY, MAX_UNITS, Metadata
from billable.paging import DEFAULT_LIMIT, Page
from billable.quota.consume import take
from billable.quota.given import by_line, made_by
from billable.quota.grant import GrantLine, Source, allot, lines_of
from billable.quota.kinds import CauseType, GrantSource
from billable.quota.ledger import Cause
from billable.quota.models import Grant
from billable.quota.request import UsageRequest, refuse_users_without_customer
from billable.signals import emit

ACTION = "exchange"


@unit_of_work
def exchange(
    user: Subject,
    sku: str,
    *,
    quantity: int = 1,
    feature: str | None = None,
    idempotency_key: str,
    metadata: Metadata | None = None,
) -> Exchange:
    """Give units of a feature for ``quantity`` pieces of a product, at its unit price: both or neither.

    ``feature`` says which units, where the product has a price in several. ``exchange.usage`` is what was taken, in
    burn order, and ``exchange.grants`` what was given. A repeat changes nothing and answers with ``replayed``.

    Raises ProductNotFound, NotForSale (inactive, a trial, nothing to give, or no price in units), QuotaExceeded
    (nothing is written, and the same key may succeed later), CustomerNotFound, IdempotencyConflict, Invalid.
    """
    sku, pieces = inputs.name(sku, "sku"), inputs.whole(quantity, "quantity", maximum=MAX_ORDER_QUANTITY)
    asked = None if feature is None else inputs.name(feature, "feature")
    key, facts = inputs.key(idempotency_key, "idempotency_key"), inputs.metadata(metadata)
    if find_customer_id(who(user)) is None:
        price = _unit_price(get_product(sku), asked)
        refuse_users_without_customer(user, _request(price.feature.key, _cost(price, pieces)))
    customer = lock_customer(user)
    if earlier := _by_key(customer, key):
        return _replay(earlier, sku, pieces, asked)
    product = get_product(sku)
    price, lines = _unit_price(product, asked), _lines(product, pieces)
    made = Exchange(
        customer=customer,
        product=product,
        sku=product.sku,
        name=product.name,
        quantity=pieces,
        feature=price.feature,
        units=_cost(price, pieces),
        idempotency_key=key,
        metadata=facts,
        actor=current_actor(),
        created_at=clock.now(),
    )
    made.usage = take(customer, _request(price.feature.key, made.units, str(made.pk)))
    Exchange.objects.using(write_alias()).bulk_create([made])
    cause = Cause(CauseType.EXCHANGE, made.pk)
    made.grants = allot(customer, lines, Source(kind=GrantSource.EXCHANGE, id=str(made.pk), cause=cause))
    emit("exchange.made", exchange=made)
    return made


def get_exchange(exchange: Exchange | UUID | str) -> Exchange:
    """One exchange with its product, feature, usage and grants loaded. Raises ExchangeNotFound."""
    exchange_id = exchange.pk if isinstance(exchange, Exchange) else inputs.known_identifier(exchange)
    found = None if exchange_id is None else _exchanges().filter(pk=exchange_id).first()
    if found is None:
        raise ExchangeNotFound(exchange=str(exchange)[:100])
    return _with_grants(found)


def list_exchanges(
    user: Subject | None = None, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Exchange]:
    """Exchanges, newest first: of ``user`` or (None) of everybody, with product, feature and usage loaded.

    Raises Invalid for a foreign cursor or a limit outside 1 to 200.
    """
    size, exchanges = paging.page_limit(limit), _exchanges().order_by("-id")
    if user is not None:
        person = who(user)
        customer_id = None if person.is_anonymous else find_customer_id(person)
        exchanges = exchanges.none() if customer_id is None else exchanges.filter(customer__in=family(customer_id))
    if cursor is not None:
        exchanges = exchanges.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    rows = list(exchanges[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


def _unit_price(product: Product, asked: str | None) -> UnitPrice:
    """The price in units that is meant. Raises NotForSale, Invalid."""
    if not product.is_active:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} is not active")
    if product.is_trial:
        raise NotForSale(field="sku", problem=f"{product.sku!r} is a trial; start it instead")
    prices = {price.feature.key: price for price in product.unit_prices.all()}
    if not prices:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} has no price in units")
    if asked is None and len(prices) > 1:
        raise Invalid(field="feature", problem=f"choose one of {', '.join(sorted(prices))}")
    name = asked or next(iter(prices))
    if name not in prices:
        raise NotForSale(field="feature", problem=f"the product {product.sku!r} has no price in {name}")
    return prices[name]


def _lines(product: Product, pieces: int) -> list[GrantLine]:
    """What is given. Raises NotForSale, Invalid."""
    for line in product.lines.all():
        if not line.feature.is_active:
            raise NotForSale(field="sku", problem=f"the feature {line.feature.key!r} is not active")
        if line.quantity is not None and line.quantity * pieces > MAX_UNITS:
            raise Invalid(field="quantity", problem=f"gives more than {MAX_UNITS} units of {line.feature.key}")
    lines = lines_of(product, pieces=pieces)
    if not lines:
        raise NotForSale(field="sku", problem=f"the product {product.sku!r} has no features")
    return lines


def _cost(price: UnitPrice, pieces: int) -> int:
    if price.units * pieces > MAX_UNITS:
        raise Invalid(field="quantity", problem=f"costs more than {MAX_UNITS} units of {price.feature.key}")
    return price.units * pieces


def _request(feature: str, units: int, exchange_id: str = "") -> UsageRequest:
    return UsageRequest(feature=feature, quantity=units, sku="", action_type=ACTION, action_id=exchange_id, metadata={})


def _exchanges() -> QuerySet[Exchange]:
    return Exchange.objects.using(write_alias()).select_related("product", "feature", "usage__feature")


def _with_grants(exchange: Exchange) -> Exchange:
    grants = Grant.objects.using(write_alias()).select_related("feature", "product", "allowance__origin")
    made = made_by(GrantSource.EXCHANGE, str(exchange.pk))
    exchange.grants = by_line(grants.filter(made, customer=exchange.customer_id))
    return exchange


def _by_key(customer: Customer, key: str) -> Exchange | None:
    return of_family(_exchanges().filter(idempotency_key=key), customer).first()


def _replay(earlier: Exchange, sku: str, pieces: int, feature: str | None) -> Exchange:
    same = {
        "sku": earlier.sku == sku,
        "quantity": earlier.quantity == pieces,
        "feature": feature in (None, earlier.feature.key),
    }
    if differing := [name for name, is_same in same.items() if not is_same]:
        raise IdempotencyConflict(idempotency_key=earlier.idempotency_key, fields=differing)
    earlier.replayed = True
    return _with_grants(earlier)
