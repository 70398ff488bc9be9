"""Lines say how often their units come anew, what of them goes on, how fast they may be used, or a value.

All columns are empty on rows that exist: their terms stay what they were.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import Q

from billable.compat import check_constraint

UNITS = ["day", "week", "month", "year"]
MAX_UNITS = 10**12
LINES = ("orderitemfeature", "productfeature")


def count(**more: Any) -> models.Field[Any, Any]:
    return models.PositiveSmallIntegerField(blank=True, null=True, **more)


def unit() -> models.Field[Any, Any]:
    return models.CharField(blank=True, choices=[(each, each) for each in UNITS], max_length=5, null=True)


def units(**more: Any) -> models.Field[Any, Any]:
    return models.BigIntegerField(blank=True, null=True, **more)


def columns() -> dict[str, models.Field[Any, Any]]:
    return {
        "reset_count": count(help_text="Empty: given once."),
        "reset_unit": unit(),
        "rollover_quantity": units(help_text="So many unused units go on at a reset. Empty: none."),
        "rollover_periods": count(help_text="For so many periods."),
        "cap_quantity": units(help_text="At most so many. Empty: no cap."),
        "cap_period_count": count(help_text="In so many …"),
        "cap_period_unit": unit(),
        "value": models.JSONField(blank=True, help_text="What a static feature reads: true, 10, “eu-west”.", null=True),
    }


def absent(*names: str) -> Q:
    return Q(**{f"{name}__isnull": True for name in names})


def present(name: str) -> Q:
    return Q(**{f"{name}__isnull": False, f"{name}__gte": 1, f"{name}__lte": MAX_UNITS})


def span(prefix: str) -> Q:
    return Q(
        **{
            f"{prefix}_count__isnull": False,
            f"{prefix}_count__gte": 1,
            f"{prefix}_unit__isnull": False,
            f"{prefix}_unit__in": UNITS,
        }
    )


def cap() -> Q:
    return absent("cap_quantity", "cap_period_count", "cap_period_unit") | (
        present("cap_quantity") & span("cap_period")
    )


def constraints(table: str) -> dict[str, Q]:
    rolled = present("rollover_quantity") & Q(
        rollover_periods__isnull=False, rollover_periods__gte=1, rollover_periods__lte=100
    )
    static = Q(value__isnull=False, quantity__isnull=True, reset_count__isnull=True, cap_quantity__isnull=True)
    return {
        f"billable_{table}_reset": absent("reset_count", "reset_unit") | span("reset"),
        f"billable_{table}_reset_units": Q(reset_count__isnull=True)
        | Q(reset_count__isnull=False, quantity__isnull=False),
        f"billable_{table}_rollover": absent("rollover_quantity", "rollover_periods")
        | (rolled & Q(reset_count__isnull=False)),
        f"billable_{table}_cap": cap(),
        f"billable_{table}_static": Q(value__isnull=True) | static,
    }


class Migration(migrations.Migration):
    dependencies = [("billable", "0003_holds")]

    operations = [
        *(
            migrations.AddField(model_name=table, name=name, field=field)
            for table in LINES
            for name, field in columns().items()
        ),
        migrations.AddField(
            model_name="grant",
            name="value",
            field=models.JSONField(blank=True, help_text="What a static feature reads.", null=True),
        ),
        migrations.AlterField(
            model_name="orderitemfeature",
            name="period_count",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Empty: for ever.", null=True),
        ),
        migrations.AlterField(
            model_name="orderitemfeature",
            name="priority",
            field=models.SmallIntegerField(default=100, help_text="Lower is used up first."),
        ),
        *(
            migrations.AddConstraint(model_name=table, constraint=check_constraint(condition, name=name))
            for table in LINES
            for name, condition in constraints(table).items()
        ),
        migrations.AddConstraint(model_name="grant", constraint=check_constraint(cap(), name="billable_grant_cap")),
        migrations.AddConstraint(
            model_name="grant",
            constraint=check_constraint(
                Q(value__isnull=True) | Q(value__isnull=False, quantity__isnull=True), name="billable_grant_static"
            ),
        ),
    ]
