"""Verbs of features, and of the one namespace that they share with products."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Max, Prefetch

from billable import inputs
from billable.catalog import thresholds
from billable.catalog.models import CatalogName, Feature, FeatureCost, Product
from billable.db.locks import locked
from billable.db.units import unit_of_work, write_alias
from billable.errors import FeatureNotFound, Invalid, NameTaken
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
    key: str, *, name: str = "", unit: str = "", alerts: Sequence[str] = (), metadata: Metadata | None = None
) -> Feature:
    """Create a feature. ``alerts`` are thresholds of use to tell of: ``"80%"`` of what was granted, ``"10 left"``.

    Raises NameTaken, Invalid.
    """
    feature = Feature(
        key=inputs.name(key, "key"),
        name=inputs.text(name, "name", maximum=200),
        unit=inputs.text(unit, "unit", maximum=50),
        alerts=thresholds.written(alerts),
        metadata=inputs.metadata(metadata),
    )
    claim_name(feature.key, "feature")
    feature.save(using=write_alias())
    return feature


@unit_of_work
def update_feature(
    key: str,
    *,
    name: str | None = None,
    unit: str | None = None,
    alerts: Sequence[str] | None = None,
    is_active: bool | None = None,
    metadata: Metadata | None = None,
) -> Feature:
    """Change what a feature is called, when to tell of its use, or whether it is offered; None leaves a part as it is.

    What was granted of an inactive feature stays usable. Raises FeatureNotFound, Invalid.
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


def feature_named(key: str) -> Feature:
    """The feature of this key, made when there is none. Raises NameTaken when it is a product's."""
    features = Feature.objects.using(write_alias()).filter(key=key)
    found = features.first()
    if found is not None:
        return found
    try:
        return create_feature(key)
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
