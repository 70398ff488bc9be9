"""Caps count what is used in a window, features may be static or overdrawn, and what is overdrawn is a debt.

Rows that exist are metered, are refused beyond what is there, and have used nothing of a cap: as they were.
"""

import django.db.models.deletion
from django.db import migrations, models

import billable.ids


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0005_allowances"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="has_owed",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Whether it, or one it absorbed, ever used more than was there.",
            ),
        ),
        migrations.CreateModel(
            name="Debt",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("units", models.BigIntegerField()),
                ("repaid", models.BigIntegerField(default=0, help_text="Taken from later grants.")),
                ("forgiven", models.BigIntegerField(default=0, help_text="Given back by reversals.")),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, help_text="Since when nothing is owed of it.", null=True),
                ),
            ],
            options={
                "db_table": "billable_debt",
                "ordering": ("-id",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="billable_ledgerentry_known_kind",
        ),
        migrations.AddField(
            model_name="feature",
            name="overdraft",
            field=models.CharField(
                choices=[("refuse", "refuse"), ("allow", "allow"), ("record", "record")],
                default="refuse",
                help_text="What happens when more is consumed than is there.",
                max_length=6,
            ),
        ),
        migrations.AddField(
            model_name="feature",
            name="overdraft_limit",
            field=models.BigIntegerField(
                blank=True, help_text="Where it is allowed: how many units may be owed.", null=True
            ),
        ),
        migrations.AddField(
            model_name="feature",
            name="value_type",
            field=models.CharField(
                blank=True,
                choices=[("", "metered"), ("flag", "flag"), ("limit", "limit"), ("text", "text")],
                help_text="Empty: it is consumed. Else its lines carry a value of this type, which is read.",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="holdleg",
            name="cap_index",
            field=models.PositiveIntegerField(
                blank=True, help_text="The window of its grant's cap that counts it. Empty: no cap.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="cap_index",
            field=models.PositiveIntegerField(default=0, help_text="The window of the cap that was last used."),
        ),
        migrations.AlterField(
            model_name="grant",
            name="cap_used",
            field=models.BigIntegerField(default=0, help_text="What was taken in it."),
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
                    ("repay", "repay"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="feature",
            constraint=models.CheckConstraint(
                condition=models.Q(("value_type__in", ["", "flag", "limit", "text"])),
                name="billable_feature_known_value_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="feature",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("overdraft__in", ["refuse", "record"]), ("overdraft_limit__isnull", True)),
                    models.Q(
                        ("overdraft", "allow"),
                        ("overdraft_limit__gte", 1),
                        ("overdraft_limit__isnull", False),
                        ("overdraft_limit__lte", 1000000000000),
                    ),
                    _connector="OR",
                ),
                name="billable_feature_overdraft",
            ),
        ),
        migrations.AddConstraint(
            model_name="feature",
            constraint=models.CheckConstraint(
                condition=models.Q(("value_type", ""), ("overdraft", "refuse"), _connector="OR"),
                name="billable_feature_static",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cap_quantity__isnull", True), ("cap_used", 0)),
                    models.Q(
                        ("cap_quantity__isnull", False),
                        ("cap_used__gte", 0),
                        ("cap_used__lte", models.F("cap_quantity")),
                    ),
                    _connector="OR",
                ),
                name="billable_grant_cap_used",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
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
                            "repay",
                        ],
                    )
                ),
                name="billable_ledgerentry_known_kind",
            ),
        ),
        migrations.AddField(
            model_name="debt",
            name="customer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="debts",
                to="billable.customer",
            ),
        ),
        migrations.AddField(
            model_name="debt",
            name="feature",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="debts", to="billable.feature"
            ),
        ),
        migrations.AddField(
            model_name="debt",
            name="usage",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="debt", to="billable.usage"
            ),
        ),
        migrations.AddIndex(
            model_name="debt",
            index=models.Index(fields=["customer", "feature", "closed_at"], name="billable_debt_open"),
        ),
        migrations.AddConstraint(
            model_name="debt",
            constraint=models.CheckConstraint(
                condition=models.Q(("units__gte", 1), ("units__lte", 1000000000000)), name="billable_debt_units"
            ),
        ),
        migrations.AddConstraint(
            model_name="debt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("forgiven__gte", 0), ("repaid__gte", 0), ("repaid__lte", models.F("units") - models.F("forgiven"))
                ),
                name="billable_debt_repaid",
            ),
        ),
        migrations.AddConstraint(
            model_name="debt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("repaid__lt", models.F("units") - models.F("forgiven"))),
                    models.Q(("closed_at__isnull", False), ("repaid", models.F("units") - models.F("forgiven"))),
                    _connector="OR",
                ),
                name="billable_debt_closed",
            ),
        ),
    ]
