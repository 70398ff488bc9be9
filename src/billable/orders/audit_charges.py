"""The audits of what orders charge: discounts with their promotion, and tax, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, every, named, total, within
from billable.orders import pricing
from billable.orders.lifecycle import OrderStatus
from billable.orders.models import Order, OrderItem
from billable.promotions.kinds import Release
from billable.promotions.models import PromotionUse


def _sums(scope: Scope) -> Iterator[LedgerProblem]:
    """The discount and the tax of an order are those of its items, which contain the tax or not as it says."""
    items = every(OrderItem).filter(order=OuterRef("pk"))
    orders = within(every(Order), scope).annotate(
        off=total(items, "order", "discount_minor"), tax=total(items, "order", "tax_minor")
    )
    alike = ~Q(Exists(items.exclude(tax_included=OuterRef("tax_included"))))
    for order in breaking(orders, Q(discount_minor=F("off"), tax_minor=F("tax")), alike).iterator():
        problem = (
            f"takes {order.discount_minor} off and has {order.tax_minor} of tax, included: {order.tax_included}; "
            f"its items add up to {order.off} and {order.tax}"
        )
        yield blame(order, problem)
        yield from (blame(item, f"its order {problem}") for item in every(OrderItem).filter(order=order.pk))


def _taxes(scope: Scope) -> Iterator[LedgerProblem]:
    """The tax of a line is that of its rate."""
    items = within(every(OrderItem), scope).filter(Q(tax_rate__gt=0) | Q(tax_minor__gt=0))
    for item in items.iterator():
        amount = item.quantity * item.unit_amount_minor - item.discount_minor
        tax = pricing.tax_minor(amount, item.tax_rate, included=item.tax_included)
        if item.tax_minor != tax:
            yield blame(item, f"has {item.tax_minor} of tax; at {item.tax_rate} percent it is {tax}")


def _uses(scope: Scope) -> Iterator[LedgerProblem]:
    """An order with a code has a use of it, with its discount; an order without one has neither."""
    own = every(PromotionUse).filter(
        order_id=OuterRef("pk"),
        customer=OuterRef("customer"),
        promotion__code=OuterRef("promotion_code"),
        currency=OuterRef("currency"),
        discount_minor=OuterRef("discount_minor"),
    )
    items = every(OrderItem).filter(order=OuterRef("pk"))
    orders = within(every(Order), scope).annotate(credit=total(items, "order", "credit_minor"))
    # What is taken off without a code is credit of the subscriptions that it renews.
    kept = Q(promotion_code="", discount_minor=F("credit")) | Q(~Q(promotion_code=""), Exists(own))
    yield from named(
        breaking(orders, kept), "takes {0.discount_minor} off by the code {0.promotion_code!r}, and has no such use"
    )
    order = every(Order).filter(
        pk=OuterRef("order_id"),
        customer=OuterRef("customer"),
        promotion_code=OuterRef("promotion__code"),
        currency=OuterRef("currency"),
        discount_minor=OuterRef("discount_minor"),
    )
    uses = within(every(PromotionUse), scope)
    yield from named(breaking(uses, Exists(order)), "no order of its customer uses its code for this discount")


def _releases(scope: Scope) -> Iterator[LedgerProblem]:
    """A use was given back when its order was called off or refunded whole, and only then."""
    orders = within(every(Order), scope).filter(~Q(promotion_code=""))
    use = every(PromotionUse).filter(order_id=OuterRef("pk"), customer=OuterRef("customer"))
    kept = Q(Exists(use.filter(released_at__isnull=True)), status__in=_LIVE)
    for release, statuses in _RELEASED.items():
        kept |= Q(Exists(use.filter(released_as=release.value)), status__in=statuses)
    for order in breaking(orders, kept).iterator():
        yield blame(order, f"is {order.status}: the use of its code should be as that says")
        for own in every(PromotionUse).filter(order_id=order.pk, customer=order.customer_id):
            yield blame(own, f"was released as {own.released_as!r}; its order is {order.status}")


_LIVE = [OrderStatus.PENDING.value, OrderStatus.PAID.value, OrderStatus.PARTIALLY_REFUNDED.value]
_RELEASED = {
    Release.CANCELLED: [OrderStatus.CANCELLED.value],
    Release.REFUNDED: [OrderStatus.REFUNDED.value],
    # An order that was paid after it expired found no use left to take again, and kept its discount all the same.
    Release.EXPIRED: [OrderStatus.EXPIRED.value, *_LIVE[1:], OrderStatus.REFUNDED.value],
}

AUDITS: list[Audit] = [_sums, _taxes, _uses, _releases]
