"""Tables of the trials room."""

from __future__ import annotations

from django.db import models

from billable.actor import ACTOR_MAX_LENGTH
from billable.catalog.models import Product
from billable.customers.models import Customer
from billable.ids import new_id
from billable.quota.models import Grant


class Trial(models.Model):
    """The receipt of a trial."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="trials")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="trials", db_index=False)
    campaign = models.CharField(max_length=64)
    actor = models.CharField(max_length=ACTOR_MAX_LENGTH)
    created_at = models.DateTimeField()

    grants: tuple[Grant, ...] = ()
    """On an answer of start_trial: the grants that it made."""

    replayed = False
    """True on the answer to a repeated call."""

    class Meta:
        db_table = "billable_trial"
        ordering = ("-id",)

    def __str__(self) -> str:
        return str(self.id)


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
