"""What follows payments, refunds and disputes, and the sweep that does what was missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from billable import inputs
from billable.customers.models import Customer
from billable.customers.services import due_for
from billable.customers.subjects import family
from billable.db.units import write_alias
from billable.duties import Duty, keys
from billable.orders.lifecycle import OrderStatus, PaymentStatus
from billable.orders.models import Order, Payment
from billable.orders.read import counted_for
from billable.referrals.kinds import ReferralStatus, ReferralTrigger
from billable.referrals.models import Referral
from billable.referrals.reward import catch_up_with, settle
from billable.refunds.models import Dispute, Refund

# Before it was earned, after it was, and after it was given.
PENDING, QUALIFIED = ReferralStatus.PENDING.value, ReferralStatus.QUALIFIED.value
GIVEN = (ReferralStatus.REWARDED.value, ReferralStatus.CAPPED.value)


@dataclass(frozen=True, kw_only=True)
class ReferralSweep:
    """How many referrals a sweep looked at, gave the reward of, and took it back from."""

    referrals: int
    rewarded: int
    taken_back: int


def settle_referrals(*, limit: int | None = None) -> ReferralSweep:
    """Do for up to ``limit`` referrals (None: all) what is due: earn, give once the hold is over, take back.

    Each referral is a transaction of its own; any number of sweeps may run at once. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    settled = [settle(referral_id).status for referral_id in keys(_due(), most=most)]
    return ReferralSweep(
        referrals=len(settled),
        rewarded=sum(status in GIVEN for status in settled),
        taken_back=settled.count(ReferralStatus.TAKEN_BACK.value),
    )


def next_due(referees: QuerySet[Customer, Any], after: datetime) -> datetime | None:
    """The first instant after another at which the reward of some referees may be given."""
    waiting = Referral.objects.using(write_alias()).filter(status=QUALIFIED, customer__in=referees)
    first: datetime | None = waiting.filter(due_at__gt=after).aggregate(first=Min("due_at"))["first"]
    return first


# ----------------------------------------------------------------------------- steps, each called after a verb's commit


def reward_after_refer(referral: Referral) -> None:
    """Give at once what is earned by signing up and need not wait."""
    if referral.status == QUALIFIED:
        catch_up_with(referral)


def reward_after_payment(payment: Payment) -> None:
    """Let the first payment of a referred customer earn the reward."""
    order = payment.order if payment.applied_to is None else payment.applied_to
    if order.paid_at is None or not order.total_amount_minor:
        return
    head = Customer.objects.filter(pk=order.customer_id).values(head=Coalesce("merged_into_id", "id"))
    waiting = Referral.objects.using(write_alias()).filter(
        customer__in=family(Subquery(head)),  # type: ignore[arg-type]  # an expression is as good as an id
        status=PENDING,
        programme__trigger=ReferralTrigger.ON_FIRST_PAYMENT.value,
    )
    _settle_each(waiting)


def reward_after_refund(refund: Refund) -> None:
    """Take back what an order earned that is refunded whole now."""
    if refund.order.status == OrderStatus.REFUNDED.value:
        _settle_of(refund.order)


def reward_after_dispute(dispute: Dispute) -> None:
    """Take back what a payment earned that was lost, or give what waited until it was won.

    Money that comes back to an order that had to let go of it may be what pays the order.
    """
    _settle_of(dispute.order)
    reward_after_payment(dispute.payment)


def _settle_of(order: Order) -> None:
    """Settle the referral that an order earned the reward of, if there is one."""
    _settle_each(Referral.objects.using(write_alias()).filter(order_id=order.pk))


def _settle_each(referrals: QuerySet[Referral]) -> None:
    for referral_id in list(referrals.order_by("pk").values_list("pk", flat=True)):
        settle(referral_id)


# ---------------------------------------------------------------------------------------------- what the sweep looks at


def _due(now: datetime | None = None) -> QuerySet[Referral]:
    """The referrals for which something may be due, by the clock of each referee."""
    rows = Referral.objects.using(write_alias()).annotate(**_HEADS)
    rows = rows.annotate(first_order=Subquery(_paid().order_by("paid_at", "pk").values("pk")[:1]))
    return rows.filter(_earned_unseen() | _held_long_enough(now) | _undone_since())


def _do(referral_id: UUID) -> bool:
    return not settle(referral_id).replayed


_HEADS = {
    "referee_head": Coalesce("customer__merged_into_id", "customer_id"),
    "referrer_head": Coalesce("referrer__merged_into_id", "referrer_id"),
}
_ONE_PERSON = Q(referee_head=F("referrer_head"))


def _paid() -> QuerySet[Order]:
    """In a subquery: what the outer referral's referee has paid, or another of its family."""
    members = Customer.objects.order_by().filter(Q(pk=OuterRef("family")) | Q(merged_into=OuterRef("family")))
    return Order.objects.annotate(family=OuterRef("referee_head")).filter(
        customer__in=members.values("pk"), paid_at__isnull=False, total_amount_minor__gt=0
    )


def _earned_unseen() -> Q:
    paid = _paid()
    since = Exists(paid.filter(paid_at__gte=OuterRef("created_at")))
    before = Exists(paid.filter(paid_at__lt=OuterRef("created_at")))
    trigger = ReferralTrigger.ON_FIRST_PAYMENT.value
    taken = Exists(Referral.objects.order_by().filter(order_id=OuterRef("first_order")))
    return Q(since, ~before, ~taken, ~_ONE_PERSON, status=PENDING, programme__trigger=trigger)


def _held_long_enough(now: datetime | None) -> Q:
    disputed = Exists(_payments().filter(status=PaymentStatus.DISPUTED.value))
    return Q(due_for("due_at__lte", now), ~disputed, ~_ONE_PERSON, status=QUALIFIED)


def _undone_since() -> Q:
    refunded = Order.objects.filter(pk=OuterRef("order_id"), status=OrderStatus.REFUNDED.value)
    lost = _payments().filter(status=PaymentStatus.LOST.value)
    return Q(Exists(refunded) | Exists(lost), status__in=[QUALIFIED, *GIVEN])


def _payments() -> QuerySet[Payment]:
    return Payment.objects.filter(counted_for(OuterRef("order_id")))


REWARDS = Duty(name="referral_rewards", due=_due, do=_do, next_at=next_due)
"""Referrals whose reward is earned, or was held long enough, or must be taken back."""
