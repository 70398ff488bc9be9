"""The audits of the orders room: money adds up, and paid orders gave what they promised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Scope, within
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.orders.lifecycle import OrderStatus, PaymentStatus
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment, PaymentClaim
from billable.quota.kinds import GrantSource
from billable.quota.models import Grant

GAVE = [OrderStatus.PAID.value, OrderStatus.PARTIALLY_REFUNDED.value, OrderStatus.REFUNDED.value]


def _amounts(scope: Scope) -> Iterator[LedgerProblem]:
    """What an order counts as paid is what its succeeded payments add up to; its total is that of its items."""
    alias = write_alias()
    arrived = Payment.objects.using(alias).filter(
        order=OuterRef("pk"), status=PaymentStatus.SUCCEEDED.value, currency=OuterRef("currency")
    )
    items = OrderItem.objects.using(alias).filter(order=OuterRef("pk"))
    orders = within(Order.objects.using(alias), scope).annotate(
        arrived=Coalesce(
            Subquery(arrived.order_by().values("order").annotate(sum=Sum("amount_minor")).values("sum")), 0
        ),
        listed=Coalesce(
            Subquery(items.order_by().values("order").annotate(sum=Sum("total_amount_minor")).values("sum")),
            0,
        ),
    )
    for order in orders.exclude(paid_amount_minor=F("arrived"), total_amount_minor=F("listed")).iterator():
        yield LedgerProblem(
            table="billable_order",
            id=str(order.pk),
            problem=f"paid {order.paid_amount_minor} of {order.total_amount_minor}; its payments add up to "
            f"{order.arrived}, its items to {order.listed}",
        )


def _gifts(scope: Scope) -> Iterator[LedgerProblem]:
    """A paid order has one grant per feature of its items, any other order none.

    Orders and grants are read in two statements, and an order may be paid between them: only what is wrong twice is.
    """
    suspects = [order.pk for order, _ in _ungifted(within(Order.objects.using(write_alias()), scope))]
    for order, given in _ungifted(Order.objects.using(write_alias()).filter(pk__in=suspects)):
        problem = f"is {order.status} and made {given} grants; its items promise {order.promised}"
        yield LedgerProblem(table="billable_order", id=str(order.pk), problem=problem)


def _ungifted(orders: QuerySet[Order]) -> Iterator[tuple[Any, int]]:
    alias = write_alias()
    promised = OrderItemFeature.objects.using(alias).filter(item__order=OuterRef("pk"))
    orders = orders.annotate(
        promised=Coalesce(
            Subquery(promised.order_by().values("item__order").annotate(count=Count("pk")).values("count")), 0
        )
    )
    grants = Grant.objects.using(alias).filter(source=GrantSource.ORDER.value).order_by()
    given = dict(grants.values_list("source_id").annotate(count=Count("pk")))
    for order in orders.iterator():
        count = given.get(str(order.pk), 0)
        if count != (order.promised if order.status in GAVE else 0):
            yield order, count


def _claims(scope: Scope) -> Iterator[LedgerProblem]:
    """Every payment has its claim."""
    alias = write_alias()
    claims = PaymentClaim.objects.using(alias).filter(
        payment_id=OuterRef("payment_id"),
        payment_method=OuterRef("payment_method"),
        capture_id=OuterRef("capture_id"),
        order_id=OuterRef("order_id"),
    )
    for payment in within(Payment.objects.using(alias), scope).annotate(claim=Subquery(claims.values("pk")[:1])):
        if payment.claim is None:
            yield LedgerProblem(table="billable_payment", id=str(payment.pk), problem="has no claim on its payment id")


def _orphans(scope: Scope) -> Iterator[LedgerProblem]:
    """The order and customer of a payment agree."""
    alias = write_alias()
    strays = ~Q(order__customer=F("customer")) | ~Q(customer__in=Customer.objects.using(alias).values("pk"))
    for payment in within(Payment.objects.using(alias), scope).filter(strays):
        yield LedgerProblem(
            table="billable_payment", id=str(payment.pk), problem="its order belongs to another customer"
        )


AUDITS: list[Audit] = [_amounts, _gifts, _claims, _orphans]
