"""The table of what roll-outs changed: the receipts of a product change that was brought to those who hold it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billable.catalog.models import Product
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.constraints import one_of
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_UNITS
from billable.quota.kinds import GrantSource, RollOutKind, RollOutPolicy
from billable.quota.models import Allowance, Grant
from billable.receipts import Receipt


class RollOut(Receipt):
    """One change of one line that a customer holds of a product. Never changed.

    ``holding_source`` and ``holding_id`` are what gave the product: an order, a trial, a gift. ``grant`` is the grant
    that was changed or that units were added to, ``allowance`` the one whose terms changed; neither for a new line.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="roll_outs", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="roll_outs")
    policy = models.CharField(max_length=20, choices=[(each.value, each.value) for each in RollOutPolicy])
    kind = models.CharField(max_length=20, choices=[(each.value, each.value) for each in RollOutKind])
    holding_source = models.CharField(max_length=20, choices=[(each.value, each.value) for each in GrantSource])
    holding_id = KeyField(max_length=MAX_KEY_LENGTH)
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="roll_outs")
    allowance = models.ForeignKey(Allowance, null=True, blank=True, on_delete=models.PROTECT, related_name="roll_outs")
    quantity = models.BigIntegerField(null=True, blank=True, help_text="Units that were added. Empty: none, or no end.")

    class Meta:
        db_table = "billable_rollout"
        ordering = ("-id",)
        constraints = [
            one_of("policy", RollOutPolicy, "billable_rollout_known_policy"),
            one_of("kind", RollOutKind, "billable_rollout_known_kind"),
            check_constraint(
                Q(quantity__isnull=True) | Q(quantity__isnull=False, quantity__gte=1, quantity__lte=MAX_UNITS),
                name="billable_rollout_quantity",
            ),
        ]
        indexes = [models.Index(fields=["customer", "product"], name="billable_rollout_held")]
