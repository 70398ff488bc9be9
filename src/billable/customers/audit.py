"""The audits of the customers room: every name leads to a customer, and merges say who absorbed whom."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, count, dangling, every, named, within
from billable.customers.models import Customer, Identity, Merge, UserLink


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


AUDITS: list[Audit] = [_names, _chains, _merges]
