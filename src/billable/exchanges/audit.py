"""The audits of the exchanges room: what was taken is what it cost, what was given is the product."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce

from billable.audits import (
    Audit,
    LedgerProblem,
    Scope,
    as_text,
    breaking,
    dangling,
    every,
    named,
    of_family,
    total,
    within,
)
from billable.exchanges.models import Exchange
from billable.quota.audit import grants_of
from billable.quota.audit_allowances import allowances_of
from billable.quota.given import made_by
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind, GrantSource
from billable.quota.models import Adjustment, Grant, LedgerEntry, Usage


def _usages(scope: Scope) -> Iterator[LedgerProblem]:
    """The usage of an exchange took its units of its feature, from its customer, for it alone."""
    taken = every(Usage).filter(
        pk=OuterRef("usage_id"),
        customer=OuterRef("customer"),
        feature=OuterRef("feature"),
        quantity=OuterRef("units"),
        action_id=OuterRef("id_text"),
    )
    exchanges = within(every(Exchange), scope).annotate(id_text=as_text("pk"))
    yield from dangling(Exchange, scope)
    yield from named(breaking(exchanges, Exists(taken)), "its usage did not take its {0.units} units for it")


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """An exchange made grants, all of its product and as many pieces, and a grant of an exchange names one."""
    made = every(Grant).filter(of_family(), made_by(GrantSource.EXCHANGE, OuterRef("id_text")))
    others = breaking(made, Q(product=OuterRef("product"), pieces=OuterRef("quantity")))
    exchanges = within(every(Exchange), scope).annotate(id_text=as_text("pk"))
    yield from named(
        breaking(exchanges, Exists(made), ~Q(Exists(others))), "its grants are not {0.quantity} pieces of its product"
    )
    yield from grants_of(GrantSource.EXCHANGE, every(Exchange).filter(product=OuterRef("grant__product")), scope)
    same = every(Exchange).filter(product=OuterRef("product"), quantity=OuterRef("pieces"))
    yield from allowances_of(GrantSource.EXCHANGE, same, scope)


def _refunds(scope: Scope) -> Iterator[LedgerProblem]:
    """What came back of an exchange was put back to the grants that had paid; what it took is of what it gave."""
    back = every(Adjustment).filter(usage=OuterRef("usage_id"), kind=AdjustmentKind.REVERSE.value)
    exchanges = within(every(Exchange), scope).annotate(back=total(back, "usage", "quantity"))
    yield from named(
        breaking(exchanges, Q(refunded_units__lte=F("back"))),
        "{0.refunded_units} units were refunded, and {0.back} put back",
    )
    entries = within(every(LedgerEntry), scope).filter(kind=EntryKind.REFUND.value, cause_type=CauseType.EXCHANGE.value)
    given = every(LedgerEntry).filter(
        Q(grant=OuterRef("grant")) | Q(grant=OuterRef("grant__origin")),
        kind=EntryKind.GRANT.value,
        cause_type=CauseType.EXCHANGE.value,
        cause_id=OuterRef("cause_id"),
    )
    exchange = every(Exchange).annotate(id_text=as_text("pk")).filter(pk=OuterRef("cause_id"))
    maker = Coalesce(OuterRef("grant__allowance__origin__source_id"), OuterRef("grant__allowance__source_id"))
    recurring = Q(Exists(exchange.filter(id_text=maker)), grant__allowance__isnull=False)
    yield from named(breaking(entries, Exists(given) | recurring), "its exchange {0.cause_id} did not give this grant")


AUDITS: list[Audit] = [_usages, _grants, _refunds]
