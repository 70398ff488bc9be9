"""Tables of the trials room."""

from __future__ import annotations

from django.db import models

from billable.catalog.models import Product
from billable.customers.models import Customer
from billable.ids import new_id
from billable.quota.models import Grant
from billable.receipts import Receipt
from billable.subscriptions.models import Subscription


class Trial(Receipt):
    """The receipt of a trial."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="trials")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="trials", db_index=False)
    campaign = models.CharField(max_length=64)
    subscription = models.OneToOneField(
        Subscription,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="trial",
        help_text="What it is the first period of.",
    )

    grants: tuple[Grant, ...] = ()
    """On an answer of start_trial: the grants that it made."""

    class Meta:
        db_table = "billable_trial"
        ordering = ("-id",)


class TrialFingerprint(models.Model):
    """One keyed hash of one identity that used a campaign. A claim table: no foreign keys."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    campaign = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64, help_text="HMAC-SHA-256, hexadecimal.")
    trial_id = models.UUIDField(db_index=True)
    customer_id = models.UUIDField()

    class Meta:
        db_table = "billable_trialfingerprint"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "fingerprint"], name="billable_trialfingerprint_key"),
        ]

    def __str__(self) -> str:
        return self.fingerprint[:12]
