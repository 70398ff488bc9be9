"""What a source gave: the grants that it made itself, and those of the allowances that it made.

An order, a trial or a referral makes a grant for most lines, and an allowance for one with a reset. Whoever asks what
became of it asks here, so that nobody forgets the second kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billable.db.units import write_alias
from billable.quota.allowance import AllowanceQuerySet
from billable.quota.kinds import GrantSource
from billable.quota.models import Allowance, Grant


def made_by(kind: GrantSource, source_id: Any) -> Q:
    """The grants that a source made when it was written: of an allowance, that of its first period."""
    first = {"source": GrantSource.ALLOWANCE.value, "line": 1}
    return Q(source=kind.value, source_id=source_id) | Q(
        **first, allowance__source=kind.value, allowance__source_id=source_id
    )


def given_by(kind: GrantSource, source_id: Any = None) -> Q:
    """Every grant that a source gave, until now: without an id, every source of a kind. Heirs are in their lineages."""
    itself, through = Q(source=kind.value), Q()
    for path in ("allowance__", "allowance__origin__"):
        recurring = Q(**{f"{path}source": kind.value})
        if source_id is not None:
            recurring &= Q(**{f"{path}source_id": source_id})
        through |= recurring
    if source_id is not None:
        itself &= Q(source_id=source_id)
    return itself | Q(through, origin__isnull=True)


def allowances_by(kind: GrantSource, source_id: Any) -> AllowanceQuerySet:
    """The allowances that a source made, and those that carry them on, in the order in which they were made."""
    own = Q(source=kind.value, source_id=source_id)
    carrying = Q(origin__source=kind.value, origin__source_id=source_id)
    rows = Allowance.objects.using(write_alias()).filter(own | carrying)
    return rows.select_related("feature", "product").order_by("pk")


def maker_of(grant: Grant) -> Grant | Allowance:
    """The row that names the source of a grant: itself, or the first of its allowance's line. Of first grants only."""
    if grant.allowance is None:
        return grant
    return grant.allowance.origin or grant.allowance


def living(allowance: Allowance) -> QuerySet[Grant]:
    """The grants of an allowance that nobody ended, also those that are used up: units may come back to them.

    Those that it gave before a roll-out changed its terms are among them.
    """
    first = allowance.origin_id or allowance.pk
    line = Q(allowance=first) | Q(allowance__origin=first)
    rows = Grant.objects.using(write_alias()).filter(line, customer=allowance.customer_id, ended_at__isnull=True)
    return rows.select_related("feature", "product").order_by("pk")


def by_line(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """Grants that one source gave, in the order of its lines and of their periods; their allowances are loaded."""
    return tuple(sorted(grants, key=_place))


def _place(grant: Grant) -> tuple[int, bool, int, UUID]:
    return (maker_of(grant).line, grant.rolled_from is not None, grant.period_index, grant.pk)
