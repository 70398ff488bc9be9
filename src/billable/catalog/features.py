"""Verbs of features, and of the one namespace that they share with products."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import ForeignObjectRel, Max, Prefetch

from billable import inputs
from billable.catalog import thresholds
from billable.catalog.kinds import Overdraft, ValueType
from billable.catalog.models import CatalogName, Feature, FeatureCost, Product
from billable.db.locks import locked
from billable.db.units import unit_of_work, write_alias
from billable.errors import FeatureInUse, FeatureNotFound, Invalid, NameTaken, WrongFeatureType
from billable.inputs import Metadata


def list_features(*, include_inactive: bool = False) -> tuple[Feature, ...]:
    """The features by key, with what they can be paid from loaded."""
    features = Feature.objects.using(write_alias()).prefetch_related(
        Prefetch("costs", FeatureCost.objects.using(write_alias()).select_related("paid_from"))
    )
    return tuple(features if include_inactive else features.filter(is_active=True))


def get_feature(key: str) -> Feature:
    """One feature. Raises FeatureNotFound, Invalid."""
    feature = Feature.objects.using(write_alias()).filter(key=inputs.name(key, "feature")).first()
    if feature is None:
        raise FeatureNotFound(feature=key)
    return feature


@unit_of_work
def create_feature(
    key: str,
    *,
    name: str = "",
    unit: str = "",
    value_type: str = "",
    overdraft: str = "refuse",
    overdraft_limit: int | None = None,
    alerts: Sequence[str] = (),
    metadata: Metadata | None = None,
) -> Feature:
    """Create a feature. Raises NameTaken, WrongFeatureType, Invalid.

    It is metered: units of it are consumed. With a ``value_type`` (``flag``, ``limit``, ``text``) it is static:
    products give it a value, which is read. ``overdraft`` is what consuming more than is there does: ``refuse``,
    ``allow`` (until ``overdraft_limit`` units are owed) or ``record`` (however many). ``alerts`` are thresholds of use
    to tell of: ``"80%"`` of what was granted is used, ``"10 left"``.
    """
    feature = Feature(
        key=inputs.name(key, "key"),
        name=inputs.text(name, "name", maximum=200),
        unit=inputs.text(unit, "unit", maximum=50),
        value_type=inputs.word(value_type, ValueType, "value_type"),
        alerts=thresholds.written(alerts),
        metadata=inputs.metadata(metadata),
    )
    _set_overdraft(feature, overdraft, overdraft_limit)
    _refuse_alerts_of_static(feature)
    claim_name(feature.key, "feature")
    feature.save(using=write_alias())
    return feature


@unit_of_work
def update_feature(
    key: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    value_type: str | None = None,
    overdraft: str | None = None,
    overdraft_limit: int | None = None,
    alerts: Sequence[str] | None = None,
    is_active: bool | None = None,
    metadata: Metadata | None = None,
) -> Feature:
    """Change what a feature is called, how it is overdrawn, when to tell of its use, or whether it is offered.

    None leaves a part as it is. What was granted of an inactive feature stays usable, and what is owed stays owed. A
    ``value_type`` can change only while nothing names the feature. Raises FeatureNotFound, FeatureInUse,
    WrongFeatureType, Invalid.
    """
    locked(Feature.objects.filter(key=inputs.name(key, "key"))).first()
    feature = get_feature(key)
    if name is not None:
        feature.name = inputs.text(name, "name", maximum=200)
    if unit is not None:
        feature.unit = inputs.text(unit, "unit", maximum=50)
    if alerts is not None:
        feature.alerts = thresholds.written(alerts)
    if metadata is not None:
        feature.metadata = inputs.metadata(metadata)
    if value_type is not None:
        _set_value_type(feature, value_type)
    if overdraft is not None or overdraft_limit is not None:
        _set_overdraft(feature, feature.overdraft if overdraft is None else overdraft, overdraft_limit)
    _refuse_alerts_of_static(feature)
    feature.is_active = feature.is_active if is_active is None else inputs.flag(is_active, "is_active")
    feature.save(using=write_alias())
    return feature


@unit_of_work
def set_cost(feature: str, paid_from: str, *, per: int = 1, units: int = 1, position: int | None = None) -> FeatureCost:
    """Let ``per`` units of ``feature`` be paid with ``units`` of ``paid_from``; set again to change it.

    ``position`` orders several kinds of payment, lowest first (default: last). Costs do not chain.
    Raises FeatureNotFound, Invalid.
    """
    # Everybody who sets a cost of this feature waits here, so that no two take one position.
    locked(Feature.objects.filter(key=inputs.name(feature, "feature"))).first()
    bought, payer = get_feature(feature), get_feature(paid_from)
    for name, row in (("feature", bought), ("paid_from", payer)):
        refuse_static(row, name)
    if bought.pk == payer.pk:
        raise Invalid(field="paid_from", problem="a feature cannot be paid from itself")
    amounts = {"per": inputs.whole(per, "per"), "units": inputs.whole(units, "units")}
    costs = FeatureCost.objects.using(write_alias()).filter(feature=bought)
    existing = costs.filter(paid_from=payer).first()
    if position is not None:
        inputs.whole(position, "position", minimum=1, maximum=1000)
        if costs.filter(position=position).exclude(paid_from=payer).exists():
            raise Invalid(field="position", problem="is taken by another cost of this feature")
    elif existing is not None:
        position = existing.position
    else:
        position = (costs.aggregate(last=Max("position"))["last"] or 0) + 1
    cost = existing or FeatureCost(feature=bought, paid_from=payer)
    cost.per, cost.units, cost.position = amounts["per"], amounts["units"], position
    cost.save(using=write_alias())
    return cost


def can_be_overdrawn() -> bool:
    """Whether there is a feature that may be used before anything was granted."""
    return Feature.objects.using(write_alias()).exclude(overdraft=Overdraft.REFUSE.value).exists()


def _refuse_alerts_of_static(feature: Feature) -> None:
    if feature.alerts:
        refuse_static(feature, "alerts")


def refuse_static(feature: Feature, field: str = "feature") -> None:
    """Refuse to count units of a feature that has a value. Raises WrongFeatureType."""
    if feature.is_static:
        raise WrongFeatureType(field=field, problem=f"{feature.key} is read, not consumed: it has no units")


def refuse_metered(feature: Feature, field: str = "feature") -> None:
    """Refuse to read the value of a feature that is consumed. Raises WrongFeatureType."""
    if not feature.is_static:
        raise WrongFeatureType(field=field, problem=f"{feature.key} is consumed, not read: it has no value")


def refuse_value(feature: Feature, value: object, field: str) -> None:
    """Refuse a line or grant whose value does not fit its feature. Raises WrongFeatureType."""
    if feature.takes(value):
        return
    needed = {
        ValueType.METERED.value: "is consumed: it takes units, and no value",
        ValueType.FLAG.value: "is a flag: its value is true or false",
        ValueType.LIMIT.value: "is a limit: its value is a whole number",
        ValueType.TEXT.value: "is a text: its value is one",
    }
    raise WrongFeatureType(field=field, problem=f"{feature.key} {needed[feature.value_type]}")


def _set_value_type(feature: Feature, value_type: str) -> None:
    wanted = inputs.word(value_type, ValueType, "value_type")
    if wanted == feature.value_type:
        return
    for relation in Feature._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        rows = relation.related_model._base_manager.using(write_alias())
        if rows.filter(**{relation.field.name: feature}).exists():
            raise FeatureInUse(feature=feature.key)
    feature.value_type = wanted


def _set_overdraft(feature: Feature, overdraft: str, limit: int | None) -> None:
    feature.overdraft = inputs.word(overdraft, Overdraft, "overdraft")
    if feature.is_static and feature.overdraft != Overdraft.REFUSE.value:
        raise WrongFeatureType(field="overdraft", problem=f"{feature.key} is read, not consumed: it has no units")
    if feature.overdraft != Overdraft.ALLOW.value:
        if limit is not None:
            raise Invalid(field="overdraft_limit", problem="goes with the overdraft 'allow'")
        feature.overdraft_limit = None
        return
    given = feature.overdraft_limit if limit is None else limit
    if given is None:
        raise Invalid(field="overdraft_limit", problem="is required with the overdraft 'allow'")
    feature.overdraft_limit = inputs.whole(given, "overdraft_limit")


def feature_named(key: str, value: object = None) -> Feature:
    """The feature of this key, made when there is none: a static one for a value. Raises NameTaken for a product's."""
    features = Feature.objects.using(write_alias()).filter(key=key)
    found = features.first()
    if found is not None:
        return found
    try:
        return create_feature(key, value_type=ValueType.of(value).value)
    except NameTaken:
        # Somebody else's product may have brought it while we waited.
        found = features.first()
        if found is None:
            raise
        return found


def claim_name(name: str, kind: str) -> None:
    """Take a name for a ``product`` or a ``feature``. Raises NameTaken."""
    names = CatalogName.objects.using(write_alias())
    taken = names.filter(name=name).exists()
    if not taken:
        names.bulk_create([CatalogName(name=name, kind=kind)], ignore_conflicts=True)
        model, column = (Product, "sku") if kind == "product" else (Feature, "key")
        # Two at once: the loser's insert waited for the winner's commit, so the winner's row is visible now.
        taken = (
            names.get(name=name).kind != kind
            or model._base_manager.using(write_alias()).filter(**{column: name}).exists()
        )
    if taken:
        raise NameTaken(name=name)
