"""The one statement behind check and consume, and its rows.

``check`` must be one statement whoever asks and whatever exists, so the statement starts from one constant row and
joins what it finds: the feature asked for (by key, or as a feature of a SKU), what it can be paid from, the customer
that the subject names, its open grants and the allowances that give more; for a user who is no customer yet, the lines
of the default products. It computes no calendars.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

from django.db import connections, models

from billable.catalog.models import Feature, FeatureCost, Product, ProductFeature
from billable.customers.models import Customer
from billable.customers.subjects import Who, customer_sql, find_customer_id, user_sql
from billable.db.instants import moved
from billable.db.rows import Part, fetch, select_list
from billable.db.units import write_alias
from billable.quota.models import Allowance, Grant

_SQL = """
WITH asked AS ({asked}),
whose AS ({whose}),
members AS (
    SELECT id FROM whose
    UNION ALL
    SELECT absorbed.id FROM billable_customer absorbed JOIN whose ON absorbed.merged_into_id = whose.id
),
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
        ORDER BY past.closed_at DESC, past.id DESC LIMIT 1
    ) AS last_end, (
        SELECT SUM(debt.units - debt.repaid - debt.forgiven)
        FROM members JOIN billable_debt debt ON debt.customer_id = members.id
        WHERE debt.feature_id = rates.payer_id AND debt.closed_at IS NULL
    ) AS owed,
    CASE WHEN payer.alerts <> '' THEN (SELECT SUM(past.quantity) {emptied}) END AS emptied_units,
    CASE WHEN payer.alerts <> '' THEN (SELECT MAX(past.valid_from) {emptied}) END AS emptied_since
    FROM rates JOIN billable_feature payer ON payer.id = rates.payer_id
)
SELECT {customer}, CASE WHEN {user_exists} THEN 1 ELSE 0 END, {feature}, {payer},
       payers.place, payers.per, payers.units, payers.last_end, payers.owed, payers.emptied_units, payers.emptied_since,
       {open_grant}, {product},
       CASE WHEN open_grant.held > 0 THEN ({lapsed}) END,
       CASE WHEN open_grant.held > 0 AND open_grant.cap_quantity IS NOT NULL
            THEN ({lapsed} AND leg.cap_index = open_grant.cap_index) END,
       CASE WHEN open_grant.held > 0 AND open_grant.allowance_id IS NOT NULL THEN ({in_time}) END,
       {no_line}, {no_allowance}
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
       payers.place, payers.per, payers.units, payers.last_end, payers.owed, payers.emptied_units, payers.emptied_since,
       {no_grant}, {product}, NULL, NULL, NULL,
       {no_line}, {allowance}
FROM payers
JOIN billable_feature feature ON feature.id = payers.feature_id
JOIN billable_feature payer ON payer.id = payers.payer_id
JOIN billable_allowance allowance ON allowance.customer_id = (SELECT id FROM whose)
    AND allowance.feature_id = payers.payer_id AND allowance.next_at IS NOT NULL
LEFT JOIN billable_product product ON product.id = allowance.product_id
UNION ALL
SELECT {no_customer}, 1, {feature}, {payer},
       payers.place, payers.per, payers.units, payers.last_end, payers.owed, payers.emptied_units, payers.emptied_since,
       {no_grant}, {product}, NULL, NULL, NULL,
       {line}, {no_allowance}
FROM payers
JOIN billable_feature feature ON feature.id = payers.feature_id
JOIN billable_feature payer ON payer.id = payers.payer_id
JOIN billable_productfeature line ON line.feature_id = payers.payer_id
JOIN billable_product product ON product.id = line.product_id
WHERE product.is_default = {true} AND product.is_active = {true} AND payer.is_active = {true} AND {user_exists}
  AND NOT EXISTS (SELECT 1 FROM whose)
"""

# What of a grant is held by holds whose time is over: free, whoever writes that down.
_LAPSED = """
    SELECT SUM(leg.units - leg.captured - leg.released)
    FROM billable_holdleg leg JOIN billable_hold hold ON hold.id = leg.hold_id
    WHERE leg.grant_id = open_grant.id AND hold.closed_at IS NULL AND hold.lapses_at <= {now}
"""
# What of it was free before the grant ended: it rolls over with the rest.
_IN_TIME = """
    SELECT SUM(leg.units - leg.captured - leg.released)
    FROM billable_holdleg leg JOIN billable_hold hold ON hold.id = leg.hold_id
    WHERE leg.grant_id = open_grant.id AND hold.closed_at IS NULL AND hold.lapses_at < open_grant.expires_at
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


class Row(NamedTuple):
    """One row: a grant, an allowance or a default line, or nothing but the feature and the customer.

    ``payer`` pays for ``feature`` at ``per`` for ``units``; in ``place`` 0 it is the feature itself. ``last_end`` is
    how the grant of it ended that was closed last, ``owed`` how many units of it are; where it has thresholds,
    ``emptied_units`` are those of its grants that were used up before their end, and ``emptied_since`` is when the
    newest of them began. Of a grant, ``lapsed`` units are held by holds whose time is over, ``lapsed_room`` of them
    counted in the window of its cap, ``in_time`` lapsed before it ended.
    """

    customer: Customer | None
    user_exists: int
    feature: Feature | None
    payer: Feature
    place: int
    per: int
    units: int
    last_end: str | None
    owed: int | None
    emptied_units: int | None
    emptied_since: datetime | None
    grant: Grant | None
    product: Product | None
    lapsed: int | None
    lapsed_room: int | None
    in_time: int | None
    line: ProductFeature | None
    allowance: Allowance | None


def rows(person: Who, name: str | None, present: datetime) -> Iterator[Row]:
    """What there is of one feature (None: of every feature), for whoever is meant; ``present`` is now for everybody."""
    person = _single_reference(person)
    alias = write_alias()
    whose, whose_params = customer_sql(person, alias)
    user_exists, user_params = user_sql(person, alias)
    now, now_params = moved(alias, present, "customer.clock_offset_seconds")
    own_now, own_params = moved(alias, present, _OFFSET)
    sql = _statement(alias, name is None, whose, user_exists, now, own_now)
    names = [] if name is None else [name, name]
    params = [*names, *whose_params, *own_params * 4, *user_params, *now_params, *now_params, *user_params]
    return starmap(Row, fetch(alias, sql, params, _shape()))


@functools.lru_cache(maxsize=64)
def _statement(alias: str, everything: bool, whose: str, user_exists: str, now: str, own_now: str) -> str:
    """The statement. It is long, and there are only as many of it as ways to name somebody."""
    return _SQL.format(
        asked=_ASKED_EVERYTHING if everything else _ASKED_BY_NAME,
        whose=whose,
        user_exists=user_exists,
        true="TRUE" if connections[alias].vendor == "postgresql" else "1",
        lapsed=_LAPSED.format(now=now),
        in_time=_IN_TIME,
        emptied=_EMPTIED.format(now=own_now),
        **_columns(alias),
    )


@functools.cache
def _shape() -> list[Part]:
    """What its columns are, in order. None of the fields is a relation."""
    number = FeatureCost._meta.get_field("per")
    rate = [
        number,
        number,
        number,
        Grant._meta.get_field("ended_as"),
        number,
        number,
        Grant._meta.get_field("valid_from"),
    ]
    given = [Grant, Product, number, number, number, ProductFeature, Allowance]
    return [Customer, number, Feature, Feature, *rate, *given]  # type: ignore[list-item]


def _single_reference(person: Who) -> Who:
    if person.references < 2:
        return person
    customer_id = find_customer_id(person)
    if customer_id is None and person.user_id is not None:
        return Who(user_id=person.user_id, user_is_saved=person.user_is_saved)
    return Who(identity=person.identity) if customer_id is None else Who(customer_id=customer_id)


def _columns(alias: str) -> dict[str, str]:
    """The columns of every part of a row, and the nulls of those that do not have it."""
    return {
        "customer": select_list(Customer, "customer"),
        "no_customer": _nulls(Customer),
        "feature": select_list(Feature, "feature"),
        "payer": select_list(Feature, "payer"),
        "open_grant": select_list(Grant, "open_grant"),
        "no_grant": _nulls(Grant),
        "product": select_list(Product, "product"),
        "line": select_list(ProductFeature, "line"),
        "no_line": _typed_nulls(ProductFeature, alias),
        "allowance": select_list(Allowance, "allowance"),
        "no_allowance": _typed_nulls(Allowance, alias),
    }


def _nulls(model: type[models.Model]) -> str:
    return ", ".join(["NULL"] * len(model._meta.concrete_fields))


def _typed_nulls(model: type[models.Model], alias: str) -> str:
    """Nulls for columns that two of the three parts do not have: PostgreSQL wants to know of what type."""
    if connections[alias].vendor != "postgresql":
        return _nulls(model)
    return ", ".join(f"CAST(NULL AS {field.db_type(connections[alias])})" for field in model._meta.concrete_fields)
