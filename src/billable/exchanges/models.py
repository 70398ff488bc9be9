"""Tables of the exchanges room."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import Feature, Product
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_ORDER_QUANTITY, MAX_UNITS
from billable.quota.models import Grant, Usage
from billable.receipts import Receipt


class Exchange(Receipt):
    """Units of one feature given for a product: the receipt of exchange."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="exchanges", db_index=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    quantity = models.BigIntegerField(help_text="How many of the product.")
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)
    units = models.BigIntegerField(help_text="What all of it cost.")
    usage = models.ForeignKey(Usage, on_delete=models.PROTECT, related_name="exchanges", db_constraint=False)
    refunded_units = models.BigIntegerField(default=0)
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH)
    metadata = models.JSONField(default=dict, blank=True)

    grants: tuple[Grant, ...] = ()
    """On an answer of exchange: the grants that it made."""

    class Meta:
        db_table = "billable_exchange"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_exchange_customer_key"),
            check_constraint(
                Q(
                    quantity__gte=1,
                    quantity__lte=MAX_ORDER_QUANTITY,
                    units__gte=1,
                    units__lte=MAX_UNITS,
                    refunded_units__gte=0,
                    refunded_units__lte=F("units"),
                ),
                name="billable_exchange_units",
            ),
        ]
