"""The audits of the referrals room: rewards are what was earned, for both sides, and nobody stands above themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q
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
    every,
    named,
    of_family,
    within,
)
from billable.customers.models import Merge
from billable.orders.models import Order
from billable.quota.audit import grants_of
from billable.quota.audit_allowances import allowances_of
from billable.quota.kinds import CauseType, EntryKind, GrantSource
from billable.quota.models import Allowance, Grant, LedgerEntry
from billable.referrals.kinds import ReferralStatus, ReferralTrigger
from billable.referrals.line import line_above
from billable.referrals.models import Referral


def _rewards(scope: Scope) -> Iterator[LedgerProblem]:
    """A referral made as many grants as it says, each to one of its sides and of the product that side gets."""
    itself = Q(source=GrantSource.REFERRAL.value, source_id=OuterRef("name"))
    sides = _at("customer") | _at("referrer")
    given = {model: count(every(model).filter(itself, sides), "source") for model in (Grant, Allowance)}
    referrals = within(every(Referral), scope).annotate(name=as_text("pk"))
    referrals = referrals.annotate(
        given=given[Grant] + given[Allowance],
        said=F("referee_grants") + F("referrer_grants"),
    )
    yield from named(
        breaking(referrals, Q(given=F("said"))),
        "says that it made {0.referee_grants} grants for the referee and {0.referrer_grants} for the referrer; "
        "there are {0.given}",
    )
    yield from grants_of(GrantSource.REFERRAL, every(Referral), scope, whose=_gives("grant__product"))
    yield from allowances_of(GrantSource.REFERRAL, every(Referral), scope, whose=_gives("product"))


def _gives(product: str) -> Q:
    """In a subquery: referrals that gave the outer row's customer its product."""
    referee = _of("customer") & Q(programme__referee_product=OuterRef(product), referee_grants__gt=0)
    referrer = _of("referrer") & Q(programme__referrer_product=OuterRef(product), referrer_grants__gt=0)
    return referee | referrer


def _earned(scope: Scope) -> Iterator[LedgerProblem]:
    """What a referral earned, it earned by its programme's trigger: by an order of its referee, or by being there."""
    paid = every(Order).filter(
        Q(customer=OuterRef("customer"))
        | Q(customer__merged_into=OuterRef("customer"))
        | Q(customer=OuterRef("customer__merged_into"))
        | Q(customer__merged_into=OuterRef("customer__merged_into")),
        pk=OuterRef("order_id"),
        paid_at=OuterRef("qualified_at"),
        total_amount_minor__gt=0,
    )
    by_order = Q(Exists(paid), programme__trigger=ReferralTrigger.ON_FIRST_PAYMENT.value)
    by_itself = Q(order_id__isnull=True, programme__trigger=ReferralTrigger.ON_SIGNUP.value)
    waits = Q(status=ReferralStatus.PENDING.value) & (
        Q(programme__isnull=True) | Q(programme__trigger=ReferralTrigger.ON_FIRST_PAYMENT.value)
    )
    yield from named(
        breaking(within(every(Referral), scope), waits | by_order | by_itself),
        "is {0.status} by the order {0.order_id} since {0.qualified_at}, which cannot have earned it",
    )


def _taken_back(scope: Scope) -> Iterator[LedgerProblem]:
    """Of a reward that was taken back nothing is left, and entries that took one back name its referral."""
    left = Q(ended_at__isnull=True, closed_at__isnull=True)
    lines = ("", "origin__", "allowance__", "allowance__origin__")
    remaining = Q(*(Exists(_made(line).filter(left, _at_sides(line))) for line in lines), _connector=Q.OR)
    referrals = within(every(Referral), scope).filter(status=ReferralStatus.TAKEN_BACK.value)
    referrals = referrals.annotate(name=as_text("pk"))
    yield from named(referrals.filter(remaining), "was taken back, but not its grants")
    taken = within(every(LedgerEntry), scope).filter(kind=EntryKind.REVOKE.value, cause_type=CauseType.REFERRAL.value)
    referral = every(Referral).filter(pk=OuterRef("cause_id"), status=ReferralStatus.TAKEN_BACK.value)
    of_it = referral.annotate(name=as_text("pk")).filter(
        Q(name=Coalesce(*(OuterRef(f"grant__{path}source_id") for path in reversed(lines))))
    )
    yield from named(breaking(taken, Exists(of_it)), "its referral {0.cause_id} was not taken back or is another's")


def _caps(scope: Scope) -> Iterator[LedgerProblem]:
    """Nobody has more rewards of a programme than it gives one referrer."""
    rewarded = every(Referral).filter(status=ReferralStatus.REWARDED.value)
    same = rewarded.filter(referrer=OuterRef("referrer"), programme=OuterRef("programme"))
    referrals = within(rewarded, scope).filter(
        programme__cap_per_referrer__isnull=False, programme__referrer_product__isnull=False
    )
    referrals = referrals.annotate(rewards=count(same, "referrer"))
    within_cap = Q(rewards__lte=F("programme__cap_per_referrer"))
    yield from named(breaking(referrals, within_cap), "its referrer has {0.rewards} rewards, more than the cap")


def _apart(scope: Scope) -> Iterator[LedgerProblem]:
    """Referrer and referee are two customers, unless one was absorbed since."""
    heads = {side: Coalesce(f"{side}__merged_into_id", f"{side}_id") for side in ("customer", "referrer")}
    since = every(Merge).filter(
        Q(absorbed=OuterRef("customer")) | Q(absorbed=OuterRef("referrer")),
        undone_at__isnull=True,
        created_at__gte=OuterRef("created_at"),
    )
    referrals = within(every(Referral), scope).annotate(referee_head=heads["customer"], referrer_head=heads["referrer"])
    # Two clocks of the sandbox do not say what came first.
    apart = ~Q(referee_head=F("referrer_head")) | Q(Exists(since)) | Q(customer__is_sandbox=True)
    yield from named(breaking(referrals, apart), "its referrer is its referee")
    alike = Q(customer__is_sandbox=F("referrer__is_sandbox"))
    yield from named(breaking(referrals, alike), "one of its sides is of the sandbox and the other is real")


def _rings(scope: Scope) -> Iterator[LedgerProblem]:
    """Nobody is brought by themselves, through however many others."""
    referrals = every(Referral)
    if scope is not None:
        referrals = referrals.filter(customer__in={*scope, *line_above(scope[0])})
    found = {row.customer_id: row for row in referrals.only("pk", "customer_id", "referrer_id").iterator()}
    for customer_id in in_rings({row.customer_id: row.referrer_id for row in found.values()}):
        if scope is None or customer_id in scope:
            yield blame(found[customer_id], "brought its own referrer, through others")


AUDITS: list[Audit] = [_rewards, _earned, _taken_back, _caps, _apart, _rings]


def in_rings(referrers: Mapping[UUID, UUID]) -> set[UUID]:
    """Those who stand above themselves, where each has one referrer."""
    rings: set[UUID] = set()
    seen: set[UUID] = set()
    for start in referrers:
        path: list[UUID] = []
        here = start
        while here in referrers and here not in seen:
            seen.add(here)
            path.append(here)
            here = referrers[here]
        if here in path:
            rings.update(path[path.index(here) :])
    return rings


def _made(line: str = "") -> Rows:
    """In a subquery: the grants that the outer row, a referral, made; with ``origin__`` the heirs of those."""
    return every(Grant).filter(**{f"{line}source": GrantSource.REFERRAL.value, f"{line}source_id": OuterRef("name")})


def _at(side: str, line: str = "") -> Q:
    """In a subquery: grants that were made for the outer referral's side, or for another of its family."""
    return of_family(side, owner=f"{line}customer")


def _at_sides(line: str) -> Q:
    return _at("customer", line) | _at("referrer", line)


def _of(side: str) -> Q:
    """In a subquery: referrals whose side is the outer row's customer, or another of its family."""
    return of_family(owner=side)
