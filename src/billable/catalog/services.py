"""Verbs of products. SKUs and feature keys share one namespace; a taken name is refused, never renamed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import ParamSpec, TypeVar

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from billable import inputs
from billable.catalog.features import claim_name, get_feature, refuse_static
from billable.catalog.lines import FeatureLine, read_lines, set_lines
from billable.catalog.models import Price, Product, ProductFeature, UnitPrice
from billable.catalog.periods import Period
from billable.catalog.recurring import set_recurrence
from billable.conf import knobs
from billable.db import rows
from billable.db.locks import locked
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid, ProductNotFound
from billable.inputs import Metadata
from billable.money import MAX_AMOUNT_MINOR, Money

P = ParamSpec("P")
T = TypeVar("T")


def _whole(verb: Callable[P, T]) -> Callable[P, T]:
    """All of a verb or nothing, also when a caller's transaction goes on after the refusal.

    A product is written in many steps that each may be refused, and rarely: a savepoint costs nothing that counts.
    """

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with transaction.atomic(using=write_alias()):
            return verb(*args, **kwargs)

    return run


def list_products(*, include_inactive: bool = False, include_trials: bool = True) -> tuple[Product, ...]:
    """The products by SKU, with their prices, in money and in units, and feature lines loaded."""
    products = _products()
    if not include_inactive:
        products = products.filter(is_active=True)
    if not include_trials:
        products = products.filter(is_trial=False)
    return tuple(products)


def get_product(sku: str) -> Product:
    """One product with its prices, in money and in units, and feature lines loaded. Raises ProductNotFound, Invalid."""
    alias = write_alias()
    if not (found := rows.by(alias, Product, {"sku": inputs.name(sku, "sku")})):
        raise ProductNotFound(sku=sku)
    product = found[0]
    rows.remember(
        product,
        prices=rows.by(alias, Price, {"product": product.pk}, ordered=("currency",)),
        lines=rows.by(alias, ProductFeature, {"product": product.pk}, also=("feature",), ordered=("line",)),
        unit_prices=rows.by(alias, UnitPrice, {"product": product.pk}, also=("feature",), ordered=("id",)),
    )
    return product


def default_products() -> tuple[Product, ...]:
    """The products that every new customer gets."""
    return tuple(_products().filter(is_default=True, is_active=True))


def offers_for(feature: str) -> tuple[Product, ...]:
    """The products on sale that give a feature, or one that it can be paid from."""
    name = inputs.known_name(feature)
    if name is None:
        return ()
    gives = Q(lines__feature__key=name) | Q(lines__feature__pays_for__feature__key=name)
    matching = Product.objects.using(write_alias()).filter(gives, is_active=True, is_trial=False, prices__isnull=False)
    return tuple(_products().filter(pk__in=matching.values("pk")))


@unit_of_work
@_whole
def create_product(
    sku: str,
    *,
    name: str = "",
    description: str = "",
    price: str | Money | None = None,
    currency: str | None = None,
    prices: Sequence[Money] = (),
    features: Sequence[str | FeatureLine] = (),
    quantity: int | None = None,
    period: str | Period | None = None,
    is_trial: bool = False,
    is_default: bool = False,
    trial_campaign: str = "",
    unit_prices: Mapping[str, int] | None = None,
    tax_rate: Decimal | str | int | None = None,
    recurs: str | Period | None = None,
    trial_period: str | Period | None = None,
    grace_days: int | None = None,
    metadata: Metadata | None = None,
) -> Product:
    """Create a product with its prices and features in one call.

    ``price`` is a decimal string in ``currency`` (default ``BILLABLE_CURRENCY``) or a Money; ``prices`` adds
    further currencies. Features named by a plain string take ``quantity`` (None: unlimited) and ``period`` (None:
    for ever); a feature line says its own. Features that do not exist yet are created.

    ``unit_prices`` says what it costs in units of existing features, as ``{"credits": 20}``: see ``exchange``.
    ``tax_rate`` is in percent (None: ``BILLABLE_TAX_RATE``).

    ``recurs="1 month"`` makes every order of it begin a subscription that is paid for by the month. It may then be
    tried for a ``trial_period``, and goes on for ``grace_days`` when a period is not paid (None:
    ``BILLABLE_SUBSCRIPTION_GRACE_DAYS``). Raises NameTaken, FeatureNotFound, Invalid.
    """
    product = Product(
        sku=inputs.name(sku, "sku"),
        name=inputs.text(name, "name", maximum=200),
        description=inputs.text(description, "description", maximum=10_000),
        is_trial=inputs.flag(is_trial, "is_trial"),
        is_default=inputs.flag(is_default, "is_default"),
        trial_campaign=inputs.name(trial_campaign, "trial_campaign") if trial_campaign else "",
        tax_rate=None if tax_rate is None else _tax_rate(tax_rate),
        metadata=inputs.metadata(metadata),
    )
    set_recurrence(product, recurs, trial_period, grace_days)
    units, money = _unit_prices(unit_prices), [*_single_price(price, currency), *prices]
    lines = read_lines(features, quantity, None if period is None else Period.parse(period))
    claim_name(product.sku, "product")
    product.save(using=write_alias())
    _set_prices(product, money)
    set_lines(product, lines)
    _set_unit_prices(product, units)
    return get_product(product.sku)


@unit_of_work
@_whole
def update_product(
    sku: str,
    *,
    name: str | None = None,
    description: str | None = None,
    prices: Sequence[Money] | None = None,
    features: Sequence[str | FeatureLine] | None = None,
    is_active: bool | None = None,
    is_default: bool | None = None,
    trial_campaign: str | None = None,
    unit_prices: Mapping[str, int] | None = None,
    tax_rate: Decimal | str | int | None = None,
    recurs: str | Period | None = None,
    trial_period: str | Period | None = None,
    grace_days: int | str | None = None,
    metadata: Metadata | None = None,
) -> Product:
    """Change a product; None leaves a part as it is. What was ordered or granted before keeps its snapshot.

    ``prices`` sets the price of each currency that it names; ``features`` replaces all lines, and ``unit_prices`` all
    prices in units. ``tax_rate=""`` goes back to ``BILLABLE_TAX_RATE``, and an empty ``recurs``, ``trial_period`` or
    ``grace_days`` takes it away. Subscriptions that are running keep their interval and grace until they renew.
    Raises ProductNotFound, FeatureNotFound, Invalid.
    """
    locked(Product.objects.filter(sku=inputs.name(sku, "sku"))).first()
    product = get_product(sku)
    if name is not None:
        product.name = inputs.text(name, "name", maximum=200)
    if description is not None:
        product.description = inputs.text(description, "description", maximum=10_000)
    if trial_campaign is not None:
        product.trial_campaign = inputs.name(trial_campaign, "trial_campaign") if trial_campaign else ""
    if metadata is not None:
        product.metadata = inputs.metadata(metadata)
    if tax_rate is not None:
        product.tax_rate = None if tax_rate == "" else _tax_rate(tax_rate)
    product.is_active = product.is_active if is_active is None else inputs.flag(is_active, "is_active")
    product.is_default = product.is_default if is_default is None else inputs.flag(is_default, "is_default")
    set_recurrence(product, recurs, trial_period, grace_days)
    lines = None if features is None else read_lines(features, None, None)
    units = None if unit_prices is None else _unit_prices(unit_prices)
    product.save(using=write_alias())
    _set_prices(product, prices or ())
    if lines is not None:
        set_lines(product, lines)
    _set_unit_prices(product, units)
    return get_product(product.sku)


def deactivate_product(sku: str) -> Product:
    """Stop selling a product. What was sold of it stays usable. Raises ProductNotFound, Invalid."""
    return update_product(sku, is_active=False)


def _products() -> QuerySet[Product]:
    lines = ProductFeature.objects.using(write_alias()).select_related("feature")
    units = UnitPrice.objects.using(write_alias()).select_related("feature")
    return Product.objects.using(write_alias()).prefetch_related(
        "prices", Prefetch("lines", lines), Prefetch("unit_prices", units)
    )


def _single_price(price: str | Money | None, currency: str | None) -> list[Money]:
    if price is None:
        return []
    if isinstance(price, Money):
        return [price]
    code = inputs.currency(currency if currency is not None else knobs.currency)
    return [Money.parse(price, code, field="price", extra=knobs.currencies)]


def _set_prices(product: Product, prices: Sequence[Money]) -> None:
    standing = {price.currency: price for price in Price.objects.using(write_alias()).filter(product=product)}
    for money in prices:
        if not isinstance(money, Money):
            raise Invalid(field="prices", problem="must be Money")
        currency = inputs.currency(money.currency)
        price = standing.setdefault(currency, Price(product=product, currency=currency))
        price.amount_minor = inputs.whole(money.amount_minor, "prices", minimum=0, maximum=MAX_AMOUNT_MINOR)
        price.save(using=write_alias())


def _tax_rate(value: object) -> Decimal:
    return inputs.percent(value, "tax_rate")


def _unit_prices(given: object) -> dict[str, int]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Invalid(field="unit_prices", problem="must be an object of feature: units")
    return {
        inputs.name(feature, "unit_prices"): inputs.whole(units, f"unit_prices.{feature}")
        for feature, units in given.items()
    }


def _set_unit_prices(product: Product, units: Mapping[str, int] | None) -> None:
    if units is None:
        return
    features = {name: get_feature(name) for name in units}
    for name, feature in features.items():
        refuse_static(feature, f"unit_prices.{name}")
    standing = UnitPrice.objects.using(write_alias())
    standing.filter(product=product).delete()
    standing.bulk_create(
        [UnitPrice(product=product, feature=features[name], units=each) for name, each in sorted(units.items())]
    )
