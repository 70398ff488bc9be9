"""Refunds and disputes, one or many."""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from billable import inputs, paging
from billable.customers.services import apart
from billable.customers.subjects import Subject, family_of
from billable.db import rows
from billable.db.units import write_alias
from billable.errors import DisputeNotFound, Invalid, OrderNotFound, RefundNotFound
from billable.orders.models import Order
from billable.orders.read import order_id_of
from billable.paging import DEFAULT_LIMIT, Page
from billable.refunds.kinds import DisputeStatus
from billable.refunds.models import Dispute, Refund, RefundGrant, RefundItem


def with_parts() -> QuerySet[Refund]:
    """Refunds with their order, payment and items, and what was done at each grant, loaded."""
    alias = write_alias()
    grants = RefundGrant.objects.using(alias).select_related("grant__feature").order_by("grant__line")
    items = RefundItem.objects.using(alias).select_related("item").prefetch_related(Prefetch("grants", grants))
    refunds = Refund.objects.using(alias).select_related("order", "payment")
    return refunds.prefetch_related(Prefetch("items", items.order_by("item__line")))


def get_refund(refund: Refund | UUID | str) -> Refund:
    """One refund with its items, and what was done at each grant. Raises RefundNotFound."""
    refund_id = refund.pk if isinstance(refund, Refund) else inputs.known_identifier(refund)
    alias, keys = write_alias(), {"id": refund_id}
    found = [] if refund_id is None else rows.by(alias, Refund, keys, also=("order", "payment"))
    if not found:
        raise RefundNotFound(refund=str(refund_id or refund)[:100])
    grants: dict[UUID, list[RefundGrant]] = defaultdict(list)
    also = ("grant", "grant__feature")
    for grant in rows.by(alias, RefundGrant, {"part__refund": refund_id}, also=also, ordered=("grant__line",)):
        grants[grant.part_id].append(grant)
    items = rows.by(alias, RefundItem, {"refund": refund_id}, also=("item",), ordered=("item__line",))
    for item in items:
        rows.remember(item, grants=grants[item.pk])
    rows.remember(found[0], items=items)
    return found[0]


def list_refunds(
    user: Subject | None = None,
    *,
    order: Order | UUID | str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Refund]:
    """Refunds, newest first: of ``user``, or (None) of everybody, or of one order; with their parts loaded.

    ``sandbox`` is as for ``list_orders``. Raises OrderNotFound, Invalid for a foreign cursor or a limit outside 1 to
    200.
    """
    size, refunds = paging.page_limit(limit), with_parts().order_by("-id")
    refunds = apart(refunds, sandbox)
    if user is not None:
        refunds = refunds.filter(customer__in=family_of(user))
    if order is not None:
        refunds = refunds.filter(order=_known(order))
    if cursor is not None:
        refunds = refunds.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(refunds[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def disputes() -> QuerySet[Dispute]:
    """Disputes with their payment and order loaded."""
    return Dispute.objects.using(write_alias()).select_related("payment", "order")


def get_dispute(dispute: Dispute | UUID | str) -> Dispute:
    """One dispute as it stands now, with its payment and order. Raises DisputeNotFound."""
    dispute_id = dispute.pk if isinstance(dispute, Dispute) else inputs.known_identifier(dispute)
    keys = {"id": dispute_id}
    found = [] if dispute_id is None else rows.by(write_alias(), Dispute, keys, also=("payment", "order"))
    if not found:
        raise DisputeNotFound(dispute=str(dispute_id or dispute)[:100])
    return found[0]


def list_disputes(
    user: Subject | None = None,
    *,
    dispute_id: str | None = None,
    status: str | None = None,
    sandbox: bool | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Dispute]:
    """Disputes, newest first: of ``user`` or (None) of everybody, with their payments and orders loaded.

    ``dispute_id`` is the provider's name, as a notice of the outcome has it; payments of two methods may share it.
    ``disputed`` is the status of those that wait for a decision; ``sandbox`` is as for ``list_orders``. Raises Invalid
    for an unknown ``status``, a foreign cursor or a limit outside 1 to 200.
    """
    size, rows = paging.page_limit(limit), disputes().order_by("-id")
    rows = apart(rows, sandbox)
    if user is not None:
        rows = rows.filter(customer__in=family_of(user))
    if dispute_id is not None:
        rows = rows.filter(dispute_id=inputs.key(dispute_id, "dispute_id"))
    if status is not None:
        if status not in [each.value for each in DisputeStatus]:
            raise Invalid(field="status", problem="is no status of a dispute")
        rows = rows.filter(status=status)
    if cursor is not None:
        rows = rows.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    found = list(rows[: size + 1])
    return paging.cut(found, size, str(found[size - 1].pk) if len(found) > size else None)


def _known(order: Order | UUID | str) -> UUID:
    order_id = order_id_of(order)
    if not Order.objects.using(write_alias()).filter(pk=order_id).exists():
        raise OrderNotFound(order=str(order_id))
    return order_id
