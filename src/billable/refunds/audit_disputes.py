"""The audits of disputes: what is disputed, what became of it, and what was taken back and given back for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Case, CharField, DateTimeField, Exists, F, Max, Min, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Concat

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
    total,
    within,
)
from billable.inputs import MAX_KEY_LENGTH
from billable.orders.audit import head
from billable.orders.lifecycle import PaymentStatus, UnappliedReason
from billable.orders.models import OrderItem, Payment
from billable.quota.audit import grants_of
from billable.quota.given import given_by
from billable.quota.kinds import GrantEnd, GrantSource
from billable.quota.models import Grant, LedgerEntry
from billable.refunds.credit import orders_of
from billable.refunds.kinds import REFUND_ID_PREFIX, DisputeStatus, RefundOrigin
from billable.refunds.models import Dispute, Refund
from billable.refunds.provisional import HANDED_ON

OPEN, LOST = DisputeStatus.DISPUTED.value, DisputeStatus.LOST.value
APPLIED = PaymentStatus.SUCCEEDED.value


def _disputes(scope: Scope) -> Iterator[LedgerProblem]:
    """A dispute is about a part of one payment of its customer, and of an order that took it or could have."""
    disputes = within(every(Dispute), scope).annotate(payer=head("customer"), buyer=head("order__customer"))
    fits = Q(
        currency=F("payment__currency"),
        amount_minor__lte=F("payment__amount_minor"),
        customer=F("payment__customer"),
        payer=F("buyer"),
    )
    yield from named(
        breaking(disputes, fits),
        "is about {0.amount_minor} {0.currency}, which is no part of its payment, or of another customer",
    )
    # What was applied and is disputed or lost stays where it is: only a payment that was won may move again.
    stays = Q(status=DisputeStatus.WON.value) | ~Q(payment_status=APPLIED)
    taken = Q(order=F("payment__order"), payment__applied_to__isnull=True) | Q(order=F("payment__applied_to"))
    yield from named(breaking(disputes, stays | taken), "its order {0.order_id} did not take its payment")


def _payments(scope: Scope) -> Iterator[LedgerProblem]:
    """A payment is disputed while a dispute about it is open, and lost when one was."""
    about = every(Dispute).filter(payment=OuterRef("pk"))
    payments = within(every(Payment), scope).annotate(
        waiting=count(about.filter(status=OPEN), "payment"), lost=count(about.filter(status=LOST), "payment")
    )
    quiet = ~Q(status__in=[PaymentStatus.DISPUTED.value, PaymentStatus.LOST.value])
    fits = (
        Q(status=PaymentStatus.DISPUTED.value, waiting=1, lost=0)
        | Q(status=PaymentStatus.LOST.value, waiting=0, lost=1)
        | Q(quiet, waiting=0, lost=0)
    )
    for payment in breaking(payments, fits).iterator():
        problem = f"is {payment.status}; {payment.waiting} disputes about it are open and {payment.lost} are lost"
        yield blame(payment, problem)
        yield from (blame(dispute, f"its payment {problem}") for dispute in every(Dispute).filter(payment=payment.pk))
    reason = payments.filter(code=UnappliedReason.DISPUTED.value)
    known = about.filter(payment_status=PaymentStatus.UNAPPLIED.value)
    yield from named(breaking(reason, Exists(known)), "is unapplied by a dispute that does not exist")


def _refunds(scope: Scope) -> Iterator[LedgerProblem]:
    """A lost dispute left the refund of its amount, or of all that had not gone back before; no other dispute did."""
    refunds = every(Refund).filter(origin=RefundOrigin.DISPUTE.value)
    # What a change of plan credited had paid for something else.
    credited = every(OrderItem).filter(order=OuterRef("order"), credited_minor__gt=0)
    all_gone = Q(order__refunded_amount_minor=F("order__paid_amount_minor")) | Q(Exists(credited))
    own = refunds.filter(order=OuterRef("order"), payment=OuterRef("payment"), refund_id=OuterRef("name"))
    right = own.filter(Q(amount_minor=OuterRef("amount_minor")) | all_gone, amount_minor__lte=OuterRef("amount_minor"))
    disputes = within(every(Dispute), scope).annotate(name=_refund_id())
    left_one = Q(status=LOST, payment_status=APPLIED)
    problem = "is {0.status}; its refund does not say so"
    yield from named(breaking(disputes.filter(left_one), Exists(right) | all_gone), problem)
    yield from named(disputes.exclude(left_one).filter(Exists(own)), problem)
    cause = (
        every(Dispute)
        .annotate(name=_refund_id())
        .filter(
            left_one,
            order=OuterRef("order"),
            payment=OuterRef("payment"),
            name=OuterRef("refund_id"),
            amount_minor__gte=OuterRef("amount_minor"),
        )
    )
    yield from named(breaking(within(refunds, scope), Exists(cause)), "no dispute that was lost is {0.refund_id}")


def _refund_id() -> Concat:
    """The refund id that a lost dispute gives its refund."""
    return Concat(Value(REFUND_ID_PREFIX), as_text("pk"), output_field=CharField(max_length=MAX_KEY_LENGTH))


def _heirs(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant that a dispute gave back carries on one that a dispute took, and is of the same feature and product."""
    yield from grants_of(GrantSource.DISPUTE, every(Dispute).exclude(status=OPEN), scope)
    heirs = within(every(Grant), scope).filter(source=GrantSource.DISPUTE.value)
    same = Q(feature=F("origin__feature"), quantity__isnull=False, origin__quantity__isnull=False)
    endless = Q(feature=F("origin__feature"), quantity__isnull=True, origin__quantity__isnull=True)
    by_order = (f"origin__{path}source" for path in ("", "allowance__", "allowance__origin__"))
    sold = Q(*(Q(**{path: GrantSource.ORDER.value}) for path in by_order), _connector=Q.OR)
    sold &= Q(product=F("origin__product"))
    taken = every(Grant).filter(ended_as=GrantEnd.DISPUTED.value)
    taken = taken.filter(Q(pk=OuterRef("origin")) | Q(origin=OuterRef("origin")))
    problem = "is given back for {0.origin_id}, which no dispute took or which was something else"
    yield from named(breaking(heirs, same | endless, sold, Exists(taken)), problem)


def _waiting(scope: Scope) -> Iterator[LedgerProblem]:
    """Units wait between a dispute and its decision, or for ever when their time is over; else heirs have them all."""
    standing = every(Dispute).filter(status=OPEN, payment_status=APPLIED).values_list("order", flat=True)
    concerned = {str(order) for disputed in standing for order in orders_of(disputed)}
    for root in _roots(scope).iterator():
        waiting = -root.own - root.handed - root.inherited
        if waiting == 0 or (waiting > 0 and (root.order_name in concerned or _is_over(root))):
            continue
        problem = f"{waiting} of its units are with nobody, though no dispute about its order is open"
        yield blame(root, problem)
        heirs = every(Grant).filter(origin=root.pk, source=GrantSource.DISPUTE.value)
        yield from (blame(heir, f"of the grant that it carries on, {problem}") for heir in heirs)


def _roots(scope: Scope) -> Rows:
    """What orders gave and a dispute took, with the units that left it for heirs and what those began with."""
    line = every(Grant).filter(origin=OuterRef("pk"))
    ended = every(Grant).filter(Q(pk=OuterRef("pk")) | Q(origin=OuterRef("pk")), ended_as=GrantEnd.DISPUTED.value)
    roots = within(every(Grant), scope).filter(Exists(ended), given_by(GrantSource.ORDER), quantity__isnull=False)
    itself = When(source=GrantSource.ORDER.value, then=F("source_id"))
    maker = Coalesce("allowance__origin__source_id", "allowance__source_id")
    roots = roots.annotate(order_name=Case(itself, default=maker))
    own, handed = (every(LedgerEntry).filter(**{by: OuterRef("pk")}) for by in ("grant", "grant__origin"))
    disputes = every(Dispute).annotate(name=as_text("order_id")).filter(name=OuterRef("order_name"))
    annotated: Rows = roots.annotate(
        own=total(own.filter(kind__in=HANDED_ON), "grant", "amount"),
        handed=total(handed.filter(kind__in=HANDED_ON), "grant__origin", "amount"),
        inherited=total(line, "origin", "quantity"),
        first_end=_one(line, "origin", Min("expires_at")),
        decided=_one(disputes, "name", Max("decided_at")),
        touched=_one(own, "grant", Max("effective_at")),
        touched_later=_one(handed, "grant__origin", Max("effective_at")),
    )
    return annotated


def _one(rows: Rows, by: str, value: Max | Min) -> Subquery:
    return Subquery(rows.values(by).annotate(value=value).values("value"), output_field=DateTimeField())


def _is_over(root: Any) -> bool:
    """Whether the time of a line was over when anything last happened to it."""
    ends = [instant for instant in (root.expires_at, root.first_end) if instant is not None]
    last = max(instant for instant in (root.decided, root.touched, root.touched_later) if instant is not None)
    return bool(ends) and min(ends) <= last


AUDITS: list[Audit] = [_disputes, _payments, _refunds, _heirs, _waiting]
