"""Verbs of promotions: what staff does. Using one is a part of ordering."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from types import EllipsisType
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet

from billable import inputs, paging
from billable.catalog.models import Product
from billable.db import rows
from billable.db.locks import locked
from billable.db.units import unit_of_work, write_alias
from billable.errors import Invalid, ProductNotFound, PromotionNotFound, PromotionTaken
from billable.inputs import Metadata
from billable.money import MAX_AMOUNT_MINOR, Money
from billable.paging import DEFAULT_LIMIT, Page
from billable.promotions.models import Promotion, PromotionAmount, PromotionProduct

MAX_USES = 2**31 - 1
MAX_PRODUCTS = 500

_Percent = Decimal | str | int


def code_of(value: object, field: str = "promotion_code") -> str:
    """A code as it is stored: upper case. Raises PromotionNotFound for text that can be no code, Invalid."""
    if not isinstance(value, str):
        raise Invalid(field=field, problem="must be text")
    known = inputs.known_name(value.strip())
    if known is None:
        raise PromotionNotFound(promotion=value[:100])
    return known.upper()


def get_promotion(code: str) -> Promotion:
    """One promotion, found in any case, with its amounts and products loaded. Raises PromotionNotFound, Invalid."""
    alias, wanted = write_alias(), code_of(code, "code")
    if not (found := rows.by(alias, Promotion, {"code": wanted})):
        raise PromotionNotFound(promotion=wanted)
    promotion = found[0]
    rows.remember(
        promotion,
        amounts=rows.by(alias, PromotionAmount, {"promotion": promotion.pk}, ordered=("currency",)),
        products=rows.by(alias, PromotionProduct, {"promotion": promotion.pk}, also=("product",), ordered=("id",)),
    )
    return promotion


def list_promotions(
    *, include_inactive: bool = False, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> Page[Promotion]:
    """The promotions, newest first, with their amounts and products loaded.

    Raises Invalid for a foreign cursor or a limit outside 1 to 200.
    """
    size, promotions = paging.page_limit(limit), _promotions().order_by("-id")
    if not include_inactive:
        promotions = promotions.filter(is_active=True)
    if cursor is not None:
        promotions = promotions.filter(pk__lt=paging.number(cursor))
    rows = list(promotions[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


@unit_of_work
def create_promotion(
    code: str,
    *,
    name: str = "",
    percent_off: _Percent | None = None,
    amounts_off: Sequence[Money] = (),
    products: Sequence[str] = (),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    max_uses: int | None = None,
    max_uses_per_customer: int | None = None,
    first_order_only: bool = False,
    metadata: Metadata | None = None,
) -> Promotion:
    """Create a code that takes ``percent_off`` percent off, or one of ``amounts_off``: the one in the order's currency.

    ``products`` are the SKUs that it is for (none: the whole order). It applies from ``starts_at`` until before
    ``ends_at``, ``max_uses`` times in all and ``max_uses_per_customer`` times per customer (None: without a limit).
    A code is ASCII letters, digits and ``. _ : -``, in any case. Raises PromotionTaken, ProductNotFound, Invalid.
    """
    promotion = Promotion(
        code=inputs.name(code, "code").upper(),
        name=inputs.text(name, "name", maximum=200),
        starts_at=_instant(starts_at, "starts_at"),
        ends_at=_instant(ends_at, "ends_at"),
        max_uses=_limit(max_uses, "max_uses"),
        max_uses_per_customer=_limit(max_uses_per_customer, "max_uses_per_customer"),
        first_order_only=inputs.flag(first_order_only, "first_order_only"),
        metadata=inputs.metadata(metadata),
    )
    amounts, chosen = _amounts(amounts_off), _products(products)
    promotion.percent_off = _percent(percent_off)
    _check(promotion, amounts)
    alias = write_alias()
    if Promotion.objects.using(alias).filter(code=promotion.code).exists():
        raise PromotionTaken(promotion=promotion.code)
    try:
        with transaction.atomic(using=alias):
            promotion.save(using=alias, force_insert=True)
    except IntegrityError:
        raise PromotionTaken(promotion=promotion.code) from None
    _set_parts(promotion, amounts, chosen)
    return get_promotion(promotion.code)


@unit_of_work
def update_promotion(
    code: str,
    *,
    name: str | None = None,
    is_active: bool | None = None,
    percent_off: _Percent | None = None,
    amounts_off: Sequence[Money] | None = None,
    products: Sequence[str] | None = None,
    starts_at: datetime | EllipsisType | None = ...,
    ends_at: datetime | EllipsisType | None = ...,
    max_uses: int | EllipsisType | None = ...,
    max_uses_per_customer: int | EllipsisType | None = ...,
    first_order_only: bool | None = None,
    metadata: Metadata | None = None,
) -> Promotion:
    """Change a promotion; None leaves a part as it is, and so does ``...`` where None means "without".

    ``percent_off`` takes the place of fixed amounts and the other way round; ``amounts_off`` and ``products`` replace
    what was there. Orders that used it keep their discount. Raises PromotionNotFound, ProductNotFound, Invalid.
    """
    locked(Promotion.objects.filter(code=code_of(code, "code"))).first()
    promotion = get_promotion(code)
    amounts = None if amounts_off is None else _amounts(amounts_off)
    chosen = None if products is None else _products(products)
    if percent_off is not None:
        promotion.percent_off, amounts = _percent(percent_off), amounts or []
    elif amounts is not None:
        promotion.percent_off = None
    if name is not None:
        promotion.name = inputs.text(name, "name", maximum=200)
    if metadata is not None:
        promotion.metadata = inputs.metadata(metadata)
    for field, flag in (("is_active", is_active), ("first_order_only", first_order_only)):
        if flag is not None:
            setattr(promotion, field, inputs.flag(flag, field))
    _set_unless_kept(promotion, _instant, starts_at=starts_at, ends_at=ends_at)
    _set_unless_kept(promotion, _limit, max_uses=max_uses, max_uses_per_customer=max_uses_per_customer)
    _check(promotion, _standing(promotion) if amounts is None else amounts)
    promotion.save(using=write_alias())
    _set_parts(promotion, amounts, chosen)
    return get_promotion(promotion.code)


def _promotions() -> QuerySet[Promotion]:
    products = PromotionProduct.objects.using(write_alias()).select_related("product")
    return Promotion.objects.using(write_alias()).prefetch_related("amounts", Prefetch("products", products))


def _check(promotion: Promotion, amounts: Sequence[Money]) -> None:
    """Raise Invalid for what no promotion can be."""
    if (promotion.percent_off is None) is (not amounts):
        raise Invalid(field="percent_off", problem="give percent_off or amounts_off, and not both")
    if promotion.starts_at and promotion.ends_at and promotion.ends_at <= promotion.starts_at:
        raise Invalid(field="ends_at", problem="must be after starts_at")
    if promotion.max_uses is not None and promotion.max_uses < promotion.used:
        raise Invalid(field="max_uses", problem=f"must be at least the {promotion.used} that are used")


def _percent(value: _Percent | None) -> Decimal | None:
    percent = None if value is None else inputs.percent(value, "percent_off")
    if percent == 0:
        raise Invalid(field="percent_off", problem="must be more than 0")
    return percent


def _amounts(given: object) -> list[Money]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise Invalid(field="amounts_off", problem="must be a list of Money")
    amounts: dict[str, Money] = {}
    for money in given:
        if not isinstance(money, Money):
            raise Invalid(field="amounts_off", problem="must be Money")
        currency = inputs.currency(money.currency, "amounts_off")
        if currency in amounts:
            raise Invalid(field="amounts_off", problem=f"has two amounts in {currency}")
        amounts[currency] = Money(inputs.whole(money.amount_minor, "amounts_off", maximum=MAX_AMOUNT_MINOR), currency)
    return list(amounts.values())


def _products(skus: object) -> list[Product]:
    if isinstance(skus, str) or not isinstance(skus, Sequence):
        raise Invalid(field="products", problem="must be a list of SKUs")
    if len(skus) > MAX_PRODUCTS:
        raise Invalid(field="products", problem=f"must be at most {MAX_PRODUCTS}")
    names = dict.fromkeys(inputs.name(sku, "products") for sku in skus)
    found = {product.sku: product for product in Product.objects.using(write_alias()).filter(sku__in=names)}
    for name in names:
        if name not in found:
            raise ProductNotFound(sku=name)
    return [found[name] for name in names]


def _instant(value: object, field: str) -> datetime | None:
    return None if value is None else inputs.instant(value, field)


def _limit(value: object, field: str) -> int | None:
    return None if value is None else inputs.whole(value, field, maximum=MAX_USES)


def _set_unless_kept(promotion: Promotion, clean: Any, **values: object) -> None:
    for field, value in values.items():
        if value is not ...:
            setattr(promotion, field, clean(value, field))


def _standing(promotion: Promotion) -> list[Money]:
    return [Money(amount.amount_minor, amount.currency) for amount in promotion.amounts.all()]


def _set_parts(promotion: Promotion, amounts: Sequence[Money] | None, products: Sequence[Product] | None) -> None:
    """Replace the amounts and products of a promotion; None leaves them."""
    alias = write_alias()
    if amounts is not None:
        PromotionAmount.objects.using(alias).filter(promotion=promotion).delete()
        PromotionAmount.objects.using(alias).bulk_create(
            [
                PromotionAmount(promotion=promotion, currency=money.currency, amount_minor=money.amount_minor)
                for money in amounts
            ]
        )
    if products is not None:
        PromotionProduct.objects.using(alias).filter(promotion=promotion).delete()
        PromotionProduct.objects.using(alias).bulk_create(
            [PromotionProduct(promotion=promotion, product=product) for product in products]
        )
