"""The audits of the promotions room: a code has counted the uses that it has. Their orders audit the rest."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, blame, breaking, count, every, within
from billable.promotions.models import Promotion, PromotionUse


def _counters(scope: Scope) -> Iterator[LedgerProblem]:
    """A promotion has counted the uses that were not given back; of a customer's scope, the promotions that it used."""
    standing = every(PromotionUse).filter(promotion=OuterRef("pk"), released_at__isnull=True)
    promotions = every(Promotion).annotate(standing=count(standing, "promotion"))
    if scope is not None:
        promotions = promotions.filter(pk__in=within(every(PromotionUse), scope).values("promotion"))
    for promotion in breaking(promotions, Q(used=F("standing"))).iterator():
        problem = f"counts {promotion.used} uses, and {promotion.standing} were not given back"
        yield blame(promotion, problem)
        uses = within(every(PromotionUse), scope).filter(promotion=promotion)
        yield from (blame(use, f"its promotion {problem}") for use in uses)


AUDITS: list[Audit] = [_counters]
