"""get_order and list_orders, list_payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Prefetch, Q, QuerySet

from billable import inputs, paging
from billable.customers.services import apart
from billable.customers.subjects import Subject, family_of
from billable.db.units import write_alias
from billable.errors import Invalid, OrderNotFound, PaymentNotFound
from billable.orders.lifecycle import COUNTED, OrderStatus, PaymentStatus
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment
from billable.paging import DEFAULT_LIMIT, Page


def with_parts() -> QuerySet[Order]:
    """Orders with all that belongs to them loaded.

    That is: items and what they give, the payments that came for them or were applied to them, refunds.
    """
    payments = Payment.objects.using(write_alias()).order_by("id")
    return _with_items_and_refunds().prefetch_related(
        Prefetch("payments", payments), Prefetch("applied_payments", payments)
    )


def _with_items_and_refunds() -> QuerySet[Order]:
    alias = write_alias()
    features = OrderItemFeature.objects.using(alias).select_related("feature").order_by("line")
    items = OrderItem.objects.using(alias).select_related("product").prefetch_related(Prefetch("features", features))
    return Order.objects.using(alias).prefetch_related(
        Prefetch("items", items.order_by("line")),
        # By name: the room of refunds stands above this one.
        Prefetch("refunds", apps.get_model("billable", "Refund")._default_manager.using(alias).order_by("id")),
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
    found = _with_items_and_refunds().filter(pk=order_id).first()
    if found is None:
        raise OrderNotFound(order=str(order_id))
    # Of one order, the payments of both kinds are one statement.
    payments = Payment.objects.using(write_alias()).filter(Q(order=order_id) | Q(applied_to=order_id)).order_by("id")
    came: list[Payment] = []
    applied: list[Payment] = []
    for payment in payments:
        (came if payment.order_id == order_id else applied).append(payment)
    remember(found, payments=came, applied_payments=applied)
    return found


def remember(row: Order | OrderItem, **related: Sequence[Any]) -> None:
    """Put related rows where prefetching would: an answer's attributes run no query."""
    if not hasattr(row, "_prefetched_objects_cache"):
        row._prefetched_objects_cache = {}  # type: ignore[union-attr]  # not in the stubs
    for name, rows in related.items():
        queryset = getattr(row, name).all()
        queryset._result_cache, queryset._prefetch_done = list(rows), True
        row._prefetched_objects_cache[name] = queryset  # type: ignore[union-attr]  # as above


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
    rows = list(orders[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


def get_payment(payment: Payment | UUID | str) -> Payment:
    """One payment as it stands now, with the orders it came for and was applied to. Raises PaymentNotFound."""
    payment_id = payment.pk if isinstance(payment, Payment) else inputs.known_identifier(payment)
    found = None if payment_id is None else _with_orders().filter(pk=payment_id).first()
    if found is None:
        raise PaymentNotFound(payment=str(payment_id or payment)[:100])
    return found


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
    rows = list(payments[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


def counted_for(order: Any) -> Q:
    """Payments that an order counts as its own, whatever became of them. ``order`` may be an outer reference.

    Those that came for it and were not refused, and those of other orders that were applied to it.
    """
    counted = Q(status__in=[status.value for status in COUNTED])
    return counted & (Q(order=order, applied_to__isnull=True, code="") | Q(applied_to=order))


def _with_orders() -> QuerySet[Payment]:
    return Payment.objects.using(write_alias()).select_related("order", "applied_to")
