"""The audits of lineages: what a merge or a dispute took from one grant, the next of its line has."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Scope, as_text, breaking, count, every, named, total, within
from billable.customers.models import Merge
from billable.quota.kinds import CauseType, EntryKind, GrantSource
from billable.quota.models import Grant, LedgerEntry

_LINE = Coalesce("grant__origin", "grant")


def _heirs(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant that carries on units names its cause and the first of its line, and gives the same; no other has one."""
    carrying = Q(source__in=[GrantSource.TRANSFER.value, GrantSource.DISPUTE.value])
    same = Q(origin__feature=F("feature"), origin__origin__isnull=True)
    same &= Q(origin__product=F("product")) | Q(origin__product__isnull=True, product__isnull=True)
    birth = every(LedgerEntry).filter(grant=OuterRef("pk"), kind=EntryKind.GRANT.value)
    caused = Exists(birth.annotate(name=as_text("cause_id")).filter(name=OuterRef("source_id")))
    yield from named(
        breaking(within(every(Grant), scope), Q(carrying & same, caused) | ~carrying & Q(origin__isnull=True)),
        "carries on nothing that {0.origin_id} had, or should carry on nothing",
    )


def _absorbed(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer that was absorbed has no open grants: what was left of them is its survivor's."""
    waiting = within(every(Grant), scope).filter(closed_at__isnull=True, ended_at__isnull=True)
    yield from named(waiting.filter(customer__merged_into__isnull=False), "is open, but its customer was absorbed")


def _merges(scope: Scope) -> Iterator[LedgerProblem]:
    """A merge takes from the absorbed and gives to the survivor; when it is undone, also the other way round."""
    merge = every(Merge).filter(pk=OuterRef("cause_id"))
    undone = Q(undone_at__isnull=False)
    taking = merge.filter(Q(absorbed=OuterRef("customer")) | Q(undone, customer=OuterRef("customer")))
    giving = merge.filter(Q(customer=OuterRef("customer")) | Q(undone, absorbed=OuterRef("customer")))
    of_merge, transfer = Q(cause_type=CauseType.MERGE.value), Q(kind=EntryKind.TRANSFER.value)
    entries = within(every(LedgerEntry), scope).filter(of_merge | transfer).annotate(name=as_text("cause_id"))
    taken = Q(of_merge & transfer, Exists(taking)) | Q(transfer, cause_type=CauseType.ADJUSTMENT.value)
    given = Q(kind=EntryKind.GRANT.value, grant__source=GrantSource.TRANSFER.value, grant__source_id=F("name"))
    yield from named(
        breaking(entries, taken | Q(of_merge & given, Exists(giving))),
        "no merge that could move these units is {0.cause_id}",
    )


def _handed_on(scope: Scope) -> Iterator[LedgerProblem]:
    """What a merge takes out of a line, the heirs that it makes bring back to it."""
    line = every(Grant).filter(Q(pk=OuterRef(OuterRef("line"))) | Q(origin=OuterRef(OuterRef("line"))))
    own = every(LedgerEntry).filter(
        grant__in=line.values("pk"), cause_type=CauseType.MERGE.value, cause_id=OuterRef("cause_id")
    )
    taken, brought = own.filter(kind=EntryKind.TRANSFER.value), own.filter(kind=EntryKind.GRANT.value)
    entries = within(every(LedgerEntry), scope).filter(cause_type=CauseType.MERGE.value).annotate(line=_LINE)
    entries = entries.annotate(
        taken=total(taken, "cause_id", "amount") * -1,
        brought=total(brought, "cause_id", "amount"),
        givers=count(taken, "cause_id"),
        heirs=count(brought, "cause_id"),
    )
    yield from named(
        breaking(entries, Q(taken=F("brought"), givers=F("heirs"))),
        "its merge took {0.taken} units from {0.givers} grants of the line and gave {0.brought} to {0.heirs}",
    )


def _followed(scope: Scope) -> Iterator[LedgerProblem]:
    """What came back to a grant that was handed on follows it to an heir, unless its time is over."""
    over = Q(grant__expires_at__lte=F("effective_at")) | Q(grant__quantity__isnull=True)
    line = every(Grant).filter(Q(pk=OuterRef(OuterRef("line"))) | Q(origin=OuterRef(OuterRef("line"))))
    own = every(LedgerEntry).filter(
        grant__in=line.values("pk"), cause_type=CauseType.ADJUSTMENT.value, cause_id=OuterRef("cause_id")
    )
    taken, brought = own.filter(~over, kind=EntryKind.TRANSFER.value), own.filter(kind=EntryKind.GRANT.value)
    entries = within(every(LedgerEntry), scope).filter(
        kind=EntryKind.TRANSFER.value, cause_type=CauseType.ADJUSTMENT.value
    )
    entries = entries.annotate(line=_LINE)
    entries = entries.annotate(
        taken=total(taken, "cause_id", "amount") * -1, brought=total(brought, "cause_id", "amount")
    )
    yield from named(
        breaking(entries, over | Q(taken=F("brought"))),
        "its adjustment took {0.taken} units out of grants that were handed on, and heirs have {0.brought} of them",
    )


AUDITS: list[Audit] = [_heirs, _absorbed, _merges, _handed_on, _followed]
