"""What one customer has of one feature, or of all, read in a single statement.

The statement is :mod:`billable.quota.reading`. A user who is no customer yet stands as if the default products were
granted, and a customer as if all that is due was written. The arithmetic is :mod:`billable.quota.burn`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from billable import clock, inputs
from billable.catalog.kinds import Overdraft
from billable.catalog.models import Feature, Product, ProductFeature
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Who
from billable.errors import AmbiguousSku, FeatureNotFound
from billable.ids import new_id
from billable.quota import burn, caps, reading, resets
from billable.quota.kinds import OVER_BY_TIME, GrantEnd, GrantSource
from billable.quota.models import Allowance, Grant


@dataclass
class Standing:
    """What a customer has of one feature at ``now``.

    ``grants`` are those with units left or held, by id, also where they cannot be used now. ``freed`` is how many units
    of a grant were held until their hold lapsed, which nobody wrote down yet; ``freed_room`` how many of them count in
    the window of its cap. ``owing`` is how many units are owed, by feature. ``emptied`` says, of a feature with
    thresholds, how many units its grants had that were used up before their end, and when the newest of them began;
    ``payers`` is how each feature pays for this one.
    """

    feature: Feature
    customer: Customer | None
    user_exists: bool
    now: datetime
    grants: dict[UUID, Grant] = field(default_factory=dict)
    rates: dict[UUID, burn.Rate] = field(default_factory=dict)
    freed: dict[UUID, int] = field(default_factory=dict)
    freed_room: dict[UUID, int] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)
    owing: dict[int, int] = field(default_factory=dict)
    allowances: dict[UUID, tuple[Allowance, burn.Rate]] = field(default_factory=dict)
    in_time: dict[UUID, int] = field(default_factory=dict)
    first_resets: list[datetime] = field(default_factory=list)
    payers: dict[int, burn.Rate] = field(default_factory=dict)
    emptied: dict[int, tuple[int, datetime]] = field(default_factory=dict)

    def add(self, row: reading.Row) -> None:
        """Take what one row of the statement says into account."""
        rate = burn.Rate(position=row.place, payer=row.payer.key, per=row.per, units=row.units)
        self.owing[row.payer.pk] = int(row.owed or 0)
        self.payers[row.payer.pk] = rate
        if row.emptied_units is not None and row.emptied_since is not None:
            self.emptied[row.payer.pk] = (int(row.emptied_units), row.emptied_since)
        if row.last_end is not None:
            self.past.add(row.last_end)
        if row.allowance is not None:
            row.allowance.feature, row.allowance.product = row.payer, row.product
            self.allowances[row.allowance.pk] = (row.allowance, rate)
        grant = row.grant
        if grant is None and row.line is not None and row.product is not None:
            grant = _virtual(row.payer, row.product, row.line, self.now)
            if (reset := _first_reset(row.line, self.now)) is not None:
                self.first_resets.append(reset)
        if grant is not None:
            grant.feature, grant.product = row.payer, row.product
            self.grants[grant.pk], self.rates[grant.pk] = grant, rate
            self.freed[grant.pk], self.freed_room[grant.pk] = int(row.lapsed or 0), int(row.lapsed_room or 0)
            self.in_time[grant.pk] = int(row.in_time or 0)

    def renew(self) -> None:
        """Stand as if what allowances give by now was written."""
        allowances = [allowance for allowance, _ in self.allowances.values()]
        for allowance, grant in resets.unwritten(allowances, self.grants.values(), self.in_time, self.now, self.owing):
            self.grants[grant.pk], self.rates[grant.pk] = grant, self.allowances[allowance.pk][1]

    @property
    def next_reset_at(self) -> datetime | None:
        """When an allowance gives units anew; None when none does."""
        coming = [allowance.recurrence.next_reset(self.now) for allowance, _ in self.allowances.values()]
        return min(filter(None, (*coming, *self.first_resets)), default=None)

    def usable(self, sku: str | None = None) -> list[burn.Open]:
        """The grants that can be drawn from now, in burn order; ``sku`` narrows to those of one product."""
        return burn.in_burn_order(
            burn.Open(
                id=grant.pk,
                rate=self.rates[grant.pk],
                remaining=None if grant.remaining is None else grant.remaining + self.freed.get(grant.pk, 0),
                priority=grant.priority,
                valid_from=grant.valid_from,
                expires_at=grant.expires_at,
                room=caps.room(grant, self.now, freed=self.freed_room.get(grant.pk, 0)),
            )
            for grant in self.grants.values()
            if self.runs(grant) and (sku is None or (grant.product is not None and grant.product.sku == sku))
        )

    def runs(self, grant: Grant) -> bool:
        """Whether a grant can be drawn from now, if it has units."""
        runs = grant.valid_from <= self.now and (grant.expires_at is None or self.now < grant.expires_at)
        return runs and grant.ended_at is None

    @property
    def owed(self) -> int:
        """How many units of the feature were used before they were there."""
        return self.owing[self.feature.pk]

    def owed_by_payers(self, sku: str | None = None) -> dict[str, int]:
        """How many units of each feature that pays for this one are owed, and pay for nothing.

        Of what is narrowed to a product only those that the payer's other grants have not.
        """
        owed: dict[str, int] = {}
        for pk, rate in self.payers.items():
            if rate.position and (units := self.owing[pk]):
                narrowed = {each.id for each in self.usable(sku)}
                others = [each.available for each in self.usable() if each.rate == rate and each.id not in narrowed]
                owed[rate.payer] = 0 if None in others else max(units - sum(filter(None, others)), 0)
        return owed

    @property
    def overdraft(self) -> int | None:
        """How far below nothing the balance may go; None is without end."""
        if self.feature.overdraft == Overdraft.RECORD.value:
            return None
        return self.feature.overdraft_limit if self.feature.overdraft == Overdraft.ALLOW.value else 0

    def balance(self, sku: str | None = None) -> int | None:
        """How many units could be consumed now, less what is owed; None is unlimited."""
        whole = burn.balance(self.usable(sku), self.owed_by_payers(sku))
        if whole is None or not self.owed:
            return whole
        everything = whole if sku is None else burn.balance(self.usable(), self.owed_by_payers())
        return whole if everything is None else min(whole, everything - self.owed)

    def pay(
        self, quantity: int, sku: str | None = None, *, overdraw: bool
    ) -> tuple[tuple[burn.Share, ...], int] | None:
        """How ``quantity`` units are paid, and how many of them are owed then; None when they cannot be used.

        Nothing takes the balance below zero but what may ``overdraw``, and that no further than the feature allows.
        What is narrowed to a product is never overdrawn: it asks for units that this product gave.
        """
        shares, missing = burn.cover(self.usable(sku), quantity, self.owed_by_payers(sku))
        if not missing and not self.owed:
            return shares, 0
        furthest = self.overdraft if overdraw and sku is None else 0
        balance = self.balance(sku)
        fits = balance is None or furthest is None or balance - quantity >= -furthest
        return (shares, missing) if fits else None

    def cap_of(self, grant_id: UUID) -> caps.CapState | None:
        """How the cap of a grant stands; None without one."""
        return caps.state(self.grants[grant_id], self.now, freed=self.freed_room.get(grant_id, 0))

    def narrowest(self, sku: str | None = None) -> caps.CapState | None:
        """Of the caps that keep units back now, the one that resets first."""
        narrowing = [each for each in self.usable(sku) if each.room is not None and each.available != each.remaining]
        standing = [state for each in narrowing if (state := self.cap_of(each.id))]
        return min(standing, key=lambda state: state.resets_at or burn.NEVER, default=None)

    def shortage(self, quantity: int, sku: str | None = None) -> str:
        """Why there is not enough: ``cap_reached``, ``exhausted``, ``expired`` or ``no_grant``."""
        lifted = [replace(each, room=None) for each in self.usable(sku)]
        if burn.plan(lifted, quantity, self.owed_by_payers(sku)) is not None and self.narrowest(sku) is not None:
            return "cap_reached"
        if self.owed or any(grant.remaining for grant in self.usable(sku)):
            return "exhausted"
        expired = (
            grant.expires_at is not None and grant.expires_at <= self.now and grant.ended_as in OVER_BY_TIME
            for grant in self.grants.values()
        )
        if any(expired) or GrantEnd.EXPIRED.value in self.past:
            return "expired"
        return "exhausted" if "" in self.past or self.usable(sku) else "no_grant"

    @property
    def has_something(self) -> bool:
        """Whether a grant is running or to come, or units are held; the same before and after a sweep."""
        return (
            bool(self.owed)
            or self.next_reset_at is not None
            or any(
                self._held(grant)
                or (grant.ended_at is None and (grant.expires_at is None or self.now < grant.expires_at))
                for grant in self.grants.values()
            )
        )

    @property
    def held(self) -> int:
        """How many of the feature's own units are reserved."""
        return sum(self._held(grant) for grant in self.grants.values() if self.rates[grant.pk].position == 0)

    def _held(self, grant: Grant) -> int:
        return grant.held - self.freed.get(grant.pk, 0)


@dataclass(frozen=True)
class Reading:
    """What the statement found: the customer (if any) and one standing per feature asked for."""

    customer: Customer | None
    user_exists: bool
    standings: tuple[Standing, ...]


def read(person: Who, name: str | None = None, present: datetime | None = None) -> Reading:
    """Read one feature by its key or by a SKU that gives it, or (without a name) every feature that is held.

    ``present`` is the instant of a decision that reads twice; None is now.
    """
    present = present or clock.now()
    rows = list(reading.rows(person, name, present))
    customer = next((row.customer for row in rows if row.customer is not None), None)
    user_exists, now = any(row.user_exists for row in rows), now_for(customer, present)
    standings: dict[int, Standing] = {}
    for row in rows:
        if row.feature is not None:
            new = Standing(row.feature, customer, user_exists, now)
            standings.setdefault(row.feature.pk, new).add(row)
    for standing in standings.values():
        standing.renew()
    found = standings.values() if name is not None else [each for each in standings.values() if each.has_something]
    return Reading(customer, user_exists, tuple(sorted(found, key=lambda each: each.feature.key)))


def only(found: Reading, name: str) -> Standing:
    """The one standing that a name leads to. Raises FeatureNotFound, AmbiguousSku."""
    if not found.standings:
        raise FeatureNotFound(feature=name)
    if len(found.standings) > 1:
        keys = ", ".join(standing.feature.key for standing in found.standings)
        raise AmbiguousSku(field="feature", problem=f"the product {name!r} has several features: {keys}")
    return found.standings[0]


def of_customer(customer: Customer, name: str, present: datetime | None = None) -> Standing:
    """What a locked customer has of one feature. Raises Invalid, FeatureNotFound, AmbiguousSku."""
    return only(read(Who(customer_id=customer.pk), inputs.name(name, "feature"), present), name)


def _first_reset(line: ProductFeature, now: datetime) -> datetime | None:
    """When a line of a default product gives anew for the first time, if that is before its end."""
    first = line.reset.end(now, 1, "UTC") if line.reset else None
    ends = line.period.end(now, 1, "UTC") if line.period else None
    return None if first is None or (ends is not None and ends <= first) else first


def _virtual(feature: Feature, product: Product, line: ProductFeature, now: datetime) -> Grant:
    """The grant that a default product's line would be, for a user who is no customer yet."""
    grant = Grant(
        id=new_id(),
        source=GrantSource.DEFAULT.value,
        source_id=product.sku,
        line=line.line,
        quantity=line.quantity,
        remaining=line.quantity,
        priority=line.priority,
        value=line.value,
        valid_from=now,
        anchor=now,
        period_count=line.period_count,
        period_unit=line.period_unit,
        cap_quantity=line.cap_quantity,
        cap_period_count=line.cap_period_count,
        cap_period_unit=line.cap_period_unit,
    )
    ends = [span.boundary(now, 1, "UTC") for span in (line.period, line.reset) if span]
    grant.expires_at = min(ends, default=None)
    return grant
