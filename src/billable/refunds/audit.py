"""The audits of the refunds room: what went back adds up, in money and in units."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, UUIDField
from django.db.models.functions import Coalesce

from billable.audits import Audit, LedgerProblem, Rows, Scope, as_text, blame, breaking, every, named, total, within
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, OrderItem, Payment
from billable.quota.kinds import CauseType, EntryKind, GrantEnd, GrantSource
from billable.quota.models import Allowance, Grant, LedgerEntry
from billable.refunds.models import Refund, RefundGrant, RefundItem

# A refund of money that no order took says that it was returned; it counts for no order and has no items.
RETURN = Q(payment__isnull=False, payment__status=PaymentStatus.RETURNED.value)


def _orders(scope: Scope) -> Iterator[LedgerProblem]:
    """What an order counts as refunded is what its refunds add up to."""
    refunds = every(Refund).filter(order=OuterRef("pk")).exclude(RETURN)
    orders = within(every(Order), scope).annotate(went_back=total(refunds, "order", "amount_minor"))
    for order in breaking(orders, Q(refunded_amount_minor=F("went_back"))).iterator():
        problem = f"refunded {order.refunded_amount_minor}, and its refunds add up to {order.went_back}"
        yield blame(order, problem)
        yield from (blame(refund, f"its order {problem}") for refund in every(Refund).filter(order=order.pk))


def _items(scope: Scope) -> Iterator[LedgerProblem]:
    """So does what its items count, in money and in pieces."""
    parts = every(RefundItem).filter(item=OuterRef("pk"))
    items = within(every(OrderItem), scope, "order__customer").annotate(
        money=total(parts, "item", "amount_minor"), pieces=total(parts, "item", "pieces")
    )
    fits = Q(refunded_minor=F("money"), refunded_pieces=F("pieces"))
    for item in breaking(items, fits).iterator():
        problem = (
            f"refunded {item.refunded_minor} and {item.refunded_pieces} pieces; "
            f"its refunds add up to {item.money} and {item.pieces}"
        )
        yield blame(item, problem)
        yield from (blame(part, f"its item {problem}") for part in every(RefundItem).filter(item=item.pk))


def _refunds(scope: Scope) -> Iterator[LedgerProblem]:
    """A refund is what its items add up to, or a whole payment that no order took; it is of its order's customer."""
    refunds = within(every(Refund), scope, "order__customer").annotate(
        listed=total(every(RefundItem).filter(refund=OuterRef("pk")), "refund", "amount_minor")
    )
    mine = Q(customer=F("order__customer"))
    listed = ~RETURN & Q(amount_minor=F("listed"), currency=F("order__currency"))
    returned = Q(RETURN, amount_minor=F("payment__amount_minor"), currency=F("payment__currency"), listed=0)
    paid = Q(payment__isnull=True) | Q(payment__order=F("order")) | Q(payment__applied_to=F("order"))
    yield from named(
        breaking(refunds, mine, listed | returned, paid),
        "is {0.amount_minor} {0.currency}; its items add up to {0.listed}, or its order or payment is not its own",
    )


def _payments(scope: Scope) -> Iterator[LedgerProblem]:
    """Of no payment goes more back than it brought."""
    payments = within(every(Payment), scope).annotate(
        went_back=total(every(Refund).filter(payment=OuterRef("pk")), "payment", "amount_minor")
    )
    for payment in breaking(payments, Q(went_back__lte=F("amount_minor"))).iterator():
        problem = f"brought {payment.amount_minor}, and its refunds add up to {payment.went_back}"
        yield blame(payment, problem)
        yield from (blame(refund, f"its payment {problem}") for refund in every(Refund).filter(payment=payment.pk))


def _parts(scope: Scope) -> Iterator[LedgerProblem]:
    """The parts of a refund are of its order: of its items, and of grants that it made of the feature and product."""
    parts = within(every(RefundItem), scope, "refund__order__customer")
    mine = Q(item__order=F("refund__order"), customer=F("refund__customer"))
    yield from named(breaking(parts, mine), "its item is none of the refunded order")
    grants = within(every(RefundGrant), scope, "part__refund__order__customer").annotate(
        order_name=as_text("part__refund__order")
    )
    made = Q(grant__source=GrantSource.ORDER.value, grant__source_id=F("order_name"))
    made |= Q(
        grant__source=GrantSource.ALLOWANCE.value,
        grant__line=1,
        grant__allowance__source=GrantSource.ORDER.value,
        grant__allowance__source_id=F("order_name"),
    )
    mine = Q(made, grant__product=F("part__item__product"), customer=F("part__customer"))
    yield from named(breaking(grants, mine), "its grant is none of the refunded item")


def _units(scope: Scope) -> Iterator[LedgerProblem]:
    """What a refund took of a grant, and whether it ended it, is what the entries of the grant and its heirs say."""
    entries = _of_line(every(LedgerEntry).filter(_taken(), cause_id=OuterRef("part__refund")))
    later = every(LedgerEntry).filter(_taken(), grant=OuterRef("grant"), seq__gt=OuterRef("seq"))
    ended = entries.filter(~Exists(later), grant__ended_as=GrantEnd.REFUNDED.value, grant__ended_at=F("effective_at"))
    grants = within(every(RefundGrant), scope, "part__refund__order__customer").annotate(
        taken=total(entries, "cause_id", "amount") * -1
    )
    unlimited = Q(grant__quantity__isnull=True, taken_back__isnull=True, taken=0)
    counted = Q(grant__quantity__isnull=False, taken_back__isnull=False, taken_back=F("taken"))
    same = Q(pk=OuterRef("grant__allowance")) | Q(origin=OuterRef("grant__allowance"))
    nothing_comes = Exists(every(Allowance).filter(same, ended_as=GrantEnd.REFUNDED.value))
    over = Q(Exists(ended) | nothing_comes, ended=True) | Q(~Exists(ended), ended=False)
    for found in breaking(grants, unlimited | counted, over).iterator():
        problem = f"took back {found.taken_back}, ended it: {found.ended}; the entries of the refund took {found.taken}"
        yield blame(found, problem)
        line = every(Grant).filter(Q(pk=found.grant_id) | Q(origin=found.grant_id))
        yield from (blame(grant, f"its refund {problem}") for grant in line)


def _entries(scope: Scope) -> Iterator[LedgerProblem]:
    """An entry that a refund caused is a refund's, and found in it; so is every grant of an order that one ended."""
    entries = within(every(LedgerEntry), scope).filter(cause_type=CauseType.REFUND.value)
    first = Coalesce("grant__allowance__origin", "grant__allowance")
    entries = entries.annotate(root=Coalesce("grant__origin", "grant"), first=first)
    found = every(RefundGrant).filter(
        Q(grant=OuterRef("root")) | Q(grant__allowance=OuterRef("first")), part__refund=OuterRef("cause_id")
    )
    yield from named(
        breaking(entries, Q(kind=EntryKind.REFUND.value), Exists(found)), "the refund {0.cause_id} knows nothing of it"
    )
    made = Q(origin__isnull=True, source=GrantSource.ORDER.value) | Q(origin__source=GrantSource.ORDER.value)
    made |= Q(allowance__source=GrantSource.ORDER.value) | Q(allowance__origin__source=GrantSource.ORDER.value)
    refunded = within(every(Grant), scope).filter(made, ended_as=GrantEnd.REFUNDED.value)
    refunded = refunded.annotate(
        root=Coalesce("origin", "id"), first=Coalesce("allowance__origin", "allowance", output_field=UUIDField())
    )
    ending = every(RefundGrant).filter(Q(grant=OuterRef("root")) | Q(grant__allowance=OuterRef("first")), ended=True)
    yield from named(breaking(refunded, Exists(ending)), "ended as refunded, and no refund ended it")


def _allowances(scope: Scope) -> Iterator[LedgerProblem]:
    """What refunds took off each period to come of an order's allowance is how much less it gives."""
    allowances = within(every(Allowance), scope).annotate(first=Coalesce("origin", "id", output_field=UUIDField()))
    found = every(RefundGrant).filter(grant__allowance=OuterRef("first"))
    later = every(Allowance).filter(origin=OuterRef("first"), pk__gt=OuterRef("pk"))
    allowances = allowances.filter(~Exists(later)).annotate(taken=total(found, "grant__allowance", "reduced"))
    ended = Q(Exists(found.filter(ended=True)), ended_as=GrantEnd.REFUNDED.value)
    by_order = Q(source=GrantSource.ORDER.value) | Q(origin__source=GrantSource.ORDER.value)
    over = ended | ~Q(by_order, ended_as=GrantEnd.REFUNDED.value)
    yield from named(
        breaking(allowances, Q(reduced=F("taken")), over), "gives {0.reduced} less; refunds took {0.taken}, or ended it"
    )


AUDITS: list[Audit] = [_orders, _items, _refunds, _payments, _parts, _units, _entries, _allowances]


def _taken() -> Q:
    return Q(cause_type=CauseType.REFUND.value)


def _of_line(entries: Rows) -> Rows:
    """In a subquery: the entries of the outer row's first grant and of its heirs, or of all that its allowance gave."""
    recurring = Q(grant__allowance=OuterRef("grant__allowance"))
    recurring |= Q(grant__allowance__origin=OuterRef("grant__allowance"))
    return entries.filter(Q(grant=OuterRef("grant")) | Q(grant__origin=OuterRef("grant")) | recurring)
