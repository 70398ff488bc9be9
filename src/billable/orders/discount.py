"""What a promotion code takes off an order: asked in advance by check_promotion, and decided by create_order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import find_customer, now_for
from billable.customers.subjects import Subject, family, who
from billable.db.units import write_alias
from billable.errors import PromotionNotFound, PromotionRefused
from billable.money import Money
from billable.orders.basket import Basket, OrderLine, fill, lines_of
from billable.orders.models import Order
from billable.promotions import uses
from billable.promotions.kinds import PromotionRefusal
from billable.promotions.models import Promotion
from billable.promotions.services import get_promotion
from billable.promotions.uses import DiscountLine


@dataclass(frozen=True, kw_only=True)
class Discount:
    """A promotion that applies, and what it takes off each line in whole minor units."""

    promotion: Promotion
    by_line: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class PromotionCheck:
    """What a code would take off an order; true when it applies.

    ``code`` is ``applies``, ``promotion_not_found`` or ``promotion_refused``; ``reason`` says why it is refused.
    ``by_line`` is what comes off each line, in whole minor units of ``currency``; ``total`` is what the order would
    cost, with tax.
    """

    applies: bool
    code: str
    reason: str
    promotion_code: str
    currency: str
    by_line: tuple[int, ...]
    discount: Money
    total: Money

    def __bool__(self) -> bool:
        return self.applies


def check_promotion(
    user: Subject, code: str, items: Sequence[OrderLine], *, currency: str | None = None
) -> PromotionCheck:
    """What ``create_order`` with the same arguments would take off. Writes nothing and reserves nothing.

    Raises ProductNotFound, NotForSale, CurrencyMismatch, Invalid, as the order would.
    """
    basket = fill(lines_of(items), None if currency is None else inputs.currency(currency))
    customer = None if who(user).is_anonymous else find_customer(user)
    by_line: Sequence[int] = [0] * len(basket.wanted)
    known, answer, reason = str(code), "applies", ""
    try:
        discount = discount_for(customer, code, basket)
        known, by_line = discount.promotion.code, discount.by_line
    except PromotionNotFound as refusal:
        known, answer = refusal.promotion, refusal.code
    except PromotionRefused as refusal:
        known, answer, reason = refusal.promotion, refusal.code, refusal.reason
    return PromotionCheck(
        applies=answer == "applies",
        code=answer,
        reason=reason,
        promotion_code=known,
        currency=basket.currency,
        by_line=tuple(by_line),
        discount=Money(sum(by_line), basket.currency),
        total=Money(sum(charge.total_minor for charge in basket.charges(by_line)), basket.currency),
    )


def discount_for(customer: Customer | None, code: str, basket: Basket) -> Discount:
    """The discount of a code for a customer (None: nobody yet). Raises PromotionNotFound, PromotionRefused."""
    promotion = get_promotion(code)
    uses.refuse_unless_open(promotion, now_for(customer))
    if customer is not None:
        uses.refuse_if_used_up(promotion, customer.pk)
        if promotion.first_order_only and _has_bought(customer.pk):
            raise uses.refusal(promotion, PromotionRefusal.FIRST_ORDER_ONLY)
    lines = [
        DiscountLine(product_id=basket.listings[line.sku].product.pk, amount_minor=amount)
        for line, amount in zip(basket.wanted, basket.amounts_minor, strict=True)
    ]
    return Discount(promotion=promotion, by_line=uses.discounts_of(promotion, lines, basket.currency))


def _has_bought(customer_id: UUID) -> bool:
    """Whether the customer, or one that it absorbed, ever paid for an order."""
    orders = Order.objects.using(write_alias()).filter(customer__in=family(customer_id))
    return orders.filter(paid_at__isnull=False).exists()
