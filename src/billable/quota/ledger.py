"""The only writer of grants and ledger entries.

Every function here works under the customer's lock, on the locked row. A change of a grant and the entry that records
it are written together; so ``remaining`` is the sum of a grant's amounts, and ``held`` of its held changes, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billable import clock
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.db.units import write_alias
from billable.quota import caps
from billable.quota.kinds import OF_ALLOWANCES, CauseType, EntryKind, GrantEnd
from billable.quota.models import Adjustment, Grant, Hold, LedgerEntry, Usage

# Up to so many UPDATEs are cheaper than one that decides row by row.
MAX_STATEMENTS = 4

# How units leave a grant that ends.
WAY_OUT = {
    GrantEnd.EXPIRED: EntryKind.EXPIRE,
    GrantEnd.REVOKED: EntryKind.REVOKE,
    GrantEnd.REFUNDED: EntryKind.REFUND,
    GrantEnd.DISPUTED: EntryKind.DISPUTE,
    GrantEnd.TRANSFERRED: EntryKind.TRANSFER,
    GrantEnd.CHANGED: EntryKind.CHANGE,
}


@dataclass(frozen=True)
class Cause:
    """The receipt that entries hang from."""

    type: CauseType
    id: UUID


@dataclass(frozen=True, kw_only=True)
class Change:
    """One signed change of one grant. ``amount`` changes what remains, ``held_change`` what is held.

    ``window`` is the window of the grant's cap that units which come back were taken in; None where none counts them.
    """

    grant: Grant
    kind: EntryKind
    amount: int
    held_change: int = 0
    cause: Cause
    usage: Usage | None = None
    window: int | None = None
    at: datetime


def issue(customer: Customer, grants: Sequence[Grant], cause: Cause | None, *, at: datetime) -> None:
    """Insert new grants, each with the entry that brings its units.

    What an allowance gives is caused by it; of the others, without a cause each is its own receipt.
    """
    Grant.objects.using(write_alias()).bulk_create(grants)
    changes = [
        Change(grant=grant, kind=EntryKind.GRANT, amount=grant.quantity or 0, cause=_birth(grant, cause), at=at)
        for grant in grants
    ]
    for grant in grants:
        _mind_expiry(customer, grant)
    _append(customer, changes, remaining=[grant.quantity for grant in grants])


def use(customer: Customer, usage: Usage, taken: Sequence[tuple[Grant, int]], *, at: datetime) -> None:
    """Insert a usage and take its units from its grants."""
    _number(customer, usage)
    cause = Cause(CauseType.USAGE, usage.pk)
    apply(
        customer,
        [
            Change(grant=grant, kind=EntryKind.CONSUME, amount=-units, cause=cause, usage=usage, at=at)
            for grant, units in taken
        ],
    )


def reserve(customer: Customer, hold: Hold, taken: Sequence[tuple[Grant, int]], *, at: datetime) -> None:
    """Let units of grants be held by a hold."""
    cause = Cause(CauseType.HOLD, hold.pk)
    mind(customer, hold.lapses_at)
    apply(
        customer,
        [
            Change(grant=grant, kind=EntryKind.HOLD, amount=-units, held_change=units, cause=cause, at=at)
            for grant, units in taken
        ],
    )


def capture(
    customer: Customer, usage: Usage, taken: Sequence[tuple[Grant, int]], *, cause: Cause, at: datetime
) -> None:
    """Insert the usage of units that are held, and let them go for good."""
    _number(customer, usage)
    apply(
        customer,
        [
            Change(grant=grant, kind=EntryKind.CAPTURE, amount=0, held_change=-units, cause=cause, usage=usage, at=at)
            for grant, units in taken
        ],
    )


def restore(
    customer: Customer,
    adjustment: Adjustment,
    usage: Usage,
    returned: Sequence[tuple[Grant, int]],
    *,
    repaid: Sequence[tuple[Grant, int]] = (),
    at: datetime,
) -> None:
    """Put the units of a reversal back, first those that had ``repaid`` what the usage overdrew.

    What returns to a grant that is over leaves it again at once.
    """
    cause = Cause(CauseType.ADJUSTMENT, adjustment.pk)
    windows = caps.windows_of(usage, [grant for grant, _ in returned])
    changes: list[Change] = []
    for grant, units in repaid:
        changes.append(Change(grant=grant, kind=EntryKind.REPAY, amount=units, cause=cause, at=at))
        changes += _out_again(grant, units, cause, at)
    for grant, units in returned:
        window = windows.get(grant.pk)
        changes.append(
            Change(grant=grant, kind=EntryKind.REVERSE, amount=units, cause=cause, usage=usage, window=window, at=at)
        )
        changes += _out_again(grant, units, cause, at)
    apply(customer, changes)


def _out_again(grant: Grant, units: int, cause: Cause, at: datetime) -> list[Change]:
    if grant.ended_at is None and grant.expires_at is not None and grant.expires_at <= at:
        # It was closed when its time ran out, so no sweep had anything to end.
        grant.ended_at, grant.ended_as = grant.expires_at, GrantEnd.EXPIRED.value
    if grant.ended_at is None:
        return []
    return [Change(grant=grant, kind=WAY_OUT[GrantEnd(grant.ended_as)], amount=-units, cause=cause, at=at)]


def end(
    customer: Customer,
    endings: Iterable[tuple[Grant, datetime]],
    how: GrantEnd,
    *,
    cause: Cause | None = None,
    reason: str = "",
    rolling: Mapping[UUID, int] | None = None,
) -> None:
    """End grants for good, each at its instant, taking out what remains. Without a cause a grant is its own.

    ``rolling`` is how many units of a grant go on: what its allowance gives for them must follow.
    """
    changes = []
    for grant, moment in endings:
        grant.ended_at, grant.ended_as, grant.ended_reason = moment, how.value, reason
        on = (rolling or {}).get(grant.pk, 0)
        changes.append(
            Change(
                grant=grant,
                kind=WAY_OUT[how],
                amount=on - (grant.remaining or 0),
                cause=cause or Cause(CauseType.GRANT, grant.pk),
                at=moment,
            )
        )
        if on and grant.allowance_id is not None:
            over = Cause(CauseType.ALLOWANCE, grant.allowance_id)
            changes.append(Change(grant=grant, kind=EntryKind.ROLLOVER, amount=-on, cause=over, at=moment))
    apply(customer, changes)


def take_out(customer: Customer, grant: Grant, units: int, kind: EntryKind, cause: Cause, *, at: datetime) -> None:
    """Take some units out of a grant that goes on."""
    apply(customer, [Change(grant=grant, kind=kind, amount=-units, cause=cause, at=at)])


def move(customer: Customer, grant: Grant) -> None:
    """Write the window of a grant whose period moved: no units change."""
    changed = ("anchor", "period_index", "period_span", "valid_from", "expires_at")
    rows = Grant.objects.using(write_alias()).filter(pk=grant.pk, customer=grant.customer_id)
    rows.update(**{name: getattr(grant, name) for name in changed})
    _mind_expiry(customer, grant)
    _save_counters([customer])


def retune(grant: Grant) -> None:
    """Write the cap and the value of a grant that a roll-out changed: no units change."""
    changed = ("value", "cap_quantity", "cap_period_count", "cap_period_unit", "cap_index", "cap_used")
    rows = Grant.objects.using(write_alias()).filter(pk=grant.pk, customer=grant.customer_id)
    rows.update(**{name: getattr(grant, name) for name in changed})


def apply(customer: Customer, changes: Sequence[Change]) -> None:
    """Write changes of existing grants: the grants, their entries, the customer's counters."""
    grants: dict[UUID, Grant] = {}
    last_change: dict[UUID, datetime] = {}
    remaining: list[int | None] = []
    for change in changes:
        grant = grants.setdefault(change.grant.pk, change.grant)
        if grant.remaining is not None:
            grant.remaining += change.amount
        grant.held += change.held_change
        _count(change)
        remaining.append(grant.remaining)
        last_change[grant.pk] = change.at
    for grant in grants.values():
        _close_or_reopen(grant, last_change[grant.pk])
        _mind_expiry(customer, grant)
    _save_grants(list(grants.values()))
    _append(customer, changes, remaining)


def _count(change: Change) -> None:
    """Count a change in the window of the grant's cap: what is taken, and what comes back while it is the same one."""
    grant, window = change.grant, caps.window_of(change.grant, change.at)
    if window is None:
        return
    if change.kind in (EntryKind.CONSUME, EntryKind.HOLD):
        if grant.cap_index != window:
            grant.cap_index, grant.cap_used = window, 0
        grant.cap_used -= change.amount
    elif change.window == window == grant.cap_index:
        grant.cap_used -= change.amount


def wake(customer: Customer, moment: datetime | None) -> None:
    """Let the customer's next change be at an instant (None: never), whatever it was."""
    if customer.next_change_at != moment:
        customer.next_change_at = moment
        _save_counters([customer])


def _birth(grant: Grant, cause: Cause | None) -> Cause:
    if grant.allowance_id is not None and grant.source in OF_ALLOWANCES:
        return Cause(CauseType.ALLOWANCE, grant.allowance_id)
    return cause or Cause(CauseType.GRANT, grant.pk)


def _number(customer: Customer, usage: Usage) -> None:
    """Insert a usage as the customer's next event."""
    customer.event_seq += 1
    usage.event_seq = customer.event_seq
    Usage.objects.using(write_alias()).bulk_create([usage])


def _mind_expiry(customer: Customer, grant: Grant) -> None:
    """Let the customer's next change be no later than the expiry of a grant that is open."""
    if grant.expires_at is None or grant.closed_at is not None or grant.ended_at is not None:
        return
    mind(customer, grant.expires_at)


def mind(customer: Customer, moment: datetime) -> None:
    """Let the customer's next change be no later than an instant; whoever writes next saves it."""
    if customer.next_change_at is None or moment < customer.next_change_at:
        customer.next_change_at = moment


def _close_or_reopen(grant: Grant, at: datetime) -> None:
    empty = grant.remaining == 0 if grant.remaining is not None else grant.ended_at is not None
    grant.closed_at = (grant.closed_at or at) if empty and not grant.held else None


def _save_grants(grants: Sequence[Grant]) -> None:
    changed = ("remaining", "held", "closed_at", "ended_at", "ended_as", "ended_reason", "cap_index", "cap_used")
    # The customer stands in every statement that writes: it is what the tables are distributed by.
    table = Grant.objects.using(write_alias())
    for owner, own in _by_owner(grants):
        # A consume over many grants empties all but one, a sweep ends many: what becomes alike is one statement.
        alike: dict[tuple[object, ...], list[Grant]] = {}
        for grant in own:
            alike.setdefault(tuple(getattr(grant, name) for name in changed), []).append(grant)
        if len(alike) > MAX_STATEMENTS:
            table.filter(customer=owner).bulk_update(own, changed)
            continue
        for values, group in alike.items():
            rows = table.filter(customer=owner, pk__in=[grant.pk for grant in group])
            rows.update(**dict(zip(changed, values, strict=True)))


def _by_owner(grants: Iterable[Grant]) -> Iterable[tuple[UUID, list[Grant]]]:
    owners: dict[UUID, list[Grant]] = {}
    for grant in grants:
        owners.setdefault(grant.customer_id, []).append(grant)
    return owners.items()


def _append(customer: Customer, changes: Sequence[Change], remaining: Sequence[int | None]) -> None:
    actor, written_at = current_actor(), clock.now()
    books = _books(customer, {change.grant.customer_id for change in changes})
    entries = []
    for change, remaining_after in zip(changes, remaining, strict=True):
        owner = books[change.grant.customer_id]
        owner.seq += 1
        entries.append(
            LedgerEntry(
                customer=owner,
                seq=owner.seq,
                grant=change.grant,
                usage=change.usage,
                kind=change.kind.value,
                cause_type=change.cause.type.value,
                cause_id=change.cause.id,
                amount=change.amount,
                held_change=change.held_change,
                remaining_after=remaining_after,
                effective_at=change.at,
                created_at=written_at,
                actor=actor,
            )
        )
    LedgerEntry.objects.using(write_alias()).bulk_create(entries)
    _save_counters(books.values())


def _books(customer: Customer, owners: set[UUID]) -> dict[UUID, Customer]:
    """Whose books are written: the locked customer's, and those of the absorbed ones that its lock covers."""
    books = {customer.pk: customer}
    if absorbed := owners - {customer.pk}:
        books.update(Customer.objects.using(write_alias()).in_bulk(absorbed))
    return books


def _save_counters(customers: Iterable[Customer]) -> None:
    for customer in customers:
        Customer.objects.using(write_alias()).filter(pk=customer.pk).update(
            seq=customer.seq, event_seq=customer.event_seq, next_change_at=customer.next_change_at
        )
