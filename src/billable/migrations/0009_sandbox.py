"""Customers of the sandbox, whose clock can be moved, and the receipts of that. Those that exist are real."""

import django.db.models.deletion
from django.db import migrations, models

import billable.db.fields
import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [("billable", "0008_roll_out")]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="is_sandbox",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Made for trying things out: its clock can be moved. Said when it is made, and never changed.",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="clock_offset_seconds",
            field=models.BigIntegerField(
                default=0, editable=False, help_text="By how much its clock is ahead of everybody's."
            ),
        ),
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                fields=["next_change_at"],
                condition=models.Q(is_sandbox=True),
                name="billable_customer_sandbox",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=check_constraint(
                models.Q(clock_offset_seconds=0) | models.Q(is_sandbox=True, clock_offset_seconds__gt=0),
                name="billable_customer_clock",
            ),
        ),
        migrations.CreateModel(
            name="ClockMove",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "asked",
                    models.CharField(help_text="What the caller asked for: a span, or an instant.", max_length=100),
                ),
                ("idempotency_key", billable.db.fields.KeyField(blank=True, max_length=200, null=True)),
                ("started_at", models.DateTimeField(help_text="What time it was for the customer.")),
                ("from_offset_seconds", models.BigIntegerField()),
                ("to_offset_seconds", models.BigIntegerField()),
                (
                    "finished_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="What time it is for the customer since. Empty: it is still on the way.",
                        null=True,
                    ),
                ),
                (
                    "happened",
                    models.JSONField(
                        blank=True, default=dict, help_text="How much of what fell due: {grants: 2, orders: 1}"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="clock_moves",
                        to="billable.customer",
                    ),
                ),
            ],
            options={
                "db_table": "billable_clockmove",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "idempotency_key"), name="billable_clockmove_customer_key"
                    ),
                    check_constraint(
                        models.Q(from_offset_seconds__gte=0, to_offset_seconds__gt=models.F("from_offset_seconds")),
                        name="billable_clockmove_forwards",
                    ),
                    check_constraint(
                        models.Q(finished_at__isnull=True)
                        | models.Q(finished_at__isnull=False, finished_at__gt=models.F("started_at")),
                        name="billable_clockmove_finished",
                    ),
                ],
            },
        ),
    ]
