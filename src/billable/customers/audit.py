"""The audits of the customers room: every name leads to a customer, and merges say who absorbed whom."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, count, dangling, every, named, within
from billable.customers.models import ClockMove, Customer, Identity, Merge, UserLink


def _names(scope: Scope) -> Iterator[LedgerProblem]:
    """The customer of an identity or a user link exists, and was not absorbed; the one before it was, by this one."""
    for model in (Identity, UserLink):
        yield from dangling(model, scope)
        names = within(every(model), scope)
        yield from named(names.filter(customer__merged_into__isnull=False), "its customer was absorbed")
        before = Exists(every(Customer).filter(pk=OuterRef("merged_from"), merged_into=OuterRef("customer")))
        yield from named(
            breaking(names, Q(merged_from__isnull=True) | Q(before)), "was merged from {0.merged_from}, which is not so"
        )


def _chains(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer that absorbed others was not absorbed itself."""
    chained = Q(merged_into__merged_into__isnull=False)
    yield from named(within(every(Customer), scope, "pk").filter(chained), "was absorbed by one that was absorbed")


def _merges(scope: Scope) -> Iterator[LedgerProblem]:
    """Of an absorbed customer there is one merge that was not undone, by whom absorbed it; of any other none."""
    standing = every(Merge).filter(absorbed=OuterRef("pk"), undone_at__isnull=True)
    standing = standing.annotate(head=Coalesce("customer__merged_into", "customer"))
    customers = within(every(Customer), scope, "pk").annotate(merges_standing=count(standing, "absorbed"))
    by_it = Exists(standing.filter(head=OuterRef("merged_into")))
    fits = Q(merged_into__isnull=True, merges_standing=0) | Q(by_it, merges_standing=1)
    for customer in breaking(customers, fits).iterator():
        problem = f"was absorbed by {customer.merged_into_id}; {customer.merges_standing} merges say so"
        yield blame(customer, problem)
        yield from (
            blame(merge, f"its absorbed customer {problem}") for merge in every(Merge).filter(absorbed=customer)
        )
    merges = within(every(Merge), scope).filter(undone_at__isnull=True)
    merges = merges.annotate(head=Coalesce("customer__merged_into", "customer"))
    yield from named(breaking(merges, Q(absorbed__merged_into=F("head"))), "its absorbed customer is not absorbed so")


def _clocks(scope: Scope) -> Iterator[LedgerProblem]:
    """Merged customers are all of the sandbox or all real, with one clock; nobody of the sandbox ever went back."""
    customers = within(every(Customer), scope, "pk")
    same = Q(is_sandbox=F("merged_into__is_sandbox"), clock_offset_seconds=F("merged_into__clock_offset_seconds"))
    yield from named(breaking(customers, Q(merged_into__isnull=True) | same), "has another clock than who absorbed it")
    moves = within(every(ClockMove), scope)
    yield from named(breaking(moves, Q(customer__is_sandbox=True)), "moved the clock of a real customer")
    arrived = Q(finished_at__isnull=True) | Q(customer__clock_offset_seconds__gte=F("to_offset_seconds"))
    yield from named(breaking(moves, arrived), "its customer's clock is behind where it moved it")


AUDITS: list[Audit] = [_names, _chains, _merges, _clocks]
