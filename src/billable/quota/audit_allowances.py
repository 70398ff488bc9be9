"""The audits of allowances: each period was given once, with its units, and what rolled over is what was unused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfoNotFoundError

from django.db.models import Count, Exists, F, Min, OuterRef, Q, Subquery, Window
from django.db.models.functions import Coalesce

from billable.audits import (
    Audit,
    LedgerProblem,
    Rows,
    Scope,
    as_text,
    blame,
    breaking,
    dangling,
    every,
    named,
    of_family,
    total,
    within,
)
from billable.customers.models import Customer
from billable.errors import Invalid
from billable.quota.kinds import OF_ALLOWANCES, CauseType, EntryKind, GrantEnd, GrantSource, RollOutKind
from billable.quota.models import Allowance, Grant, LedgerEntry
from billable.quota.roll_out_models import RollOut

_PERIOD = ("anchor", "zone", "priority", "pieces")
_CAP = ("cap_quantity", "cap_period_count", "cap_period_unit")


def _instants(scope: Scope) -> Iterator[LedgerProblem]:
    """An allowance ends with its product's period, and names the start of the first period that has no row."""
    yield from dangling(Allowance, scope)
    for allowance in within(every(Allowance), scope).iterator():
        leeway = timedelta(0) if allowance.zone == "UTC" else timedelta(days=1)
        try:
            starts, ends = allowance.recurrence.start(allowance.next_index), _end(allowance)
        except (Invalid, ZoneInfoNotFoundError, ValueError, OSError):
            yield blame(allowance, f"counts its periods in the zone {allowance.zone!r}, which nobody knows")
            continue
        if not _is_near(allowance.expires_at, ends, leeway):
            yield blame(allowance, f"ends at {allowance.expires_at}, which is not where its period ends")
        if not _is_near(allowance.next_at, None if allowance.ended_at else starts, leeway):
            yield blame(
                allowance, f"next_at {allowance.next_at}, but its period {allowance.next_index} starts {starts}"
            )


def _end(allowance: Allowance) -> object:
    period = allowance.period
    # Without a period of its product it is for ever, or until whatever instant somebody named.
    return allowance.expires_at if period is None else period.end(allowance.anchor, 1, allowance.zone)


def _is_near(stored: object, computed: object, leeway: timedelta) -> bool:
    if stored is None or computed is None:
        return stored is computed
    return abs(stored - computed) <= leeway  # type: ignore[operator, no-any-return]  # both are instants


def _heirs(scope: Scope) -> Iterator[LedgerProblem]:
    """An allowance that carries on another names the first of its line, with the same terms; no other names one."""
    carrying = Q(source__in=[GrantSource.TRANSFER.value, GrantSource.DISPUTE.value])
    columns = ("feature", "anchor", "zone", "pieces", "reset_count", "reset_unit")
    same = Q(origin__origin__isnull=True, **{f"origin__{name}": F(name) for name in columns})
    over = Q(origin__ended_as__in=[GrantEnd.TRANSFERRED.value, GrantEnd.DISPUTED.value, GrantEnd.REPLACED.value])
    # A roll-out gives the line other terms, which whatever carries it on later has.
    changed = Q(source=GrantSource.ROLL_OUT.value, origin__isnull=False, replaces__isnull=False)
    line = every(Allowance).filter(origin=OuterRef("origin"), source=GrantSource.ROLL_OUT.value)
    terms = Q(origin__quantity=F("quantity")) | Q(Exists(line))
    heirs = Q(carrying, same, over, terms) | Q(changed, same, over)
    yield from named(
        breaking(within(every(Allowance), scope), heirs | ~carrying & Q(origin__isnull=True, replaces__isnull=True)),
        "carries on nothing that {0.origin_id} gave, or should carry on nothing",
    )
    absorbed = within(every(Allowance), scope).filter(customer__merged_into__isnull=False, next_at__isnull=False)
    yield from named(absorbed, "goes on, but its customer was absorbed")


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant of an allowance is of a period that it reached, with its units and terms; no other grant has one."""
    grants = within(every(Grant), scope).annotate(allowance_name=as_text("allowance_id"))
    mine = Q(customer=F("allowance__customer"), feature=F("allowance__feature"), source_id=F("allowance_name"))
    mine &= Q(product=F("allowance__product")) | Q(product__isnull=True, allowance__product__isnull=True)
    for name in _PERIOD:
        mine &= Q(**{name: F(f"allowance__{name}")}) | Q(
            **{f"{name}__isnull": True, f"allowance__{name}__isnull": True}
        )
    mine &= _has_cap()
    counted = Q(period_count=F("allowance__reset_count"), period_unit=F("allowance__reset_unit"))
    reached = Q(line__lte=F("allowance__next_index"))
    period = Q(source=GrantSource.ALLOWANCE.value, rolled_from__isnull=True, line=F("period_index") + 1, period_span=1)
    # What refunds took off each period to come was there in the periods before.
    period &= Q(
        quantity__lte=F("allowance__quantity"), quantity__gte=F("allowance__quantity") - F("allowance__reduced")
    )
    rolled = Q(source=GrantSource.ROLLOVER.value, line=F("rolled_from") + 1, period_index=F("rolled_from") + 1)
    rolled &= Q(quantity__lte=F("allowance__rollover_quantity"), period_span=F("allowance__rollover_periods"))
    others = ~Q(source__in=OF_ALLOWANCES)
    once = Q(origin__isnull=True) | Q(origin__isnull=False, origin__allowance__isnull=True)
    plain = Q(others, once, allowance__isnull=True, rolled_from__isnull=True)
    yield from named(
        breaking(grants, Q(mine & counted & reached, period | rolled) | plain | Q(others, _carried())),
        "is no grant that the allowance {0.allowance_id} gives",
    )
    given = grants.filter(source=GrantSource.ALLOWANCE.value).annotate(
        twins=Window(Count("pk"), partition_by=[Coalesce("allowance__origin", "allowance"), F("line")])
    )
    yield from named(given.filter(twins__gt=1), "gives a period that another grant gives too")


def _has_cap() -> Q:
    """A grant has the cap of its allowance, or one that a roll-out gave it; it may have lifted it."""
    own = Q()
    for name in _CAP:
        own &= Q(**{name: F(f"allowance__{name}")}) | Q(**{f"{name}__isnull": True, f"allowance__{name}__isnull": True})
    return own | Q(Exists(every(RollOut).filter(grant=OuterRef("pk"), kind=RollOutKind.CAP.value)))


def _carried() -> Q:
    """An heir of what an allowance gave is of the same line of allowances, and of the same period."""
    same = Q(period_index=F("origin__period_index"), period_span=F("origin__period_span"))
    same &= Q(rolled_from=F("origin__rolled_from")) | Q(rolled_from__isnull=True, origin__rolled_from__isnull=True)
    first = Q(allowance__origin=F("origin__allowance")) | Q(allowance=F("origin__allowance"))
    return same & (
        first
        | Q(allowance__origin=F("origin__allowance__origin"))
        | Q(allowance=F("origin__allowance__origin"), origin__allowance__isnull=False)
    )


def _entries(scope: Scope) -> Iterator[LedgerProblem]:
    """What an allowance causes is the birth of its grants, and what goes on of them when they end."""
    entries = within(every(LedgerEntry), scope).filter(
        Q(cause_type=CauseType.ALLOWANCE.value) | Q(kind=EntryKind.ROLLOVER.value)
    )
    own = Q(cause_type=CauseType.ALLOWANCE.value, cause_id=F("grant__allowance"))
    # The first period of a subscription's is given when it is paid for, ahead of its start or late.
    begins = Q(effective_at=F("grant__valid_from")) | Q(grant__line=1, grant__subscription__isnull=False)
    born = Q(begins, kind=EntryKind.GRANT.value, grant__source__in=OF_ALLOWANCES)
    gone = Q(kind=EntryKind.ROLLOVER.value, grant__rolled_from__isnull=True, effective_at=F("grant__ended_at"))
    yield from named(breaking(entries, own, born | gone), "its allowance {0.cause_id} cannot have caused it")


def _rollovers(scope: Scope) -> Iterator[LedgerProblem]:
    """What went on from a period is what came of it, and as much as could go on."""
    gone = every(LedgerEntry).filter(kind=EntryKind.ROLLOVER.value, grant__rolled_from__isnull=True)
    rolled = within(every(Grant), scope).filter(source=GrantSource.ROLLOVER.value)
    before = Q(grant__allowance=OuterRef("allowance")) | Q(grant__allowance=OuterRef("allowance__replaces"))
    rolled = rolled.annotate(
        gone=total(
            gone.filter(before, grant__period_index=OuterRef("rolled_from")),
            "grant__allowance",
            "amount",
        )
        * -1
    )
    yield from named(breaking(rolled, Q(quantity=F("gone"))), "has {0.quantity} units; {0.gone} rolled over to it")
    for entry in _unrolled(scope).iterator():
        yield blame(entry.grant, f"let {-entry.amount} units expire that should have rolled over")


def _unrolled(scope: Scope) -> Rows:
    """The expiries of periods' grants that took units although more could have gone on."""
    own = every(LedgerEntry).filter(grant=OuterRef("grant"), kind=EntryKind.EXPIRE.value)
    first = Subquery(own.values("grant").annotate(value=Min("seq")).values("value"))
    period = every(LedgerEntry).filter(
        kind=EntryKind.ROLLOVER.value,
        grant__allowance=OuterRef("grant__allowance"),
        grant__period_index=OuterRef("grant__period_index"),
    )
    following = every(Grant).filter(
        allowance=OuterRef("grant__allowance"),
        source=GrantSource.ALLOWANCE.value,
        valid_from__gte=OuterRef("grant__expires_at"),
    )
    goes_on = Q(Exists(following)) | Q(grant__allowance__next_at__isnull=False)
    ended: Rows = within(every(LedgerEntry), scope).filter(
        goes_on,
        ~Q(grant__allowance__ended_as=GrantEnd.REPLACED.value),
        kind=EntryKind.EXPIRE.value,
        cause_type=CauseType.GRANT.value,
        amount__lt=0,
        effective_at=F("grant__expires_at"),
        grant__rolled_from__isnull=True,
        grant__allowance__rollover_quantity__isnull=False,
        grant__allowance__reduced=0,
    )
    ended = ended.annotate(first=first, gone=total(period, "grant__allowance", "amount") * -1)
    return ended.filter(seq=F("first"), gone__lt=F("grant__allowance__rollover_quantity")).select_related("grant")


def _next_changes(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer's next change is no later than the next period of an allowance."""
    coming = every(Allowance).filter(customer=OuterRef("pk"), next_at__isnull=False)
    unminded = Exists(coming.filter(next_at__lt=OuterRef("next_change_at")))
    unknown = Q(Exists(coming), next_change_at__isnull=True)
    customers = within(every(Customer), scope, "pk").filter(unminded | unknown)
    yield from named(customers, "next_change_at {0.next_change_at}, but an allowance gives earlier")


def _defaults(scope: Scope) -> Iterator[LedgerProblem]:
    """A default allowance names the product that gave it."""
    defaults = within(every(Allowance), scope).filter(source=GrantSource.DEFAULT.value)
    yield from named(breaking(defaults, Q(product__sku=F("source_id"))), "its product is not {0.source_id}")


AUDITS: list[Audit] = [_instants, _heirs, _grants, _entries, _rollovers, _next_changes, _defaults]


def allowances_of(
    source: GrantSource, receipts: Rows, scope: Scope, *, whose: Q | None = None
) -> Iterator[LedgerProblem]:
    """The allowances of a source that name none of the receipts of their family, as ``grants_of`` does for grants."""
    receipt = receipts.annotate(id_text=as_text("pk")).filter(
        of_family() if whose is None else whose, id_text=OuterRef("source_id")
    )
    allowances = within(every(Allowance), scope).filter(source=source.value)
    yield from named(breaking(allowances, Exists(receipt)), f"no {source.value} that could make it is {{0.source_id}}")
