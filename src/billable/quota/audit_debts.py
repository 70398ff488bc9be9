"""The audits of debts: what is owed is what a usage overdrew, less what was repaid and forgiven."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Case, Exists, F, OuterRef, Q, When

from billable.audits import Audit, LedgerProblem, Scope, breaking, every, named, total, within
from billable.quota.debt_models import Debt
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind
from billable.quota.models import Adjustment, LedgerEntry


def _debts(scope: Scope) -> Iterator[LedgerProblem]:
    """A debt is its usage's; it was repaid by its entries, and forgiven with what was reversed of the usage."""
    entries = every(LedgerEntry).filter(kind=EntryKind.REPAY.value)
    reversals = every(Adjustment).filter(kind=AdjustmentKind.REVERSE.value)
    repaying = entries.filter(cause_type=CauseType.DEBT.value, cause_id=OuterRef("pk"))
    of_usage = reversals.filter(usage=OuterRef(OuterRef("usage"))).values("pk")
    returned = entries.filter(cause_type=CauseType.ADJUSTMENT.value, cause_id__in=of_usage)
    debts = within(every(Debt), scope).annotate(
        taken=total(repaying, "kind", "amount"),
        back=total(returned, "kind", "amount"),
        undone=total(reversals.filter(usage=OuterRef("usage")), "usage", "quantity"),
    )
    mine = Q(usage__customer=F("customer"), usage__feature=F("feature"), units__lte=F("usage__quantity"))
    debts = debts.annotate(pardoned=Case(When(undone__lt=F("units"), then=F("undone")), default=F("units")))
    fits = Q(repaid=(F("taken") + F("back")) * -1, forgiven=F("pardoned"))
    yield from named(breaking(debts, mine), "is not of its usage, or of more than that used")
    noted = Q(customer__merged_into__isnull=True) | Q(customer__merged_into__has_owed=True)
    yield from named(breaking(debts, Q(noted, customer__has_owed=True)), "is not noted on its customer")
    yield from named(
        breaking(debts, fits),
        "repaid {0.repaid}, forgiven {0.forgiven}; its entries took {0.taken} and gave back {0.back}, "
        "{0.undone} of its usage were reversed",
    )


def _repayments(scope: Scope) -> Iterator[LedgerProblem]:
    """What repays a debt is of its feature, and only such entries name one."""
    debt = every(Debt).filter(pk=OuterRef("cause_id"), feature=OuterRef("grant__feature"))
    entries = within(every(LedgerEntry), scope).filter(cause_type=CauseType.DEBT.value)
    yield from named(
        breaking(entries, Q(Exists(debt), kind=EntryKind.REPAY.value)), "its debt {0.cause_id} is of something else"
    )


AUDITS: list[Audit] = [_debts, _repayments]
