"""Changes of plan: what was changed and for what, and what was credited of what was paid before."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import billable.db.fields
import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0009_sandbox"),
    ]

    operations = [
        migrations.CreateModel(
            name="PlanChange",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="plan_changes",
                        to="billable.customer",
                    ),
                ),
                (
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="billable.subscription"
                    ),
                ),
                (
                    "from_product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
                    ),
                ),
                (
                    "to_product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
                    ),
                ),
                ("kind", models.CharField(choices=[("plan", "plan"), ("seats", "seats")], max_length=10)),
                ("at", models.CharField(choices=[("now", "now"), ("period_end", "period_end")], max_length=10)),
                (
                    "money",
                    models.CharField(
                        blank=True, choices=[("pro_rata_seconds", "pro_rata_seconds"), ("none", "none")], max_length=20
                    ),
                ),
                (
                    "units",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("carry_usage", "carry_usage"),
                            ("regrant", "regrant"),
                            ("carry_balance", "carry_balance"),
                            ("pro_rata_units", "pro_rata_units"),
                        ],
                        max_length=20,
                    ),
                ),
                ("release_holds", models.BooleanField(default=False)),
                ("period_index", models.PositiveIntegerField(help_text="The period in which it was asked for.")),
                ("from_seats", models.PositiveIntegerField()),
                ("to_seats", models.PositiveIntegerField()),
                (
                    "interval_count",
                    models.PositiveSmallIntegerField(help_text="How long a period of it was agreed to last."),
                ),
                (
                    "interval_unit",
                    models.CharField(
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")], max_length=5
                    ),
                ),
                (
                    "grace_days",
                    models.PositiveSmallIntegerField(help_text="How long it was agreed to go on when one is not paid."),
                ),
                ("currency", models.CharField(max_length=10)),
                (
                    "price_minor",
                    models.BigIntegerField(
                        help_text="What it costs a whole period, before tax that is not in the prices; of added seats, theirs alone."
                    ),
                ),
                (
                    "promised",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="[[line, feature, units or null (unlimited)], …] that this gives it.",
                    ),
                ),
                (
                    "credited_minor",
                    models.BigIntegerField(default=0, help_text="What was credited for what was paid before."),
                ),
                ("charged_minor", models.BigIntegerField(default=0)),
                (
                    "time_left",
                    models.DurationField(
                        blank=True, help_text="What was left of the period when it was made.", null=True
                    ),
                ),
                (
                    "effective_at",
                    models.DateTimeField(blank=True, help_text="Since when it is so, or will be.", null=True),
                ),
                ("applied_at", models.DateTimeField(blank=True, null=True)),
                ("dropped_at", models.DateTimeField(blank=True, help_text="Since when it will not be.", null=True)),
                ("idempotency_key", billable.db.fields.KeyField(blank=True, max_length=200, null=True)),
            ],
            options={
                "db_table": "billable_planchange",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "idempotency_key"), name="billable_planchange_customer_key"
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("at", "period_end"),
                                ("charged_minor", 0),
                                ("credited_minor", 0),
                                ("money", ""),
                                ("units", ""),
                            ),
                            models.Q(
                                ("at", "now"),
                                ("money__in", ["pro_rata_seconds", "none"]),
                                ("time_left__isnull", False),
                                ("units__in", ["carry_usage", "regrant", "carry_balance", "pro_rata_units"]),
                            ),
                            _connector="OR",
                        ),
                        name="billable_planchange_policies",
                    ),
                    check_constraint(
                        models.Q(("charged_minor__gte", 0), ("credited_minor__gte", 0), ("price_minor__gte", 0)),
                        name="billable_planchange_amounts",
                    ),
                    check_constraint(
                        models.Q(
                            ("from_seats__gte", 1),
                            ("to_seats__gte", 1),
                            ("to_seats__lte", 1000000),
                            models.Q(
                                models.Q(("from_product", models.F("to_product")), _negated=True),
                                models.Q(("from_seats", models.F("to_seats")), _negated=True),
                                _connector="OR",
                            ),
                        ),
                        name="billable_planchange_changes",
                    ),
                    check_constraint(
                        models.Q(
                            ("kind", "plan"),
                            models.Q(
                                ("at", "now"),
                                ("from_product", models.F("to_product")),
                                ("kind", "seats"),
                                ("to_seats__gt", models.F("from_seats")),
                            ),
                            _connector="OR",
                        ),
                        name="billable_planchange_seats_are_added",
                    ),
                    check_constraint(
                        models.Q(("interval_count__gte", 1), ("interval_unit__in", ["day", "week", "month", "year"])),
                        name="billable_planchange_interval",
                    ),
                    check_constraint(
                        models.Q(
                            ("applied_at__isnull", True),
                            models.Q(("applied_at__isnull", False), ("dropped_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="billable_planchange_applied_or_dropped",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="orderitem",
            name="credited_minor",
            field=models.BigIntegerField(default=0, help_text="What a change of plan credited: it never goes back."),
        ),
        migrations.RemoveConstraint(
            model_name="allowance",
            name="billable_allowance_ended",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="billable_ledgerentry_known_kind",
        ),
        migrations.AlterField(
            model_name="allowance",
            name="ended_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("expired", "expired"),
                    ("revoked", "revoked"),
                    ("refunded", "refunded"),
                    ("disputed", "disputed"),
                    ("transferred", "transferred"),
                    ("replaced", "replaced"),
                    ("changed", "changed"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="ended_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("expired", "expired"),
                    ("revoked", "revoked"),
                    ("refunded", "refunded"),
                    ("disputed", "disputed"),
                    ("transferred", "transferred"),
                    ("replaced", "replaced"),
                    ("changed", "changed"),
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
                    ("debt", "debt"),
                    ("roll_out", "roll_out"),
                    ("change", "change"),
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
                    ("change", "change"),
                    ("hold", "hold"),
                    ("capture", "capture"),
                    ("release", "release"),
                    ("repay", "repay"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=check_constraint(
                models.Q(
                    models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                    models.Q(
                        (
                            "ended_as__in",
                            ["expired", "revoked", "refunded", "disputed", "transferred", "replaced", "changed"],
                        ),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_ended",
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
                            "change",
                            "hold",
                            "capture",
                            "release",
                            "repay",
                        ],
                    )
                ),
                name="billable_ledgerentry_known_kind",
            ),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="change",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="item",
                to="billable.planchange",
            ),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="credited_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="credits",
                to="billable.planchange",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
                models.Q(
                    ("credited_minor__gte", 0),
                    (
                        "credited_minor__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("quantity"), "*", models.F("unit_amount_minor")
                                ),
                                "-",
                                models.F("discount_minor"),
                            ),
                            "+",
                            models.F("credit_minor"),
                        ),
                    ),
                    models.Q(
                        ("credited_minor", 0),
                        models.Q(("credited_by__isnull", False), ("subscription__isnull", False)),
                        _connector="OR",
                    ),
                ),
                name="billable_orderitem_credited",
            ),
        ),
    ]
