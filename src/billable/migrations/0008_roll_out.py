"""A change of a product can be brought to those who hold it: what was changed of what they hold is a row each.

Allowances that exist replace none.
"""

import django.db.models.deletion
from django.db import migrations, models

import billable.db.fields
import billable.ids


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0007_subscriptions"),
    ]

    operations = [
        migrations.CreateModel(
            name="RollOut",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("policy", models.CharField(choices=[("next_period", "next_period"), ("now", "now")], max_length=20)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("terms", "terms"),
                            ("units", "units"),
                            ("cap", "cap"),
                            ("value", "value"),
                            ("line", "line"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "holding_source",
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
                            ("roll_out", "roll_out"),
                        ],
                        max_length=20,
                    ),
                ),
                ("holding_id", billable.db.fields.KeyField(max_length=200)),
                (
                    "quantity",
                    models.BigIntegerField(
                        blank=True, help_text="Units that were added. Empty: none, or no end.", null=True
                    ),
                ),
            ],
            options={
                "db_table": "billable_rollout",
                "ordering": ("-id",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="allowance",
            name="billable_allowance_ended",
        ),
        migrations.RemoveConstraint(
            model_name="allowance",
            name="billable_allowance_known_source",
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="billable_grant_known_source",
        ),
        migrations.AddField(
            model_name="allowance",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The allowance on other terms that gave the periods before; after a roll-out.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billable.allowance",
            ),
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
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="allowance",
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
                    ("roll_out", "roll_out"),
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
                ],
                max_length=20,
            ),
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
                    ("roll_out", "roll_out"),
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
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                    models.Q(
                        ("ended_as__in", ["expired", "revoked", "refunded", "disputed", "transferred", "replaced"]),
                        ("ended_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billable_allowance_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="allowance",
            constraint=models.CheckConstraint(
                condition=models.Q(
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
                            "roll_out",
                        ],
                    )
                ),
                name="billable_allowance_known_source",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
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
                            "roll_out",
                        ],
                    )
                ),
                name="billable_grant_known_source",
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="allowance",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="roll_outs",
                to="billable.allowance",
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="customer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="roll_outs",
                to="billable.customer",
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="grant",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="roll_outs",
                to="billable.grant",
            ),
        ),
        migrations.AddField(
            model_name="rollout",
            name="product",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="roll_outs", to="billable.product"
            ),
        ),
        migrations.AddIndex(
            model_name="rollout",
            index=models.Index(fields=["customer", "product"], name="billable_rollout_held"),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(("policy__in", ["next_period", "now"])), name="billable_rollout_known_policy"
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["terms", "units", "cap", "value", "line"])),
                name="billable_rollout_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="rollout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("quantity__isnull", True),
                    models.Q(("quantity__gte", 1), ("quantity__isnull", False), ("quantity__lte", 1000000000000)),
                    _connector="OR",
                ),
                name="billable_rollout_quantity",
            ),
        ),
    ]
