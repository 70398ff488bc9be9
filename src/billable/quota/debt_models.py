"""The table of what customers owe of a feature: units that they used before they had them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import Feature
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.inputs import MAX_UNITS
from billable.quota.models import Usage
from billable.receipts import Receipt


class Debt(Receipt):
    """The units of one usage that were not there, of the feature itself.

    ``repaid`` were taken from later grants, ``forgiven`` came back by a reversal. It is closed when nothing is owed.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="debts", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="debts", db_index=False)
    usage = models.OneToOneField(Usage, on_delete=models.PROTECT, related_name="debt")
    units = models.BigIntegerField()
    repaid = models.BigIntegerField(default=0, help_text="Taken from later grants.")
    forgiven = models.BigIntegerField(default=0, help_text="Given back by reversals.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing is owed of it.")

    class Meta:
        db_table = "billable_debt"
        ordering = ("-id",)
        constraints = [
            check_constraint(Q(units__gte=1, units__lte=MAX_UNITS), name="billable_debt_units"),
            check_constraint(
                Q(repaid__gte=0, forgiven__gte=0, repaid__lte=F("units") - F("forgiven")), name="billable_debt_repaid"
            ),
            check_constraint(
                Q(closed_at__isnull=True, repaid__lt=F("units") - F("forgiven"))
                | Q(closed_at__isnull=False, repaid=F("units") - F("forgiven")),
                name="billable_debt_closed",
            ),
        ]
        indexes = [models.Index(fields=["customer", "feature", "closed_at"], name="billable_debt_open")]

    @property
    def owed(self) -> int:
        """How many units are owed still."""
        return self.units - self.repaid - self.forgiven
