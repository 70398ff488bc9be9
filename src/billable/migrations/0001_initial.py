"""The tables of the engine: catalogue, customers, quota with its ledger, orders with payments, trials."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import billable.db.fields
import billable.ids
from billable.compat import check_constraint
from billable.conf import knobs


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(knobs.user_model),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogName",
            fields=[
                ("name", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("product", "product"), ("feature", "feature")], max_length=10)),
            ],
            options={
                "db_table": "billable_catalogname",
            },
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(blank=True, max_length=200)),
                (
                    "unit",
                    models.CharField(blank=True, help_text="What one unit is called, such as “export”.", max_length=50),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "billable_feature",
                "ordering": ("key",),
            },
        ),
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("sku", models.CharField(max_length=64, unique=True, verbose_name="SKU")),
                ("name", models.CharField(blank=True, max_length=200)),
                ("description", models.TextField(blank=True)),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Inactive products are not sold; what was sold stays usable."
                    ),
                ),
                ("is_trial", models.BooleanField(default=False, help_text="Started once per identity, never ordered.")),
                ("is_default", models.BooleanField(default=False, help_text="Granted to every new customer.")),
                (
                    "trial_campaign",
                    models.CharField(
                        blank=True,
                        help_text="Trials of one campaign exclude each other. Empty: the SKU.",
                        max_length=64,
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "billable_product",
                "ordering": ("sku",),
            },
        ),
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "zone",
                    models.CharField(
                        default="UTC", help_text="IANA time zone that new periods are counted in.", max_length=64
                    ),
                ),
                (
                    "seq",
                    models.BigIntegerField(default=0, editable=False, help_text="Number of the last ledger entry."),
                ),
                ("event_seq", models.BigIntegerField(default=0, editable=False, help_text="Number of the last event.")),
                (
                    "next_change_at",
                    models.DateTimeField(
                        blank=True,
                        db_index=True,
                        editable=False,
                        help_text="When something becomes due by itself.",
                        null=True,
                    ),
                ),
                ("clock_offset_seconds", models.BigIntegerField(default=0, editable=False)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="absorbed",
                        to="billable.customer",
                    ),
                ),
            ],
            options={
                "db_table": "billable_customer",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="Grant",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "source",
                    models.CharField(
                        choices=[("order", "order"), ("trial", "trial"), ("default", "default"), ("manual", "manual")],
                        max_length=20,
                    ),
                ),
                ("source_id", billable.db.fields.KeyField(max_length=200)),
                ("line", models.PositiveIntegerField()),
                ("quantity", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("remaining", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("held", models.BigIntegerField(default=0)),
                ("priority", models.SmallIntegerField(default=100)),
                ("valid_from", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, help_text="Empty: never.", null=True)),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, help_text="Since when nothing is left or held.", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, help_text="Since when it is over for good.", null=True)),
                (
                    "ended_as",
                    models.CharField(
                        blank=True, choices=[("expired", "expired"), ("revoked", "revoked")], max_length=20
                    ),
                ),
                ("ended_reason", models.CharField(blank=True, max_length=500)),
                ("zone", models.CharField(default="UTC", max_length=64)),
                ("anchor", models.DateTimeField(help_text="Where its periods are counted from.")),
                ("period_count", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "period_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                (
                    "period_index",
                    models.PositiveIntegerField(default=0, help_text="Its first period, counted from the anchor."),
                ),
                ("period_span", models.PositiveIntegerField(default=1, help_text="How many periods it lasts.")),
                ("cap_quantity", models.BigIntegerField(blank=True, null=True)),
                ("cap_period_count", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "cap_period_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                ("cap_index", models.PositiveIntegerField(default=0)),
                ("cap_used", models.BigIntegerField(default=0)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("pieces", models.PositiveIntegerField(default=1, help_text="How many of the product made it.")),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="billable.feature",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="billable.product",
                    ),
                ),
            ],
            options={
                "db_table": "billable_grant",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["customer", "feature", "closed_at"], name="billable_grant_open"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "source", "source_id", "line"), name="billable_grant_customer_source"
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("held__gte", 0), ("quantity__isnull", True), ("remaining__isnull", True)),
                            models.Q(
                                ("held__gte", 0),
                                ("quantity__gte", 1),
                                ("quantity__isnull", False),
                                ("quantity__lte", 1000000000000),
                                ("remaining__gte", 0),
                                ("remaining__isnull", False),
                                (
                                    "remaining__lte",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("quantity"), "-", models.F("held")
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="billable_grant_units",
                    ),
                    check_constraint(
                        models.Q(
                            ("closed_at__isnull", True),
                            models.Q(("held", 0), ("remaining", 0), ("remaining__isnull", False)),
                            models.Q(("ended_at__isnull", False), ("remaining__isnull", True)),
                            _connector="OR",
                        ),
                        name="billable_grant_closed_is_empty",
                    ),
                    check_constraint(
                        models.Q(
                            ("closed_at__isnull", False),
                            ("remaining__isnull", True),
                            ("remaining__gt", 0),
                            ("held__gt", 0),
                            _connector="OR",
                        ),
                        name="billable_grant_empty_is_closed",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                            models.Q(
                                ("ended_at__isnull", False),
                                models.Q(("ended_as", ""), _negated=True),
                                models.Q(("remaining", 0), ("remaining__isnull", True), _connector="OR"),
                            ),
                            _connector="OR",
                        ),
                        name="billable_grant_ended_is_empty",
                    ),
                    check_constraint(
                        models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("valid_from")), _connector="OR"
                        ),
                        name="billable_grant_window",
                    ),
                    check_constraint(
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
                        name="billable_grant_period",
                    ),
                    check_constraint(
                        models.Q(("source__in", ["order", "trial", "default", "manual"])),
                        name="billable_grant_known_source",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("quantity", models.BigIntegerField()),
                ("captured", models.BigIntegerField(default=0)),
                ("sku", models.CharField(blank=True, max_length=64)),
                ("idempotency_key", billable.db.fields.KeyField(blank=True, max_length=200, null=True)),
                ("costs", models.JSONField(default=list)),
                ("balance_after", models.BigIntegerField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("grace_seconds", models.PositiveIntegerField(default=0)),
                (
                    "closed_at",
                    models.DateTimeField(
                        blank=True, help_text="Since when it is captured, released or lapsed.", null=True
                    ),
                ),
                ("closed_as", models.CharField(blank=True, max_length=20)),
                ("action_type", models.CharField(blank=True, max_length=100)),
                ("action_id", models.CharField(blank=True, max_length=200)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="billable.feature",
                    ),
                ),
            ],
            options={
                "db_table": "billable_hold",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["customer", "closed_at"], name="billable_hold_open"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "idempotency_key"), name="billable_hold_customer_key"),
                    check_constraint(
                        models.Q(
                            ("captured__gte", 0),
                            ("captured__lte", models.F("quantity")),
                            ("quantity__gte", 1),
                            ("quantity__lte", 1000000000000),
                        ),
                        name="billable_hold_quantity",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HoldLeg",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("units", models.BigIntegerField()),
                ("captured", models.BigIntegerField(default=0)),
                ("released", models.BigIntegerField(default=0)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.customer",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hold_legs", to="billable.grant"
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legs",
                        to="billable.hold",
                    ),
                ),
            ],
            options={
                "db_table": "billable_holdleg",
                "ordering": ("hold", "position"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "hold", "position"), name="billable_holdleg_hold_position"
                    ),
                    check_constraint(
                        models.Q(
                            ("captured__gte", 0),
                            (
                                "captured__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("units"), "-", models.F("released")
                                ),
                            ),
                            ("released__gte", 0),
                            ("units__gte", 1),
                        ),
                        name="billable_holdleg_units",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Identity",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("provider", billable.db.fields.KeyField(max_length=64)),
                ("external_id", billable.db.fields.KeyField(max_length=200)),
                ("profile", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="identities",
                        to="billable.customer",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "identities",
                "db_table": "billable_identity",
                "ordering": ("created_at", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "external_id"), name="billable_identity_provider_external_id"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("paid", "paid"),
                            ("partially_refunded", "partially_refunded"),
                            ("refunded", "refunded"),
                            ("cancelled", "cancelled"),
                            ("expired", "expired"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                ("currency", models.CharField(max_length=10)),
                ("total_amount_minor", models.BigIntegerField()),
                ("paid_amount_minor", models.BigIntegerField(default=0, help_text="What arrived and was applied.")),
                ("refunded_amount_minor", models.BigIntegerField(default=0)),
                ("idempotency_key", billable.db.fields.KeyField(blank=True, max_length=200, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="orders",
                        to="billable.customer",
                    ),
                ),
            ],
            options={
                "db_table": "billable_order",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "idempotency_key"), name="billable_order_customer_key"),
                    check_constraint(
                        models.Q(
                            (
                                "status__in",
                                ["pending", "paid", "partially_refunded", "refunded", "cancelled", "expired"],
                            )
                        ),
                        name="billable_order_known_status",
                    ),
                    check_constraint(
                        models.Q(
                            ("paid_amount_minor__gte", 0),
                            ("paid_amount_minor__lte", models.F("total_amount_minor")),
                            ("refunded_amount_minor__gte", 0),
                            ("refunded_amount_minor__lte", models.F("paid_amount_minor")),
                            ("total_amount_minor__gte", 0),
                        ),
                        name="billable_order_amounts",
                    ),
                    check_constraint(
                        models.Q(
                            ("status__in", ["pending", "expired", "cancelled"]),
                            models.Q(("paid_amount_minor", models.F("total_amount_minor")), ("paid_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_order_paid_in_full",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderItem",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("line", models.PositiveIntegerField()),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("quantity", models.BigIntegerField()),
                ("unit_amount_minor", models.BigIntegerField()),
                ("total_amount_minor", models.BigIntegerField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="billable.order",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="order_items",
                        to="billable.product",
                    ),
                ),
            ],
            options={
                "db_table": "billable_orderitem",
                "ordering": ("order", "line"),
                "constraints": [
                    models.UniqueConstraint(fields=("order", "line"), name="billable_orderitem_order_line"),
                    check_constraint(
                        models.Q(
                            ("quantity__gte", 1),
                            ("quantity__lte", 1000000),
                            (
                                "total_amount_minor",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("quantity"), "*", models.F("unit_amount_minor")
                                ),
                            ),
                            ("unit_amount_minor__gte", 0),
                        ),
                        name="billable_orderitem_amounts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderItemFeature",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("line", models.PositiveIntegerField()),
                ("quantity", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("period_count", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "period_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                ("priority", models.SmallIntegerField(default=100)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.feature",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="features",
                        to="billable.orderitem",
                    ),
                ),
            ],
            options={
                "db_table": "billable_orderitemfeature",
                "ordering": ("item", "line"),
                "constraints": [
                    models.UniqueConstraint(fields=("item", "line"), name="billable_orderitemfeature_item_line"),
                    check_constraint(
                        models.Q(
                            ("quantity__isnull", True),
                            models.Q(("quantity__gte", 1), ("quantity__lte", 1000000000000)),
                            _connector="OR",
                        ),
                        name="billable_orderitemfeature_quantity",
                    ),
                    check_constraint(
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
                        name="billable_orderitemfeature_period",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("payment_method", billable.db.fields.KeyField(default="default", max_length=64)),
                ("payment_id", billable.db.fields.KeyField(max_length=200)),
                ("capture_id", billable.db.fields.KeyField(blank=True, default="", max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("failed", "failed"),
                            ("succeeded", "succeeded"),
                            ("unapplied", "unapplied"),
                        ],
                        max_length=20,
                    ),
                ),
                ("code", models.CharField(blank=True, help_text="Why it is unapplied.", max_length=40)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=10)),
                ("amount_assumed", models.BooleanField(default=False, help_text="The notice named no amount.")),
                ("succeeded_at", models.DateTimeField(blank=True, null=True)),
                (
                    "notices",
                    models.JSONField(blank=True, default=list, help_text="Later notices that changed nothing."),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="billable.customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="billable.order"
                    ),
                ),
            ],
            options={
                "db_table": "billable_payment",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "payment_method", "payment_id", "capture_id"), name="billable_payment_key"
                    ),
                    check_constraint(models.Q(("amount_minor__gte", 0)), name="billable_payment_amount"),
                    check_constraint(
                        models.Q(("status__in", ["pending", "failed", "succeeded", "unapplied"])),
                        name="billable_payment_known_status",
                    ),
                    check_constraint(
                        models.Q(("code", ""), ("status", "unapplied"), _connector="OR"),
                        name="billable_payment_code_is_unapplied",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentClaim",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("payment_id", billable.db.fields.KeyField(max_length=200)),
                ("payment_method", billable.db.fields.KeyField(max_length=64)),
                ("capture_id", billable.db.fields.KeyField(blank=True, default="", max_length=200)),
                ("order_id", models.UUIDField(null=True)),
                ("customer_id", models.UUIDField(null=True)),
            ],
            options={
                "db_table": "billable_paymentclaim",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("payment_id", "payment_method", "capture_id"), name="billable_paymentclaim_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=10)),
                (
                    "amount_minor",
                    models.BigIntegerField(help_text="In whole minor units: 999 is 9.99 EUR and 999 JPY."),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="prices", to="billable.product"
                    ),
                ),
            ],
            options={
                "db_table": "billable_price",
                "ordering": ("product", "currency"),
                "constraints": [
                    models.UniqueConstraint(fields=("product", "currency"), name="billable_price_product_currency"),
                    check_constraint(models.Q(("amount_minor__gte", 0)), name="billable_price_not_negative"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductFeature",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("line", models.PositiveSmallIntegerField()),
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
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billable.feature"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billable.product"
                    ),
                ),
            ],
            options={
                "db_table": "billable_productfeature",
                "ordering": ("product", "line"),
                "constraints": [
                    models.UniqueConstraint(fields=("product", "line"), name="billable_productfeature_product_line"),
                    check_constraint(
                        models.Q(
                            ("quantity__isnull", True),
                            models.Q(("quantity__gte", 1), ("quantity__lte", 1000000000000)),
                            _connector="OR",
                        ),
                        name="billable_productfeature_quantity",
                    ),
                    check_constraint(
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
                        name="billable_productfeature_period",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Trial",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("campaign", models.CharField(max_length=64)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="trials", to="billable.customer"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trials",
                        to="billable.product",
                    ),
                ),
            ],
            options={
                "db_table": "billable_trial",
                "ordering": ("-id",),
            },
        ),
        migrations.CreateModel(
            name="TrialFingerprint",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("campaign", models.CharField(max_length=64)),
                ("fingerprint", models.CharField(help_text="HMAC-SHA-256, hexadecimal.", max_length=64)),
                ("trial_id", models.UUIDField(db_index=True)),
                ("customer_id", models.UUIDField()),
            ],
            options={
                "db_table": "billable_trialfingerprint",
                "constraints": [
                    models.UniqueConstraint(fields=("campaign", "fingerprint"), name="billable_trialfingerprint_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Usage",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("quantity", models.BigIntegerField()),
                (
                    "asked",
                    models.CharField(
                        help_text="The name that the caller gave: the feature's, or a SKU.", max_length=64
                    ),
                ),
                (
                    "sku",
                    models.CharField(
                        blank=True, help_text="The product that the caller narrowed it to.", max_length=64
                    ),
                ),
                ("idempotency_key", billable.db.fields.KeyField(blank=True, max_length=200, null=True)),
                ("late", models.BooleanField(default=False)),
                (
                    "costs",
                    models.JSONField(
                        default=list,
                        help_text="What was paid from other features: [{feature, quantity, per, units}], in burn order.",
                    ),
                ),
                ("balance_after", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("event_seq", models.BigIntegerField()),
                ("action_type", models.CharField(blank=True, max_length=100)),
                ("action_id", models.CharField(blank=True, max_length=200)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usages",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="usages",
                        to="billable.feature",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="captures",
                        to="billable.hold",
                    ),
                ),
            ],
            options={
                "db_table": "billable_usage",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "idempotency_key"), name="billable_usage_customer_key"),
                    check_constraint(
                        models.Q(("quantity__gte", 1), ("quantity__lte", 1000000000000)), name="billable_usage_quantity"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("grant", "grant"),
                            ("consume", "consume"),
                            ("reverse", "reverse"),
                            ("expire", "expire"),
                            ("revoke", "revoke"),
                            ("hold", "hold"),
                            ("capture", "capture"),
                            ("release", "release"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "cause_type",
                    models.CharField(
                        choices=[
                            ("grant", "grant"),
                            ("usage", "usage"),
                            ("adjustment", "adjustment"),
                            ("hold", "hold"),
                            ("order", "order"),
                            ("trial", "trial"),
                        ],
                        max_length=20,
                    ),
                ),
                ("cause_id", models.UUIDField()),
                ("amount", models.BigIntegerField(help_text="Change of what remains of the grant.")),
                ("held_change", models.BigIntegerField(default=0, help_text="Change of what is held of the grant.")),
                ("remaining_after", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("effective_at", models.DateTimeField(help_text="When it became true.")),
                ("created_at", models.DateTimeField(help_text="When it was written.")),
                ("actor", models.CharField(max_length=100)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="billable.customer",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="entries", to="billable.grant"
                    ),
                ),
                (
                    "usage",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="billable.usage",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "ledger entries",
                "db_table": "billable_ledgerentry",
                "ordering": ("customer", "-seq"),
                "constraints": [
                    models.UniqueConstraint(fields=("customer", "seq"), name="billable_ledgerentry_customer_seq"),
                    check_constraint(models.Q(("seq__gte", 1)), name="billable_ledgerentry_seq"),
                    check_constraint(
                        models.Q(
                            (
                                "kind__in",
                                ["grant", "consume", "reverse", "expire", "revoke", "hold", "capture", "release"],
                            )
                        ),
                        name="billable_ledgerentry_known_kind",
                    ),
                    check_constraint(
                        models.Q(("remaining_after__isnull", True), ("remaining_after__gte", 0), _connector="OR"),
                        name="billable_ledgerentry_remaining",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("reverse", "reverse"), ("revoke", "revoke"), ("extend", "extend")], max_length=20
                    ),
                ),
                ("quantity", models.BigIntegerField()),
                ("balance_after", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("idempotency_key", billable.db.fields.KeyField(max_length=200)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="billable.customer",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="billable.grant",
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="billable.hold",
                    ),
                ),
                (
                    "usage",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="billable.usage",
                    ),
                ),
            ],
            options={
                "db_table": "billable_adjustment",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "idempotency_key"), name="billable_adjustment_customer_key"
                    ),
                    check_constraint(
                        models.Q(("quantity__gte", 1), ("quantity__lte", 1000000000000)),
                        name="billable_adjustment_quantity",
                    ),
                    check_constraint(
                        models.Q(("kind__in", ["reverse", "revoke", "extend"])), name="billable_adjustment_known_kind"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserLink",
            fields=[
                (
                    "user",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=knobs.user_model,
                    ),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="user_links",
                        to="billable.customer",
                    ),
                ),
            ],
            options={
                "db_table": "billable_userlink",
                "ordering": ("created_at", "user"),
            },
        ),
        migrations.CreateModel(
            name="FeatureCost",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("per", models.BigIntegerField(default=1)),
                ("units", models.BigIntegerField(default=1)),
                ("position", models.PositiveSmallIntegerField(help_text="Lower is tried first.")),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="costs", to="billable.feature"
                    ),
                ),
                (
                    "paid_from",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pays_for", to="billable.feature"
                    ),
                ),
            ],
            options={
                "db_table": "billable_featurecost",
                "ordering": ("feature", "position"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("feature", "paid_from"), name="billable_featurecost_feature_paid_from"
                    ),
                    models.UniqueConstraint(
                        fields=("feature", "position"), name="billable_featurecost_feature_position"
                    ),
                    check_constraint(
                        models.Q(("feature", models.F("paid_from")), _negated=True),
                        name="billable_featurecost_not_itself",
                    ),
                    check_constraint(
                        models.Q(
                            ("per__gte", 1),
                            ("per__lte", 1000000000000),
                            ("units__gte", 1),
                            ("units__lte", 1000000000000),
                        ),
                        name="billable_featurecost_positive",
                    ),
                ],
            },
        ),
    ]
