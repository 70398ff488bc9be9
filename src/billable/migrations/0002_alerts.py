"""Alerts: thresholds of features, the notices of those that were crossed, and of grants that run out."""

import django.db.models.deletion
from django.db import migrations, models

import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [("billable", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="feature",
            name="alerts",
            field=models.CharField(
                blank=True,
                default="",
                help_text="When to tell of a customer's use: 80% (of what was granted is used), 10 left. Separated by commas.",
                max_length=200,
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False), ("ended_at__isnull", True)),
                fields=["customer", "feature", "expires_at"],
                name="billable_grant_emptied",
            ),
        ),
        migrations.CreateModel(
            name="AlertNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("threshold", models.CharField(help_text="Such as “80%” or “10 left”.", max_length=24)),
                (
                    "since",
                    models.DateTimeField(
                        help_text="When the newest of the grants that were running began: what a period is."
                    ),
                ),
                (
                    "used",
                    models.BigIntegerField(help_text="How many units of the running grants were used then."),
                ),
                ("granted", models.BigIntegerField(help_text="How many units they were granted with.")),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alert_notices",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alert_notices",
                        to="billable.feature",
                    ),
                ),
                (
                    "usage",
                    models.ForeignKey(
                        db_constraint=False,
                        help_text="What crossed it.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alert_notices",
                        to="billable.usage",
                    ),
                ),
            ],
            options={
                "db_table": "billable_alertnotice",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=["customer", "feature", "threshold", "since"], name="billable_alertnotice_once"
                    ),
                    check_constraint(
                        models.Q(("granted__gte", 1), ("used__gte", 1), ("used__lte", models.F("granted"))),
                        name="billable_alertnotice_units",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ExpiryNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("expires_at", models.DateTimeField()),
                (
                    "units",
                    models.BigIntegerField(blank=True, help_text="What was left then. Empty: unlimited.", null=True),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="expiry_notices",
                        to="billable.customer",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="expiry_notices",
                        to="billable.grant",
                    ),
                ),
            ],
            options={
                "db_table": "billable_expirynotice",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=["customer", "grant", "expires_at"], name="billable_expirynotice_once"
                    ),
                    check_constraint(
                        models.Q(("units__isnull", True), ("units__gte", 1), _connector="OR"),
                        name="billable_expirynotice_units",
                    ),
                ],
            },
        ),
    ]
