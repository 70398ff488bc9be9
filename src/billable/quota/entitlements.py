"""entitlements: the values of static features: read, not consumed. One statement, no write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billable import inputs
from billable.catalog.features import refuse_metered
from billable.customers.subjects import Subject, who
from billable.quota import standing
from billable.quota.models import Grant

Value = bool | int | str
"""What a flag, a limit or a text reads."""


@dataclass(frozen=True, kw_only=True)
class Entitlement:
    """The value that a customer has of one static feature now; None where nothing gives one.

    ``value_type`` is ``flag``, ``limit`` or ``text`` (empty for a feature that nobody knows), ``product_sku`` the
    product that gives the value, ``expires_at`` when the grant that gives it expires (None: never).
    """

    feature: str
    value_type: str
    value: Value | None
    product_sku: str | None
    expires_at: datetime | None


def entitlement_value(user: Subject, feature: str, *, default: Value | None = None) -> Any:
    """What a static feature reads for ``user``: true or false, a whole number, or a text; ``default`` without a value.

    Of several usable grants the lowest priority number decides; among equals true before false, the greatest number,
    the newest text. Unknown users and features have no value. Raises WrongFeatureType for a feature that is consumed,
    Invalid, InvalidSubject, AmbiguousSku.
    """
    (found,) = entitlements(user, feature=feature)
    return default if found.value is None else found.value


def entitlements(user: Subject, *, feature: str | None = None) -> tuple[Entitlement, ...]:
    """The values of all static features that ``user`` has one of; or of one ``feature``, which is always listed.

    Raises WrongFeatureType for a feature that is consumed, Invalid, InvalidSubject, AmbiguousSku.
    """
    person, name = who(user), None if feature is None else inputs.name(feature, "feature")
    standings = () if person.is_anonymous else standing.read(person, name).standings
    if name is None:
        held = [entitlement_of(each) for each in standings if each.feature.is_static]
        return tuple(each for each in held if each.value is not None)
    if not standings:
        return (Entitlement(feature=name, value_type="", value=None, product_sku=None, expires_at=None),)
    found = standing.only(standing.Reading(None, False, standings), name)
    refuse_metered(found.feature)
    return (entitlement_of(found),)


def entitlement_of(found: standing.Standing, sku: str | None = None) -> Entitlement:
    """The value that a standing gives; ``sku`` narrows to the grants of one product."""
    rows = [found.grants[each.id] for each in found.usable(sku)]
    best = max((grant for grant in rows if grant.value is not None), key=_rank, default=None)
    return Entitlement(
        feature=found.feature.key,
        value_type=found.feature.value_type,
        value=None if best is None else best.value,
        product_sku=best.product.sku if best is not None and best.product is not None else None,
        expires_at=None if best is None else best.expires_at,
    )


def _rank(grant: Grant) -> tuple[Any, ...]:
    greatest = 0 if isinstance(grant.value, str) else grant.value
    return (-grant.priority, greatest, grant.valid_from, grant.pk)
