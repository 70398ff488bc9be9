"""Tables of the warnings: what a customer's use reached, and what is about to run out. Never changed."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import Feature
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.quota.models import Grant, Usage
from billable.receipts import Receipt


class AlertNotice(Receipt):
    """A customer's use of a feature crossed one of the feature's thresholds: once for each period."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="alert_notices", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="alert_notices", db_index=False)
    threshold = models.CharField(max_length=24, help_text="Such as “80%” or “10 left”.")
    since = models.DateTimeField(help_text="When the newest of the grants that were running began: what a period is.")
    used = models.BigIntegerField(help_text="How many units of the running grants were used then.")
    granted = models.BigIntegerField(help_text="How many units they were granted with.")
    usage = models.ForeignKey(
        Usage, on_delete=models.PROTECT, related_name="alert_notices", db_constraint=False, help_text="What crossed it."
    )

    class Meta:
        db_table = "billable_alertnotice"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "feature", "threshold", "since"], name="billable_alertnotice_once"
            ),
            check_constraint(Q(granted__gte=1, used__gte=1, used__lte=F("granted")), name="billable_alertnotice_units"),
        ]

    @property
    def left(self) -> int:
        """How many units were not used yet."""
        return self.granted - self.used


class ExpiryNotice(Receipt):
    """Units of a grant are about to run out: said once for each grant and end."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="expiry_notices", db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="expiry_notices")
    expires_at = models.DateTimeField()
    units = models.BigIntegerField(null=True, blank=True, help_text="What was left then. Empty: unlimited.")

    class Meta:
        db_table = "billable_expirynotice"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "grant", "expires_at"], name="billable_expirynotice_once"),
            check_constraint(Q(units__isnull=True) | Q(units__gte=1), name="billable_expirynotice_units"),
        ]
