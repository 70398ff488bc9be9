"""get_referral, list_referrals and referral_stats."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from billable import inputs, paging
from billable.customers.subjects import Subject, family, find_customer_id, who
from billable.db.units import write_alias
from billable.errors import Invalid, ReferralNotFound
from billable.paging import DEFAULT_LIMIT, Page
from billable.referrals.kinds import ReferralStatus
from billable.referrals.models import Referral


@dataclass(frozen=True, kw_only=True)
class ReferralStats:
    """What became of those whom a customer brought, by status, and who brought the customer.

    ``customer_id`` is None for somebody who is no customer (yet).
    """

    customer_id: UUID | None
    referred_by: UUID | None
    total: int
    pending: int
    qualified: int
    rewarded: int
    capped: int
    taken_back: int


def with_parts() -> QuerySet[Referral]:
    """Referrals with both customers and their programme's products loaded."""
    rows = Referral.objects.using(write_alias())
    return rows.select_related(
        "customer", "referrer", "programme__referrer_product", "programme__referee_product"
    ).order_by("-pk")


def referral_id_of(referral: Referral | UUID | str) -> UUID:
    """The id of a referral, given as the row, the id or its text. Raises ReferralNotFound for what can be none."""
    if isinstance(referral, Referral):
        return referral.pk
    referral_id = inputs.known_identifier(referral)
    if referral_id is None:
        raise ReferralNotFound(referral=str(referral)[:100])
    return referral_id


def get_referral(referral: Referral | UUID | str) -> Referral:
    """One referral with its customers and programme loaded. Raises ReferralNotFound."""
    referral_id = referral_id_of(referral)
    found = with_parts().filter(pk=referral_id).first()
    if found is None:
        raise ReferralNotFound(referral=str(referral_id))
    return found


def list_referrals(
    user: Subject | None = None,
    *,
    status: str | None = None,
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> Page[Referral]:
    """Referrals, newest first: those that ``user`` made, or (None) everybody's.

    Raises Invalid for an unknown ``status``, a foreign cursor or a limit outside 1 to 200.
    """
    size, referrals = paging.page_limit(limit), with_parts()
    if user is not None:
        customer_id = _customer_id(user)
        referrals = referrals.none() if customer_id is None else referrals.filter(referrer__in=family(customer_id))
    if status is not None:
        if status not in [each.value for each in ReferralStatus]:
            raise Invalid(field="status", problem="is no status of a referral")
        referrals = referrals.filter(status=status)
    if cursor is not None:
        referrals = referrals.filter(pk__lt=inputs.identifier(paging.decode(cursor), "cursor"))
    rows = list(referrals[: size + 1])
    return paging.cut(rows, size, str(rows[size - 1].pk) if len(rows) > size else None)


def referral_stats(user: Subject) -> ReferralStats:
    """Whom a customer brought, counted by what became of it. Writes nothing; nobody has nothing. Raises Invalid."""
    customer_id = _customer_id(user)
    counts: dict[str, int] = {}
    referred_by = None
    if customer_id is not None:
        referrals = Referral.objects.using(write_alias()).order_by()
        made = referrals.filter(referrer__in=family(customer_id))
        counts = dict(made.values_list("status").annotate(number=Count("pk")))
        brought = referrals.filter(customer__in=family(customer_id)).order_by("pk")
        referred_by = brought.values_list("referrer_id", flat=True).first()
    return ReferralStats(
        customer_id=customer_id,
        referred_by=referred_by,
        total=sum(counts.values()),
        **{status.value: counts.get(status.value, 0) for status in ReferralStatus},
    )


def _customer_id(user: Subject) -> UUID | None:
    person = who(user)
    return None if person.is_anonymous else find_customer_id(person)
