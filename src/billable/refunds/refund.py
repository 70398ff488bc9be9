"""refund_order: money of a paid order goes back, and what was not used with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billable import inputs
from billable.actor import current_actor
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work, write_alias
from billable.errors import DisputeOpen, HoldsLive, IdempotencyConflict, Invalid, RefundTooLarge
from billable.ids import new_id
from billable.inputs import Metadata
from billable.money import Money
from billable.orders.claims import DEFAULT_METHOD
from billable.orders.lifecycle import OrderStatus
from billable.orders.lines import grants_of
from billable.orders.models import Order, OrderItem, Payment
from billable.orders.read import get_order
from billable.promotions.kinds import Release
from billable.promotions.uses import release
from billable.quota import holds, ledger, resets, succession
from billable.quota.catch_up import catch_up
from billable.quota.kinds import CauseType, EntryKind, GrantEnd
from billable.quota.lineage import lock_heirs
from billable.refunds import source
from billable.refunds.asked import Asked, Given, RefundLine
from billable.refunds.credit import open_about
from billable.refunds.kinds import REFUND_ID_PREFIX, DisputeStatus, RefundOrigin, RefundPolicy
from billable.refunds.models import Dispute, Refund, RefundGrant, RefundItem
from billable.refunds.periods import end_credited, give_up_seats, undo_periods
from billable.refunds.plan import Part, Plan, Take, plan_refund
from billable.refunds.read import get_refund
from billable.refunds.slide import carry_out
from billable.refunds.source import Source
from billable.signals import emit


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """What a refund is besides money and units. ``most_minor`` is all that may go back by it (None: no such limit)."""

    refund_id: str
    origin: RefundOrigin
    payment: Payment | None = None
    reason: str = ""
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    release_holds: bool = False
    most_minor: int | None = None


@unit_of_work
def refund_order(
    order: Order | UUID | str | None = None,
    *,
    payment_id: str | None = None,
    payment_method: str = DEFAULT_METHOD,
    capture_id: str = "",
    refund_id: str,
    items: Sequence[RefundLine] | None = None,
    amount: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    policy: str = RefundPolicy.FULL.value,
    reason: str = "",
    metadata: Metadata | None = None,
    origin: str = RefundOrigin.MERCHANT.value,
    release_holds: bool = False,
) -> Refund:
    """Record that money of a paid order went back, and take back what was not used of it.

    What goes back is all that is left of the order, or of ``items`` (lines and pieces of it), by a policy: ``full``;
    ``unused_only``, the smallest unused part of what each item gives; ``pro_rata_time``, the time that is left of its
    periods. Or it is an ``amount``, divided over those items. Units go with the money, as far as they are unused; what
    was used stays used and is reported. Later periods of the same product move up.

    ``refund_id`` is the provider's name of the refund, or any key: once per order. A repeat changes nothing and answers
    with ``replayed``. A refund that the provider started may name the payment instead of the order, and of one that
    arrived in several captures the ``capture_id``; without an amount that is all that the payment brought. What a
    change of plan credited goes back only by a refund whose ``origin`` is ``provider``: that ends what the credit still
    pays for. A payment that no order took is returned by it, whole.

    Raises OrderNotFound, PaymentNotFound, WrongOrderState, WrongPaymentState, DisputeOpen, NothingToRefund,
    RefundTooLarge, HoldsLive, IdempotencyConflict, CurrencyMismatch, Invalid.
    """
    terms = Terms(
        refund_id=_name(refund_id),
        origin=_origin(origin),
        reason=inputs.text(reason, "reason"),
        metadata=inputs.metadata(metadata),
        release_holds=inputs.flag(release_holds, "release_holds"),
    )
    given = Given(items=items, amount=amount, amount_minor=amount_minor, currency=currency, policy=policy)
    return _refund(source.find(order, payment_id, payment_method, capture_id), given, terms)


def _refund(found: Source, given: Given, terms: Terms) -> Refund:
    customer = lock_customer_id(found.customer_id)
    payment = source.payment_as_it_stands(found)
    order_id = found.order_id if payment is None else payment.taken_by_id
    lock_heirs(customer, grants_of(order_id))
    order = get_order(order_id)
    loose = payment if payment is not None and source.is_loose(payment) else None
    wanted = given.read(order.currency if loose is None else loose.currency)
    wanted = dataclasses.replace(wanted, is_gone=terms.origin is RefundOrigin.PROVIDER)
    if payment is not None:
        wanted = source.by_payment(order, wanted, payment)
    if earlier := Refund.objects.using(write_alias()).filter(order=order.pk, refund_id=terms.refund_id).first():
        return _replay(earlier, wanted, payment)
    if loose is not None:
        return _send_back(customer, loose, wanted, terms)
    _refuse_disputed(customer, order, payment)
    if payment is not None:
        left = source.left_of(payment)
        terms = dataclasses.replace(terms, payment=payment, most_minor=left)
        wanted = source.all_of_it(order, wanted, left)
    return refund_core(customer, order, wanted, terms)


def refund_core(customer: Customer, order: Order, wanted: Asked, terms: Terms) -> Refund:
    """Refund an order whose customer is locked: plan, refuse, then write.

    Raises WrongOrderState, NothingToRefund, RefundTooLarge, HoldsLive, Invalid, before anything is written.
    """
    now = now_for(customer)
    plan = plan_refund(customer, order, wanted, now, release_holds=terms.release_holds)
    if terms.most_minor is not None and plan.amount_minor > terms.most_minor:
        requested, refundable = (str(Money(minor, order.currency)) for minor in (plan.amount_minor, terms.most_minor))
        raise RefundTooLarge(order=str(order.pk), requested=requested, refundable=refundable)
    if plan.live_holds and not terms.release_holds:
        raise HoldsLive(order=str(order.pk), holds=plan.live_holds)
    if catch_up(customer, now).brought:
        # Units came to the rows that we are about to write, or only now have one; what goes back is the same.
        plan = plan_refund(customer, order, wanted, now, release_holds=terms.release_holds)
    refund = _file(order, plan, wanted, terms)
    _take_back(customer, plan, refund)
    _book(order, plan)
    end_credited(customer, [part.item for part in plan.parts if part.item.reaches_credit], now)
    undo_periods(customer, order, now)
    give_up_seats(customer, plan.parts, now)
    answer = get_refund(refund)
    emit("order.refunded", refund=answer)
    if order.promotion_code and order.status == OrderStatus.REFUNDED.value:
        release(customer, order.pk, Release.REFUNDED)
    return answer


def _file(order: Order, plan: Plan, wanted: Asked, terms: Terms) -> Refund:
    """Insert the receipt, with what is found and done at every item and grant."""
    alias = write_alias()
    refund = _receipt(order, wanted, terms, Money(plan.amount_minor, order.currency), at=plan.now)
    refund.slides = [slide.before() for slide in plan.slides]
    refund.payment = terms.payment or source.only_payment(order)
    items, grants = [], []
    for part in plan.parts:
        item = RefundItem(
            id=new_id(),
            customer_id=order.customer_id,
            refund=refund,
            item=part.item,
            pieces=part.pieces,
            amount_minor=part.amount_minor,
        )
        items.append(item)
        grants += _found(item, part)
    Refund.objects.using(alias).bulk_create([refund])
    RefundItem.objects.using(alias).bulk_create(items)
    RefundGrant.objects.using(alias).bulk_create(grants)
    return refund


def _receipt(order: Order, wanted: Asked, terms: Terms, money: Money, *, at: datetime) -> Refund:
    return Refund(
        customer_id=order.customer_id,
        order=order,
        refund_id=terms.refund_id,
        origin=terms.origin.value,
        policy=wanted.policy.value if wanted.amount_minor is None else "",
        amount_minor=money.amount_minor,
        currency=money.currency,
        asked=wanted.as_json(),
        reason=terms.reason,
        metadata=terms.metadata,
        actor=current_actor(),
        # By the customer's clock: its credit note says that the money went back then.
        created_at=at,
    )


def _found(item: RefundItem, part: Part) -> list[RefundGrant]:
    return [
        RefundGrant(
            id=new_id(),
            customer_id=item.customer_id,
            part=item,
            grant=take.line.root,
            used=max(take.line.used, 0),
            unused=take.line.unused,
            expired=take.line.expired,
            taken_back=take.units,
            ended=take.ends,
            reduced=take.reduces,
            taken_ahead=take.ahead,
        )
        for take in part.takes
    ]


def _take_back(customer: Customer, plan: Plan, refund: Refund) -> None:
    """Take the units out of the grants that have them, end those that go whole, move the periods."""
    takes = [take for part in plan.parts for take in part.takes]
    going_on = {take.line.root.pk: take.line.going_on for take in takes}
    rows = {grant.pk: grant for grants in going_on.values() for grant in grants}
    holds.release(customer, {leg.hold_id: leg.hold for leg in plan.legs}.values(), rows, at=plan.now)
    cause = ledger.Cause(CauseType.REFUND, refund.pk)
    over = [(grant, plan.now) for take in takes if take.ends for grant in going_on[take.line.root.pk]]
    if over:
        ledger.end(customer, over, GrantEnd.REFUNDED, cause=cause, reason=refund.reason)
    _take_ahead(takes, refund, plan.now)
    for take in takes:
        wanted = 0 if take.ends else take.units or 0
        for grant in going_on[take.line.root.pk]:
            units = min(wanted, grant.remaining or 0)
            wanted -= units
            if units:
                ledger.take_out(customer, grant, units, EntryKind.REFUND, cause, at=plan.now)
    carry_out(customer, plan.slides)


def _take_ahead(takes: Sequence[Take], refund: Refund, now: datetime) -> None:
    """End the allowances that go whole, and let the others give less from their next period on."""
    for take in takes:
        allowance = None if take.line.course is None else take.line.course.allowance
        if allowance is None or not (take.ends or take.reduces):
            continue
        if take.ends:
            succession.end([allowance], GrantEnd.REFUNDED, at=now, reason=refund.reason)
        else:
            allowance.reduced += take.reduces
            resets.save(allowance, "reduced")


def _book(order: Order, plan: Plan) -> None:
    """Write down at the order and its items what went back."""
    alias = write_alias()
    for part in plan.parts:
        item = part.item
        item.refunded_minor += part.amount_minor
        item.refunded_pieces += part.pieces
        rows = OrderItem.objects.using(alias).filter(pk=item.pk, customer=item.customer_id)
        rows.update(refunded_minor=item.refunded_minor, refunded_pieces=item.refunded_pieces)
    order.refunded_amount_minor += plan.amount_minor
    if order.refunded_amount_minor:
        order.status = OrderStatus.PARTIALLY_REFUNDED.value
    everything = all(item.is_back for item in order.items.all())
    if order.refunded_amount_minor == order.paid_amount_minor and (order.paid_amount_minor or everything):
        order.status = OrderStatus.REFUNDED.value
    orders = Order.objects.using(alias).filter(pk=order.pk, customer=order.customer_id)
    orders.update(status=order.status, refunded_amount_minor=order.refunded_amount_minor)


def _send_back(customer: Customer, payment: Payment, wanted: Asked, terms: Terms) -> Refund:
    """Return a payment that no order took. It counts towards no order, and neither does this refund."""
    if wanted.items is not None or wanted.amount_minor not in (None, payment.amount_minor):
        raise Invalid(field="amount", problem="is not what arrived; money that no order took goes back whole")
    source.give_back(customer, payment, terms.reason)
    refund = _receipt(payment.order, wanted, terms, payment.amount, at=now_for(customer))
    refund.payment = payment
    Refund.objects.using(write_alias()).bulk_create([refund])
    return get_refund(refund)


def _replay(earlier: Refund, wanted: Asked, payment: Payment | None) -> Refund:
    differing = wanted.differs_from(earlier.asked)
    if payment is not None and earlier.payment_id not in (None, payment.pk):
        differing = sorted({*differing, "payment_id"})
    if differing:
        raise IdempotencyConflict(idempotency_key=earlier.refund_id, fields=differing)
    answer = get_refund(earlier)
    answer.replayed = True
    return answer


def _refuse_disputed(customer: Customer, order: Order, payment: Payment | None) -> None:
    """Raise DisputeOpen while nobody knows whose the money is: what paid the order, or the payment that was named."""
    named = Dispute.objects.using(write_alias()).filter(payment=payment, status=DisputeStatus.DISPUTED.value)
    if dispute := open_about(customer, order.pk) or named.first():
        raise DisputeOpen(dispute=str(dispute.pk), dispute_id=dispute.dispute_id)


def _name(refund_id: object) -> str:
    name = inputs.key(refund_id, "refund_id")
    if name.startswith(REFUND_ID_PREFIX):
        # Or a dispute that is lost later would find its own name taken.
        raise Invalid(field="refund_id", problem=f"must not begin with {REFUND_ID_PREFIX!r}, as those of disputes do")
    return name


def _origin(origin: object) -> RefundOrigin:
    if origin not in (RefundOrigin.MERCHANT.value, RefundOrigin.PROVIDER.value):
        raise Invalid(field="origin", problem="must be merchant or provider")
    return RefundOrigin(origin)
