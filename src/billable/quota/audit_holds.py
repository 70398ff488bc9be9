"""The audits of holds: what is reserved, used and given back adds up, and nothing is held for ever."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, breaking, every, named, total, within
from billable.customers.models import Customer
from billable.quota.kinds import CauseType, EntryKind
from billable.quota.models import Hold, HoldLeg, LedgerEntry, Usage


def _legs(scope: Scope) -> Iterator[LedgerProblem]:
    """A leg and its hold and grant belong to the same customer; its units are those of its hold's entries there."""
    mine = Q(hold__customer=F("customer")) & Q(grant__customer=F("customer"))
    entries = every(LedgerEntry).filter(
        cause_type=CauseType.HOLD.value, cause_id=OuterRef("hold"), grant=OuterRef("grant")
    )
    legs = within(every(HoldLeg), scope, "hold__customer")
    yield from named(breaking(legs, mine), "its hold or grant belongs to another customer")
    moved = {
        kind: total(entries.filter(kind=kind.value), "grant", "held_change")
        for kind in (EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE)
    }
    legs = legs.annotate(
        held=moved[EntryKind.HOLD], used=moved[EntryKind.CAPTURE] * -1, given_back=moved[EntryKind.RELEASE] * -1
    )
    yield from named(
        breaking(legs, Q(units=F("held"), captured=F("used"), released=F("given_back"))),
        "{0.units} units, {0.captured} captured, {0.released} released; "
        "its entries held {0.held}, captured {0.used}, released {0.given_back}",
    )
    leg = every(HoldLeg).filter(hold=OuterRef("cause_id"), grant=OuterRef("grant"))
    moves = within(every(LedgerEntry), scope).filter(cause_type=CauseType.HOLD.value)
    yield from named(breaking(moves, Q(Exists(leg))), "its hold {0.cause_id} has no leg on its grant")


def _captures(scope: Scope) -> Iterator[LedgerProblem]:
    """What was captured of a hold are its usages, and what closed it is the last of them."""
    usages = every(Usage).filter(hold=OuterRef("pk"))
    holds = within(every(Hold), scope).annotate(used=total(usages, "hold", "quantity"))
    final = Q(final_capture__isnull=True) | Q(Exists(usages.filter(pk=OuterRef("final_capture"))))
    yield from named(
        breaking(holds, Q(captured=F("used")), final), "captured {0.captured}, but its usages add up to {0.used}"
    )


def _closings(scope: Scope) -> Iterator[LedgerProblem]:
    """A closed hold reserves nothing, and an open one something."""
    reserving = every(HoldLeg).filter(hold=OuterRef("pk"), units__gt=F("captured") + F("released"))
    holds = within(every(Hold), scope)
    fits = Q(~Exists(reserving), closed_at__isnull=False) | Q(Exists(reserving), closed_at__isnull=True)
    yield from named(breaking(holds, fits), "closed as {0.closed_as!r}, which its legs do not say")


def _next_changes(scope: Scope) -> Iterator[LedgerProblem]:
    """A customer's next change is no later than the lapse of an open hold."""
    sooner = every(Hold).filter(customer=OuterRef("pk"), closed_at__isnull=True)
    unminded = Exists(sooner.filter(lapses_at__lt=OuterRef("next_change_at")))
    unknown = Q(Exists(sooner), next_change_at__isnull=True)
    customers = within(every(Customer), scope, "pk").filter(unminded | unknown)
    yield from named(customers, "next_change_at {0.next_change_at}, but a hold lapses earlier")


AUDITS: list[Audit] = [_legs, _captures, _closings, _next_changes]
