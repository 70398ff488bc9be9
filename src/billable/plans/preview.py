"""preview_change: what a change of plan or of seats would do now. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billable.changes.kinds import ChangeTime
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.units import write_alias
from billable.money import Money
from billable.plans.deal import Deal, FeatureChange, decide
from billable.plans.wish import plan_wish
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import get_subscription


@dataclass(frozen=True, kw_only=True)
class PlanPreview:
    """What a change would do.

    ``price`` is what the plan costs a whole period from then on. ``credited`` is what comes back for what was paid
    before, ``charged`` what the rest of the period costs; what of the credit is ``left_over`` is taken off the next
    renewal, else the difference is ``due``, with the ``tax`` in it. At the period's end all of that is nothing.
    ``holds`` are the ids of live holds that refuse the change, unless they are released.
    """

    subscription: Subscription
    sku: str
    seats: int
    at: str
    effective_at: datetime | None
    price: Money
    credited: Money
    charged: Money
    tax: Money
    due: Money
    left_over: Money
    features: tuple[FeatureChange, ...]
    holds: tuple[str, ...]


def preview_change(
    subscription: Subscription | UUID | str,
    *,
    sku: str | None = None,
    seats: int | None = None,
    at: str = ChangeTime.NOW.value,
    money: str | None = None,
    units: str | None = None,
    release_holds: bool = False,
) -> PlanPreview:
    """What ``change_plan`` with the same arguments would do now, to the cent and the unit. Writes nothing.

    Raises SubscriptionNotFound, WrongSubscriptionState, ProductNotFound, NotForSale, CurrencyMismatch,
    NothingToChange, ChangeWaiting, PeriodPaidAhead, UnpaidUnits, Invalid.
    """
    wish = plan_wish(sku, seats, at, money, units, release_holds)
    found = get_subscription(subscription)
    owner = Customer.objects.using(write_alias()).select_related("merged_into").get(pk=found.customer_id)
    customer = owner.merged_into or owner
    return preview_of(decide(customer, found, wish, now_for(customer)))


def preview_of(deal: Deal) -> PlanPreview:
    """A deal, as it is told."""
    change, outcome = deal.change, deal.outcome

    def money(amount_minor: int) -> Money:
        return Money(amount_minor, change.currency)

    return PlanPreview(
        subscription=change.subscription,
        sku=change.to_product.sku,
        seats=change.to_seats,
        at=change.at,
        effective_at=change.effective_at,
        price=money(deal.listing.prices[change.currency] * change.to_seats),
        credited=money(outcome.credited_minor),
        charged=money(outcome.charged_minor),
        tax=money(deal.charge.tax_minor),
        due=money(deal.charge.total_minor),
        left_over=money(outcome.left_over_minor),
        features=deal.features,
        holds=deal.holds,
    )
