"""Several customers locked at once, when which ones depends on rows that may change while one waits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce

from billable.customers.models import Customer
from billable.customers.subjects import lock_customers
from billable.db.units import write_alias
from billable.errors import Retryable

TRIES = 20


def heads_of(customer_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """For each customer the one that absorbed it, or itself."""
    rows = Customer.objects.using(write_alias()).order_by().filter(pk__in=set(customer_ids))
    return dict(rows.values_list("pk", Coalesce("merged_into_id", "id")))


def lock_whoever(find: Callable[[], Iterable[UUID]]) -> dict[UUID, Customer]:
    """Lock the customers that ``find`` names, in ascending order, until it names no others any more; by id.

    Whoever already holds some and then takes one more may take it out of order, and wait in a ring. So locks that
    turn out to be too few are given back, by rolling back a savepoint, and all are taken anew.
    """
    alias, wanted = write_alias(), set(find())
    for _ in range(TRIES):
        savepoint = transaction.savepoint(using=alias)
        customers = lock_customers(wanted)
        found = set(find())
        if found <= wanted:
            transaction.savepoint_commit(savepoint, using=alias)
            return {customer.pk: customer for customer in customers}
        transaction.savepoint_rollback(savepoint, using=alias)
        wanted = found
    raise Retryable()
