"""Holds can be made: how they lapse, how they close. No verb made one before, so there are no rows to fill."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from billable.compat import check_constraint


class Migration(migrations.Migration):
    dependencies = [("billable", "0002_money")]

    operations = [
        migrations.RemoveIndex(model_name="hold", name="billable_hold_open"),
        migrations.AddField(
            model_name="hold",
            name="asked",
            field=models.CharField(
                default="", help_text="The name that the caller gave: the feature's, or a SKU.", max_length=64
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="hold",
            name="lapses_at",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="Its end and the grace: when its units are free again.",
            ),
            preserve_default=False,
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
        migrations.AlterField(
            model_name="hold",
            name="captured",
            field=models.BigIntegerField(default=0, help_text="How much of it became usages."),
        ),
        migrations.AlterField(
            model_name="hold",
            name="sku",
            field=models.CharField(blank=True, help_text="The product that the caller narrowed it to.", max_length=64),
        ),
        migrations.AlterField(
            model_name="hold",
            name="closed_as",
            field=models.CharField(
                blank=True,
                choices=[("captured", "captured"), ("released", "released"), ("lapsed", "lapsed")],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(fields=["customer", "closed_at", "lapses_at"], name="billable_hold_open"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=check_constraint(
                models.Q(("closed_as", ""), ("closed_at__isnull", True), ("final_capture__isnull", True))
                | models.Q(("closed_as__in", ["captured", "released", "lapsed"]), ("closed_at__isnull", False)),
                name="billable_hold_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=check_constraint(
                models.Q(("lapses_at__gte", models.F("expires_at"))), name="billable_hold_lapse"
            ),
        ),
    ]
