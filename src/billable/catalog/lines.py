"""Lines: what a product gives of each feature, read from what callers write and stored as the catalogue's wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from billable import inputs
from billable.catalog.features import feature_named, refuse_value
from billable.catalog.models import MAX_ROLLOVER_PERIODS, Feature, Product, ProductFeature
from billable.catalog.periods import Period
from billable.catalog.terms import DEFAULT_PRIORITY, Cap, Rollover, Terms
from billable.db.locks import locked
from billable.db.units import write_alias
from billable.errors import Invalid

MAX_LINES = 50
MIN_PRIORITY, MAX_PRIORITY = -32_768, 32_767
MAX_VALUE_LENGTH = 200


class _FeatureNamed(TypedDict):
    feature: str


class FeatureLine(_FeatureNamed, total=False):
    """How much of one feature a product gives. No quantity is unlimited, no period is for ever.

    ``reset`` gives the quantity anew in each such period; of what is unused then, up to ``rollover_quantity`` units go
    on for ``rollover_periods`` periods (default 1). ``cap_quantity`` in each ``cap_period`` is the most that can be
    used. ``value`` (true or false, a whole number, a text) is what a static feature reads instead of units.
    """

    quantity: int | None
    period: str | Period | None
    priority: int
    reset: str | Period | None
    rollover_quantity: int | None
    rollover_periods: int | None
    cap_quantity: int | None
    cap_period: str | Period | None
    value: bool | int | str | None


@dataclass(frozen=True)
class Line:
    """One line, checked."""

    feature: str
    terms: Terms


def read_lines(features: object, quantity: int | None, period: Period | None) -> list[Line]:
    """What a caller wrote, checked; features named by a plain text take ``quantity`` and ``period``. Raises Invalid."""
    # A text is a sequence too, of features named by one letter each.
    if isinstance(features, str) or not isinstance(features, Sequence):
        raise Invalid(field="features", problem="must be a list")
    if len(features) > MAX_LINES:
        raise Invalid(field="features", problem=f"must be at most {MAX_LINES} lines")
    given = "quantity" if quantity is not None else "period" if period is not None else None
    if given is not None and not any(isinstance(entry, str) for entry in features):
        # Left unheeded, a line without a quantity of its own would be unlimited.
        raise Invalid(field=given, problem="is for features named by a plain text; a feature line says its own")
    return [_line(entry, quantity, period, f"features[{place}]") for place, entry in enumerate(features)]


def set_lines(product: Product, lines: Sequence[Line]) -> None:
    """Replace the lines of a product. Features that do not exist yet are created.

    Raises NameTaken, and WrongFeatureType for a value that does not fit its feature.
    """
    alias = write_alias()
    features = {key: feature_named(key, value) for key, value in sorted(_named_with(lines).items())}
    # Until we are done nobody changes the type of what we refer to.
    for feature in locked(Feature.objects.filter(key__in=list(features)).order_by("key")):
        features[feature.key] = feature
    for place, line in enumerate(lines):
        refuse_value(features[line.feature], line.terms.value, f"features[{place}].value")
    # Lines are the catalogue's present wording; orders and grants hold copies of it, so old ones may go.
    ProductFeature.objects.using(alias).filter(product=product).delete()
    rows = [
        ProductFeature(product=product, line=number, feature=features[line.feature], **line.terms.columns())
        for number, line in enumerate(lines, start=1)
    ]
    ProductFeature.objects.using(alias).bulk_create(rows)


def _named_with(lines: Sequence[Line]) -> dict[str, object]:
    """The features that the lines name, each with a value of its first line."""
    named: dict[str, object] = {}
    for line in lines:
        named.setdefault(line.feature, line.terms.value)
    return named


def _line(entry: object, quantity: int | None, period: Period | None, where: str) -> Line:
    if isinstance(entry, str):
        feature = inputs.name(entry, f"{where}.feature")
        units = None if quantity is None else inputs.whole(quantity, f"{where}.quantity")
        return Line(feature, Terms(quantity=units, period=period))
    if not isinstance(entry, Mapping):
        raise Invalid(field=where, problem="must be a feature key or a feature line")
    unknown = sorted(str(name) for name in set(entry) - FeatureLine.__annotations__.keys())
    if unknown:
        raise Invalid(field=f"{where}.{unknown[0]}"[:100], problem="is not a part of a feature line")
    return Line(inputs.name(entry.get("feature"), f"{where}.feature"), _terms(entry, where))


def _terms(given: Mapping[str, Any], where: str) -> Terms:
    value = given.get("value")
    terms = Terms(
        quantity=_units(given, "quantity", where),
        period=_span(given, "period", where),
        priority=inputs.whole(
            given.get("priority", DEFAULT_PRIORITY), f"{where}.priority", minimum=MIN_PRIORITY, maximum=MAX_PRIORITY
        ),
        reset=_span(given, "reset", where),
        rollover=_rollover(given, where),
        cap=_cap(given, where),
        value=None if value is None else read_value(value, f"{where}.value"),
    )
    if terms.reset is not None and terms.quantity is None:
        raise Invalid(field=f"{where}.reset", problem="needs a quantity: what is unlimited does not start anew")
    if terms.rollover is not None and terms.reset is None:
        raise Invalid(field=f"{where}.rollover_quantity", problem="needs a reset: nothing goes on without one")
    if terms.value is not None and (terms.quantity is not None or terms.cap is not None):
        raise Invalid(field=f"{where}.value", problem="is read, not consumed: it has no quantity and no cap")
    return terms


def _rollover(given: Mapping[str, Any], where: str) -> Rollover | None:
    units, periods = _units(given, "rollover_quantity", where), given.get("rollover_periods")
    if units is None:
        if periods is not None:
            raise Invalid(field=f"{where}.rollover_periods", problem="needs rollover_quantity")
        return None
    if periods is not None:
        inputs.whole(periods, f"{where}.rollover_periods", maximum=MAX_ROLLOVER_PERIODS)
    return Rollover(quantity=units, periods=periods or 1)


def _cap(given: Mapping[str, Any], where: str) -> Cap | None:
    units, span = _units(given, "cap_quantity", where), _span(given, "cap_period", where)
    if (units is None) != (span is None):
        missing = "cap_quantity" if units is None else "cap_period"
        raise Invalid(field=f"{where}.{missing}", problem="a cap has a quantity and a period")
    return None if units is None or span is None else Cap(quantity=units, period=span)


def _units(given: Mapping[str, Any], name: str, where: str) -> int | None:
    units = given.get(name)
    return None if units is None else inputs.whole(units, f"{where}.{name}")


def _span(given: Mapping[str, Any], name: str, where: str) -> Period | None:
    span = given.get(name)
    return None if span is None else Period.parse(span, f"{where}.{name}")


def read_value(value: object, field: str) -> bool | int | str:
    """What a static feature may read. Raises Invalid."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return inputs.whole(value, field, minimum=0)
    if isinstance(value, str) and value:
        return inputs.text(value, field, maximum=MAX_VALUE_LENGTH)
    raise Invalid(field=field, problem="must be true, false, a whole number or a text")
