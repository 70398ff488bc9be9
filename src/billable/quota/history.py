"""history and list_grants: what happened, newest first, in pages."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from billable import inputs, paging
from billable.customers.subjects import Subject, Who, find_customer_id, who
from billable.db.units import write_alias
from billable.errors import Invalid
from billable.paging import DEFAULT_LIMIT, Page
from billable.quota.kinds import EntryKind
from billable.quota.models import Grant, LedgerEntry


def history(
    user: Subject,
    *,
    feature: str | None = None,
    kind: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[LedgerEntry]:
    """The ledger entries of ``user``, newest first, with grant and usage loaded. Nobody's are an empty page.

    Raises Invalid for an unknown ``kind``, a foreign cursor or a limit outside 1 to 200.
    """
    size, person = paging.page_limit(limit), who(user)
    entries = LedgerEntry.objects.using(write_alias()).select_related("grant__feature", "grant__product", "usage")
    entries = entries.filter(customer=_customer_id(person)).order_by("-seq")
    if feature is not None:
        entries = entries.filter(grant__feature__key=inputs.name(feature, "feature"))
    if kind is not None:
        if kind not in [each.value for each in EntryKind]:
            raise Invalid(field="kind", problem="is no kind of entry")
        entries = entries.filter(kind=kind)
    if cursor is not None:
        entries = entries.filter(seq__lt=paging.number(cursor))
    rows = list(entries[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].seq) if len(rows) > size else None)


def list_grants(
    user: Subject,
    *,
    feature: str | None = None,
    open_only: bool = False,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Grant]:
    """The grants of ``user``, newest first, with feature and product loaded. Nobody's are an empty page.

    Raises Invalid for a foreign cursor or a limit outside 1 to 200.
    """
    size, person = paging.page_limit(limit), who(user)
    grants: QuerySet[Grant] = Grant.objects.using(write_alias()).select_related("feature", "product")
    grants = grants.filter(customer=_customer_id(person)).order_by("-id")
    if feature is not None:
        grants = grants.filter(feature__key=inputs.name(feature, "feature"))
    if open_only:
        grants = grants.filter(closed_at__isnull=True, ended_at__isnull=True)
    if cursor is not None:
        grants = grants.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    rows = list(grants[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


def _customer_id(person: Who) -> UUID | None:
    return None if person.is_anonymous else find_customer_id(person)
