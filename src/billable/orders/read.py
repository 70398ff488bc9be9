"""get_order and list_orders, list_payments."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connections
from django.db.models import Prefetch, Q, QuerySet

from billable import inputs, paging
from billable.customers.services import apart
from billable.customers.subjects import Subject, family_of
from billable.db import rows
from billable.db.units import write_alias
from billable.errors import Invalid, OrderNotFound, PaymentNotFound
from billable.orders.lifecycle import COUNTED, OrderStatus, PaymentStatus
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment
from billable.paging import DEFAULT_LIMIT, Page


def with_parts() -> QuerySet[Order]:
    """Orders with all that belongs to them loaded.

    That is: items and what they give, the payments that came for them or were applied to them, refunds.
    """
    alias = write_alias()
    payments = Payment.objects.using(alias).order_by("id")
    features = OrderItemFeature.objects.using(alias).select_related("feature").order_by("line")
    items = OrderItem.objects.using(alias).select_related("product").prefetch_related(Prefetch("features", features))
    return Order.objects.using(alias).prefetch_related(
        Prefetch("items", items.order_by("line")),
        # By name: the room of refunds stands above this one.
        Prefetch("refunds", apps.get_model("billable", "Refund")._default_manager.using(alias).order_by("id")),
        Prefetch("payments", payments),
        Prefetch("applied_payments", payments),
    )


def order_id_of(order: Order | UUID | str) -> UUID:
    """The id of an order, given as the row, the id or its text. Raises OrderNotFound for what can be none."""
    if isinstance(order, Order):
        return order.pk
    order_id = inputs.known_identifier(order)
    if order_id is None:
        raise OrderNotFound(order=str(order)[:100])
    return order_id


def get_order(order: Order | UUID | str) -> Order:
    """One order with items, payments and refunds loaded. Raises OrderNotFound."""
    order_id = order_id_of(order)
    alias = write_alias()
    if not (orders := rows.by(alias, Order, {"id": order_id})):
        raise OrderNotFound(order=str(order_id))
    found = orders[0]
    refunds = rows.by(alias, apps.get_model("billable", "Refund"), {"order": order_id}, ordered=("id",))
    came: list[Payment] = []
    applied: list[Payment] = []
    for payment in _payments(alias, order_id):
        (came if payment.order_id == order_id else applied).append(payment)
    rows.remember(found, items=_items(alias, found), refunds=refunds, payments=came, applied_payments=applied)
    return found


def _items(alias: str, order: Order) -> list[OrderItem]:
    given: dict[UUID, list[OrderItemFeature]] = defaultdict(list)
    for feature in rows.by(alias, OrderItemFeature, {"item__order": order.pk}, also=("feature",), ordered=("line",)):
        given[feature.item_id].append(feature)
    items = rows.by(alias, OrderItem, {"order": order.pk}, also=("product",), ordered=("line",))
    for item in items:
        rows.remember(item, features=given[item.pk])
    return items


def _payments(alias: str, order_id: UUID) -> list[Payment]:
    """The payments of an order of both kinds, in one statement."""
    columns, key = rows.select_list(Payment, "payment"), Order._meta.pk.get_db_prep_value(order_id, connections[alias])
    sql = f"SELECT {columns} FROM billable_payment payment WHERE order_id = %s OR applied_to_id = %s ORDER BY id"  # noqa: S608  # names of models
    return [payment for (payment,) in rows.fetch(alias, sql, [key, key], (Payment,))]


def list_orders(
    user: Subject | None = None,
    *,
    status: str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Order]:
    """Orders, newest first: of ``user`` or (None) of everybody, with items and payments loaded.
    ``sandbox`` narrows to customers of the sandbox (True) or to real ones (False).

    Raises Invalid for an unknown ``status``, a foreign cursor or a limit outside 1 to 200.
    """
    size, orders = paging.page_limit(limit), with_parts().order_by("-id")
    orders = apart(orders, sandbox)
    if user is not None:
        orders = orders.filter(customer__in=family_of(user))
    if status is not None:
        if status not in [each.value for each in OrderStatus]:
            raise Invalid(field="status", problem="is no status of an order")
        orders = orders.filter(status=status)
    if cursor is not None:
        orders = orders.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(orders[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def get_payment(payment: Payment | UUID | str) -> Payment:
    """One payment as it stands now, with the orders it came for and was applied to. Raises PaymentNotFound."""
    payment_id = payment.pk if isinstance(payment, Payment) else inputs.known_identifier(payment)
    keys = {"id": payment_id}
    found = [] if payment_id is None else rows.by(write_alias(), Payment, keys, also=("order", "applied_to"))
    if not found:
        raise PaymentNotFound(payment=str(payment_id or payment)[:100])
    return found[0]


def list_payments(
    user: Subject | None = None,
    *,
    status: str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Payment]:
    """Payments, newest first: of ``user`` or (None) of everybody, with their orders loaded.

    ``unapplied`` is the status of money that somebody must look at; its ``code`` says why. ``sandbox`` is as for
    ``list_orders``. Raises Invalid for an
    unknown ``status``, a foreign cursor or a limit outside 1 to 200.
    """
    size, payments = paging.page_limit(limit), _with_orders().order_by("-id")
    payments = apart(payments, sandbox)
    if user is not None:
        payments = payments.filter(customer__in=family_of(user))
    if status is not None:
        if status not in [each.value for each in PaymentStatus]:
            raise Invalid(field="status", problem="is no status of a payment")
        payments = payments.filter(status=status)
    if cursor is not None:
        payments = payments.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(payments[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def counted_for(order: Any) -> Q:
    """Payments that an order counts as its own, whatever became of them. ``order`` may be an outer reference.

    Those that came for it and were not refused, and those of other orders that were applied to it.
    """
    counted = Q(status__in=[status.value for status in COUNTED])
    return counted & (Q(order=order, applied_to__isnull=True, code="") | Q(applied_to=order))


def _with_orders() -> QuerySet[Payment]:
    return Payment.objects.using(write_alias()).select_related("order", "applied_to")
