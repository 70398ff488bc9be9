"""What somebody asks for units with, and how the grants would pay for it: the half that consume and hold share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from billable import clock, inputs
from billable.catalog.features import refuse_static
from billable.catalog.models import ProductFeature
from billable.customers.models import Customer
from billable.customers.subjects import Subject, find_customer_id, user_exists, who
from billable.db.units import write_alias
from billable.errors import IdempotencyConflict, Invalid, QuotaExceeded
from billable.quota import burn, standing
from billable.quota.catch_up import catch_up
from billable.quota.models import Grant, Hold, Usage


@dataclass(frozen=True, kw_only=True)
class UsageRequest:
    """What is asked for. The first three decide whether a repeated key means the same thing."""

    feature: str
    quantity: int
    sku: str
    action_type: str
    action_id: str
    metadata: dict[str, Any]

    @classmethod
    def read(
        cls, feature: object, quantity: object, sku: object, action_type: object, action_id: object, metadata: object
    ) -> UsageRequest:
        """The input of a verb, checked. Raises Invalid."""
        return cls(
            feature=inputs.name(feature, "feature"),
            quantity=inputs.whole(quantity, "quantity"),
            sku="" if sku is None else inputs.name(sku, "sku"),
            action_type=inputs.text(action_type, "action_type", maximum=100),
            action_id=inputs.text(action_id, "action_id", maximum=200),
            metadata=inputs.metadata(metadata),
        )

    def refuse_another(self, earlier: Usage | Hold) -> None:
        """Refuse a key that stood for something else. Raises IdempotencyConflict."""
        differing = []
        same_name = self.feature in (earlier.feature.key, earlier.asked)
        if not same_name and not _gives_only(self.feature, earlier.feature.pk):
            differing.append("feature")
        if earlier.quantity != self.quantity:
            differing.append("quantity")
        if earlier.sku != self.sku:
            differing.append("sku")
        if differing:
            raise IdempotencyConflict(idempotency_key=earlier.idempotency_key or "", fields=differing)


@dataclass(frozen=True)
class Answer:
    """How the grants of a locked customer pay for a request, on rows that are up to date."""

    found: standing.Standing
    shares: tuple[burn.Share, ...]
    overdrawn: int = 0

    @property
    def taken(self) -> list[tuple[Grant, int]]:
        """What each grant gives, in burn order."""
        return [(self.found.grants[draw.grant_id], draw.units) for share in self.shares for draw in share.draws]

    @property
    def costs(self) -> list[dict[str, Any]]:
        """What is paid from other features, as receipts keep it."""
        return costs_of(self.shares)

    @property
    def balance_after(self) -> int | None:
        """The balance once they gave it. Of the feature as a whole, also when a SKU narrowed the draws."""
        left = balance_with(self.found, {grant.pk: -units for grant, units in self.taken})
        return None if left is None else left - self.found.owed - self.overdrawn


def answer(customer: Customer, request: UsageRequest, *, overdraw: bool = False) -> Answer:
    """Decide how a locked customer pays, and write what fell due meanwhile. ``overdraw`` lets it owe what is not there.

    Raises QuotaExceeded, FeatureNotFound, WrongFeatureType, Invalid before anything is written.
    """
    present = clock.now()
    found = standing.of_customer(customer, request.feature, present)
    refuse_static(found.feature)
    paid = _paid(found, request, overdraw=overdraw)
    if catch_up(customer, found.now).brought:
        # Units came to the rows that we are about to write, or only now have one.
        found = standing.of_customer(customer, request.feature, present)
        paid = _paid(found, request, overdraw=overdraw)
    return Answer(found, *paid)


def refuse_users_without_customer(user: Subject, request: UsageRequest) -> None:
    """A user who never bought anything is refused like anybody without units; an unknown one is not found."""
    person = who(user)
    if (
        person.user_id is not None
        and person.references == 1
        and find_customer_id(person) is None
        and user_exists(person)
    ):
        found = standing.only(standing.read(person, request.feature), request.feature)
        refuse_static(found.feature)
        raise _exceeded(found, request)


def costs_of(shares: Iterable[burn.Share]) -> list[dict[str, Any]]:
    """What of some shares is paid from other features, as receipts keep it."""
    return [
        {"feature": share.rate.payer, "quantity": share.quantity, "per": share.rate.per, "units": share.rate.units}
        for share in shares
        if share.rate.position
    ]


def balance_with(
    found: standing.Standing, changes: Mapping[UUID, int], rooms: Mapping[UUID, int] | None = None
) -> int | None:
    """The balance, but for what is owed of the feature, once so many units came to each grant, or (negative) went.

    ``rooms`` says how much of that counts in the windows of their caps; None: all of it.
    """
    counted = changes if rooms is None else rooms
    changed = (
        replace(
            each,
            remaining=None if each.remaining is None else each.remaining + changes.get(each.id, 0),
            room=None if each.room is None else each.room + counted.get(each.id, 0),
        )
        for each in found.usable()
    )
    return burn.balance(changed, found.owed_by_payers())


def _paid(found: standing.Standing, request: UsageRequest, *, overdraw: bool) -> tuple[tuple[burn.Share, ...], int]:
    paid = found.pay(request.quantity, request.sku or None, overdraw=overdraw)
    if paid is None:
        raise _exceeded(found, request)
    for share in paid[0]:
        if any(draw.units > inputs.MAX_UNITS for draw in share.draws):
            problem = f"would cost more than {inputs.MAX_UNITS} units of {share.rate.payer}"
            raise Invalid(field="quantity", problem=problem)
    return paid


def _exceeded(found: standing.Standing, request: UsageRequest) -> QuotaExceeded:
    sku = request.sku or None
    reason, cap = found.shortage(request.quantity, sku), found.narrowest(sku)
    return QuotaExceeded(
        feature=found.feature.key,
        requested=request.quantity,
        balance=found.balance(sku) or 0,
        reason=reason,
        cap=cap.data if cap is not None and reason == "cap_reached" else None,
    )


def _gives_only(sku: str, feature_id: int) -> bool:
    """Whether the name is the SKU of a product whose one feature this is."""
    lines = ProductFeature.objects.using(write_alias()).filter(product__sku=sku)
    return set(lines.values_list("feature_id", flat=True)) == {feature_id}
