"""quote_refund: what a refund would do now. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import write_alias
from billable.money import Money
from billable.orders.models import Order
from billable.orders.read import get_order
from billable.quota.models import Grant
from billable.refunds.asked import Given, RefundLine
from billable.refunds.kinds import RefundPolicy
from billable.refunds.plan import Part, Plan, Take, plan_refund
from billable.refunds.slide import RefundSlide


@dataclass(frozen=True, kw_only=True)
class RefundGrantQuote:
    """What one feature of an item stands at, and what a refund would take. ``grant`` is the one that the order made.

    Units: ``granted = used + unused + expired + held +`` what refunds or people took before. ``granted``, ``unused``
    and ``taken_back`` are None where they are unlimited. ``ends`` says that nothing of it would go on. Of an allowance
    they are over all of its periods (``granted`` None: it has no end), and ``taken_ahead`` is what would be taken of
    those to come, beside ``taken_back``.
    """

    grant: Grant
    feature: str
    granted: int | None
    used: int
    unused: int | None
    expired: int
    held: int
    taken_back: int | None
    taken_ahead: int
    ends: bool


@dataclass(frozen=True, kw_only=True)
class RefundItemQuote:
    """What would go back for one line of the order. ``pieces`` 0: money, and no whole piece.

    ``credited`` is what a change of plan credited of it before: it paid for another plan and never goes back.
    """

    line: int
    sku: str
    pieces: int
    amount: Money
    credited: Money
    grants: tuple[RefundGrantQuote, ...]


@dataclass(frozen=True, kw_only=True)
class RefundQuote:
    """What a refund would do: the money, the units of each item, and the later periods that would move up.

    ``holds`` are the ids of live holds that refuse it, unless they are released.
    """

    order: Order
    amount: Money
    items: tuple[RefundItemQuote, ...]
    slides: tuple[RefundSlide, ...]
    holds: tuple[str, ...]


def quote_refund(
    order: Order | UUID | str,
    *,
    items: Sequence[RefundLine] | None = None,
    amount: str | None = None,
    amount_minor: int | None = None,
    currency: str | None = None,
    policy: str = RefundPolicy.FULL.value,
    release_holds: bool = False,
) -> RefundQuote:
    """What ``refund_order`` with the same arguments would do now. Writes nothing.

    Raises OrderNotFound, WrongOrderState, NothingToRefund, RefundTooLarge, CurrencyMismatch, Invalid.
    """
    found = get_order(order)
    given = Given(items=items, amount=amount, amount_minor=amount_minor, currency=currency, policy=policy)
    wanted = given.read(found.currency)
    owner = Customer.objects.using(write_alias()).select_related("merged_into").get(pk=found.customer_id)
    customer = owner.merged_into or owner
    plan = plan_refund(customer, found, wanted, now_for(customer), release_holds=release_holds)
    return _quote(found, plan)


def _quote(order: Order, plan: Plan) -> RefundQuote:
    return RefundQuote(
        order=order,
        amount=Money(plan.amount_minor, order.currency),
        items=tuple(_item(part, order.currency) for part in plan.parts),
        slides=plan.slides,
        holds=tuple(plan.live_holds),
    )


def _item(part: Part, currency: str) -> RefundItemQuote:
    return RefundItemQuote(
        line=part.item.line,
        sku=part.item.sku,
        pieces=part.pieces,
        amount=Money(part.amount_minor, currency),
        credited=Money(part.item.credited_minor, currency),
        grants=tuple(_grant(take) for take in part.takes),
    )


def _grant(take: Take) -> RefundGrantQuote:
    line = take.line
    return RefundGrantQuote(
        grant=line.root,
        feature=line.root.feature.key,
        granted=line.granted,
        used=line.used,
        unused=line.unused,
        expired=line.expired,
        held=line.held,
        taken_back=take.units,
        taken_ahead=take.ahead,
        ends=take.ends,
    )
