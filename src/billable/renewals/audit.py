"""The audits of what paid for subscriptions: each period once, by an order that is paid, with what it gave."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q

from billable.audits import Audit, LedgerProblem, Scope, as_text, breaking, count, every, named, of_family, within
from billable.orders.audit import GAVE
from billable.orders.lifecycle import OrderStatus
from billable.orders.models import Order, OrderItem, OrderItemFeature
from billable.quota.kinds import GrantSource
from billable.quota.models import Allowance, Grant
from billable.subscriptions.models import Subscription
from billable.trials.models import Trial


def _items(scope: Scope) -> Iterator[LedgerProblem]:
    """An item that recurs names the period that it paid for once its order is paid, of a subscription of its family."""
    items = within(every(OrderItem), scope)
    paid = Q(order__status__in=GAVE)
    named_so = (
        Q(paid, recurs_count__isnull=False, period_index__isnull=False)
        | Q(~paid, period_index__isnull=True)
        | Q(recurs_count__isnull=True, period_index__isnull=True)
    )
    yield from named(
        breaking(items, named_so), "paid for the period {0.period_index} of {0.subscription_id}, which it cannot have"
    )
    own = every(Subscription).filter(of_family(), pk=OuterRef("subscription"), currency=OuterRef("order__currency"))
    yield from named(
        breaking(items.filter(subscription__isnull=False), Exists(own)), "its subscription is of somebody else"
    )


def _periods(scope: Scope) -> Iterator[LedgerProblem]:
    """The periods of a subscription are paid for without a gap up to the latest; a trial is one that nobody pays."""
    paid = every(OrderItem).filter(subscription=OuterRef("pk"), period_index__isnull=False)
    tried = Exists(every(Trial).filter(subscription=OuterRef("pk"), customer=OuterRef("customer")))
    beyond = Exists(paid.filter(period_index__gt=OuterRef("period_index")))
    first = Exists(paid.filter(period_index=0))
    subscriptions = within(every(Subscription), scope).annotate(paid=count(paid, "subscription"))
    kept = Q(~beyond, first, ~tried, trial_until__isnull=True, paid=F("period_index") + 1)
    kept |= Q(~beyond, ~first, tried, trial_until__isnull=False, paid=F("period_index"))
    yield from named(
        breaking(subscriptions, kept), "has {0.paid} paid periods, the latest of them is said to be {0.period_index}"
    )


def _renewal_orders(scope: Scope) -> Iterator[LedgerProblem]:
    """The order that a subscription waits for is one of its customer that renews it and waits for money."""
    item = every(OrderItem).filter(
        order=OuterRef("renewal"),
        subscription=OuterRef("pk"),
        customer=OuterRef("customer"),
        order__status=OrderStatus.PENDING.value,
    )
    waiting = within(every(Subscription), scope).filter(renewal__isnull=False)
    yield from named(breaking(waiting, Exists(item)), "the order {0.renewal_id} does not renew it")


def _gifts(scope: Scope) -> Iterator[LedgerProblem]:
    """A paid period has a grant for each feature, which is a part of the subscription and runs with that period."""
    given = every(Grant).filter(
        subscription=OuterRef("subscription"), source=GrantSource.ORDER.value, source_id=OuterRef("order_text")
    )
    recurring = every(Allowance).filter(
        subscription=OuterRef("subscription"), source=GrantSource.ORDER.value, source_id=OuterRef("order_text")
    )
    items = within(every(OrderItem), scope).filter(period_index__isnull=False).annotate(order_text=as_text("order_id"))
    items = items.annotate(
        promised=count(every(OrderItemFeature).filter(item=OuterRef("pk")), "item"),
        given=count(given, "subscription") + count(recurring, "subscription"),
    )
    # What was kept when its plan was changed is a part of the period that the change began.
    astray = given.filter(~Q(period_index=OuterRef("period_index")), period_count__isnull=True)
    yield from named(
        breaking(items, Q(promised=F("given")) & (~Q(Exists(astray)) | Q(credited_by__isnull=False))),
        "promises {0.promised} grants of the period {0.period_index}; its subscription has {0.given}",
    )


def _sources(scope: Scope) -> Iterator[LedgerProblem]:
    """What an order or a trial gave to a subscription, its item or trial did; an allowance gave to its own."""
    order = every(Order).annotate(name=as_text("pk")).filter(name=OuterRef("source_id"))
    paid_for = Q(items__period_index__isnull=False) | Q(items__change__applied_at__isnull=False)
    bought = Exists(order.filter(paid_for, items__subscription=OuterRef("subscription")))
    trial = every(Trial).annotate(name=as_text("pk")).filter(name=OuterRef("source_id"))
    tried = Exists(trial.filter(subscription=OuterRef("subscription")))
    named_so = (
        Q(bought, source=GrantSource.ORDER.value)
        | Q(tried, source=GrantSource.TRIAL.value)
        | Q(origin__subscription=F("subscription"))
    )
    through = Q(allowance__isnull=False, allowance__subscription=F("subscription"))
    for model, rule in ((Grant, named_so | through), (Allowance, named_so)):
        rows = within(every(model), scope).filter(subscription__isnull=False)
        yield from named(breaking(rows, rule), "{0.source} {0.source_id} gave nothing to its subscription")
    strays = within(every(Grant), scope).filter(allowance__isnull=False)
    kept = Q(allowance__subscription__isnull=True, subscription__isnull=True) | through
    yield from named(breaking(strays, kept), "its allowance is of another subscription, or of none")


AUDITS: list[Audit] = [_items, _periods, _renewal_orders, _gifts, _sources]
