"""claim_bonus, and what brings a referral to where it stands: earned, given, taken back.

One function looks at a referral and does what is due. The verb, the steps that follow payments, refunds and disputes,
and the sweep all call it; so it makes no difference which of them comes first, or whether one was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from billable.catalog.models import Product
from billable.catalog.services import get_product
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import family
from billable.customers.together import heads_of, lock_whoever
from billable.db.units import unit_of_work, write_alias
from billable.errors import BonusNotDue, ReferralNotFound
from billable.orders.lifecycle import OrderStatus, PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import counted_for
from billable.quota import ledger, lineage, succession
from billable.quota.catch_up import catch_up
from billable.quota.given import allowances_by, given_by, made_by
from billable.quota.grant import Source, allot, lines_of
from billable.quota.kinds import CauseType, GrantEnd, GrantSource
from billable.quota.ledger import Cause
from billable.quota.models import Grant
from billable.referrals.kinds import ReferralStatus, ReferralTrigger
from billable.referrals.models import Referral, ReferralProgramme
from billable.referrals.read import get_referral, referral_id_of
from billable.referrals.standing import Case, Step, Verdict, judge
from billable.refunds.slide import carry_out, later_periods, plan_slides
from billable.signals import emit

_STATE = (
    *("status", "order_id", "qualified_at", "due_at", "rewarded_at", "taken_back_at"),
    *("referee_grants", "referrer_grants"),
)


@dataclass(frozen=True, kw_only=True)
class Sides:
    """A referral with both its customers locked, or those that absorbed them. ``earned``: it just turned out so."""

    referral: Referral
    referee: Customer
    referrer: Customer
    earned: bool
    verdict: Verdict


@unit_of_work
def claim_bonus(referral: Referral | UUID | str) -> Referral:
    """Give what a referral earned, to referrer and referee, once; again it answers with what was given (``replayed``).

    A referrer who has all the rewards that the programme allows gets none: the referral is ``capped``. ``grants`` are
    those that were made. Raises ReferralNotFound, BonusNotDue (not earned, on hold, disputed, taken back).
    """
    sides = _look(referral_id_of(referral))
    claimed, verdict = sides.referral, sides.verdict
    if verdict.reason == "given":
        claimed.replayed = True
        claimed.grants = tuple(_given(sides, made_by))
        return claimed
    if verdict.step is not Step.REWARD:
        due_at = None if claimed.due_at is None else claimed.due_at.isoformat()
        raise BonusNotDue(referral=str(claimed.pk), reason=verdict.reason, due_at=due_at)
    _act(sides)
    return claimed


@unit_of_work
def settle(referral_id: UUID) -> Referral:
    """Do what is due for a referral now: let it be earned, give, take back. A repeat changes nothing (``replayed``)."""
    sides = _look(referral_id)
    _act(sides)
    sides.referral.replayed = not sides.earned and sides.verdict.step is Step.NOTHING
    return sides.referral


def catch_up_with(referral: Referral) -> None:
    """Let a row that was answered stand as its referral does now."""
    settled = settle(referral.pk)
    for name in _STATE:
        setattr(referral, name, getattr(settled, name))


def _look(referral_id: UUID) -> Sides:
    """Lock both sides and find out what is due. Writes nothing."""
    ends = _ends(referral_id)
    customers, heads = lock_whoever(lambda: heads_of(ends).values()), heads_of(ends)
    referee, referrer = (customers[heads[end]] for end in ends)
    referral = get_referral(referral_id)
    order, one_person = _order(referral, referee), referee.pk == referrer.pk
    # What one buys while both are one may be the referrer's own: it must not bar their way apart.
    earned = referral.status == ReferralStatus.PENDING.value and order is not None and not one_person
    if order is not None and order.paid_at is not None and referral.programme is not None and earned:
        referral.status, referral.order_id = ReferralStatus.QUALIFIED.value, order.pk
        referral.qualified_at = order.paid_at
        referral.due_at = order.paid_at + timedelta(days=referral.programme.hold_days)
    payments = _payments(order)
    verdict = judge(
        Case(
            status=ReferralStatus(referral.status),
            due_at=referral.due_at,
            now=now_for(referee),
            undone=order is not None
            and (order.status == OrderStatus.REFUNDED.value or PaymentStatus.LOST.value in payments),
            disputed=PaymentStatus.DISPUTED.value in payments,
            one_person=one_person,
        )
    )
    return Sides(referral=referral, referee=referee, referrer=referrer, earned=earned, verdict=verdict)


def _ends(referral_id: UUID) -> tuple[UUID, UUID]:
    """Referee and referrer. Raises ReferralNotFound."""
    rows = Referral.objects.using(write_alias()).filter(pk=referral_id).values_list("customer_id", "referrer_id")
    found = rows.first()
    if found is None:
        raise ReferralNotFound(referral=str(referral_id))
    return found


def _order(referral: Referral, referee: Customer) -> Order | None:
    """The order that earned a referral its reward, or that does now: the referee's first of more than nothing.

    Whoever paid before being referred was not brought by the referral. Of customers that were merged each may have been
    referred; their first order earns one reward, not one for each.
    """
    orders = Order.objects.using(write_alias())
    if referral.order_id is not None:
        return orders.filter(pk=referral.order_id).first()
    programme = referral.programme
    if programme is None or programme.trigger != ReferralTrigger.ON_FIRST_PAYMENT.value:
        return None
    paid = orders.filter(customer__in=family(referee.pk), paid_at__isnull=False, total_amount_minor__gt=0)
    first = paid.order_by("paid_at", "pk").first()
    if first is None or first.paid_at is None or first.paid_at < referral.created_at:
        return None
    return None if Referral.objects.using(write_alias()).filter(order_id=first.pk).exists() else first


def _payments(order: Order | None) -> set[str]:
    """Where the payments stand that an order counts as its own: a dispute about others is none about it."""
    if order is None:
        return set()
    counted = Payment.objects.using(write_alias()).filter(counted_for(order.pk))
    return set(counted.values_list("status", flat=True))


def _act(sides: Sides) -> None:
    referral, step = sides.referral, sides.verdict.step
    if step is Step.REWARD:
        _give(sides)
    elif step is Step.TAKE_BACK:
        _take_back(sides)
    if not sides.earned and step is Step.NOTHING:
        return
    rows = Referral.objects.using(write_alias()).filter(pk=referral.pk, customer=referral.customer_id)
    rows.update(**{name: getattr(referral, name) for name in _STATE})
    if sides.earned:
        emit("referral.qualified", referral=referral)
    if step is not Step.NOTHING:
        emit("referral.rewarded" if step is Step.REWARD else "referral.taken_back", referral=referral)


def _give(sides: Sides) -> None:
    """Make the grants of both sides; the referrer's unless the programme's cap is reached."""
    referral, programme = sides.referral, sides.referral.programme
    if programme is None:
        return
    capped = programme.referrer_product is not None and _has_all(sides.referrer, programme)
    mine = _allot(sides.referee, programme.referee_product, referral)
    theirs = _allot(sides.referrer, None if capped else programme.referrer_product, referral)
    referral.grants = (*mine, *theirs)
    referral.referee_grants, referral.referrer_grants = len(mine), len(theirs)
    referral.status = (ReferralStatus.CAPPED if capped else ReferralStatus.REWARDED).value
    referral.rewarded_at = now_for(sides.referee)


def _has_all(referrer: Customer, programme: ReferralProgramme) -> bool:
    if programme.cap_per_referrer is None:
        return False
    rewarded = Referral.objects.using(write_alias()).filter(
        referrer__in=family(referrer.pk), programme=programme, status=ReferralStatus.REWARDED.value
    )
    return rewarded.count() >= programme.cap_per_referrer


def _allot(customer: Customer, product: Product | None, referral: Referral) -> tuple[Grant, ...]:
    lines = [] if product is None else lines_of(get_product(product.sku))
    if not lines:
        return ()
    cause = Cause(CauseType.REFERRAL, referral.pk)
    return allot(customer, lines, Source(kind=GrantSource.REFERRAL, id=str(referral.pk), cause=cause))


def _take_back(sides: Sides) -> None:
    """End what is left of the grants, wherever merges carried it; later periods move up. What was used stays used."""
    referral = sides.referral
    for customer in {side.pk: side for side in (sides.referee, sides.referrer)}.values():
        lineage.lock_heirs(customer, _made(referral, given_by))
        now = now_for(customer)
        catch_up(customer, now)
        lines = lineage.lineages(_given(sides, given_by, customer)).values()
        left = [grant for line in lines for grant in line if not _is_over(grant, now)]
        periods = {grant.pk: 0 for grant in left if grant.quantity is None and grant.period is not None}
        chain = later_periods([grant for grant in left if grant.pk in periods], now)
        recurring = allowances_by(GrantSource.REFERRAL, str(referral.pk)).filter(customer__in=family(customer.pk))
        succession.end(recurring.running(now), GrantEnd.REVOKED, at=now)
        ledger.end(
            customer,
            [(grant, now) for grant in left],
            GrantEnd.REVOKED,
            cause=Cause(CauseType.REFERRAL, referral.pk),
        )
        carry_out(customer, plan_slides(chain, periods, now))
        for grant in left:
            emit("grant.revoked", grant=grant)
    referral.status, referral.taken_back_at = ReferralStatus.TAKEN_BACK.value, now_for(sides.referee)


def _given(sides: Sides, phrase: Callable[[GrantSource, str], Q], *customers: Customer) -> list[Grant]:
    """The grants that a referral made, to these customers' families or to both sides'; the referee's first."""
    made = _made(sides.referral, phrase).select_related("feature", "product").order_by("pk")
    found: dict[UUID, Grant] = {}
    for customer in customers or (sides.referee, sides.referrer):
        found |= {grant.pk: grant for grant in made.filter(customer__in=family(customer.pk))}
    return list(found.values())


def _made(referral: Referral, phrase: Callable[[GrantSource, str], Q]) -> QuerySet[Grant]:
    return Grant.objects.using(write_alias()).filter(phrase(GrantSource.REFERRAL, str(referral.pk)))


def _is_over(grant: Grant, now: datetime) -> bool:
    return grant.ended_at is not None or (grant.expires_at is not None and grant.expires_at <= now)
