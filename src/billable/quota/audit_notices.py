"""The audits of notices: what was told belongs to whom it was told of, and to what it was about."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, breaking, dangling, every, named, within
from billable.quota.models import LedgerEntry
from billable.quota.notices import AlertNotice, ExpiryNotice


def _alerts(scope: Scope) -> Iterator[LedgerProblem]:
    """What crossed a threshold is a usage of that customer, which took units of that feature after the period began."""
    yield from dangling(AlertNotice, scope)
    drawn = every(LedgerEntry).filter(usage=OuterRef("usage"), grant__feature=OuterRef("feature"))
    notices = within(every(AlertNotice), scope)
    yield from named(
        breaking(notices, Q(usage__customer=F("customer")), Exists(drawn.filter(effective_at__gte=OuterRef("since")))),
        "its usage {0.usage_id} is of somebody else, or took nothing of the feature since then",
    )


def _expiries(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant that was told of belongs to the same customer, and had what was said to be left."""
    notices = within(every(ExpiryNotice), scope)
    units = Q(units__isnull=True, grant__quantity__isnull=True) | Q(
        units__isnull=False, grant__quantity__isnull=False, units__lte=F("grant__quantity")
    )
    yield from named(
        breaking(notices, Q(grant__customer=F("customer")), units),
        "its grant {0.grant_id} is of somebody else, or never had {0.units} units",
    )


AUDITS: list[Audit] = [_alerts, _expiries]
