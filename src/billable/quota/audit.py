"""The audits of the quota room: recompute the books from the ledger and name every row that does not agree."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Scope, within
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota.kinds import CauseType, EntryKind
from billable.quota.models import Adjustment, Grant, LedgerEntry, Usage


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """remaining = Σ amount and held = Σ held_change; entries of unlimited grants carry no remaining."""
    sums = _entries().filter(grant=OuterRef("pk")).order_by().values("grant")
    grants = within(Grant.objects.using(write_alias()), scope).annotate(
        total=Coalesce(Subquery(sums.annotate(sum=Sum("amount")).values("sum")), 0),
        total_held=Coalesce(Subquery(sums.annotate(sum=Sum("held_change")).values("sum")), 0),
        births=Coalesce(
            Subquery(sums.filter(kind=EntryKind.GRANT.value).annotate(count=Count("pk")).values("count")), 0
        ),
    )
    wrong = (
        Q(remaining__isnull=False) & ~Q(remaining=F("total"))
        | ~Q(held=F("total_held"))
        | ~Q(births=1)
        | Q(remaining__isnull=True, total__gt=0)
    )
    for grant in grants.filter(wrong).iterator():
        yield LedgerProblem(
            table="billable_grant",
            id=str(grant.pk),
            problem=f"remaining {grant.remaining}, held {grant.held}; its {grant.births} grant entries and the others "
            f"add up to {grant.total} and {grant.total_held}",
        )


def _sequence(scope: Scope) -> Iterator[LedgerProblem]:
    """seq runs from 1 to the customer's counter without gaps."""
    numbers = _entries().filter(customer=OuterRef("pk")).order_by().values("customer")
    customers = within(Customer.objects.using(write_alias()), scope, "pk").annotate(
        count=Coalesce(Subquery(numbers.annotate(value=Count("pk")).values("value")), 0),
        last=Coalesce(Subquery(numbers.annotate(value=Max("seq")).values("value")), 0),
    )
    for customer in customers.exclude(seq=F("count"), last=F("count")).iterator():
        yield LedgerProblem(
            table="billable_customer",
            id=str(customer.pk),
            problem=f"seq {customer.seq}, but {customer.count} entries, the last numbered {customer.last}",
        )


def _running_totals(scope: Scope) -> Iterator[LedgerProblem]:
    """remaining_after of each entry = Σ amount of its grant up to it."""
    running = within(_entries(), scope).annotate(
        running=Window(Sum("amount"), partition_by=F("grant"), order_by=F("seq").asc()),
    )
    finite = running.filter(grant__quantity__isnull=False).exclude(remaining_after=F("running"))
    marked = within(_entries(), scope).filter(grant__quantity__isnull=True, remaining_after__isnull=False)
    missing = within(_entries(), scope).filter(grant__quantity__isnull=False, remaining_after__isnull=True)
    for entry in [*finite.order_by(), *marked, *missing]:
        yield _entry_problem(
            entry, f"remaining_after {entry.remaining_after} is not what its grant's entries add up to"
        )


def _belongs(scope: Scope) -> Iterator[LedgerProblem]:
    """An entry and its grant and usage belong to the same customer, and its sign fits its kind."""
    foreign = ~Q(grant__customer=F("customer")) | Q(usage__isnull=False) & ~Q(usage__customer=F("customer"))
    out, back = (
        [EntryKind.CONSUME.value, EntryKind.EXPIRE.value, EntryKind.REVOKE.value],
        [EntryKind.GRANT.value, EntryKind.REVERSE.value],
    )
    sign = Q(kind__in=out, amount__gt=0) | Q(kind__in=back, amount__lt=0)
    for entry in within(_entries(), scope).filter(foreign):
        yield _entry_problem(entry, "its grant or usage belongs to another customer")
    for entry in within(_entries(), scope).filter(sign):
        yield _entry_problem(entry, f"amount {entry.amount} has the wrong sign for {entry.kind}")


def _usages(scope: Scope) -> Iterator[LedgerProblem]:
    """What a usage took is what it was to cost, and no more was reversed than consumed."""
    usages = within(Usage.objects.using(write_alias()), scope).annotate(
        taken=_sumwithin(_entries().filter(usage=OuterRef("pk"), kind=EntryKind.CONSUME.value), "usage", "amount"),
        reversed=_sumwithin(Adjustment.objects.using(write_alias()).filter(usage=OuterRef("pk")), "usage", "quantity"),
    )
    for usage in usages.iterator():
        paid = sum(cost["quantity"] for cost in usage.costs)
        cost = usage.quantity - paid + sum(-(-each["quantity"] * each["units"] // each["per"]) for each in usage.costs)
        if -usage.taken != cost:
            yield LedgerProblem(
                table="billable_usage",
                id=str(usage.pk),
                problem=f"costs {cost} units, its entries took {-usage.taken}",
            )
        if usage.reversed > usage.quantity:
            yield LedgerProblem(
                table="billable_usage",
                id=str(usage.pk),
                problem=f"{usage.reversed} of {usage.quantity} units reversed",
            )


def _receipts(scope: Scope) -> Iterator[LedgerProblem]:
    """The receipt that an entry names exists."""
    tables = {CauseType.GRANT: Grant, CauseType.USAGE: Usage, CauseType.ADJUSTMENT: Adjustment}
    for cause, model in tables.items():
        receipts = model._base_manager.using(write_alias()).values("pk")
        for entry in within(_entries(), scope).filter(cause_type=cause.value).exclude(cause_id__in=receipts):
            yield _entry_problem(entry, f"its {cause.value} {entry.cause_id} does not exist")


def _orphans(scope: Scope) -> Iterator[LedgerProblem]:
    """The customer of a row without a foreign key exists."""
    customers = Customer.objects.using(write_alias()).values("pk")
    for model in (Usage, LedgerEntry):
        for row in within(model._base_manager.using(write_alias()), scope).exclude(customer__in=customers):
            yield LedgerProblem(table=model._meta.db_table, id=str(row.pk), problem="its customer does not exist")


AUDITS: list[Audit] = [_grants, _sequence, _running_totals, _belongs, _usages, _receipts, _orphans]


def _sumwithin(rows: QuerySet[LedgerEntry] | QuerySet[Adjustment], by: str, column: str) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values(by).annotate(sum=Sum(column)).values("sum")), 0)


def _entry_problem(entry: LedgerEntry, problem: str) -> LedgerProblem:
    return LedgerProblem(table="billable_ledgerentry", id=f"{entry.customer_id}#{entry.seq}", problem=problem)


def _entries() -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.using(write_alias())
