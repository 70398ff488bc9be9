"""The audits of the customers room: every name leads to a customer."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from billable.audits import Audit, LedgerProblem, Scope, dangling, every, named, within
from billable.customers.models import Customer, Identity, UserLink


def _names(scope: Scope) -> Iterator[LedgerProblem]:
    """The customer of an identity or a user link exists."""
    for model in (Identity, UserLink):
        yield from dangling(model, scope)


def _merged(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer that absorbed others was not absorbed itself."""
    chained = Q(merged_into__merged_into__isnull=False)
    yield from named(within(every(Customer), scope, "pk").filter(chained), "was absorbed by one that was absorbed")


AUDITS: list[Audit] = [_names, _merged]
