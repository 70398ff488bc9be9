"""refer: one customer brought another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from billable import inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, family, find_customer_id, who
from billable.customers.together import heads_of, lock_whoever
from billable.db.units import unit_of_work, write_alias
from billable.errors import (
    AlreadyReferred,
    CustomerNotFound,
    InvalidSubject,
    ReferralCycle,
    SandboxMixed,
    SelfReferral,
)
from billable.inputs import Metadata
from billable.referrals.kinds import ReferralStatus, ReferralTrigger
from billable.referrals.line import line_above
from billable.referrals.models import Referral
from billable.referrals.programmes import choose
from billable.referrals.read import with_parts
from billable.signals import emit


@unit_of_work
def refer(
    referrer: Subject, referee: Subject, *, programme: str | None = None, metadata: Metadata | None = None
) -> Referral:
    """Write down that ``referrer`` brought ``referee``, for good: a customer has one referrer.

    ``programme`` is the key of a programme; without one it is the only active one, and with none active the referral
    earns nothing. A repeat answers with the first (``replayed``). Raises SelfReferral, ReferralCycle (the referee
    brought the referrer, through however many others), SandboxMixed (one of them is a sandbox customer),
    AlreadyReferred, ProgrammeNotFound, CustomerNotFound, Invalid.
    """
    key = None if programme is None else inputs.name(programme, "programme")
    facts = inputs.metadata(metadata)
    ends = _customer_id(referrer, "referrer"), _customer_id(referee, "referee")
    customers = lock_whoever(lambda: _concerned(*ends))
    heads, above = heads_of(ends), line_above(ends[0])
    bringer, brought = (customers[heads[end]] for end in ends)
    if bringer.pk == brought.pk:
        raise SelfReferral(customer=str(brought.pk))
    if bringer.is_sandbox != brought.is_sandbox:
        raise SandboxMixed(first=str(bringer.pk), second=str(brought.pk))
    if earlier := _earlier(brought):
        return _replay(earlier, bringer, key)
    if brought.pk in above:
        raise ReferralCycle(referrer=str(bringer.pk), referee=str(brought.pk))
    referral = Referral(
        customer=brought,
        referrer=bringer,
        programme=choose(key),
        metadata=facts,
        actor=current_actor(),
        # By the referee's clock: what it pays is compared with this.
        created_at=now_for(brought),
    )
    _insert(referral)
    return referral


def _insert(referral: Referral) -> None:
    programme = referral.programme
    earned = programme is not None and programme.trigger == ReferralTrigger.ON_SIGNUP.value
    if programme is not None and earned:
        referral.status, referral.qualified_at = ReferralStatus.QUALIFIED.value, now_for(referral.customer)
        referral.due_at = referral.qualified_at + timedelta(days=programme.hold_days)
    Referral.objects.using(write_alias()).bulk_create([referral])
    emit("referral.created", referral=referral)
    if earned:
        emit("referral.qualified", referral=referral)


def _concerned(referrer_id: UUID, referee_id: UUID) -> Iterable[UUID]:
    """Who must not change while they are looked at: both, and everybody above the referrer."""
    return {*line_above(referrer_id), *heads_of([referee_id]).values()}


def _customer_id(subject: Subject, side: str) -> UUID:
    person = who(subject)
    if person.is_anonymous:
        raise InvalidSubject(field=side, problem="is not a saved user")
    customer_id = find_customer_id(person)
    if customer_id is None:
        raise CustomerNotFound(customer=str(person))
    return customer_id


def _earlier(referee: Customer) -> list[Referral]:
    """The referrals of a locked customer and of those that it absorbed, the first first."""
    return list(with_parts().filter(customer__in=family(referee.pk)).order_by("pk"))


def _replay(earlier: list[Referral], referrer: Customer, key: str | None) -> Referral:
    for referral in earlier:
        mine = (referral.referrer.merged_into_id or referral.referrer_id) == referrer.pk
        if mine and (key is None or (referral.programme is not None and referral.programme.key == key)):
            referral.replayed = True
            return referral
    raise AlreadyReferred(referee=str(earlier[0].customer_id), referral=str(earlier[0].pk))
