"""Money: refunds, disputes, exchange, promotions, referrals, merges, invoices, tax."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import billable.db.fields
import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0001_initial"),
    ]

    operations = [
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
                        models.Q(
                            models.Q(("decided_at__isnull", True), ("status", "disputed")),
                            models.Q(models.Q(("status", "disputed"), _negated=True), ("decided_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="billable_dispute_decided",
                    ),
                    check_constraint(
                        models.Q(("payment_status__in", ["succeeded", "unapplied"])),
                        name="billable_dispute_known_payment_status",
                    ),
                ],
            },
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
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billable.feature",
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
                    "absorbed",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billable.customer"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        help_text="Who survived.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="merges",
                        to="billable.customer",
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
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="promotions", to="billable.product"
                    ),
                ),
                (
                    "promotion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="products", to="billable.promotion"
                    ),
                ),
            ],
            options={
                "db_table": "billable_promotionproduct",
                "ordering": ("promotion", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("promotion", "product"), name="billable_promotionproduct_product"),
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
            ],
            options={
                "db_table": "billable_referralprogramme",
                "ordering": ("key",),
                "constraints": [
                    check_constraint(
                        models.Q(("trigger__in", ["on_signup", "on_first_payment"])),
                        name="billable_referralprogramme_known_trigger",
                    ),
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
                    "corrects",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billable.invoice",
                    ),
                ),
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
            ],
            options={
                "db_table": "billable_invoice",
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "source_id"), name="billable_invoice_source"),
                    models.UniqueConstraint(fields=("series", "year", "number"), name="billable_invoice_number"),
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
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billable.orderitem"
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billable.grant"
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
                ],
            },
        ),
        migrations.CreateModel(
            name="UnitPrice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("units", models.BigIntegerField()),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="buys", to="billable.feature"
                    ),
                ),
                (
                    "product",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="unit_prices", to="billable.product"
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
        migrations.AlterModelOptions(
            name="customer",
            options={
                "ordering": ("-id",),
                "permissions": (
                    ("merge_customers", "Can merge customers"),
                    ("anonymize_customer", "Can anonymize a customer"),
                ),
            },
        ),
        migrations.AlterModelOptions(
            name="order",
            options={"ordering": ("-id",), "permissions": (("refund_order", "Can refund an order"),)},
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="billable_grant_known_source",
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="billable_ledgerentry_known_kind",
        ),
        migrations.RemoveConstraint(
            model_name="order",
            name="billable_order_amounts",
        ),
        migrations.RemoveConstraint(
            model_name="orderitem",
            name="billable_orderitem_amounts",
        ),
        migrations.RemoveConstraint(
            model_name="payment",
            name="billable_payment_known_status",
        ),
        migrations.RemoveConstraint(
            model_name="payment",
            name="billable_payment_code_is_unapplied",
        ),
        migrations.AddField(
            model_name="customer",
            name="anonymized_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="customer",
            name="anonymized_by",
            field=models.CharField(blank=True, default="", editable=False, max_length=100),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="customer",
            name="anonymized_reason",
            field=models.CharField(blank=True, default="", editable=False, max_length=500),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="identity",
            name="merged_from",
            field=models.UUIDField(
                blank=True,
                editable=False,
                help_text="The customer that it named before a merge: whose keys it still finds first.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="userlink",
            name="merged_from",
            field=models.UUIDField(
                blank=True,
                editable=False,
                help_text="The customer that it named before a merge: whose keys it still finds first.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="billing_details",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Who invoices are made out to: name, address, email, country, tax_id.",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="origin",
            field=models.ForeignKey(
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
        migrations.AddField(
            model_name="order",
            name="discount_minor",
            field=models.BigIntegerField(default=0, help_text="What a promotion code took off."),
        ),
        migrations.AddField(
            model_name="order",
            name="promotion_code",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="order",
            name="tax_included",
            field=models.BooleanField(default=True, help_text="Whether the catalogue's prices contained the tax."),
        ),
        migrations.AddField(
            model_name="order",
            name="tax_minor",
            field=models.BigIntegerField(default=0, help_text="The tax in the total."),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="discount_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="refunded_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="refunded_pieces",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="tax_included",
            field=models.BooleanField(default=True, help_text="Whether the unit amount contains the tax."),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="tax_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="tax_rate",
            field=models.DecimalField(decimal_places=4, default=0, help_text="Percent.", max_digits=7),
        ),
        migrations.AddField(
            model_name="payment",
            name="applied_to",
            field=models.ForeignKey(
                blank=True,
                help_text="The order that took it by hand, when its own could not.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="applied_payments",
                to="billable.order",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="reason",
            field=models.CharField(blank=True, help_text="Why it was returned or applied by hand.", max_length=500),
        ),
        migrations.AddField(
            model_name="payment",
            name="returned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="product",
            name="tax_rate",
            field=models.DecimalField(
                blank=True, decimal_places=4, help_text="Percent. Empty: BILLABLE_TAX_RATE.", max_digits=7, null=True
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
        migrations.AlterField(
            model_name="orderitem",
            name="total_amount_minor",
            field=models.BigIntegerField(help_text="After the discount, with the tax."),
        ),
        migrations.AlterField(
            model_name="payment",
            name="status",
            field=models.CharField(
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
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("origin__isnull", False)), fields=["origin"], name="billable_grant_origin"
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=check_constraint(
                models.Q(
                    (
                        "source__in",
                        ["order", "trial", "default", "manual", "exchange", "referral", "transfer", "dispute"],
                    )
                ),
                name="billable_grant_known_source",
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
            model_name="order",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=check_constraint(
                models.Q(
                    models.Q(("status", "refunded"), _negated=True),
                    ("refunded_amount_minor", models.F("paid_amount_minor")),
                    _connector="OR",
                ),
                name="billable_order_refunded_in_full",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=check_constraint(
                models.Q(
                    ("status__in", ["pending", "failed", "succeeded", "unapplied", "returned", "disputed", "lost"])
                ),
                name="billable_payment_known_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=check_constraint(
                models.Q(
                    ("code", ""),
                    ("applied_to__isnull", False),
                    ("status__in", ["unapplied", "returned", "disputed", "lost"]),
                    _connector="OR",
                ),
                name="billable_payment_code_is_unapplied",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=check_constraint(
                models.Q(
                    models.Q(("returned_at__isnull", True), models.Q(("status", "returned"), _negated=True)),
                    models.Q(("applied_to__isnull", True), ("returned_at__isnull", False), ("status", "returned")),
                    _connector="OR",
                ),
                name="billable_payment_returned",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["expires_at"], name="billable_order_pending"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status", "unapplied")), fields=["id"], name="billable_payment_unapplied"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=check_constraint(
                models.Q(
                    ("tax_rate__isnull", True), models.Q(("tax_rate__gte", 0), ("tax_rate__lte", 100)), _connector="OR"
                ),
                name="billable_product_tax_rate",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=check_constraint(
                models.Q(("anonymized_at__isnull", True), ("anonymized_by", ""), ("anonymized_reason", ""))
                | models.Q(("anonymized_at__isnull", False), models.Q(("anonymized_by", ""), _negated=True)),
                name="billable_customer_anonymized",
            ),
        ),
    ]
