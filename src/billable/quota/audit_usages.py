"""The audits of what was used: every usage and reversal fits the entries that it left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, every, named, total, within
from billable.quota.burn import Rate
from billable.quota.kinds import AdjustmentKind, CauseType, EntryKind
from billable.quota.models import Adjustment, LedgerEntry, Usage


def _draws(scope: Scope) -> Iterator[LedgerProblem]:
    """Units are consumed from a grant while it is valid."""
    consumed = within(every(LedgerEntry), scope).filter(kind=EntryKind.CONSUME.value)
    # The pause of a subscription moves what was already used of: its room looks at those. And whoever pays late cuts
    # the grace short: where a clock stands still, at the very instant of a use.
    of_a_period = Q(grant__subscription__isnull=False)
    begun = Q(grant__valid_from__lte=F("effective_at")) | of_a_period
    lasting = Q(grant__expires_at__isnull=True) | Q(grant__expires_at__gt=F("effective_at"))
    lasting |= of_a_period & Q(grant__expires_at=F("effective_at"))
    yield from named(breaking(consumed, begun, lasting), "consumed at {0.effective_at}, when its grant was not valid")


def _narrowed(scope: Scope) -> Iterator[LedgerProblem]:
    """A usage that was narrowed to a product drew from its grants alone."""
    taking = [EntryKind.CONSUME.value, EntryKind.CAPTURE.value]
    drawn = every(LedgerEntry).filter(usage=OuterRef("pk"), kind__in=taking)
    others = breaking(drawn, Q(grant__product__sku=OuterRef("sku")))
    usages = within(every(Usage), scope).exclude(sku="")
    yield from named(usages.filter(Exists(others)), "drew from grants of another product than {0.sku}")


def _adjustments(scope: Scope) -> Iterator[LedgerProblem]:
    """A reversal is of a usage, a revocation of a grant that its one entry took the units out of; of one family."""
    entry = every(LedgerEntry).filter(
        grant=OuterRef("grant"),
        kind=EntryKind.REVOKE.value,
        cause_type=CauseType.ADJUSTMENT.value,
        cause_id=OuterRef("pk"),
        amount=OuterRef("quantity") * -1,
    )
    mine = Q(usage__customer=F("customer")) | Q(usage__customer__merged_into=F("customer"))
    mine |= Q(grant__customer=F("customer")) | Q(grant__customer__merged_into=F("customer"))
    reversal = Q(kind=AdjustmentKind.REVERSE.value, usage__isnull=False, grant__isnull=True)
    revocation = Q(Exists(entry), kind=AdjustmentKind.REVOKE.value, usage__isnull=True, grant__isnull=False)
    mine |= Q(hold__customer=F("customer")) | Q(hold__customer__merged_into=F("customer"))
    extension = Q(kind=AdjustmentKind.EXTEND.value, hold__isnull=False, usage__isnull=True, grant__isnull=True)
    yield from named(
        breaking(within(every(Adjustment), scope), mine, reversal | revocation | extension),
        "a {0.kind} of {0.quantity} that its entries, usage, grant or hold know nothing of",
    )


def _usages(scope: Scope) -> Iterator[LedgerProblem]:
    """What a usage has out of each feature is what it costs, now and before its reversals, at its own rates."""
    reversals = every(Adjustment).filter(usage=OuterRef("pk"), kind=AdjustmentKind.REVERSE.value)
    usages = within(every(Usage), scope).annotate(undone=total(reversals, "usage", "quantity")).order_by("pk")
    legs = usages.values_list(
        *("pk", "feature__key", "quantity", "costs", "undone", "debt__units"),
        *("entries__grant__feature__key", "entries__kind", "entries__amount", "entries__held_change"),
    )
    for (pk, feature, quantity, costs, undone, owed), rows in groupby(legs.iterator(), key=lambda leg: leg[:6]):
        if problem := _misused(feature, quantity, costs, undone, owed or 0, [leg[6:] for leg in rows]):
            yield LedgerProblem(table=Usage._meta.db_table, id=str(pk), problem=problem)
            for adjustment in every(Adjustment).filter(usage=pk):
                yield blame(adjustment, f"does not fit its usage, which {problem}")


AUDITS: list[Audit] = [_draws, _narrowed, _adjustments, _usages]


def _misused(
    feature: str, quantity: int, costs: Any, undone: int, owed: int, legs: Iterable[tuple[Any, ...]]
) -> str | None:
    """What is wrong with a usage, whose ``legs`` are the (payer, kind, amount, held change) of its entries.

    Of its quantity, ``owed`` was not there; that came last, and is undone first.
    """
    shares = _shares(feature, quantity - owed, costs)
    if shares is None:
        return "has costs that say nothing"
    if undone > quantity:
        return f"was reversed by {undone} of {quantity} units"
    taken, out, cost, left = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for payer, kind, amount, held_change in legs:
        if payer is not None:
            gone = amount + (held_change if kind == EntryKind.CAPTURE.value else 0)
            taken[payer] -= gone if kind in (EntryKind.CONSUME.value, EntryKind.CAPTURE.value) else 0
            out[payer] -= gone
    kept = min(quantity - undone, quantity - owed)
    for rate, covered in shares:
        keep = min(covered, kept)
        kept -= keep
        cost[rate.payer] += rate.cost(covered)
        left[rate.payer] += rate.cost(keep)
    if taken != cost:
        return f"costs {_units(cost)}, its entries took {_units(taken)}"
    return None if out == left else f"keeps {_units(left)}, its entries have {_units(out)} out"


def _shares(feature: str, quantity: int, costs: Any) -> list[tuple[Rate, int]] | None:
    """The rates of a usage with the quantity that each covered, its own first; None when its costs are malformed."""
    shares: list[tuple[Rate, int]] = []
    for place, cost in enumerate(costs if isinstance(costs, list) else [None], start=1):
        if not isinstance(cost, dict) or not isinstance(cost.get("feature"), str):
            return None
        numbers = [cost.get(name) for name in ("quantity", "per", "units")]
        covered, per, units = (number if type(number) is int else 0 for number in numbers)
        if min(covered, per, units) < 1:
            return None
        shares.append((Rate(position=place, payer=cost["feature"], per=per, units=units), covered))
    own = quantity - sum(covered for _, covered in shares)
    return None if own < 0 else [(Rate(position=0, payer=feature, per=1, units=1), own), *shares]


def _units(counted: Counter[str]) -> str:
    return ", ".join(f"{units} {payer}" for payer, units in sorted(counted.items()) if units) or "nothing"
