"""The audits of changes of plan: what was credited, what it paid for, and what the subscription has of it since."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest, Least

from billable.audits import (
    Audit,
    LedgerProblem,
    Scope,
    as_text,
    blame,
    breaking,
    count,
    every,
    named,
    of_family,
    total,
    within,
)
from billable.changes.kinds import ChangeTime
from billable.changes.models import PlanChange
from billable.orders.audit import GAVE
from billable.orders.models import OrderItem
from billable.orders.stretch import value_left
from billable.quota.kinds import CauseType, EntryKind
from billable.quota.models import LedgerEntry
from billable.refunds.kinds import RefundOrigin
from billable.refunds.models import RefundItem
from billable.subscriptions.models import Subscription

_NOW = Q(at=ChangeTime.NOW.value)


def _orders(scope: Scope) -> Iterator[LedgerProblem]:
    """A change that takes effect now has the item that it was charged by, and is made when that is paid."""
    items = every(OrderItem).filter(change=OuterRef("pk"), subscription=OuterRef("subscription"))
    agrees = items.filter(
        quantity=1,
        product=OuterRef("to_product"),
        order__currency=OuterRef("currency"),
        unit_amount_minor=OuterRef("charged_minor"),
        credit_minor=Least(OuterRef("credited_minor"), OuterRef("charged_minor")),
    )
    changes = within(every(PlanChange), scope)
    paid = Exists(agrees.filter(order__status__in=GAVE))
    kept = (
        Q(paid, _NOW, applied_at__isnull=False, effective_at=F("applied_at"))
        | Q(~paid, Exists(agrees), _NOW, applied_at__isnull=True)
        | Q(~Exists(every(OrderItem).filter(change=OuterRef("pk"))), ~_NOW, applied_at__isnull=True)
    )
    problem = "is made at {0.applied_at} for {0.charged_minor}, {0.credited_minor} credited; its order does not say so"
    yield from named(breaking(changes, kept), problem)
    own = every(Subscription).filter(of_family(), pk=OuterRef("subscription"), currency=OuterRef("currency"))
    yield from named(breaking(changes, Exists(own)), "is of a subscription of somebody else, or in another currency")


def _credits(scope: Scope) -> Iterator[LedgerProblem]:
    """What a change credited it credited for something that was paid for the same subscription, once."""
    items = every(OrderItem).filter(credited_by=OuterRef("pk"))
    changes = within(every(PlanChange), scope).annotate(taken=total(items, "credited_by", "credited_minor"))
    made = Q(applied_at__isnull=False, taken=F("credited_minor")) | Q(applied_at__isnull=True, taken=0)
    for change in breaking(changes, made).iterator():
        problem = f"credited {change.credited_minor}; what was paid was credited {change.taken} by it"
        yield blame(change, problem)
        yield from (blame(item, f"its change {problem}") for item in every(OrderItem).filter(credited_by=change.pk))
    credited = within(every(OrderItem), scope).filter(credited_by__isnull=False)
    mine = Q(subscription=F("credited_by__subscription"), credited_by__applied_at__isnull=False)
    yield from named(
        breaking(credited, mine, Q(order__status__in=GAVE)), "was credited by {0.credited_by_id}, which is not of it"
    )
    # A provider does not ask whether money that it sends back was credited.
    sent_back = every(RefundItem).filter(item=OuterRef("pk"), refund__origin=RefundOrigin.PROVIDER.value)
    for item in credited.exclude(Exists(sent_back)).iterator():
        if item.credited_minor > value_left(item):
            yield blame(item, f"was credited {item.credited_minor}, of which {value_left(item)} were left")


def _left_over(scope: Scope) -> Iterator[LedgerProblem]:
    """The credit of a subscription is what changes left over, without what renewals took off."""
    over = every(PlanChange).annotate(over=Greatest(F("credited_minor") - F("charged_minor"), 0))
    over = over.filter(subscription=OuterRef("pk"), applied_at__isnull=False)
    spent = every(OrderItem).filter(subscription=OuterRef("pk"), change__isnull=True, period_index__isnull=False)
    subscriptions = within(every(Subscription), scope).annotate(
        over=total(over, "subscription", "over"), spent=total(spent, "subscription", "credit_minor")
    )
    problem = "has {0.credit_minor} of credit; changes left {0.over}, and renewals took {0.spent} off"
    yield from named(breaking(subscriptions, Q(credit_minor=F("over") - F("spent"))), problem)


def _scheduled(scope: Scope) -> Iterator[LedgerProblem]:
    """What a subscription becomes at the end of its period is the one change that is scheduled for it."""
    waiting = every(PlanChange).filter(~_NOW, subscription=OuterRef("pk"), period_index=OuterRef("period_index"))
    waiting = waiting.filter(dropped_at__isnull=True)
    same = waiting.filter(to_product=OuterRef("next_product"), to_seats=OuterRef("next_seats"))
    subscriptions = within(every(Subscription), scope).annotate(waiting=count(waiting, "subscription"))
    kept = Q(waiting=1) & Exists(same) | Q(waiting=0, next_product__isnull=True, next_seats__isnull=True)
    problem = "becomes {0.next_product_id} with {0.next_seats} seats; {0.waiting} changes are scheduled for it"
    yield from named(breaking(subscriptions, kept), problem)


def _entries(scope: Scope) -> Iterator[LedgerProblem]:
    """What a change ended was given for what it credited, and ended when it was made."""
    entries = within(every(LedgerEntry), scope).filter(cause_type=CauseType.CHANGE.value)
    entries = entries.annotate(root=Coalesce("grant__origin__source_id", "grant__source_id"))
    item = every(OrderItem).annotate(order_text=as_text("order_id"))
    item = item.filter(
        order_text=OuterRef("root"),
        subscription=OuterRef("grant__subscription"),
        credited_by=OuterRef("cause_id"),
        credited_by__applied_at=OuterRef("effective_at"),
    )
    known = Q(Exists(item), kind=EntryKind.CHANGE.value)
    yield from named(breaking(entries, known), "no change {0.cause_id} ended its grant")


AUDITS: list[Audit] = [_orders, _credits, _left_over, _scheduled, _entries]
