"""Uses of promotions: whether a code applies to an order, and the counter that orders reserve their use of.

The counter is the last row that a verb locks, and one conditional UPDATE changes it: whoever orders with a code waits
for its other customers no longer than it must, and a limit holds whoever comes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from billable import clock
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.errors import PromotionRefused
from billable.promotions import discounts
from billable.promotions.kinds import PromotionRefusal, Release
from billable.promotions.models import Promotion, PromotionUse
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class DiscountLine:
    """A line of an order as a promotion sees it: its product, and what it costs without the discount."""

    product_id: int
    amount_minor: int


def refuse_unless_open(promotion: Promotion, now: datetime) -> None:
    """Raise PromotionRefused unless a promotion can be used by anybody at an instant."""
    if not promotion.is_active:
        raise refusal(promotion, PromotionRefusal.INACTIVE)
    if promotion.starts_at is not None and now < promotion.starts_at:
        raise refusal(promotion, PromotionRefusal.NOT_STARTED)
    if promotion.ends_at is not None and promotion.ends_at <= now:
        raise refusal(promotion, PromotionRefusal.EXPIRED)
    if promotion.max_uses is not None and promotion.used >= promotion.max_uses:
        raise refusal(promotion, PromotionRefusal.EXHAUSTED)


def refuse_if_used_up(promotion: Promotion, customer_id: UUID) -> None:
    """Raise PromotionRefused when a customer, with those that it absorbed, used a code as often as it may."""
    if promotion.max_uses_per_customer is None:
        return
    uses = PromotionUse.objects.using(write_alias()).filter(promotion=promotion, released_at__isnull=True)
    if uses.filter(customer__in=family(customer_id)).count() >= promotion.max_uses_per_customer:
        raise refusal(promotion, PromotionRefusal.USED_UP_BY_CUSTOMER)


def discounts_of(promotion: Promotion, lines: Sequence[DiscountLine], currency: str) -> list[int]:
    """What a promotion takes off each line, in whole minor units. Raises PromotionRefused where that is nothing."""
    meant = {each.product_id for each in promotion.products.all()}
    chosen = [place for place, line in enumerate(lines) if not meant or line.product_id in meant]
    if not chosen:
        raise refusal(promotion, PromotionRefusal.OTHER_PRODUCT)
    amounts = [lines[place].amount_minor for place in chosen]
    if promotion.percent_off is not None:
        parts = discounts.percentage(amounts, promotion.percent_off)
    else:
        fixed = {each.currency: each.amount_minor for each in promotion.amounts.all()}
        if currency not in fixed:
            raise refusal(promotion, PromotionRefusal.OTHER_CURRENCY)
        parts = discounts.fixed(amounts, fixed[currency])
    if not any(parts):
        raise refusal(promotion, PromotionRefusal.TAKES_NOTHING_OFF)
    off = dict(zip(chosen, parts, strict=True))
    return [off.get(place, 0) for place in range(len(lines))]


def refusal(promotion: Promotion, reason: PromotionRefusal) -> PromotionRefused:
    """The refusal to raise."""
    return PromotionRefused(promotion=promotion.code, reason=reason.value)


def reserve(customer: Customer, promotion: Promotion, order_id: UUID, currency: str, discount_minor: int) -> None:
    """Reserve a use for an order that was just written. Raises PromotionRefused when the last one has gone.

    The order must go again with the refusal: call it in a savepoint, last.
    """
    use = PromotionUse(
        customer=customer,
        promotion=promotion,
        order_id=order_id,
        currency=currency,
        discount_minor=discount_minor,
        actor=current_actor(),
        created_at=clock.now(),
    )
    PromotionUse.objects.using(write_alias()).bulk_create([use])
    if not _count(promotion.pk, Q(is_active=True)):
        raise refusal(promotion, PromotionRefusal.EXHAUSTED)
    emit("promotion.used", use=use)


def release(customer: Customer, order_id: UUID, as_: Release) -> None:
    """Give the use of an order of a locked customer back, if it has one; a second time does nothing. Call it last."""
    use = _use(customer, order_id)
    if use is None or use.released_at is not None:
        return
    use.released_at, use.released_as = now_for(customer), as_.value
    _save(use)
    Promotion.objects.using(write_alias()).filter(pk=use.promotion_id).update(used=F("used") - 1)
    emit("promotion.released", use=use)


def retake(customer: Customer, order_id: UUID) -> None:
    """Count the use of an expired order again that was paid after all, if its code has one left. Call it last.

    The customer paid what was asked, so the order keeps its discount either way.
    """
    use = _use(customer, order_id)
    if use is None or use.released_as != Release.EXPIRED.value or not _count(use.promotion_id):
        return
    use.released_at, use.released_as = None, ""
    _save(use)
    emit("promotion.used", use=use)


def _use(customer: Customer, order_id: UUID) -> PromotionUse | None:
    uses = PromotionUse.objects.using(write_alias()).select_related("promotion")
    return uses.filter(customer__in=family(customer.pk), order_id=order_id).first()


def _save(use: PromotionUse) -> None:
    rows = PromotionUse.objects.using(write_alias()).filter(pk=use.pk, customer=use.customer_id)
    rows.update(released_at=use.released_at, released_as=use.released_as)


def _count(promotion_id: int, *conditions: Q) -> bool:
    """Count one more use, unless that is past the limit; whether it was counted."""
    below = Q(max_uses__isnull=True) | Q(used__lt=F("max_uses"))
    rows = Promotion.objects.using(write_alias()).filter(below, *conditions, pk=promotion_id)
    return rows.update(used=F("used") + 1) == 1
