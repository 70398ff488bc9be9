"""Recurring allowances: their table, and which grants they gave. No verb made one before, so there are no rows to fill."""

import django.db.models.deletion
from django.db import migrations, models

import billable.db.fields
import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0004_line_terms"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("quantity", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("period_count", models.PositiveSmallIntegerField(blank=True, help_text="Empty: for ever.", null=True)),
                (
                    "period_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                ("priority", models.SmallIntegerField(default=100, help_text="Lower is used up first.")),
                (
                    "reset_count",
                    models.PositiveSmallIntegerField(blank=True, help_text="Empty: given once.", null=True),
                ),
                (
                    "reset_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                (
                    "rollover_quantity",
                    models.BigIntegerField(
                        blank=True, help_text="So many unused units go on at a reset. Empty: none.", null=True
                    ),
                ),
                (
                    "rollover_periods",
                    models.PositiveSmallIntegerField(blank=True, help_text="For so many periods.", null=True),
                ),
                (
                    "cap_quantity",
                    models.BigIntegerField(blank=True, help_text="At most so many. Empty: no cap.", null=True),
                ),
                ("cap_period_count", models.PositiveSmallIntegerField(blank=True, help_text="In so many …", null=True)),
                (
                    "cap_period_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                (
                    "value",
                    models.JSONField(
                        blank=True, help_text="What a static feature reads: true, 10, “eu-west”.", null=True
                    ),
                ),
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("order", "order"),
                            ("trial", "trial"),
                            ("default", "default"),
                            ("manual", "manual"),
                            ("exchange", "exchange"),
                            ("referral", "referral"),
                            ("transfer", "transfer"),
                            ("dispute", "dispute"),
                            ("allowance", "allowance"),
                            ("rollover", "rollover"),
                        ],
                        max_length=20,
                    ),
                ),
                ("source_id", billable.db.fields.KeyField(max_length=200)),
                ("line", models.PositiveIntegerField()),
                (
                    "reduced",
                    models.BigIntegerField(
                        default=0, help_text="How much less each period to come gives: refunds took it."
                    ),
                ),
                ("pieces", models.PositiveIntegerField(default=1, help_text="How many of the product made it.")),
                ("zone", models.CharField(default="UTC", max_length=64)),
                ("anchor", models.DateTimeField(help_text="Where its periods are counted from.")),
                ("expires_at", models.DateTimeField(blank=True, help_text="Empty: never.", null=True)),
                (
                    "next_index",
                    models.PositiveIntegerField(default=1, help_text="The first period that has no row yet."),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        blank=True, help_text="When that period starts. Empty: none comes.", null=True
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, help_text="Since when it is over for good.", null=True)),
                (
                    "ended_as",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("expired", "expired"),
                            ("revoked", "revoked"),
                            ("refunded", "refunded"),
                            ("disputed", "disputed"),
                            ("transferred", "transferred"),
                        ],
                        max_length=20,
                    ),
                ),
                ("ended_reason", models.CharField(blank=True, max_length=500)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "db_table": "billable_allowance",
                "ordering": ("-id",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="billable_grant_known_source",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="billable_ledgerentry_known_kind",
        ),
        migrations.AddField(
            model_name="grant",
            name="rolled_from",
            field=models.PositiveIntegerField(
                blank=True, help_text="The period of the allowance that left these units unused.", null=True
            ),
        ),
        migrations.AddField(
            model_name="refundgrant",
            name="reduced",
            field=models.BigIntegerField(
                default=0, help_text="How much less each period to come of an allowance gives."
            ),
        ),
        migrations.AddField(
            model_name="refundgrant",
            name="taken_ahead",
            field=models.BigIntegerField(default=0, help_text="What it took of periods to come. Without end: 0."),
        ),
        migrations.AlterField(
            model_name="grant",
            name="source",
            field=models.CharField(
                choices=[
                    ("order", "order"),
                    ("trial", "trial"),
                    ("default", "default"),
                    ("manual", "manual"),
                    ("exchange", "exchange"),
                    ("referral", "referral"),
                    ("transfer", "transfer"),
                    ("dispute", "dispute"),
                    ("allowance", "allowance"),
                    ("rollover", "rollover"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="cause_type",
            field=models.CharField(
                choices=[
                    ("grant", "grant"),
                    ("usage", "usage"),
                    ("adjustment", "adjustment"),
                    ("hold", "hold"),
                    ("order", "order"),
                    ("trial", "trial"),
                    ("refund", "refund"),
                    ("dispute", "dispute"),
                    ("exchange", "exchange"),
                    ("referral", "referral"),
                    ("merge", "merge"),
                    ("allowance", "allowance"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("grant", "grant"),
                    ("consume", "consume"),
                    ("reverse", "reverse"),
                    ("expire", "expire"),
                    ("rollover", "rollover"),
                    ("revoke", "revoke"),
                    ("refund", "refund"),
                    ("dispute", "dispute"),
                    ("transfer", "transfer"),
                    ("hold", "hold"),
                    ("capture", "capture"),
                    ("release", "release"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=check_constraint(
                models.Q(
                    (
                        "kind__in",
                        [
                            "grant",
                            "consume",
                            "reverse",
                            "expire",
                            "rollover",
                            "revoke",
                            "refund",
                            "dispute",
                            "transfer",
                            "hold",
                            "capture",
                            "release",
                        ],
                    )
                ),
                name="billable_ledgerentry_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundgrant",
            constraint=check_constraint(
                models.Q(("reduced__gte", 0), ("taken_ahead__gte", 0)), name="billable_refundgrant_ahead"
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="customer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allowances",
                to="billable.customer",
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="feature",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allowances",
                to="billable.feature",
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="origin",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The first allowance of its line, which it carries on after a merge or a dispute.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="heirs",
                to="billable.allowance",
            ),
        ),
        migrations.AddField(
            model_name="allowance",
            name="product",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allowances",
                to="billable.product",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="allowance",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="What gives it anew each period.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grants",
                to="billable.allowance",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("allowance__isnull", False)), fields=["allowance"], name="billable_grant_allowance"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=check_constraint(
                models.Q(
                    ("rolled_from__isnull", True),
                    models.Q(("allowance__isnull", False), ("rolled_from__isnull", False)),
                    _connector="OR",
                ),
                name="billable_grant_rolled",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=check_constraint(
                models.Q(
                    (
                        "source__in",
                        [
                            "order",
                            "trial",
                            "default",
                            "manual",
                            "exchange",
                            "referral",
                            "transfer",
                            "dispute",
                            "allowance",
                            "rollover",
                        ],
                    )
                ),
                name="billable_grant_known_source",
            ),
        ),
        migrations.AddIndex(
            model_name="allowance",
            index=models.Index(fields=["customer", "feature", "next_at"], name="billable_allowance_due"),
        ),
        migrations.AddIndex(
            model_name="allowance",
            index=models.Index(
                condition=models.Q(("origin__isnull", False)), fields=["origin"], name="billable_allowance_origin"
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.UniqueConstraint(
                fields=("customer", "source", "source_id", "line"), name="billable_allowance_customer_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(("period_count__isnull", True), ("period_unit__isnull", True)),
                    models.Q(
                        ("period_count__gte", 1),
                        ("period_count__isnull", False),
                        ("period_unit__in", ["day", "week", "month", "year"]),
                        ("period_unit__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(("reset_count__isnull", True), ("reset_unit__isnull", True)),
                    models.Q(
                        ("reset_count__gte", 1),
                        ("reset_count__isnull", False),
                        ("reset_unit__in", ["day", "week", "month", "year"]),
                        ("reset_unit__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_reset",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(
                        ("cap_period_count__isnull", True),
                        ("cap_period_unit__isnull", True),
                        ("cap_quantity__isnull", True),
                    ),
                    models.Q(
                        ("cap_quantity__gte", 1),
                        ("cap_quantity__isnull", False),
                        ("cap_quantity__lte", 1000000000000),
                        ("cap_period_count__gte", 1),
                        ("cap_period_count__isnull", False),
                        ("cap_period_unit__in", ["day", "week", "month", "year"]),
                        ("cap_period_unit__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_cap",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    ("expires_at__isnull", True),
                    models.Q(("expires_at__gt", models.F("anchor")), ("expires_at__isnull", False)),
                    _connector="OR",
                ),
                name="billable_allowance_window",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    ("next_at__isnull", True),
                    models.Q(
                        ("ended_at__isnull", True),
                        ("next_at__gt", models.F("anchor")),
                        ("next_at__isnull", False),
                        models.Q(
                            ("expires_at__isnull", True),
                            models.Q(("expires_at__gt", models.F("next_at")), ("expires_at__isnull", False)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_next",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                    models.Q(
                        ("ended_as__in", ["expired", "revoked", "refunded", "disputed", "transferred"]),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    (
                        "source__in",
                        [
                            "order",
                            "trial",
                            "default",
                            "manual",
                            "exchange",
                            "referral",
                            "transfer",
                            "dispute",
                            "allowance",
                            "rollover",
                        ],
                    )
                ),
                name="billable_allowance_known_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    ("quantity__gte", 1),
                    ("quantity__isnull", False),
                    ("quantity__lte", 1000000000000),
                    ("reduced__gte", 0),
                    ("reduced__lt", models.F("quantity")),
                ),
                name="billable_allowance_units",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(("reset_count__isnull", False), ("value__isnull", True)), name="billable_allowance_recurs"
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(("rollover_periods__isnull", True), ("rollover_quantity__isnull", True)),
                    models.Q(
                        ("rollover_periods__gte", 1),
                        ("rollover_periods__isnull", False),
                        ("rollover_periods__lte", 100),
                        ("rollover_quantity__gte", 1),
                        ("rollover_quantity__isnull", False),
                        ("rollover_quantity__lte", 1000000000000),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_rollover",
            ),
        ),
    ]
