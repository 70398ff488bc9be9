"""The audits of the orders room: money adds up, and paid orders gave what they promised."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, Value
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
    total,
    within,
)
from billable.orders.claims import GATE
from billable.orders.lifecycle import COUNTED, OrderStatus, PaymentStatus, UnappliedReason
from billable.orders.models import Order, OrderItem, OrderItemFeature, Payment, PaymentClaim
from billable.quota.audit import grants_of
from billable.quota.audit_allowances import allowances_of
from billable.quota.kinds import CauseType, EntryKind, GrantSource
from billable.quota.models import Allowance, Grant, LedgerEntry

# Of what arrived, what counts for the order that took it; a code says that the order it came for did not.
COUNTS = Q(Q(applied_to__isnull=False) | Q(code=""), status__in=[status.value for status in COUNTED])
UNCOUNTED = [
    *(PaymentStatus.UNAPPLIED.value, PaymentStatus.RETURNED.value),
    *(PaymentStatus.DISPUTED.value, PaymentStatus.LOST.value),
]
GAVE = [OrderStatus.PAID.value, OrderStatus.PARTIALLY_REFUNDED.value, OrderStatus.REFUNDED.value]


def _amounts(scope: Scope) -> Iterator[LedgerProblem]:
    """What an order counts as paid is what the payments that it took add up to; its total is that of its items."""
    taken = every(Payment).filter(COUNTS, currency=OuterRef("currency"))
    orders = within(every(Order), scope).annotate(
        own=total(taken.filter(order=OuterRef("pk"), applied_to__isnull=True), "order", "amount_minor"),
        others=total(taken.filter(applied_to=OuterRef("pk")), "applied_to", "amount_minor"),
        arrived=F("own") + F("others"),
        listed=total(every(OrderItem).filter(order=OuterRef("pk")), "order", "total_amount_minor"),
    )
    for order in breaking(orders, Q(paid_amount_minor=F("arrived")) & Q(total_amount_minor=F("listed"))).iterator():
        problem = (
            f"paid {order.paid_amount_minor} of {order.total_amount_minor}; its payments add up to {order.arrived}, "
            f"its items to {order.listed}"
        )
        yield blame(order, problem)
        if order.paid_amount_minor != order.arrived:
            payments = every(Payment).filter(COUNTS, Q(order=order.pk) | Q(applied_to=order.pk))
            yield from (blame(payment, f"its order {problem}") for payment in payments)
        if order.total_amount_minor != order.listed:
            yield from (blame(item, f"its order {problem}") for item in every(OrderItem).filter(order=order.pk))


def _states(scope: Scope) -> Iterator[LedgerProblem]:
    """The status of an order says what was paid and refunded, and since when."""
    nothing_back = Q(refunded_amount_minor=0)
    open_ = Q(paid_at__isnull=True, cancelled_at__isnull=True, paid_amount_minor__lt=F("total_amount_minor"))
    given = Q(paid_at__isnull=False, cancelled_at__isnull=True, paid_amount_minor=F("total_amount_minor"))
    some_back = Q(refunded_amount_minor__gt=0, refunded_amount_minor__lt=F("paid_amount_minor"))
    fits = (
        Q(open_, nothing_back, status=OrderStatus.PENDING.value)
        | Q(open_, nothing_back, status=OrderStatus.EXPIRED.value, paid_amount_minor=0)
        | Q(given, nothing_back, status=OrderStatus.PAID.value)
        | Q(given, some_back, status=OrderStatus.PARTIALLY_REFUNDED.value)
        | Q(given, status=OrderStatus.REFUNDED.value, refunded_amount_minor=F("paid_amount_minor"))
        | Q(nothing_back, status=OrderStatus.CANCELLED.value, paid_amount_minor=0, cancelled_at__isnull=False)
        & Q(paid_at__isnull=True)
    )
    yield from named(
        breaking(within(every(Order), scope), fits),
        "is {0.status}; paid {0.paid_amount_minor} of {0.total_amount_minor} at {0.paid_at}, "
        "refunded {0.refunded_amount_minor}, cancelled at {0.cancelled_at}",
    )


def _payments(scope: Scope) -> Iterator[LedgerProblem]:
    """Money that arrived counts for an order that takes it, or says why not."""
    arrived, refused = Q(succeeded_at__isnull=False), _is_refused()
    taken = Q(_takes("order"), applied_to__isnull=True, code="") | Q(_takes("applied_to"), refused)
    fits = (
        Q(arrived, taken, returned_at__isnull=True)
        | Q(arrived, refused, applied_to__isnull=True, status__in=UNCOUNTED)
        | Q(~arrived, status__in=[PaymentStatus.PENDING.value, PaymentStatus.FAILED.value], code="")
    )
    payments = within(every(Payment), scope).select_related("order", "applied_to")
    for payment in breaking(payments, fits).iterator():
        problem = f"is {payment.status} {payment.code} in {payment.currency} since {payment.succeeded_at}"
        yield blame(payment, f"{problem}; its order cannot have taken it so")
        order = payment.applied_to or payment.order
        yield blame(order, f"is {order.status} in {order.currency}; its payment {problem}")


def _takes(order: str) -> Q:
    """The order that a payment came for, or was applied to, is one that can have taken it."""
    gave = Q(**{f"{order}__status__in": GAVE})
    waits = Q(**{f"{order}__status": OrderStatus.PENDING.value}, status=PaymentStatus.SUCCEEDED.value)
    return Q(gave | waits, status__in=[status.value for status in COUNTED], currency=F(f"{order}__currency"))


def _is_refused() -> Q:
    """The order that a payment came for has the reason not to take it that the payment names."""
    same, change = (
        Q(currency=F("order__currency")),
        every(OrderItem).filter(order=OuterRef("order"), change__isnull=False),
    )
    of_the_payment = [UnappliedReason.TOO_MUCH.value, UnappliedReason.EXPIRED.value, UnappliedReason.DISPUTED.value]
    return (
        Q(same, code__in=of_the_payment)
        | Q(~same, code=UnappliedReason.OTHER_CURRENCY.value)
        | Q(code=UnappliedReason.ALREADY_PAID.value, order__status__in=GAVE)
        | Q(code=UnappliedReason.CANCELLED.value, order__status=OrderStatus.CANCELLED.value)
        | Q(Exists(change), same, code=UnappliedReason.CHANGE_OVER.value)
    )


def _gifts(scope: Scope) -> Iterator[LedgerProblem]:
    """A paid order has one grant or allowance per feature of its items, any other order none."""
    grants, allowances = (count(_given(every(model), "customer", "name"), "source") for model in (Grant, Allowance))
    orders = within(every(Order), scope).annotate(
        name=as_text("pk"),
        promised=count(every(OrderItemFeature).filter(item__order=OuterRef("pk")), "item__order"),
        given=grants + allowances,
    )
    kept = Q(status__in=GAVE, given=F("promised")) | Q(~Q(status__in=GAVE), given=0)
    yield from named(breaking(orders, kept), "is {0.status} and made {0.given} grants; its items promise {0.promised}")


def _promises(scope: Scope) -> Iterator[LedgerProblem]:
    """Each line of a paid order has its grant, or allowance: feature, product, units, pieces, priority and terms."""
    for model, is_once in ((Grant, True), (Allowance, False)):
        promised = every(OrderItemFeature).filter(reset_count__isnull=is_once)
        promised = promised.annotate(**_line("quantity", "item__quantity", recurs=not is_once))
        lines = within(promised, scope, "item__order__customer").filter(item__order__status__in=GAVE)
        lines = lines.annotate(name=as_text("item__order_id"))
        alike = promised.filter(
            _same_line(recurs=not is_once), feature=OuterRef("feature"), item__product=OuterRef("item__product")
        ).filter(item__order=OuterRef("item__order"))
        made = every(model).annotate(**_line("quantity", "pieces", whole=True, recurs=not is_once))
        made = _given(made, "item__order__customer", "name")
        made = made.filter(
            _same_line(recurs=not is_once), feature=OuterRef("feature"), product=OuterRef("item__product")
        )
        lines = lines.annotate(alike=count(alike, "item__order"), given=count(made, "source"))
        for line in breaking(lines.select_related("item"), Q(alike=F("given"))).iterator():
            problem = f"promises {line.units} units on {line.alike} lines; the order made {line.given} such grants"
            yield blame(line, problem)
            yield blame(line.item, f"its line {line.line} {problem}")


def _grants(scope: Scope) -> Iterator[LedgerProblem]:
    """A grant that an order made is promised by one of its lines."""
    yield from grants_of(GrantSource.ORDER, every(Order).filter(status__in=GAVE), scope)
    births = within(every(LedgerEntry), scope).filter(kind=EntryKind.GRANT.value, cause_type=CauseType.ORDER.value)
    yield from allowances_of(GrantSource.ORDER, every(Order).filter(status__in=GAVE), scope)
    lines = every(OrderItemFeature).annotate(**_line("quantity", "item__quantity")).filter(_same_line())
    promised = lines.filter(
        reset_count__isnull=True,
        item__order=OuterRef("cause_id"),
        feature=OuterRef("grant__feature"),
        item__product=OuterRef("grant__product"),
    )
    births = births.annotate(**_line("grant__quantity", "grant__pieces", "grant__", whole=True))
    for entry in breaking(births.select_related("grant"), Exists(promised)).iterator():
        yield blame(entry.grant, f"the order {entry.grant.source_id} does not promise it")


def _claims(scope: Scope) -> Iterator[LedgerProblem]:
    """Every payment has its claim and its gate, and every claim its payment."""
    same_id = every(PaymentClaim).filter(payment_id=OuterRef("payment_id"))
    own = same_id.filter(
        payment_method=OuterRef("payment_method"),
        capture_id=OuterRef("capture_id"),
        order_id=OuterRef("order_id"),
        customer_id=OuterRef("customer_id"),
    )
    payments = within(every(Payment), scope)
    yield from named(breaking(payments, Exists(own)), "has no claim on its payment id")
    gate = Exists(same_id.filter(payment_method=GATE, capture_id="", order_id__isnull=True))
    yield from named(breaking(payments, gate), "its payment id has no gate")
    payment = every(Payment).filter(
        order=OuterRef("order_id"),
        customer=OuterRef("customer_id"),
        payment_id=OuterRef("payment_id"),
        payment_method=OuterRef("payment_method"),
    )
    claims = within(every(PaymentClaim), scope, "customer_id").exclude(payment_method=GATE)
    # A claim outlives the day when its payment's capture was not known yet.
    claimed = Exists(payment.filter(capture_id=OuterRef("capture_id"))) | Q(Exists(payment), capture_id="")
    yield from named(breaking(claims, claimed), "claims a payment id for a payment that does not exist")


def _children(scope: Scope) -> Iterator[LedgerProblem]:
    """The items of an order, what they give and its payments belong to its customer."""
    for model, order in ((OrderItem, "order"), (OrderItemFeature, "item__order"), (Payment, "order")):
        rows = within(every(model), scope, f"{order}__customer")
        mine = Q(customer=F(f"{order}__customer"))
        yield from named(breaking(rows, mine), "its order belongs to another customer")
    applied = within(every(Payment), scope).filter(applied_to__isnull=False)
    applied = applied.annotate(payer=head("customer"), buyer=head("applied_to__customer"))
    yield from named(breaking(applied, Q(payer=F("buyer"))), "the order it was applied to belongs to another customer")


AUDITS: list[Audit] = [_amounts, _states, _payments, _gifts, _promises, _grants, _claims, _children]


def head(customer: str) -> Coalesce:
    """The customer, or the one that absorbed it."""
    return Coalesce(f"{customer}__merged_into", customer)


def _given(grants: Rows, customer: str, name: str) -> Rows:
    """In a subquery: the grants that the outer row's order made, for its customer or another of its family."""
    return grants.filter(of_family(customer), source=GrantSource.ORDER.value, source_id=OuterRef(name))


_TERMS = ("units", "made_of", "order_of_use", "periods", "period_name")
_RECURRING = ("resets", "reset_name", "rolls", "rolls_for")


def _line(
    units: str, pieces: str, prefix: str = "", *, whole: bool = False, recurs: bool = False
) -> dict[str, Coalesce | F]:
    """What a line gives, in columns that are never null and named alike for promises and for grants."""
    each = F(units) if whole else F(units) * F(pieces)
    columns: dict[str, Coalesce | F] = {
        "units": Coalesce(each, 0),
        "made_of": F(pieces),
        "order_of_use": F(f"{prefix}priority"),
        "periods": Coalesce(f"{prefix}period_count", 0),
        "period_name": Coalesce(f"{prefix}period_unit", Value("")),
    }
    if recurs:
        rolls = F("rollover_quantity") if whole else F("rollover_quantity") * F(pieces)
        columns |= {
            "resets": Coalesce("reset_count", 0),
            "reset_name": Coalesce("reset_unit", Value("")),
            "rolls": Coalesce(rolls, 0),
            "rolls_for": Coalesce("rollover_periods", 0),
        }
    return columns


def _same_line(*, recurs: bool = False) -> Q:
    names = (*_TERMS, *_RECURRING) if recurs else _TERMS
    return Q(**{name: OuterRef(name) for name in names})
