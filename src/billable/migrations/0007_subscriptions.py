"""Subscriptions: what is paid for again and again. Nothing recurred before, so there are no rows to fill."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import billable.ids
from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [
        ("billable", "0006_overdraft"),
    ]

    operations = [
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
            ],
            options={
                "db_table": "billable_subscription",
                "ordering": ("-id",),
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
            ],
            options={
                "db_table": "billable_subscriptionpause",
                "ordering": ("-id",),
            },
        ),
        migrations.AddField(
            model_name="orderitem",
            name="credit_minor",
            field=models.BigIntegerField(default=0, help_text="What of the discount is credit of its subscription."),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="grace_days",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="period_from",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="period_index",
            field=models.PositiveIntegerField(blank=True, help_text="The period that it paid for.", null=True),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="period_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="recurs_count",
            field=models.PositiveSmallIntegerField(blank=True, help_text="Empty: it pays for no period.", null=True),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="recurs_unit",
            field=models.CharField(
                blank=True,
                choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                max_length=5,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="grace_days",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="How long it goes on when a period is not paid. Empty: BILLABLE_SUBSCRIPTION_GRACE_DAYS.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="recurs_count",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="What is paid for again and again: every so many. Empty: sold once.", null=True
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="recurs_unit",
            field=models.CharField(
                blank=True,
                choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                max_length=5,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="trial_count",
            field=models.PositiveSmallIntegerField(
                blank=True, help_text="How long it may be tried before it is paid for. Empty: no trial.", null=True
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="trial_unit",
            field=models.CharField(
                blank=True,
                choices=[("day", "day"), ("week", "week"), ("month", "month"), ("year", "year")],
                max_length=5,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=check_constraint(
                models.Q(
                    models.Q(
                        ("grace_days__isnull", True), ("recurs_count__isnull", True), ("trial_count__isnull", True)
                    ),
                    models.Q(("is_default", False), ("is_trial", False), ("recurs_count__isnull", False)),
                    _connector="OR",
                ),
                name="billable_product_recurs_is_sold",
            ),
        ),
        migrations.AddConstraint(
            model_name="product",
            constraint=check_constraint(
                models.Q(
                    ("grace_days__isnull", True),
                    models.Q(("grace_days__isnull", False), ("grace_days__lte", 365)),
                    _connector="OR",
                ),
                name="billable_product_grace",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="subscriptions", to="billable.customer"
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="next_product",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="What it becomes with the next period.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billable.product",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="product",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="subscriptions",
                to="billable.product",
            ),
        ),
        migrations.AddField(
            model_name="subscription",
            name="renewal",
            field=models.ForeignKey(
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
        migrations.AddField(
            model_name="allowance",
            name="subscription",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allowances",
                to="billable.subscription",
            ),
        ),
        migrations.AddIndex(
            model_name="allowance",
            index=models.Index(
                condition=models.Q(("subscription__isnull", False)),
                fields=["subscription"],
                name="billable_allowance_subscribed",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="subscription",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="grants",
                to="billable.subscription",
            ),
        ),
        migrations.AddField(
            model_name="orderitem",
            name="subscription",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="items",
                to="billable.subscription",
            ),
        ),
        migrations.AddField(
            model_name="trial",
            name="subscription",
            field=models.OneToOneField(
                blank=True,
                help_text="What it is the first period of.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="trial",
                to="billable.subscription",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(
                condition=models.Q(("subscription__isnull", False)),
                fields=["subscription"],
                name="billable_grant_subscription",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=models.UniqueConstraint(
                fields=("subscription", "period_index"), name="billable_orderitem_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
                models.Q(
                    models.Q(
                        ("period_from__isnull", True), ("period_index__isnull", True), ("period_until__isnull", True)
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
        ),
        migrations.AddConstraint(
            model_name="orderitem",
            constraint=check_constraint(
                models.Q(("credit_minor__gte", 0), ("credit_minor__lte", models.F("discount_minor"))),
                name="billable_orderitem_credit",
            ),
        ),
        migrations.AddField(
            model_name="subscriptionpause",
            name="customer",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="billable.customer"
            ),
        ),
        migrations.AddField(
            model_name="subscriptionpause",
            name="subscription",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="pauses", to="billable.subscription"
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("renews_at__isnull", False)),
                fields=["renews_at"],
                name="billable_subscription_renewals",
            ),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="billable_subscription_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
                models.Q(("interval_count__gte", 1), ("interval_unit__in", ["day", "week", "month", "year"])),
                name="billable_subscription_interval",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
                models.Q(
                    ("access_until__gte", models.F("paid_until")),
                    (
                        "anchor_index__lte",
                        django.db.models.expressions.CombinedExpression(models.F("period_index"), "+", models.Value(1)),
                    ),
                    ("paid_until__gte", models.F("paid_from")),
                ),
                name="billable_subscription_windows",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
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
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(
                models.Q(
                    ("renews_at__isnull", True),
                    models.Q(("cancelled_at__isnull", True), ("suspended_at__isnull", True)),
                    _connector="OR",
                ),
                name="billable_subscription_renews",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=check_constraint(models.Q(("credit_minor__gte", 0)), name="billable_subscription_credit"),
        ),
        migrations.AddConstraint(
            model_name="subscriptionpause",
            constraint=check_constraint(
                models.Q(
                    ("ends_at__isnull", True),
                    models.Q(("ends_at__gte", models.F("begins_at")), ("ends_at__isnull", False)),
                    _connector="OR",
                ),
                name="billable_subscriptionpause_window",
            ),
        ),
    ]
