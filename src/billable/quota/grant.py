"""Grants: units given to a customer, by hand or by another room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billable import clock, inputs
from billable.actor import current_actor
from billable.catalog.features import get_feature, refuse_static, refuse_value
from billable.catalog.lines import MAX_PRIORITY, MIN_PRIORITY, read_value
from billable.catalog.models import Feature, Product
from billable.catalog.periods import LAST, Period
from billable.catalog.services import get_product
from billable.catalog.terms import DEFAULT_PRIORITY, Terms
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Subject, lock_customer, of_family
from billable.db.units import unit_of_work, write_alias
from billable.errors import IdempotencyConflict, Invalid, NotForSale
from billable.ids import new_id
from billable.inputs import MAX_ORDER_QUANTITY, MAX_UNITS, Metadata
from billable.quota import debts, ledger, resets
from billable.quota.catch_up import catch_up
from billable.quota.given import by_line, made_by
from billable.quota.kinds import GrantSource
from billable.quota.models import Grant
from billable.signals import emit


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The window that a subscription gives to what its period brings; see ``subscriptions.lifecycle``."""

    subscription: UUID
    index: int
    anchor: datetime
    zone: str
    starts: datetime
    paid_until: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class GrantLine:
    """What one grant gives: ``pieces`` times what its terms say. ``expires_at`` stands in for their period.

    With a ``placement`` a line without a period lasts as long as that, and one with a period begins with it.
    """

    feature: Feature
    product: Product | None
    terms: Terms
    pieces: int = 1
    expires_at: datetime | None = None
    placement: Placement | None = None

    @property
    def units(self) -> int | None:
        """How many units all pieces give together; None is unlimited."""
        return None if self.terms.quantity is None else self.terms.quantity * self.pieces


@dataclass(frozen=True, kw_only=True)
class Source:
    """What makes grants: with the line it is their unique key, so the same source never grants twice."""

    kind: GrantSource
    id: str
    cause: ledger.Cause | None = None
    reason: str = ""
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a grant by hand asks for. Two calls with one key must ask for the same."""

    sku: str | None = None
    feature: str | None = None
    pieces: int = 1
    quantity: int | None = None
    period: Period | None = None
    priority: int = DEFAULT_PRIORITY
    expires_at: datetime | None = None
    value: Any = None

    @classmethod
    def of(cls, grant: Grant) -> Asked:
        """What the first grant of an earlier call asked for."""
        row = grant.allowance or grant
        end = None if row.period else row.expires_at
        if grant.product is not None:
            return cls(sku=grant.product.sku, pieces=grant.pieces, expires_at=end)
        return cls(
            feature=grant.feature.key,
            quantity=grant.quantity,
            period=grant.period,
            priority=grant.priority,
            expires_at=end,
            value=grant.value,
        )

    def differs_from(self, other: Asked) -> list[str]:
        """The parts in which they differ, as the caller names them."""
        names = [each.name for each in fields(self) if getattr(self, each.name) != getattr(other, each.name)]
        return sorted({"quantity" if name == "pieces" else name for name in names})


@unit_of_work
def grant_product(
    user: Subject,
    sku: str,
    *,
    quantity: int = 1,
    expires_at: datetime | None = None,
    reason: str = "",
    idempotency_key: str | None = None,
    metadata: Metadata | None = None,
) -> tuple[Grant, ...]:
    """Give a product without an order: one grant per feature line, ``quantity`` pieces of it.

    ``expires_at`` replaces the periods of the catalogue. Raises ProductNotFound, NotForSale (inactive or nothing
    to give), CustomerNotFound, IdempotencyConflict, Invalid.
    """
    pieces = inputs.whole(quantity, "quantity", maximum=MAX_ORDER_QUANTITY)
    sku = inputs.name(sku, "sku")
    source = _by_hand(idempotency_key, reason, metadata)
    customer = lock_customer(user)
    if earlier := _by_key(customer, idempotency_key):
        return _replay(earlier, source.id, Asked(sku=sku, pieces=pieces, expires_at=expires_at))
    product = get_product(sku)
    if not product.is_active:
        raise NotForSale(field="sku", problem=f"the product {sku!r} is not active")
    lines = lines_of(product, pieces=pieces, expires_at=expires_at)
    if not lines:
        raise NotForSale(field="sku", problem=f"the product {sku!r} has no features")
    return allot(customer, lines, source)


@unit_of_work
def grant_feature(
    user: Subject,
    feature: str,
    *,
    quantity: int | None = None,
    value: bool | int | str | None = None,
    period: str | Period | None = None,
    expires_at: datetime | None = None,
    priority: int = DEFAULT_PRIORITY,
    reason: str = "",
    idempotency_key: str | None = None,
    metadata: Metadata | None = None,
) -> tuple[Grant, ...]:
    """Give units of one feature (None: unlimited) for a period, until an instant, or for ever.

    A static feature takes a ``value`` instead, and no quantity. Raises FeatureNotFound, WrongFeatureType, NotForSale,
    CustomerNotFound, IdempotencyConflict, Invalid.
    """
    units = None if quantity is None else inputs.whole(quantity, "quantity")
    given = None if value is None else read_value(value, "value")
    span = None if period is None else Period.parse(period)
    if span is not None and expires_at is not None:
        raise Invalid(field="expires_at", problem="give a period or expires_at, not both")
    inputs.whole(priority, "priority", minimum=MIN_PRIORITY, maximum=MAX_PRIORITY)
    key = inputs.name(feature, "feature")
    source = _by_hand(idempotency_key, reason, metadata)
    customer = lock_customer(user)
    asked = Asked(feature=key, quantity=units, period=span, priority=priority, expires_at=expires_at, value=given)
    if earlier := _by_key(customer, idempotency_key):
        return _replay(earlier, source.id, asked)
    granted = get_feature(key)
    if not granted.is_active:
        raise NotForSale(field="feature", problem=f"the feature {key!r} is not active")
    if units is not None:
        refuse_static(granted, "quantity")
    refuse_value(granted, given, "value")
    terms = Terms(quantity=units, period=span, priority=priority, value=given)
    line = GrantLine(feature=granted, product=None, terms=terms, expires_at=expires_at)
    return allot(customer, [line], source)


def grant_defaults(customer: Customer, products: Iterable[Product]) -> None:
    """Give a new, locked customer the default products."""
    for product in products:
        if lines := lines_of(product):
            allot(customer, lines, Source(kind=GrantSource.DEFAULT, id=product.sku))


def lines_of(product: Product, *, pieces: int = 1, expires_at: datetime | None = None) -> list[GrantLine]:
    """The lines that the catalogue gives for a product now; features that were deactivated are left out.

    Of a product that recurs that is one period: what has no period of its own lasts as long.
    """
    return [
        GrantLine(
            feature=line.feature,
            product=product,
            terms=replace(line.terms, period=None if expires_at else line.period or product.recurs),
            pieces=pieces,
            expires_at=expires_at,
        )
        for line in product.lines.all()
        if line.feature.is_active
    ]


def allot(customer: Customer, lines: Sequence[GrantLine], source: Source) -> tuple[Grant, ...]:
    """Make the grants of a source for a locked customer, after what became due.

    A line with a reset makes an allowance, and the grant of its first period. One that is unlimited within a period
    continues the one of the same product that is running: same anchor, next period. Lines with a quantity run side by
    side from now.
    """
    now = now_for(customer)
    for line in lines:
        if line.units is not None and line.units > MAX_UNITS:
            raise Invalid(field="quantity", problem=f"gives more than {MAX_UNITS} units of {line.feature.key}")
        if line.expires_at is not None and _aware(line.expires_at) <= now:
            raise Invalid(field="expires_at", problem="must be in the future")
    # Of grants that are alike the one that came first is used first: what began by now has its id before the new ones.
    catch_up(customer, now)
    running = _running(customer, lines, now)
    grants, allowances = [], []
    for number, line in enumerate(lines, start=1):
        if line.terms.reset is not None:
            allowance = resets.allowance_of(customer, line, source, number, now)
            allowances.append(allowance)
            first = resets.first_piece(allowance)
            grants.append(resets.grant_of(allowance, first, first.units))
            continue
        before = running.get(_thread(line)) if _stacks(line) else None
        grant = _grant(customer, line, source, number, now, before)
        if _stacks(line):
            running[_thread(line)] = grant
        grants.append(grant)
    resets.begin(customer, allowances)
    ledger.issue(customer, grants, source.cause, at=now)
    debts.repay(customer, grants, at=now)
    for grant in grants:
        emit("grant.created", grant=grant)
    return tuple(grants)


def _grant(
    customer: Customer, line: GrantLine, source: Source, number: int, now: datetime, before: Grant | None
) -> Grant:
    terms = line.terms
    grant = Grant(
        id=new_id(),
        customer=customer,
        feature=line.feature,
        product=line.product,
        source=source.kind.value,
        source_id=source.id,
        line=number,
        quantity=line.units,
        remaining=line.units,
        priority=terms.priority,
        value=terms.value,
        valid_from=now,
        expires_at=line.expires_at,
        zone=customer.zone,
        anchor=now,
        pieces=line.pieces,
        reason=source.reason,
        metadata=source.metadata or {},
        actor=current_actor(),
        created_at=clock.now(),
    )
    if terms.cap is not None:
        # Pieces that make it last longer make it no faster. A paid order is granted whatever it adds up to.
        lasting = line.units is None and terms.period is not None and line.placement is None
        grant.cap_quantity = min(MAX_UNITS, terms.cap.quantity * (1 if lasting else line.pieces))
        grant.cap_period_count, grant.cap_period_unit = terms.cap.period.count, terms.cap.period.unit.value
    if line.placement is not None:
        _fit(grant, line, line.placement)
    elif terms.period is not None:
        _place(grant, line, terms.period, before)
    return grant


def _fit(grant: Grant, line: GrantLine, placement: Placement) -> None:
    """Set the window of a grant that is a part of a subscription. Of several pieces, all run at once."""
    grant.subscription_id, grant.zone = placement.subscription, placement.zone
    period = line.terms.period
    if period is None:
        grant.anchor, grant.period_index = placement.anchor, placement.index
        grant.valid_from, grant.expires_at = placement.starts, placement.ends
        return
    # A period of its own is not over before it could be used: paid late, it begins when it is paid.
    grant.valid_from = grant.anchor = max(placement.starts, grant.valid_from)
    grant.period_count, grant.period_unit = period.count, period.unit.value
    grant.expires_at = period.end(grant.anchor, 1, grant.zone)


def _place(grant: Grant, line: GrantLine, period: Period, before: Grant | None) -> None:
    """Set the window of a grant with a period: from now, or from where the grant before it ends."""
    grant.period_count, grant.period_unit = period.count, period.unit.value
    grant.period_span = line.pieces if line.units is None else 1
    if before is not None and before.expires_at is not None:
        if before.period == period:
            grant.anchor, grant.zone = before.anchor, before.zone
            grant.period_index = before.period_index + before.period_span
        else:
            grant.anchor = before.expires_at
        grant.valid_from = before.expires_at
    # A paid order must be granted whatever it adds up to: what reaches past the year 9999 is for ever.
    grant.expires_at = period.end(grant.anchor, grant.period_index + grant.period_span, grant.zone)


_Thread = tuple[Any, Any]


def _thread(line: GrantLine) -> _Thread:
    return (line.product.pk if line.product else None, line.feature.pk)


def _stacks(line: GrantLine) -> bool:
    lasts = line.terms.period is not None and line.placement is None
    return line.product is not None and line.units is None and lasts


def _running(customer: Customer, lines: Sequence[GrantLine], now: datetime) -> dict[_Thread, Grant]:
    """The last grant of every line that runs now and goes on without a gap, by product and feature."""
    products = {line.product.pk for line in lines if line.product and _stacks(line)}
    if not products:
        return {}
    grants = (
        Grant.objects.using(write_alias())
        .open_of(customer)
        .filter(product__in=products, quantity__isnull=True, period_count__isnull=False, expires_at__gt=now)
        .filter(subscription__isnull=True)
        .order_by("valid_from", "id")
    )
    last: dict[_Thread, Grant] = {}
    for grant in grants:
        thread = (grant.product_id, grant.feature_id)
        reached = last[thread].expires_at if thread in last else now
        # After a gap (a period was revoked) it is another line: what is bought now must be usable now.
        if reached is not None and grant.valid_from <= reached:
            last[thread] = max(last.get(thread, grant), grant, key=lambda each: each.expires_at or now)
    return last


def _by_hand(idempotency_key: str | None, reason: str, metadata: Metadata | None) -> Source:
    return Source(
        kind=GrantSource.MANUAL,
        id=inputs.optional_key(idempotency_key) or str(new_id()),
        reason=inputs.text(reason, "reason"),
        metadata=inputs.metadata(metadata),
    )


def _by_key(customer: Customer, idempotency_key: str | None) -> tuple[Grant, ...]:
    if idempotency_key is None:
        return ()
    grants = Grant.objects.using(write_alias()).select_related("feature", "product", "allowance__origin")
    found = list(of_family(grants.filter(made_by(GrantSource.MANUAL, idempotency_key)), customer))
    # The key may have been used on several sides of a merge: it means the call of the side that comes first.
    return by_line(grant for grant in found if grant.customer_id == found[0].customer_id)


def _replay(earlier: tuple[Grant, ...], key: str, asked: Asked) -> tuple[Grant, ...]:
    differing = asked.differs_from(Asked.of(earlier[0]))
    if differing:
        raise IdempotencyConflict(idempotency_key=key, fields=differing)
    for grant in earlier:
        grant.replayed = True
    return earlier


def _aware(instant: object) -> datetime:
    if not isinstance(instant, datetime) or instant.utcoffset() is None:
        raise Invalid(field="expires_at", problem="must be an instant with a time zone")
    if instant > LAST:
        raise Invalid(field="expires_at", problem="is past the end of the calendar")
    return instant
