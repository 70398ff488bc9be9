"""The audits of the quota room: recompute the books from the ledger and name every row that does not agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfoNotFoundError

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import Coalesce

from billable.audits import (
    Audit,
    LedgerProblem,
    Rows,
    Scope,
    as_text,
    blame,
    breaking,
    count,
    dangling,
    every,
    named,
    of_family,
    total,
    within,
)
from billable.catalog.periods import Period, PeriodUnit
from billable.customers.models import Customer
from billable.errors import Invalid
from billable.quota.kinds import OF_ALLOWANCES, AdjustmentKind, CauseType, EntryKind, GrantEnd, GrantSource
from billable.quota.models import Adjustment, Grant, Hold, LedgerEntry, Usage


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """remaining = Σ amount and held = Σ held_change; entries of unlimited grants carry no remaining."""
    own = every(LedgerEntry).filter(grant=OuterRef("pk"))
    grants = within(every(Grant), scope).annotate(
        total=total(own, "grant", "amount"),
        total_held=total(own, "grant", "held_change"),
        births=count(own.filter(kind=EntryKind.GRANT.value), "grant"),
    )
    units = Q(remaining=F("total")) | Q(remaining__isnull=True, total__lte=0)
    yield from named(
        breaking(grants, units, Q(held=F("total_held"), births=1)),
        "remaining {0.remaining}, held {0.held}; its {0.births} grant entries and the others "
        "add up to {0.total} and {0.total_held}",
    )


def _births(scope: Scope) -> Iterator[LedgerProblem]:
    """The units of a grant came with its grant entry, which hangs from the source that made it."""
    birth = every(LedgerEntry).filter(
        _birth_cause(), grant=OuterRef("pk"), customer=OuterRef("customer"), kind=EntryKind.GRANT.value
    )
    came = Exists(birth.filter(amount=Coalesce(OuterRef("quantity"), 0)))
    yield from named(
        breaking(within(every(Grant), scope), came),
        "has no grant entry that brought its quantity of {0.quantity} by its source {0.source}",
    )


def _defaults(scope: Scope) -> Iterator[LedgerProblem]:
    """A default grant names the product that gave it."""
    defaults = within(every(Grant), scope).filter(source=GrantSource.DEFAULT.value)
    yield from named(breaking(defaults, Q(product__sku=F("source_id"))), "its product is not {0.source_id}")


def _windows(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant runs from its start; with a period, for its periods counted from the anchor.

    What is a part of a subscription has its windows from there, and is audited there.
    """
    birth = every(LedgerEntry).filter(grant=OuterRef("pk"), kind=EntryKind.GRANT.value)
    at_once = Exists(birth.filter(effective_at=OuterRef("valid_from")))
    forever = (
        Q(expires_at__isnull=True)
        | Q(source__in=[GrantSource.MANUAL.value, GrantSource.ROLL_OUT.value])
        | Q(origin__source=GrantSource.MANUAL.value)
    )
    loose = within(every(Grant), scope).filter(subscription__isnull=True)
    plain = loose.filter(period_count__isnull=True)
    yield from named(
        breaking(plain, Q(anchor=F("valid_from")), Q(at_once) | Q(origin__isnull=False), forever),
        "runs from {0.valid_from} to {0.expires_at}, which is not what it was given for",
    )
    for grant in loose.filter(period_count__isnull=False).select_related("allowance").iterator():
        if not _is_its_window(grant):
            yield blame(grant, f"runs from {grant.valid_from} to {grant.expires_at}, which are not its periods")


def _endings(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant is over exactly when its ledger says so, as it says, and since then."""
    own = every(LedgerEntry).filter(grant=OuterRef("pk"))
    expired = Exists(own.filter(kind=EntryKind.EXPIRE.value))
    # Ended by hand, or with the referral that gave it; what an adjustment revokes is a part.
    whole = [CauseType.GRANT.value, CauseType.REFERRAL.value]
    ended = own.filter(kind=EntryKind.REVOKE.value, cause_type__in=whole)
    revoked = Exists(ended)
    # What a refund, a dispute, a merge or a change ends: its way out says which, and a refund may also take a part.
    ways = {GrantEnd.DISPUTED: EntryKind.DISPUTE, GrantEnd.TRANSFERRED: EntryKind.TRANSFER}
    ways |= {GrantEnd.CHANGED: EntryKind.CHANGE}
    gone = own.filter(kind__in=[kind.value for kind in ways.values()])
    then = Exists(ended.filter(effective_at=OuterRef("ended_at")))
    emptied = Exists(own.filter(effective_at=OuterRef("closed_at")))
    over = (
        Q(~expired, ~revoked, ~Exists(gone), ended_at__isnull=True)
        | Q(expired, ~revoked, ended_as=GrantEnd.EXPIRED.value, ended_at=F("expires_at"))
        | Q(~expired, then, ended_as=GrantEnd.REVOKED.value)
    )
    ways |= {GrantEnd.REFUNDED: EntryKind.REFUND}
    for way, kind in ways.items():
        left = own.filter(kind=kind.value, effective_at=OuterRef("ended_at"))
        over |= Q(~expired, ~revoked, Exists(left), ended_as=way.value)
    yield from named(
        breaking(within(every(Grant), scope), over, Q(closed_at__isnull=True) | Q(emptied)),
        "ended as {0.ended_as!r} at {0.ended_at}, closed at {0.closed_at}: its entries do not say so",
    )


def _next_changes(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer's next change is no later than the first expiry of an open grant."""
    waiting = every(Grant).filter(
        customer=OuterRef("pk"), closed_at__isnull=True, ended_at__isnull=True, expires_at__isnull=False
    )
    first = Subquery(waiting.values("customer").annotate(value=Min("expires_at")).values("value"))
    customers = within(every(Customer), scope, "pk").annotate(first=first)
    minded = Q(first__isnull=True) | Q(next_change_at__lte=F("first"))
    yield from named(breaking(customers, minded), "next_change_at {0.next_change_at}, but a grant expires at {0.first}")


def _sequence(scope: Scope) -> Iterator[LedgerProblem]:
    """seq runs from 1 to the customer's counter without gaps, of entries as of usages."""
    for model, number, counter in ((LedgerEntry, "seq", "seq"), (Usage, "event_seq", "event_seq")):
        own = every(model).filter(customer=OuterRef("pk"))
        last = Subquery(own.values("customer").annotate(value=Max(number)).values("value"))
        customers = within(every(Customer), scope, "pk").annotate(
            rows=count(own, "customer"), last=Coalesce(last, 0), counter=F(counter)
        )
        yield from named(
            breaking(customers, Q(counter=F("rows")) & Q(counter=F("last"))),
            f"{counter} {{0.counter}}, but {{0.rows}} rows of {model._meta.db_table}, the last numbered {{0.last}}",
        )
        numbered = within(every(model), scope).annotate(
            twins=Window(Count("pk"), partition_by=[F("customer"), F(number)])
        )
        yield from named(numbered.filter(twins__gt=1), f"has a {number} that another has too")
        above = within(every(model), scope).filter(**{f"{number}__gt": F(f"customer__{counter}")})
        yield from named(above, f"has a {number} above its customer's {counter}")


def _running_totals(scope: Scope) -> Iterator[LedgerProblem]:
    """remaining_after of each entry = Σ amount of its grant up to it; none where the grant is unlimited."""
    entries = within(every(LedgerEntry), scope)
    problem = "remaining_after {0.remaining_after} is not what its grant's entries add up to"
    limited = Q(grant__quantity__isnull=False, remaining_after__isnull=False)
    unlimited = Q(grant__quantity__isnull=True, remaining_after__isnull=True)
    yield from named(breaking(entries, limited | unlimited), problem)
    running = Window(Sum("amount"), partition_by=F("grant"), order_by=F("seq").asc())
    wrong = entries.filter(limited).annotate(running=running).exclude(remaining_after=F("running"))
    yield from named(wrong, problem)


def _kinds(scope: Scope) -> Iterator[LedgerProblem]:
    """The kind of an entry decides its sign, its cause and whether it is of a usage."""
    of_grant = Q(cause_type=CauseType.GRANT.value, cause_id=F("grant_id"))
    of_adjustment = Q(cause_type=CauseType.ADJUSTMENT.value)
    of_usage = Q(cause_type=CauseType.USAGE.value, cause_id=F("usage_id"))
    units = (
        Q(_birth_cause(), kind=EntryKind.GRANT.value, amount__gte=0, usage__isnull=True)
        | Q(of_usage, kind=EntryKind.CONSUME.value, amount__lt=0)
        | Q(of_adjustment, kind=EntryKind.REVERSE.value, amount__gt=0, usage__isnull=False)
        | Q(
            of_grant | of_adjustment,
            kind__in=[EntryKind.EXPIRE.value, EntryKind.REVOKE.value],
            amount__lte=0,
            usage__isnull=True,
        )
        | Q(kind=EntryKind.ROLLOVER.value, cause_type=CauseType.ALLOWANCE.value, amount__lt=0, usage__isnull=True)
        | Q(cause_type=CauseType.REFERRAL.value, kind=EntryKind.REVOKE.value, amount__lte=0, usage__isnull=True)
    )
    # What was held of a plan when it was changed leaves when it is let go.
    changed = of_grant | of_adjustment | Q(cause_type=CauseType.CHANGE.value)
    units |= Q(changed, kind=EntryKind.CHANGE.value, amount__lte=0, usage__isnull=True)
    swap = Q(held_change=F("amount") * -1, usage__isnull=True)
    reserving = Q(swap, kind=EntryKind.HOLD.value, amount__lt=0) | Q(swap, kind=EntryKind.RELEASE.value, amount__gt=0)
    reserving |= Q(kind=EntryKind.CAPTURE.value, amount=0, held_change__lt=0, usage__isnull=False)
    held = Q(reserving, cause_type=CauseType.HOLD.value)
    repaying = Q(cause_type=CauseType.DEBT.value, amount__lt=0) | Q(of_adjustment, amount__gt=0)
    units |= Q(repaying, kind=EntryKind.REPAY.value, usage__isnull=True)
    units |= Q(
        of_adjustment | Q(cause_type__in=_TAKERS),
        kind__in=[EntryKind.REFUND.value, EntryKind.DISPUTE.value, EntryKind.TRANSFER.value],
        amount__lte=0,
        usage__isnull=True,
    )
    yield from named(
        breaking(within(every(LedgerEntry), scope), units & Q(held_change=0) | held),
        "an entry of kind {0.kind} cannot have the amount {0.amount}, the held_change {0.held_change} "
        "and the cause {0.cause_type} {0.cause_id}",
    )


def _belongs(scope: Scope) -> Iterator[LedgerProblem]:
    """An entry and its grant and usage belong to the same customer."""
    mine = Q(grant__customer=F("customer")) & (Q(usage__isnull=True) | Q(usage__customer=F("customer")))
    yield from named(
        breaking(within(every(LedgerEntry), scope), mine), "its grant or usage belongs to another customer"
    )


def _causes(scope: Scope) -> Iterator[LedgerProblem]:
    """The adjustment or hold that an entry names exists, and is of the same usage or grant."""
    entries = within(every(LedgerEntry), scope)
    receipt = every(Adjustment).filter(pk=OuterRef("cause_id"))
    reversal = receipt.filter(kind=AdjustmentKind.REVERSE.value)
    back = reversal.filter(usage=OuterRef("usage"))
    returned = every(LedgerEntry).filter(
        cause_type=CauseType.ADJUSTMENT.value,
        cause_id=OuterRef("cause_id"),
        kind__in=[EntryKind.REVERSE.value, EntryKind.REPAY.value],
    )
    # What was put back to a grant that is over left it again at once.
    out_again = returned.filter(grant=OuterRef("grant"), amount=OuterRef("amount") * -1)
    taken = receipt.filter(kind=AdjustmentKind.REVOKE.value, grant=OuterRef("grant"), quantity=OuterRef("amount") * -1)
    # What came back to a grant that gave its units on followed them to an heir.
    line = Q(grant=OuterRef("grant__origin")) | Q(grant__origin=OuterRef("grant__origin"))
    followed = Q(Exists(returned.filter(line, amount=OuterRef("grant__quantity"))))
    # Where there is a cap it took along what the heir had left: they share it.
    followed |= Q(Exists(returned.filter(line)), grant__cap_quantity__isnull=False)
    repaid = reversal.filter(usage__debt__feature=OuterRef("grant__feature"))
    handed = Q(grant__source=GrantSource.TRANSFER.value, kind__in=[EntryKind.GRANT.value, *_WAYS_OUT])
    known = (
        Q(Exists(back), kind=EntryKind.REVERSE.value)
        | Q(Exists(repaid), kind=EntryKind.REPAY.value)
        | Q(handed & followed, Exists(reversal))
        | Q(Exists(reversal), Exists(out_again), kind__in=_WAYS_OUT)
        | Q(Exists(taken), kind=EntryKind.REVOKE.value)
    )
    yield from named(
        breaking(entries.filter(cause_type=CauseType.ADJUSTMENT.value), known),
        "its adjustment {0.cause_id} does not exist or is of something else",
    )
    hold = every(Hold).filter(pk=OuterRef("cause_id"), customer=OuterRef("customer"))
    yield from named(
        breaking(entries.filter(cause_type=CauseType.HOLD.value), Exists(hold)), "its hold {0.cause_id} does not exist"
    )


def _orphans(scope: Scope) -> Iterator[LedgerProblem]:
    """The rows that a grant, a usage and an entry refer to exist, also where the database does not check it."""
    for model in (Grant, Usage, LedgerEntry):
        yield from dangling(model, scope)


AUDITS: list[Audit] = [
    *(_grants, _births, _defaults, _windows, _endings, _next_changes),
    *(_sequence, _running_totals, _kinds, _belongs, _causes, _orphans),
]


def grants_of(source: GrantSource, receipts: Rows, scope: Scope, *, whose: Q | None = None) -> Iterator[LedgerProblem]:
    """The grants of a source, with the entries that brought them, that name none of the receipts of their family.

    ``receipts`` may compare themselves with the entry: it is their outer row. ``whose`` says so of receipts that are
    not their ``customer``'s alone.
    """
    births = within(every(LedgerEntry), scope).filter(kind=EntryKind.GRANT.value).select_related("grant")
    receipt = receipts.annotate(id_text=as_text("pk")).filter(
        of_family() if whose is None else whose, pk=OuterRef("cause_id"), id_text=OuterRef("grant__source_id")
    )
    claimed = births.filter(Q(cause_type=source.value) | Q(grant__source=source.value))
    for entry in breaking(claimed, Q(cause_type=source.value, grant__source=source.value), Exists(receipt)).iterator():
        yield blame(entry, f"no {source.value} that could give this grant is {entry.cause_id}")
        yield blame(entry.grant, f"no {source.value} that could give it is {entry.grant.source_id}")


# What ends or reduces a grant by a receipt of another room.
_TAKERS = [CauseType.REFUND.value, CauseType.DISPUTE.value, CauseType.EXCHANGE.value, CauseType.MERGE.value]
_WAYS_OUT = [
    *(EntryKind.EXPIRE.value, EntryKind.REVOKE.value, EntryKind.REFUND.value),
    *(EntryKind.DISPUTE.value, EntryKind.TRANSFER.value, EntryKind.CHANGE.value),
]


def _birth_cause() -> Q:
    """What a grant entry hangs from: the receipt that is the grant's source, else the grant itself."""
    itself = Q(cause_type=CauseType.GRANT.value, cause_id=F("grant_id"))
    by_itself = [GrantSource.MANUAL.value, GrantSource.DEFAULT.value]
    movers = [CauseType.MERGE.value, CauseType.ADJUSTMENT.value]
    moved = Q(grant__source=GrantSource.TRANSFER.value, cause_type__in=movers, grant__origin__isnull=False)
    given = Q(cause_type=CauseType.ALLOWANCE.value, cause_id=F("grant__allowance"), grant__source__in=OF_ALLOWANCES)
    named = Q(~Q(grant__source__in=OF_ALLOWANCES), cause_type=F("grant__source"))
    return Q(itself, grant__source__in=by_itself) | named | moved | given


def _is_its_window(grant: Grant) -> bool:
    # The rules of a zone may have changed since the instants were stored; those of UTC never do.
    leeway = timedelta(0) if grant.zone == "UTC" else timedelta(days=1)
    period = Period(grant.period_count or 0, PeriodUnit(grant.period_unit))
    try:
        start = period.boundary(grant.anchor, grant.period_index, grant.zone)
        end = period.end(grant.anchor, grant.period_index + grant.period_span, grant.zone)
    except (Invalid, ZoneInfoNotFoundError, ValueError, OSError):
        return False
    if grant.allowance is not None and grant.allowance.expires_at is not None:
        # Its last period ends with the allowance.
        end = min(filter(None, (end, grant.allowance.expires_at)))
    if end is None or grant.expires_at is None:
        return end is grant.expires_at
    return abs(grant.valid_from - start) <= leeway and abs(grant.expires_at - end) <= leeway
