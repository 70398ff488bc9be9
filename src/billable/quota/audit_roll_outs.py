"""The audits of roll-outs: what they say they gave is what they gave."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, as_text, breaking, every, named, within
from billable.quota.audit import grants_of
from billable.quota.audit_allowances import allowances_of
from billable.quota.kinds import GrantSource, RollOutKind
from billable.quota.models import Allowance, Grant
from billable.quota.roll_out_models import RollOut


def _receipts(scope: Scope) -> Iterator[LedgerProblem]:
    """Added units are a grant, new terms and new lines an allowance or a grant; of the same product."""
    given = every(Grant).filter(
        source=GrantSource.ROLL_OUT.value, source_id=OuterRef("name"), product=OuterRef("product")
    )
    units = given.filter(Q(quantity=OuterRef("quantity")) | Q(quantity__isnull=True))
    begun = every(Allowance).filter(
        source=GrantSource.ROLL_OUT.value, source_id=OuterRef("name"), product=OuterRef("product")
    )
    topped = Q(kind=RollOutKind.UNITS.value, grant__product=F("product"), allowance__isnull=True)
    tuned = Q(
        kind__in=[RollOutKind.CAP.value, RollOutKind.VALUE.value], grant__product=F("product"), quantity__isnull=True
    )
    renewed = Q(
        kind=RollOutKind.TERMS.value, allowance__product=F("product"), grant__isnull=True, quantity__isnull=True
    )
    new = Q(kind=RollOutKind.LINE.value, grant__isnull=True, allowance__isnull=True, quantity__isnull=True)
    fits = Q(topped, Exists(units)) | tuned | renewed | Q(new, Exists(given)) | Q(new, Exists(begun))
    receipts = within(every(RollOut), scope).annotate(name=as_text("pk"))
    yield from named(breaking(receipts, fits), "says that it changed {0.kind}, which nothing shows")


def _gifts(scope: Scope) -> Iterator[LedgerProblem]:
    """What a roll-out gave names it."""
    yield from grants_of(GrantSource.ROLL_OUT, every(RollOut).filter(product=OuterRef("grant__product")), scope)
    yield from allowances_of(GrantSource.ROLL_OUT, every(RollOut).filter(product=OuterRef("product")), scope)


AUDITS: list[Audit] = [_receipts, _gifts]
