"""history and list_grants: what happened, newest first, in pages."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from itertools import islice
from uuid import UUID

from django.db.models import QuerySet

from billable import inputs, paging
from billable.customers.subjects import Subject, family_of
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
    size, after = paging.page_limit(limit), None if cursor is None else _Position.read(paging.decode(cursor))
    entries = LedgerEntry.objects.using(write_alias()).select_related("grant__feature", "grant__product", "usage")
    if feature is not None:
        entries = entries.filter(grant__feature__key=inputs.name(feature, "feature"))
    if kind is not None:
        if kind not in [each.value for each in EntryKind]:
            raise Invalid(field="kind", problem="is no kind of entry")
        entries = entries.filter(kind=kind)
    books = [_book(entries, member, after) for member in family_of(user).values_list("pk", flat=True)]
    newest = merge(*(book[: size + 1] for book in books), key=lambda entry: entry.pk, reverse=True)
    rows = list(islice(newest, size + 1))
    return paging.cut(rows, size, _Position.of(rows[size - 1]).text if len(rows) > size else None)


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
    size = paging.page_limit(limit)
    grants: QuerySet[Grant] = Grant.objects.using(write_alias()).select_related("feature", "product")
    grants = grants.filter(customer__in=family_of(user)).order_by("-id")
    if feature is not None:
        grants = grants.filter(feature__key=inputs.name(feature, "feature"))
    if open_only:
        grants = grants.filter(closed_at__isnull=True, ended_at__isnull=True)
    if cursor is not None:
        grants = grants.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    rows = list(grants[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


@dataclass(frozen=True)
class _Position:
    """Where a page of history ended: its last entry, by its key, its number and whose book it is in."""

    id: int
    seq: int
    customer_id: UUID

    @classmethod
    def of(cls, entry: LedgerEntry) -> _Position:
        return cls(entry.pk, entry.seq, entry.customer_id)

    @classmethod
    def read(cls, text: str) -> _Position:
        numbers = text.split(".")
        customer_id = inputs.known_identifier(numbers[-1])
        if len(numbers) != 3 or customer_id is None:
            raise Invalid(field="cursor", problem="is not one of ours")
        return cls(_number(numbers[0]), _number(numbers[1]), customer_id)

    @property
    def text(self) -> str:
        return f"{self.id}.{self.seq}.{self.customer_id}"


def _book(entries: QuerySet[LedgerEntry], customer_id: UUID, after: _Position | None) -> QuerySet[LedgerEntry]:
    """One customer's entries after a position, newest first: by number, which is what the books are indexed by."""
    book = entries.filter(customer=customer_id).order_by("-seq")
    if after is None:
        return book
    return book.filter(seq__lt=after.seq) if after.customer_id == customer_id else book.filter(pk__lt=after.id)


def _number(digits: str) -> int:
    if not digits.isdecimal() or len(digits) > 18:
        raise Invalid(field="cursor", problem="is not one of ours")
    return int(digits)
