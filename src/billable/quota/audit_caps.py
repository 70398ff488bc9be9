"""The audit of caps: what a grant counts in the window of its cap is what its entries say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from uuid import UUID

from django.db.models import F

from billable.audits import Audit, LedgerProblem, Scope, blame, every, within
from billable.quota import caps
from billable.quota.kinds import EntryKind
from billable.quota.models import LedgerEntry

# Every grant has an entry of the first kind; the others are what a cap counts, and what it counts back.
_COUNTED = [
    EntryKind.GRANT.value,
    *(EntryKind.CONSUME.value, EntryKind.HOLD.value),
    *(EntryKind.RELEASE.value, EntryKind.REVERSE.value),
]


def _counts(scope: Scope) -> Iterator[LedgerProblem]:
    """cap_used is what was taken in the window cap_index, the last one; less what came back while it lasted."""
    entries = within(every(LedgerEntry), scope).filter(kind__in=_COUNTED, grant__cap_quantity__isnull=False)
    moves = entries.select_related("grant", "usage").annotate(giver=F("grant__origin__customer"))
    # What a line of grants gave in each window, before an heir carried the count on.
    given: dict[UUID, Counter[int]] = defaultdict(Counter)
    for pk, own in groupby(moves.order_by("grant_id", "seq").iterator(), key=lambda entry: entry.grant_id):
        rows = list(own)
        grant, (last, counted, gross) = rows[0].grant, _recount(rows)
        line = given[grant.origin_id or pk]
        least, most = counted[grant.cap_index], counted[grant.cap_index] + line[grant.cap_index]
        line.update(gross)
        is_elsewhere = scope is not None and grant.origin_id is not None and rows[0].giver not in scope
        fits = least <= grant.cap_used and (grant.cap_used <= most or is_elsewhere)
        if not fits or grant.cap_index < last or (grant.origin_id is None and grant.cap_index != last):
            problem = f"counts {grant.cap_used} in window {grant.cap_index} of its cap"
            yield blame(grant, f"{problem}, its entries {counted[last]} in window {last}")


AUDITS: list[Audit] = [_counts]


def _recount(rows: Iterable[LedgerEntry]) -> tuple[int, Counter[int], Counter[int]]:
    """The last window in which a grant gave something, what it counts in each, and what it gave in each."""
    last, counted, gross = 0, Counter[int](), Counter[int]()
    given: dict[object, int] = {}
    for entry in rows:
        window = caps.window_of(entry.grant, entry.effective_at) or 0
        if entry.kind in (EntryKind.CONSUME.value, EntryKind.HOLD.value):
            given[entry.cause_id], last = window, max(last, window)
            counted[window] -= entry.amount
            gross[window] -= entry.amount
        elif entry.kind != EntryKind.GRANT.value and given.get(_taken_by(entry)) == window:
            counted[window] -= entry.amount
    return last, counted, gross


def _taken_by(entry: LedgerEntry) -> UUID | None:
    """The usage or hold that took what an entry gives back."""
    usage = entry.usage
    if usage is None:
        return entry.cause_id
    return usage.pk if usage.hold_id is None or usage.late else usage.hold_id
