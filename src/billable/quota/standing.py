"""What one customer has of one feature, or of all, read in a single statement.

``check`` must be one statement whoever asks and whatever exists, so the statement starts from one constant row and
joins what it finds: the feature asked for (by key, or as a feature of a SKU), what it can be paid from, the customer
that the subject names, its open grants. A user who is no customer yet stands as if the default products were granted.
The arithmetic is :mod:`billable.quota.burn`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models

from billable import clock, inputs
from billable.catalog.models import Feature, FeatureCost, Product, ProductFeature, period_of
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.customers.subjects import Who, customer_sql, find_customer_id, user_sql
from billable.db.instants import moved
from billable.db.rows import fetch, select_list
from billable.db.units import write_alias
from billable.errors import AmbiguousSku, FeatureNotFound
from billable.ids import new_id
from billable.quota import burn
from billable.quota.kinds import OVER_BY_TIME, GrantEnd, GrantSource
from billable.quota.models import Grant

_SQL = """
WITH asked AS ({asked}),
whose AS ({whose}),
rates AS (
    SELECT asked.id AS feature_id, asked.id AS payer_id, 0 AS place, 1 AS per, 1 AS units FROM asked
    UNION ALL
    SELECT cost.feature_id, cost.paid_from_id, cost.position, cost.per, cost.units
    FROM billable_featurecost cost JOIN asked ON asked.id = cost.feature_id
),
payers AS (
    SELECT rates.*, (
        SELECT past.ended_as FROM billable_grant past
        WHERE past.customer_id = (SELECT id FROM whose) AND past.feature_id = rates.payer_id
          AND past.closed_at IS NOT NULL
        ORDER BY past.closed_at DESC LIMIT 1
    ) AS last_end,
    CASE WHEN payer.alerts <> '' THEN (SELECT SUM(past.quantity) {emptied}) END AS emptied_units,
    CASE WHEN payer.alerts <> '' THEN (SELECT MAX(past.valid_from) {emptied}) END AS emptied_since
    FROM rates JOIN billable_feature payer ON payer.id = rates.payer_id
)
SELECT {customer}, CASE WHEN {user_exists} THEN 1 ELSE 0 END, {feature}, {payer},
       payers.place, payers.per, payers.units, payers.last_end, payers.emptied_units, payers.emptied_since,
       {open_grant}, {product},
       CASE WHEN open_grant.held > 0 THEN ({lapsed}) END, {no_line}
FROM (SELECT 1 AS one) seed
LEFT JOIN payers ON 1 = 1
LEFT JOIN billable_feature feature ON feature.id = payers.feature_id
LEFT JOIN billable_feature payer ON payer.id = payers.payer_id
LEFT JOIN whose ON 1 = 1
LEFT JOIN billable_customer customer ON customer.id = whose.id
LEFT JOIN billable_grant open_grant ON open_grant.customer_id = customer.id
    AND open_grant.feature_id = payers.payer_id AND open_grant.closed_at IS NULL
LEFT JOIN billable_product product ON product.id = open_grant.product_id
UNION ALL
SELECT {no_customer}, 1, {feature}, {payer},
       payers.place, payers.per, payers.units, payers.last_end, payers.emptied_units, payers.emptied_since,
       {no_grant}, {product}, NULL, {line}
FROM payers
JOIN billable_feature feature ON feature.id = payers.feature_id
JOIN billable_feature payer ON payer.id = payers.payer_id
JOIN billable_productfeature line ON line.feature_id = payers.payer_id
JOIN billable_product product ON product.id = line.product_id
WHERE product.is_default = {true} AND product.is_active = {true} AND {user_exists}
  AND NOT EXISTS (SELECT 1 FROM whose)
"""

# What of a grant is held by holds whose time is over: free, whoever writes that down.
_LAPSED = """
    SELECT SUM(leg.units - leg.captured - leg.released)
    FROM billable_holdleg leg JOIN billable_hold hold ON hold.id = leg.hold_id
    WHERE leg.grant_id = open_grant.id AND hold.closed_at IS NULL AND hold.lapses_at <= {now}
"""
# Grants that were used up before their end: where a feature has thresholds, they are part of what use is measured by.
_EMPTIED = """
    FROM billable_grant past
    WHERE past.customer_id = (SELECT id FROM whose) AND past.feature_id = rates.payer_id
      AND past.closed_at IS NOT NULL AND past.ended_at IS NULL AND past.expires_at > {now} AND past.valid_from <= {now}
"""
_OFFSET = "(SELECT clock_offset_seconds FROM billable_customer WHERE id = (SELECT id FROM whose))"
_ASKED_BY_NAME = """
    SELECT id FROM billable_feature WHERE billable_feature.key = %s
    UNION
    SELECT line.feature_id FROM billable_productfeature line
    JOIN billable_product product ON product.id = line.product_id WHERE product.sku = %s
"""
_ASKED_EVERYTHING = "SELECT id FROM billable_feature"


@dataclass
class Standing:
    """What a customer has of one feature at ``now``.

    ``grants`` are those with units left or held, by id, also where they cannot be used now. ``freed`` is how many units
    of a grant were held until their hold lapsed, which nobody wrote down yet. ``emptied`` says, of a feature with
    thresholds, how many units its grants had that were used up before their end, and when the newest of them began.
    """

    feature: Feature
    customer: Customer | None
    user_exists: bool
    now: datetime
    grants: dict[UUID, Grant] = field(default_factory=dict)
    rates: dict[UUID, burn.Rate] = field(default_factory=dict)
    freed: dict[UUID, int] = field(default_factory=dict)
    past: set[str] = field(default_factory=set)
    payers: dict[int, burn.Rate] = field(default_factory=dict)
    emptied: dict[int, tuple[int, datetime]] = field(default_factory=dict)

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
            )
            for grant in self.grants.values()
            if self.runs(grant) and (sku is None or (grant.product is not None and grant.product.sku == sku))
        )

    def runs(self, grant: Grant) -> bool:
        """Whether a grant can be drawn from now, if it has units."""
        runs = grant.valid_from <= self.now and (grant.expires_at is None or self.now < grant.expires_at)
        return runs and grant.ended_at is None

    def shortage(self, sku: str | None = None) -> str:
        """Why there is not enough: ``exhausted``, ``expired`` or ``no_grant``."""
        if any(grant.remaining for grant in self.usable(sku)):
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
        return any(
            self._held(grant) or (grant.ended_at is None and (grant.expires_at is None or self.now < grant.expires_at))
            for grant in self.grants.values()
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
    person, present = _single_reference(person), present or clock.now()
    rows = list(_rows(person, name, present))
    customer, user_exists = rows[0][0], any(row[1] for row in rows)
    now = now_for(customer, present)
    standings: dict[int, Standing] = {}
    for _, _, feature, payer, place, per, units, last_end, gone, gone_since, grant, product, lapsed, *line in rows:
        if feature is None:
            continue
        standing = standings.setdefault(feature.pk, Standing(feature, customer, user_exists, now))
        rate = burn.Rate(position=place, payer=payer.key, per=per, units=units)
        standing.payers[payer.pk] = rate
        if gone is not None:
            standing.emptied[payer.pk] = (int(gone), gone_since)
        if last_end is not None:
            standing.past.add(last_end)
        if grant is None and line[0] is not None:
            grant = _virtual(payer, product, line, now)
        if grant is not None:
            grant.feature, grant.product = payer, product
            standing.grants[grant.pk], standing.rates[grant.pk] = grant, rate
            standing.freed[grant.pk] = int(lapsed or 0)
    found = standings.values() if name is not None else [each for each in standings.values() if each.has_something]
    return Reading(customer, user_exists, tuple(sorted(found, key=lambda each: each.feature.key)))


def only(reading: Reading, name: str) -> Standing:
    """The one standing that a name leads to. Raises FeatureNotFound, AmbiguousSku."""
    if not reading.standings:
        raise FeatureNotFound(feature=name)
    if len(reading.standings) > 1:
        keys = ", ".join(standing.feature.key for standing in reading.standings)
        raise AmbiguousSku(field="feature", problem=f"the product {name!r} has several features: {keys}")
    return reading.standings[0]


def of_customer(customer: Customer, name: str, present: datetime | None = None) -> Standing:
    """What a locked customer has of one feature. Raises Invalid, FeatureNotFound, AmbiguousSku."""
    return only(read(Who(customer_id=customer.pk), inputs.name(name, "feature"), present), name)


def _single_reference(person: Who) -> Who:
    if person.references < 2:
        return person
    customer_id = find_customer_id(person)
    if customer_id is None and person.user_id is not None:
        return Who(user_id=person.user_id, user_is_saved=person.user_is_saved)
    return Who(identity=person.identity) if customer_id is None else Who(customer_id=customer_id)


def _rows(person: Who, name: str | None, present: datetime) -> Iterator[tuple[Any, ...]]:
    alias = write_alias()
    whose, whose_params = customer_sql(person, alias)
    user_exists, user_params = user_sql(person, alias)
    now, now_params = moved(alias, present, "customer.clock_offset_seconds")
    sandbox_now, sandbox_params = moved(alias, present, _OFFSET)
    line = [ProductFeature._meta.get_field(column) for column in _LINE_COLUMNS]
    sql = _SQL.format(
        asked=_ASKED_EVERYTHING if name is None else _ASKED_BY_NAME,
        whose=whose,
        user_exists=user_exists,
        true="TRUE" if connections[alias].vendor == "postgresql" else "1",
        customer=select_list(Customer, "customer"),
        no_customer=_nulls(Customer),
        feature=select_list(Feature, "feature"),
        payer=select_list(Feature, "payer"),
        open_grant=select_list(Grant, "open_grant"),
        no_grant=_nulls(Grant),
        product=select_list(Product, "product"),
        line=", ".join(f"line.{column}" for column in _LINE_COLUMNS),
        lapsed=_LAPSED.format(now=now),
        emptied=_EMPTIED.format(now=sandbox_now),
        no_line=", ".join(["NULL"] * len(_LINE_COLUMNS)),
    )
    names = [] if name is None else [name, name]
    params = [*names, *whose_params, *sandbox_params * 4, *user_params, *now_params, *user_params]
    number = FeatureCost._meta.get_field("per")
    past = [Grant._meta.get_field("ended_as"), number, Grant._meta.get_field("valid_from")]
    shape = [Customer, number, Feature, Feature, *[number] * 3, *past, Grant, Product, number]
    return fetch(alias, sql, params, [*shape, *line])  # type: ignore[list-item]  # none of them is a relation


_LINE_COLUMNS = ("id", "quantity", "period_count", "period_unit", "priority")


def _nulls(model: type[models.Model]) -> str:
    return ", ".join(["NULL"] * len(model._meta.concrete_fields))


def _virtual(feature: Feature, product: Product, line: Iterable[Any], now: datetime) -> Grant:
    """The grant that a default product's line would be, for a user who is no customer yet."""
    key, quantity, period_count, period_unit, priority = line
    grant = Grant(
        id=new_id(),
        source=GrantSource.DEFAULT.value,
        source_id=product.sku,
        line=key,
        quantity=quantity,
        remaining=quantity,
        priority=priority,
        valid_from=now,
        anchor=now,
        period_count=period_count,
        period_unit=period_unit,
    )
    period = period_of(grant)
    grant.expires_at = period.boundary(now, 1, "UTC") if period else None
    return grant
