"""The tables of the engine: catalogue, customers, quota with its ledger, orders, payments and refunds, subscriptions."""

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
                (
                    "value_type",
                    models.CharField(
                        blank=True,
                        choices=[("", "metered"), ("flag", "flag"), ("limit", "limit"), ("text", "text")],
                        help_text="Empty: it is consumed. Else its lines carry a value of this type, which is read.",
                        max_length=5,
                    ),
                ),
                (
                    "overdraft",
                    models.CharField(
                        choices=[("refuse", "refuse"), ("allow", "allow"), ("record", "record")],
                        default="refuse",
                        help_text="What happens when more is consumed than is there.",
                        max_length=6,
                    ),
                ),
                (
                    "overdraft_limit",
                    models.BigIntegerField(
                        blank=True, help_text="Where it is allowed: how many units may be owed.", null=True
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "billable_feature",
                "ordering": ("key",),
                "constraints": [
                    check_constraint(
                        models.Q(("value_type__in", ["", "flag", "limit", "text"])),
                        name="billable_feature_known_value_type",
                    ),
                    check_constraint(
                        models.Q(
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
                    check_constraint(
                        models.Q(("value_type", ""), ("overdraft", "refuse"), _connector="OR"),
                        name="billable_feature_static",
                    ),
                ],
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
                (
                    "tax_rate",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Percent. Empty: BILLABLE_TAX_RATE.",
                        max_digits=7,
                        null=True,
                    ),
                ),
                (
                    "recurs_count",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="What is paid for again and again: every so many. Empty: sold once.",
                        null=True,
                    ),
                ),
                (
                    "recurs_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                (
                    "trial_count",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="How long it may be tried before it is paid for. Empty: no trial.",
                        null=True,
                    ),
                ),
                (
                    "trial_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                (
                    "grace_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="How long it goes on when a period is not paid. Empty: BILLABLE_SUBSCRIPTION_GRACE_DAYS.",
                        null=True,
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "db_table": "billable_product",
                "ordering": ("sku",),
                "constraints": [
                    check_constraint(
                        models.Q(
                            ("tax_rate__isnull", True),
                            models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 100)),
                            _connector="OR",
                        ),
                        name="billable_product_tax_rate",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("recurs_count__isnull", True), ("recurs_unit__isnull", True)),
                            models.Q(
                                ("recurs_count__gte", 1),
                                ("recurs_count__isnull", False),
                                ("recurs_unit__in", ["day", "week", "month", "year"]),
                                ("recurs_unit__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_product_recurs",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("trial_count__isnull", True), ("trial_unit__isnull", True)),
                            models.Q(
                                ("trial_count__gte", 1),
                                ("trial_count__isnull", False),
                                ("trial_unit__in", ["day", "week", "month", "year"]),
                                ("trial_unit__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_product_trial",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("grace_days__isnull", True),
                                ("recurs_count__isnull", True),
                                ("trial_count__isnull", True),
                            ),
                            models.Q(("is_default", False), ("is_trial", False), ("recurs_count__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_product_recurs_is_sold",
                    ),
                    check_constraint(
                        models.Q(
                            ("grace_days__isnull", True),
                            models.Q(("grace_days__isnull", False), ("grace_days__lte", 365)),
                            _connector="OR",
                        ),
                        name="billable_product_grace",
                    ),
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
            name="UnitPrice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("units", models.BigIntegerField()),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="unit_prices", to="billable.product"
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="buys", to="billable.feature"
                    ),
                ),
            ],
            options={
                "db_table": "billable_unitprice",
                "ordering": ("product", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("product", "feature"), name="billable_unitprice_product_feature"),
                    check_constraint(
                        models.Q(("units__gte", 1), ("units__lte", 1000000000000)), name="billable_unitprice_units"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProductFeature",
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
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("line", models.PositiveSmallIntegerField()),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billable.product"
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="billable.feature"
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
                    check_constraint(
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
                        name="billable_productfeature_reset",
                    ),
                    check_constraint(
                        models.Q(
                            ("reset_count__isnull", True),
                            models.Q(("quantity__isnull", False), ("reset_count__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_productfeature_reset_units",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("rollover_periods__isnull", True), ("rollover_quantity__isnull", True)),
                            models.Q(
                                ("rollover_quantity__gte", 1),
                                ("rollover_quantity__isnull", False),
                                ("rollover_quantity__lte", 1000000000000),
                                ("rollover_periods__gte", 1),
                                ("rollover_periods__isnull", False),
                                ("rollover_periods__lte", 100),
                                ("reset_count__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_productfeature_rollover",
                    ),
                    check_constraint(
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
                        name="billable_productfeature_cap",
                    ),
                    check_constraint(
                        models.Q(
                            ("value__isnull", True),
                            models.Q(
                                ("cap_quantity__isnull", True),
                                ("quantity__isnull", True),
                                ("reset_count__isnull", True),
                                ("value__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_productfeature_static",
                    ),
                ],
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
                (
                    "is_sandbox",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Made for trying things out: its clock can be moved. Said when it is made, and never changed.",
                    ),
                ),
                (
                    "has_owed",
                    models.BooleanField(
                        default=False,
                        editable=False,
                        help_text="Whether it, or one it absorbed, ever used more than was there.",
                    ),
                ),
                (
                    "clock_offset_seconds",
                    models.BigIntegerField(
                        default=0, editable=False, help_text="By how much its clock is ahead of everybody's."
                    ),
                ),
                ("anonymized_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("anonymized_by", models.CharField(blank=True, editable=False, max_length=100)),
                ("anonymized_reason", models.CharField(blank=True, editable=False, max_length=500)),
                (
                    "billing_details",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Who invoices are made out to: name, address, email, country, tax_id.",
                    ),
                ),
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
                "permissions": (
                    ("merge_customers", "Can merge customers"),
                    ("anonymize_customer", "Can anonymize a customer"),
                ),
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_sandbox", True)),
                        fields=["next_change_at"],
                        name="billable_customer_sandbox",
                    )
                ],
                "constraints": [
                    check_constraint(
                        models.Q(
                            models.Q(("anonymized_at__isnull", True), ("anonymized_by", ""), ("anonymized_reason", "")),
                            models.Q(("anonymized_at__isnull", False), models.Q(("anonymized_by", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="billable_customer_anonymized",
                    ),
                    check_constraint(
                        models.Q(
                            ("clock_offset_seconds", 0),
                            models.Q(("clock_offset_seconds__gt", 0), ("is_sandbox", True)),
                            _connector="OR",
                        ),
                        name="billable_customer_clock",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserLink",
            fields=[
                (
                    "merged_from",
                    models.UUIDField(
                        blank=True,
                        editable=False,
                        help_text="The customer that it named before a merge: whose keys it still finds first.",
                        null=True,
                    ),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
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
            name="Identity",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "merged_from",
                    models.UUIDField(
                        blank=True,
                        editable=False,
                        help_text="The customer that it named before a merge: whose keys it still finds first.",
                        null=True,
                    ),
                ),
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
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Merge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("moved", models.JSONField(default=dict, help_text="{identities: [id], users: [pk], customers: [id]}")),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("undone_by", models.CharField(blank=True, max_length=100)),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Who survived.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merges",
                        to="billable.customer",
                    ),
                ),
                (
                    "absorbed",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billable.customer"
                    ),
                ),
            ],
            options={
                "db_table": "billable_merge",
                "ordering": ("-id",),
                "constraints": [
                    check_constraint(
                        models.Q(("customer", models.F("absorbed")), _negated=True), name="billable_merge_not_itself"
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("undone_at__isnull", True), ("undone_by", "")),
                            models.Q(("undone_at__isnull", False), models.Q(("undone_by", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="billable_merge_undone",
                    ),
                ],
            },
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
                        models.Q(
                            ("from_offset_seconds__gte", 0), ("to_offset_seconds__gt", models.F("from_offset_seconds"))
                        ),
                        name="billable_clockmove_forwards",
                    ),
                    check_constraint(
                        models.Q(
                            ("finished_at__isnull", True),
                            models.Q(("finished_at__gt", models.F("started_at")), ("finished_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_clockmove_finished",
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
                ("captured", models.BigIntegerField(default=0, help_text="How much of it became usages.")),
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
                ("costs", models.JSONField(default=list)),
                ("balance_after", models.BigIntegerField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("grace_seconds", models.PositiveIntegerField(default=0)),
                ("lapses_at", models.DateTimeField(help_text="Its end and the grace: when its units are free again.")),
                (
                    "closed_at",
                    models.DateTimeField(
                        blank=True, help_text="Since when it is captured, released or lapsed.", null=True
                    ),
                ),
                (
                    "closed_as",
                    models.CharField(
                        blank=True,
                        choices=[("captured", "captured"), ("released", "released"), ("lapsed", "lapsed")],
                        max_length=20,
                    ),
                ),
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
                "indexes": [models.Index(fields=["customer", "closed_at", "lapses_at"], name="billable_hold_open")],
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
                    check_constraint(models.Q(("lapses_at__gte", models.F("expires_at"))), name="billable_hold_lapse"),
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
        migrations.AddField(
            model_name="hold",
            name="final_capture",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="The usage after which nothing more can be captured; of a lapsed hold, a late one.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billable.usage",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=check_constraint(
                models.Q(
                    models.Q(("closed_as", ""), ("closed_at__isnull", True), ("final_capture__isnull", True)),
                    models.Q(("closed_as__in", ["captured", "released", "lapsed"]), ("closed_at__isnull", False)),
                    _connector="OR",
                ),
                name="billable_hold_closed",
            ),
        ),
        migrations.CreateModel(
            name="Exchange",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("sku", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("quantity", models.BigIntegerField(help_text="How many of the product.")),
                ("units", models.BigIntegerField(help_text="What all of it cost.")),
                ("refunded_units", models.BigIntegerField(default=0)),
                ("idempotency_key", billable.db.fields.KeyField(max_length=200)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exchanges",
                        to="billable.customer",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
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
                    "usage",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="exchanges",
                        to="billable.usage",
                    ),
                ),
            ],
            options={
                "db_table": "billable_exchange",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "idempotency_key"), name="billable_exchange_customer_key"
                    ),
                    check_constraint(
                        models.Q(
                            ("quantity__gte", 1),
                            ("quantity__lte", 1000000),
                            ("refunded_units__gte", 0),
                            ("refunded_units__lte", models.F("units")),
                            ("units__gte", 1),
                            ("units__lte", 1000000000000),
                        ),
                        name="billable_exchange_units",
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
                ("discount_minor", models.BigIntegerField(default=0, help_text="What a promotion code took off.")),
                ("tax_minor", models.BigIntegerField(default=0, help_text="The tax in the total.")),
                (
                    "tax_included",
                    models.BooleanField(default=True, help_text="Whether the catalogue's prices contained the tax."),
                ),
                ("promotion_code", models.CharField(blank=True, max_length=64)),
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
                "permissions": (("refund_order", "Can refund an order"),),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "pending")), fields=["expires_at"], name="billable_order_pending"
                    )
                ],
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
                            ("discount_minor__gte", 0),
                            ("paid_amount_minor__gte", 0),
                            ("paid_amount_minor__lte", models.F("total_amount_minor")),
                            ("refunded_amount_minor__gte", 0),
                            ("refunded_amount_minor__lte", models.F("paid_amount_minor")),
                            ("tax_minor__gte", 0),
                            ("tax_minor__lte", models.F("total_amount_minor")),
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
                    check_constraint(
                        models.Q(
                            models.Q(("status", "refunded"), _negated=True),
                            ("refunded_amount_minor", models.F("paid_amount_minor")),
                            _connector="OR",
                        ),
                        name="billable_order_refunded_in_full",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("currency", models.CharField(help_text="What its renewals are charged in.", max_length=10)),
                (
                    "seats",
                    models.PositiveIntegerField(default=1, help_text="How many of the product each period gives."),
                ),
                ("interval_count", models.PositiveSmallIntegerField()),
                (
                    "interval_unit",
                    models.CharField(
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")], max_length=5
                    ),
                ),
                ("zone", models.CharField(default="UTC", max_length=64)),
                (
                    "grace_days",
                    models.PositiveSmallIntegerField(help_text="How long it goes on when a period is not paid."),
                ),
                ("anchor", models.DateTimeField(help_text="Where its periods are counted from.")),
                (
                    "anchor_index",
                    models.PositiveIntegerField(default=0, help_text="The number of the period that begins there."),
                ),
                (
                    "period_index",
                    models.PositiveIntegerField(default=0, help_text="The latest period that is paid for."),
                ),
                ("paid_from", models.DateTimeField(help_text="Where that period began; a pause moves it.")),
                ("paid_until", models.DateTimeField(help_text="Where that period ends, and the next one begins.")),
                ("access_until", models.DateTimeField(help_text="When access ends if nothing more is paid.")),
                ("trial_until", models.DateTimeField(blank=True, null=True)),
                (
                    "cancelled_at",
                    models.DateTimeField(blank=True, help_text="Since when it will not renew.", null=True),
                ),
                ("reason", models.CharField(blank=True, help_text="Why it was cancelled.", max_length=500)),
                ("paused_at", models.DateTimeField(blank=True, help_text="The start of its last pause.", null=True)),
                ("resumes_at", models.DateTimeField(blank=True, help_text="The end of its last pause.", null=True)),
                (
                    "suspended_at",
                    models.DateTimeField(blank=True, help_text="Since when its payment is disputed.", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ended_as",
                    models.CharField(
                        blank=True,
                        choices=[("cancelled", "cancelled"), ("unpaid", "unpaid"), ("refunded", "refunded")],
                        max_length=20,
                    ),
                ),
                (
                    "renews_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the order for the next period is made. Empty: it is, or will not be.",
                        null=True,
                    ),
                ),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, help_text="What time does to it next, and nobody has written down yet.", null=True
                    ),
                ),
                ("next_seats", models.PositiveIntegerField(blank=True, null=True)),
                ("credit_minor", models.BigIntegerField(default=0, help_text="What is taken off the next renewal.")),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="billable.customer",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="billable.product",
                    ),
                ),
                (
                    "renewal",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The order that pays for the next period.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.order",
                    ),
                ),
                (
                    "next_product",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="What it becomes with the next period.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
                    ),
                ),
            ],
            options={
                "db_table": "billable_subscription",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("renews_at__isnull", False)),
                        fields=["renews_at"],
                        name="billable_subscription_renewals",
                    ),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)),
                        fields=["due_at"],
                        name="billable_subscription_due",
                    ),
                ],
                "constraints": [
                    check_constraint(
                        models.Q(
                            ("seats__gte", 1),
                            ("seats__lte", 1000000),
                            models.Q(
                                ("next_seats__isnull", True),
                                models.Q(("next_seats__gte", 1), ("next_seats__isnull", False)),
                                _connector="OR",
                            ),
                        ),
                        name="billable_subscription_seats",
                    ),
                    check_constraint(
                        models.Q(("interval_count__gte", 1), ("interval_unit__in", ["day", "week", "month", "year"])),
                        name="billable_subscription_interval",
                    ),
                    check_constraint(
                        models.Q(
                            ("access_until__gte", models.F("paid_until")),
                            (
                                "anchor_index__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("period_index"), "+", models.Value(1)
                                ),
                            ),
                            ("paid_until__gte", models.F("paid_from")),
                        ),
                        name="billable_subscription_windows",
                    ),
                    check_constraint(
                        models.Q(
                            ("resumes_at__isnull", True),
                            models.Q(
                                ("paused_at__isnull", False),
                                ("resumes_at__gte", models.F("paused_at")),
                                ("resumes_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_subscription_pause",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                            models.Q(
                                ("due_at__isnull", True),
                                ("ended_as__in", ["cancelled", "unpaid", "refunded"]),
                                ("ended_at__isnull", False),
                                ("renews_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="billable_subscription_ended",
                    ),
                    check_constraint(
                        models.Q(
                            ("renews_at__isnull", True),
                            models.Q(("cancelled_at__isnull", True), ("suspended_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="billable_subscription_renews",
                    ),
                    check_constraint(models.Q(("credit_minor__gte", 0)), name="billable_subscription_credit"),
                ],
            },
        ),
        migrations.CreateModel(
            name="SubscriptionPause",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("begins_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(blank=True, help_text="Empty: nobody has decided yet.", null=True)),
                (
                    "before",
                    models.JSONField(default=dict, help_text="{anchor, anchor_index, windows: {grant: [from, until]}}"),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
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
                    "subscription",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pauses", to="billable.subscription"
                    ),
                ),
            ],
            options={
                "db_table": "billable_subscriptionpause",
                "ordering": ("-id",),
                "constraints": [
                    check_constraint(
                        models.Q(
                            ("ends_at__isnull", True),
                            models.Q(("ends_at__gte", models.F("begins_at")), ("ends_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_subscriptionpause_window",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PlanChange",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
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
                            ("roll_out", "roll_out"),
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
                            ("replaced", "replaced"),
                            ("changed", "changed"),
                        ],
                        max_length=20,
                    ),
                ),
                ("ended_reason", models.CharField(blank=True, max_length=500)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allowances",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allowances",
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
                        related_name="allowances",
                        to="billable.product",
                    ),
                ),
                (
                    "origin",
                    models.ForeignKey(
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
                (
                    "subscription",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allowances",
                        to="billable.subscription",
                    ),
                ),
                (
                    "replaces",
                    models.ForeignKey(
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
            ],
            options={
                "db_table": "billable_allowance",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["customer", "feature", "next_at"], name="billable_allowance_due"),
                    models.Index(
                        condition=models.Q(("origin__isnull", False)),
                        fields=["origin"],
                        name="billable_allowance_origin",
                    ),
                    models.Index(
                        condition=models.Q(("subscription__isnull", False)),
                        fields=["subscription"],
                        name="billable_allowance_subscribed",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "source", "source_id", "line"), name="billable_allowance_customer_source"
                    ),
                    check_constraint(
                        models.Q(
                            ("quantity__gte", 1),
                            ("quantity__isnull", False),
                            ("quantity__lte", 1000000000000),
                            ("reduced__gte", 0),
                            ("reduced__lt", models.F("quantity")),
                        ),
                        name="billable_allowance_units",
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
                        name="billable_allowance_period",
                    ),
                    check_constraint(
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
                    check_constraint(
                        models.Q(("reset_count__isnull", False), ("value__isnull", True)),
                        name="billable_allowance_recurs",
                    ),
                    check_constraint(
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
                    check_constraint(
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
                    check_constraint(
                        models.Q(
                            ("expires_at__isnull", True),
                            models.Q(("expires_at__gt", models.F("anchor")), ("expires_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_allowance_window",
                    ),
                    check_constraint(
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
                    check_constraint(
                        models.Q(
                            models.Q(("ended_as", ""), ("ended_at__isnull", True)),
                            models.Q(
                                (
                                    "ended_as__in",
                                    [
                                        "expired",
                                        "revoked",
                                        "refunded",
                                        "disputed",
                                        "transferred",
                                        "replaced",
                                        "changed",
                                    ],
                                ),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_allowance_ended",
                    ),
                    check_constraint(
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
                                    "roll_out",
                                ],
                            )
                        ),
                        name="billable_allowance_known_source",
                    ),
                ],
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
                ("value", models.JSONField(blank=True, help_text="What a static feature reads.", null=True)),
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
                (
                    "cap_index",
                    models.PositiveIntegerField(default=0, help_text="The window of the cap that was last used."),
                ),
                ("cap_used", models.BigIntegerField(default=0, help_text="What was taken in it.")),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("pieces", models.PositiveIntegerField(default=1, help_text="How many of the product made it.")),
                (
                    "rolled_from",
                    models.PositiveIntegerField(
                        blank=True, help_text="The period of the allowance that left these units unused.", null=True
                    ),
                ),
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
                (
                    "origin",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The first grant of its line: whose units it carries on, after a merge or a dispute.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="heirs",
                        to="billable.grant",
                    ),
                ),
                (
                    "allowance",
                    models.ForeignKey(
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
                (
                    "subscription",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="billable.subscription",
                    ),
                ),
            ],
            options={
                "db_table": "billable_grant",
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["customer", "feature", "closed_at"], name="billable_grant_open"),
                    models.Index(
                        condition=models.Q(("origin__isnull", False)), fields=["origin"], name="billable_grant_origin"
                    ),
                    models.Index(
                        condition=models.Q(("allowance__isnull", False)),
                        fields=["allowance"],
                        name="billable_grant_allowance",
                    ),
                    models.Index(
                        condition=models.Q(("subscription__isnull", False)),
                        fields=["subscription"],
                        name="billable_grant_subscription",
                    ),
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
                        name="billable_grant_cap",
                    ),
                    check_constraint(
                        models.Q(
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
                    check_constraint(
                        models.Q(
                            ("value__isnull", True),
                            models.Q(("quantity__isnull", True), ("value__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_grant_static",
                    ),
                    check_constraint(
                        models.Q(
                            ("rolled_from__isnull", True),
                            models.Q(("allowance__isnull", False), ("rolled_from__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_grant_rolled",
                    ),
                    check_constraint(
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
                                    "roll_out",
                                ],
                            )
                        ),
                        name="billable_grant_known_source",
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
                    check_constraint(
                        models.Q(("remaining_after__isnull", True), ("remaining_after__gte", 0), _connector="OR"),
                        name="billable_ledgerentry_remaining",
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
                    "cap_index",
                    models.PositiveIntegerField(
                        blank=True, help_text="The window of its grant's cap that counts it. Empty: no cap.", null=True
                    ),
                ),
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
                    "hold",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="legs",
                        to="billable.hold",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="hold_legs", to="billable.grant"
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
                    "usage",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="adjustments",
                        to="billable.usage",
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
                ("discount_minor", models.BigIntegerField(default=0)),
                ("tax_rate", models.DecimalField(decimal_places=4, default=0, help_text="Percent.", max_digits=7)),
                ("tax_minor", models.BigIntegerField(default=0)),
                (
                    "tax_included",
                    models.BooleanField(default=True, help_text="Whether the unit amount contains the tax."),
                ),
                ("total_amount_minor", models.BigIntegerField(help_text="After the discount, with the tax.")),
                ("refunded_minor", models.BigIntegerField(default=0)),
                ("refunded_pieces", models.BigIntegerField(default=0)),
                (
                    "credit_minor",
                    models.BigIntegerField(default=0, help_text="What of the discount is credit of its subscription."),
                ),
                (
                    "recurs_count",
                    models.PositiveSmallIntegerField(blank=True, help_text="Empty: it pays for no period.", null=True),
                ),
                (
                    "recurs_unit",
                    models.CharField(
                        blank=True,
                        choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                        max_length=5,
                        null=True,
                    ),
                ),
                ("grace_days", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "period_index",
                    models.PositiveIntegerField(blank=True, help_text="The period that it paid for.", null=True),
                ),
                ("period_from", models.DateTimeField(blank=True, null=True)),
                ("period_until", models.DateTimeField(blank=True, null=True)),
                (
                    "credited_minor",
                    models.BigIntegerField(default=0, help_text="What a change of plan credited: it never goes back."),
                ),
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
                (
                    "subscription",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="billable.subscription",
                    ),
                ),
                (
                    "change",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="item",
                        to="billable.planchange",
                    ),
                ),
                (
                    "credited_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
                        to="billable.planchange",
                    ),
                ),
            ],
            options={
                "db_table": "billable_orderitem",
                "ordering": ("order", "line"),
                "constraints": [
                    models.UniqueConstraint(fields=("order", "line"), name="billable_orderitem_order_line"),
                    models.UniqueConstraint(fields=("subscription", "period_index"), name="billable_orderitem_period"),
                    check_constraint(
                        models.Q(
                            models.Q(("recurs_count__isnull", True), ("recurs_unit__isnull", True)),
                            models.Q(
                                ("recurs_count__gte", 1),
                                ("recurs_count__isnull", False),
                                ("recurs_unit__in", ["day", "week", "month", "year"]),
                                ("recurs_unit__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_orderitem_recurs",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("period_from__isnull", True),
                                ("period_index__isnull", True),
                                ("period_until__isnull", True),
                            ),
                            models.Q(
                                ("period_from__isnull", False),
                                ("period_index__isnull", False),
                                ("period_until__gte", models.F("period_from")),
                                ("period_until__isnull", False),
                                ("recurs_count__isnull", False),
                                ("subscription__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_orderitem_period_is_whole",
                    ),
                    check_constraint(
                        models.Q(
                            ("discount_minor__gte", 0),
                            (
                                "discount_minor__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("quantity"), "*", models.F("unit_amount_minor")
                                ),
                            ),
                            ("quantity__gte", 1),
                            ("quantity__lte", 1000000),
                            ("refunded_minor__gte", 0),
                            ("refunded_minor__lte", models.F("total_amount_minor")),
                            ("refunded_pieces__gte", 0),
                            ("refunded_pieces__lte", models.F("quantity")),
                            ("tax_minor__gte", 0),
                            ("tax_rate__gte", 0),
                            ("tax_rate__lte", 100),
                            ("unit_amount_minor__gte", 0),
                        ),
                        name="billable_orderitem_amounts",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("tax_included", True),
                                ("tax_minor__lte", models.F("total_amount_minor")),
                                (
                                    "total_amount_minor",
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("quantity"), "*", models.F("unit_amount_minor")
                                        ),
                                        "-",
                                        models.F("discount_minor"),
                                    ),
                                ),
                            ),
                            models.Q(
                                ("tax_included", False),
                                (
                                    "total_amount_minor",
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("quantity"), "*", models.F("unit_amount_minor")
                                            ),
                                            "-",
                                            models.F("discount_minor"),
                                        ),
                                        "+",
                                        models.F("tax_minor"),
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="billable_orderitem_total",
                    ),
                    check_constraint(
                        models.Q(("credit_minor__gte", 0), ("credit_minor__lte", models.F("discount_minor"))),
                        name="billable_orderitem_credit",
                    ),
                    check_constraint(
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
                ],
            },
        ),
        migrations.CreateModel(
            name="OrderItemFeature",
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
                ("line", models.PositiveIntegerField()),
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
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="features",
                        to="billable.orderitem",
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
                    check_constraint(
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
                        name="billable_orderitemfeature_reset",
                    ),
                    check_constraint(
                        models.Q(
                            ("reset_count__isnull", True),
                            models.Q(("quantity__isnull", False), ("reset_count__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_orderitemfeature_reset_units",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("rollover_periods__isnull", True), ("rollover_quantity__isnull", True)),
                            models.Q(
                                ("rollover_quantity__gte", 1),
                                ("rollover_quantity__isnull", False),
                                ("rollover_quantity__lte", 1000000000000),
                                ("rollover_periods__gte", 1),
                                ("rollover_periods__isnull", False),
                                ("rollover_periods__lte", 100),
                                ("reset_count__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_orderitemfeature_rollover",
                    ),
                    check_constraint(
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
                        name="billable_orderitemfeature_cap",
                    ),
                    check_constraint(
                        models.Q(
                            ("value__isnull", True),
                            models.Q(
                                ("cap_quantity__isnull", True),
                                ("quantity__isnull", True),
                                ("reset_count__isnull", True),
                                ("value__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_orderitemfeature_static",
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
                            ("returned", "returned"),
                            ("disputed", "disputed"),
                            ("lost", "lost"),
                        ],
                        max_length=20,
                    ),
                ),
                ("code", models.CharField(blank=True, help_text="Why it is unapplied.", max_length=40)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=10)),
                ("amount_assumed", models.BooleanField(default=False, help_text="The notice named no amount.")),
                ("succeeded_at", models.DateTimeField(blank=True, null=True)),
                ("returned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, help_text="Why it was returned or applied by hand.", max_length=500),
                ),
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
                (
                    "applied_to",
                    models.ForeignKey(
                        blank=True,
                        help_text="The order that took it by hand, when its own could not.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="applied_payments",
                        to="billable.order",
                    ),
                ),
            ],
            options={
                "db_table": "billable_payment",
                "ordering": ("id",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "unapplied")), fields=["id"], name="billable_payment_unapplied"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "payment_method", "payment_id", "capture_id"), name="billable_payment_key"
                    ),
                    check_constraint(models.Q(("amount_minor__gte", 0)), name="billable_payment_amount"),
                    check_constraint(
                        models.Q(
                            (
                                "status__in",
                                ["pending", "failed", "succeeded", "unapplied", "returned", "disputed", "lost"],
                            )
                        ),
                        name="billable_payment_known_status",
                    ),
                    check_constraint(
                        models.Q(
                            ("code", ""),
                            ("applied_to__isnull", False),
                            ("status__in", ["unapplied", "returned", "disputed", "lost"]),
                            _connector="OR",
                        ),
                        name="billable_payment_code_is_unapplied",
                    ),
                    check_constraint(
                        models.Q(
                            ("applied_to__isnull", True),
                            models.Q(
                                models.Q(("applied_to", models.F("order")), _negated=True),
                                ("status__in", ["succeeded", "disputed", "lost"]),
                            ),
                            _connector="OR",
                        ),
                        name="billable_payment_applied_to_another",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("returned_at__isnull", True), models.Q(("status", "returned"), _negated=True)),
                            models.Q(
                                ("applied_to__isnull", True), ("returned_at__isnull", False), ("status", "returned")
                            ),
                            _connector="OR",
                        ),
                        name="billable_payment_returned",
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
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("refund_id", billable.db.fields.KeyField(max_length=200)),
                (
                    "origin",
                    models.CharField(
                        choices=[("merchant", "merchant"), ("provider", "provider"), ("dispute", "dispute")],
                        max_length=20,
                    ),
                ),
                ("policy", models.CharField(blank=True, help_text="Empty: an amount was named.", max_length=20)),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=10)),
                (
                    "asked",
                    models.JSONField(
                        default=dict, help_text="What the caller asked for; a repeat must ask for the same."
                    ),
                ),
                (
                    "slides",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Later periods that moved up: [{grant, valid_from, expires_at}] as before.",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="billable.customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="billable.order",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="billable.payment",
                    ),
                ),
            ],
            options={
                "db_table": "billable_refund",
                "ordering": ("id",),
                "constraints": [
                    models.UniqueConstraint(fields=("order", "refund_id"), name="billable_refund_order_refund_id"),
                    check_constraint(models.Q(("amount_minor__gte", 0)), name="billable_refund_amount"),
                    check_constraint(
                        models.Q(("origin__in", ["merchant", "provider", "dispute"])),
                        name="billable_refund_known_origin",
                    ),
                    check_constraint(
                        models.Q(("policy__in", ["", "full", "unused_only", "pro_rata_time"])),
                        name="billable_refund_known_policy",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundItem",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("pieces", models.BigIntegerField(default=0)),
                ("amount_minor", models.BigIntegerField()),
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
                    "refund",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="billable.refund",
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billable.orderitem"
                    ),
                ),
            ],
            options={
                "db_table": "billable_refunditem",
                "ordering": ("refund", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("refund", "item"), name="billable_refunditem_refund_item"),
                    check_constraint(
                        models.Q(("amount_minor__gte", 0), ("pieces__gte", 0)), name="billable_refunditem_amounts"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundGrant",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("used", models.BigIntegerField()),
                ("unused", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("expired", models.BigIntegerField(default=0)),
                ("taken_back", models.BigIntegerField(blank=True, help_text="Empty: unlimited.", null=True)),
                ("ended", models.BooleanField(default=False)),
                (
                    "reduced",
                    models.BigIntegerField(
                        default=0, help_text="How much less each period to come of an allowance gives."
                    ),
                ),
                (
                    "taken_ahead",
                    models.BigIntegerField(default=0, help_text="What it took of periods to come. Without end: 0."),
                ),
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
                    "part",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="billable.refunditem",
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billable.grant"
                    ),
                ),
            ],
            options={
                "db_table": "billable_refundgrant",
                "ordering": ("part", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("part", "grant"), name="billable_refundgrant_part_grant"),
                    check_constraint(
                        models.Q(
                            ("expired__gte", 0),
                            ("used__gte", 0),
                            models.Q(
                                models.Q(("taken_back__isnull", True), ("unused__isnull", True)),
                                models.Q(
                                    ("taken_back__gte", 0),
                                    ("taken_back__isnull", False),
                                    ("taken_back__lte", models.F("unused")),
                                    ("unused__isnull", False),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="billable_refundgrant_units",
                    ),
                    check_constraint(
                        models.Q(("reduced__gte", 0), ("taken_ahead__gte", 0)), name="billable_refundgrant_ahead"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("dispute_id", billable.db.fields.KeyField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[("disputed", "disputed"), ("won", "won"), ("lost", "lost")],
                        default="disputed",
                        max_length=20,
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=10)),
                ("payment_status", models.CharField(help_text="Where the payment stood before.", max_length=20)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billable.customer",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="billable.order"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="disputes",
                        to="billable.payment",
                    ),
                ),
            ],
            options={
                "db_table": "billable_dispute",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("payment", "dispute_id"), name="billable_dispute_payment_dispute_id"
                    ),
                    check_constraint(models.Q(("amount_minor__gte", 0)), name="billable_dispute_amount"),
                    check_constraint(
                        models.Q(("status__in", ["disputed", "won", "lost"])), name="billable_dispute_known_status"
                    ),
                    check_constraint(
                        models.Q(("payment_status__in", ["succeeded", "unapplied"])),
                        name="billable_dispute_known_payment_status",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("decided_at__isnull", True), ("status", "disputed")),
                            models.Q(models.Q(("status", "disputed"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_dispute_decided",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceSeries",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("series", models.CharField(max_length=20)),
                ("year", models.PositiveSmallIntegerField()),
                ("last_number", models.BigIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "invoice series",
                "db_table": "billable_invoiceseries",
                "ordering": ("series", "year"),
                "constraints": [
                    models.UniqueConstraint(fields=("series", "year"), name="billable_invoiceseries_series_year"),
                    check_constraint(models.Q(("last_number__gte", 0)), name="billable_invoiceseries_number"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                (
                    "kind",
                    models.CharField(choices=[("receipt", "receipt"), ("credit_note", "credit_note")], max_length=20),
                ),
                ("source_id", models.UUIDField(help_text="The order, or the refund, that it is about.")),
                ("series", models.CharField(max_length=20)),
                ("year", models.PositiveSmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("issued_at", models.DateTimeField()),
                ("currency", models.CharField(max_length=10)),
                ("net_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("tax_included", models.BooleanField(default=True)),
                ("seller", models.JSONField(default=dict, help_text="Who sold, as it stood then.")),
                ("buyer", models.JSONField(default=dict, help_text="Who bought, as it stood then.")),
                ("payment_method", models.CharField(blank=True, max_length=64)),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="billable.customer"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="invoices", to="billable.order"
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billable.refund",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billable.invoice",
                    ),
                ),
            ],
            options={
                "db_table": "billable_invoice",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "source_id"), name="billable_invoice_source"),
                    models.UniqueConstraint(fields=("series", "year", "number"), name="billable_invoice_number"),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("corrects__isnull", True),
                                ("kind", "receipt"),
                                ("refund__isnull", True),
                                ("source_id", models.F("order_id")),
                            ),
                            models.Q(
                                ("kind", "credit_note"), ("refund__isnull", False), ("source_id", models.F("refund_id"))
                            ),
                            _connector="OR",
                        ),
                        name="billable_invoice_source_is_there",
                    ),
                    check_constraint(
                        models.Q(
                            ("net_minor__gte", 0),
                            ("number__gte", 1),
                            ("tax_minor__gte", 0),
                            (
                                "total_minor",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net_minor"), "+", models.F("tax_minor")
                                ),
                            ),
                        ),
                        name="billable_invoice_amounts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("line", models.PositiveIntegerField()),
                ("sku", models.CharField(max_length=64)),
                ("description", models.CharField(blank=True, max_length=300)),
                ("quantity", models.BigIntegerField()),
                ("unit_amount_minor", models.BigIntegerField()),
                ("discount_minor", models.BigIntegerField(default=0)),
                ("net_minor", models.BigIntegerField()),
                ("tax_rate", models.DecimalField(decimal_places=4, default=0, help_text="Percent.", max_digits=7)),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
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
                    "invoice",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="billable.invoice",
                    ),
                ),
            ],
            options={
                "db_table": "billable_invoiceline",
                "ordering": ("invoice", "line"),
                "constraints": [
                    models.UniqueConstraint(fields=("invoice", "line"), name="billable_invoiceline_invoice_line"),
                    check_constraint(
                        models.Q(
                            ("discount_minor__gte", 0),
                            ("net_minor__gte", 0),
                            ("quantity__gte", 0),
                            ("tax_minor__gte", 0),
                            ("tax_rate__gte", 0),
                            ("tax_rate__lte", 100),
                            (
                                "total_minor",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("net_minor"), "+", models.F("tax_minor")
                                ),
                            ),
                            ("unit_amount_minor__gte", 0),
                        ),
                        name="billable_invoiceline_amounts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Promotion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "code",
                    models.CharField(
                        help_text="Upper case; customers may type it in any case.", max_length=64, unique=True
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "percent_off",
                    models.DecimalField(
                        blank=True,
                        decimal_places=4,
                        help_text="Empty: fixed amounts per currency.",
                        max_digits=7,
                        null=True,
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("max_uses", models.PositiveIntegerField(blank=True, help_text="Empty: any number.", null=True)),
                (
                    "max_uses_per_customer",
                    models.PositiveIntegerField(blank=True, help_text="Empty: any number.", null=True),
                ),
                ("first_order_only", models.BooleanField(default=False)),
                (
                    "used",
                    models.PositiveIntegerField(
                        default=0, editable=False, help_text="Uses that are reserved or spent."
                    ),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "billable_promotion",
                "ordering": ("code",),
                "constraints": [
                    check_constraint(
                        models.Q(
                            ("percent_off__isnull", True),
                            models.Q(("percent_off__gt", 0), ("percent_off__lte", 100)),
                            _connector="OR",
                        ),
                        name="billable_promotion_percent",
                    ),
                    check_constraint(
                        models.Q(("max_uses__isnull", True), ("used__lte", models.F("max_uses")), _connector="OR"),
                        name="billable_promotion_uses",
                    ),
                    check_constraint(
                        models.Q(
                            ("starts_at__isnull", True),
                            ("ends_at__isnull", True),
                            ("ends_at__gt", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="billable_promotion_window",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PromotionAmount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("currency", models.CharField(max_length=10)),
                ("amount_minor", models.BigIntegerField()),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="amounts", to="billable.promotion"
                    ),
                ),
            ],
            options={
                "db_table": "billable_promotionamount",
                "ordering": ("promotion", "currency"),
                "constraints": [
                    models.UniqueConstraint(fields=("promotion", "currency"), name="billable_promotionamount_currency"),
                    check_constraint(models.Q(("amount_minor__gte", 1)), name="billable_promotionamount_amount"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PromotionProduct",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="products", to="billable.promotion"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="promotions", to="billable.product"
                    ),
                ),
            ],
            options={
                "db_table": "billable_promotionproduct",
                "ordering": ("promotion", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("promotion", "product"), name="billable_promotionproduct_product")
                ],
            },
        ),
        migrations.CreateModel(
            name="PromotionUse",
            fields=[
                (
                    "id",
                    models.UUIDField(default=billable.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("actor", models.CharField(editable=False, max_length=100)),
                ("created_at", models.DateTimeField(editable=False)),
                ("order_id", models.UUIDField()),
                ("currency", models.CharField(max_length=10)),
                ("discount_minor", models.BigIntegerField()),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                (
                    "released_as",
                    models.CharField(blank=True, help_text="cancelled, expired or refunded", max_length=20),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="promotion_uses",
                        to="billable.customer",
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="uses", to="billable.promotion"
                    ),
                ),
            ],
            options={
                "db_table": "billable_promotionuse",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "order_id"), name="billable_promotionuse_customer_order"
                    ),
                    check_constraint(models.Q(("discount_minor__gte", 0)), name="billable_promotionuse_discount"),
                    check_constraint(
                        models.Q(
                            models.Q(("released_as", ""), ("released_at__isnull", True)),
                            models.Q(("released_at__isnull", False), models.Q(("released_as", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="billable_promotionuse_released",
                    ),
                ],
            },
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
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="debts",
                        to="billable.customer",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="debts",
                        to="billable.feature",
                    ),
                ),
                (
                    "usage",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="debt", to="billable.usage"
                    ),
                ),
            ],
            options={
                "db_table": "billable_debt",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["customer", "feature", "closed_at"], name="billable_debt_open")],
                "constraints": [
                    check_constraint(
                        models.Q(("units__gte", 1), ("units__lte", 1000000000000)), name="billable_debt_units"
                    ),
                    check_constraint(
                        models.Q(
                            ("forgiven__gte", 0),
                            ("repaid__gte", 0),
                            (
                                "repaid__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("units"), "-", models.F("forgiven")
                                ),
                            ),
                        ),
                        name="billable_debt_repaid",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("closed_at__isnull", True),
                                (
                                    "repaid__lt",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("units"), "-", models.F("forgiven")
                                    ),
                                ),
                            ),
                            models.Q(
                                ("closed_at__isnull", False),
                                (
                                    "repaid",
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("units"), "-", models.F("forgiven")
                                    ),
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="billable_debt_closed",
                    ),
                ],
            },
        ),
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
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="roll_outs",
                        to="billable.customer",
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="roll_outs", to="billable.product"
                    ),
                ),
                (
                    "grant",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="roll_outs",
                        to="billable.grant",
                    ),
                ),
                (
                    "allowance",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="roll_outs",
                        to="billable.allowance",
                    ),
                ),
            ],
            options={
                "db_table": "billable_rollout",
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["customer", "product"], name="billable_rollout_held")],
                "constraints": [
                    check_constraint(
                        models.Q(("policy__in", ["next_period", "now"])), name="billable_rollout_known_policy"
                    ),
                    check_constraint(
                        models.Q(("kind__in", ["terms", "units", "cap", "value", "line"])),
                        name="billable_rollout_known_kind",
                    ),
                    check_constraint(
                        models.Q(
                            ("quantity__isnull", True),
                            models.Q(
                                ("quantity__gte", 1), ("quantity__isnull", False), ("quantity__lte", 1000000000000)
                            ),
                            _connector="OR",
                        ),
                        name="billable_rollout_quantity",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReferralProgramme",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=64, unique=True)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("is_active", models.BooleanField(default=True)),
                (
                    "trigger",
                    models.CharField(
                        choices=[("on_signup", "on_signup"), ("on_first_payment", "on_first_payment")],
                        default="on_first_payment",
                        max_length=20,
                    ),
                ),
                (
                    "hold_days",
                    models.PositiveIntegerField(default=0, help_text="How long a reward waits after it was earned."),
                ),
                (
                    "cap_per_referrer",
                    models.PositiveIntegerField(blank=True, help_text="Most rewards. Empty: any number.", null=True),
                ),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "referrer_product",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: nothing.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
                    ),
                ),
                (
                    "referee_product",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: nothing.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.product",
                    ),
                ),
            ],
            options={
                "db_table": "billable_referralprogramme",
                "ordering": ("key",),
                "constraints": [
                    check_constraint(
                        models.Q(("trigger__in", ["on_signup", "on_first_payment"])),
                        name="billable_referralprogramme_known_trigger",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Referral",
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
                            ("qualified", "qualified"),
                            ("rewarded", "rewarded"),
                            ("capped", "capped"),
                            ("taken_back", "taken_back"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "order_id",
                    models.UUIDField(
                        blank=True, db_index=True, help_text="The order that earned the reward.", null=True
                    ),
                ),
                ("qualified_at", models.DateTimeField(blank=True, null=True)),
                (
                    "due_at",
                    models.DateTimeField(
                        blank=True, db_index=True, help_text="When the reward may be given.", null=True
                    ),
                ),
                ("rewarded_at", models.DateTimeField(blank=True, null=True)),
                (
                    "referee_grants",
                    models.PositiveIntegerField(default=0, help_text="How many grants the referee got."),
                ),
                (
                    "referrer_grants",
                    models.PositiveIntegerField(default=0, help_text="How many grants the referrer got."),
                ),
                ("taken_back_at", models.DateTimeField(blank=True, null=True)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referred_by",
                        to="billable.customer",
                    ),
                ),
                (
                    "referrer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="referrals", to="billable.customer"
                    ),
                ),
                (
                    "programme",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="referrals",
                        to="billable.referralprogramme",
                    ),
                ),
            ],
            options={
                "db_table": "billable_referral",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("customer",), name="billable_referral_referee"),
                    check_constraint(
                        models.Q(("customer", models.F("referrer")), _negated=True),
                        name="billable_referral_not_oneself",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(
                                ("due_at__isnull", True),
                                ("qualified_at__isnull", True),
                                ("rewarded_at__isnull", True),
                                ("status", "pending"),
                                ("taken_back_at__isnull", True),
                            ),
                            models.Q(
                                ("due_at__isnull", False),
                                ("qualified_at__isnull", False),
                                ("rewarded_at__isnull", True),
                                ("status", "qualified"),
                                ("taken_back_at__isnull", True),
                            ),
                            models.Q(
                                ("due_at__isnull", False),
                                ("qualified_at__isnull", False),
                                ("rewarded_at__isnull", False),
                                ("status__in", ["rewarded", "capped"]),
                                ("taken_back_at__isnull", True),
                            ),
                            models.Q(
                                ("qualified_at__isnull", False),
                                ("status", "taken_back"),
                                ("taken_back_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="billable_referral_instants",
                    ),
                    check_constraint(
                        models.Q(
                            models.Q(("referee_grants", 0), ("referrer_grants", 0)),
                            models.Q(
                                ("rewarded_at__isnull", False),
                                models.Q(
                                    models.Q(("status", "capped"), _negated=True),
                                    ("referrer_grants", 0),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="billable_referral_grants",
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
                (
                    "subscription",
                    models.OneToOneField(
                        blank=True,
                        help_text="What it is the first period of.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trial",
                        to="billable.subscription",
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
    ]
