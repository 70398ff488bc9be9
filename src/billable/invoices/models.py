"""Tables of the invoices room. What was issued never changes."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.ids import new_id
from billable.invoices.kinds import InvoiceKind
from billable.money import Money
from billable.orders.models import Order
from billable.receipts import Receipt
from billable.refunds.models import Refund


class InvoiceSeries(models.Model):
    """The counter of one series in one year. Locked last, so that numbers have no gaps."""

    id = models.BigAutoField(primary_key=True)
    series = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    last_number = models.BigIntegerField(default=0)

    class Meta:
        db_table = "billable_invoiceseries"
        ordering = ("series", "year")
        verbose_name_plural = "invoice series"
        constraints = [
            models.UniqueConstraint(fields=["series", "year"], name="billable_invoiceseries_series_year"),
            check_constraint(Q(last_number__gte=0), name="billable_invoiceseries_number"),
        ]

    def __str__(self) -> str:
        return f"{self.series}-{self.year}"


class Invoice(Receipt):
    """A numbered receipt of a paid order, or the credit note of a refund. Amounts are whole minor units."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices")
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in InvoiceKind])
    source_id = models.UUIDField(help_text="The order, or the refund, that it is about.")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="invoices")
    refund = models.ForeignKey(Refund, null=True, blank=True, on_delete=models.PROTECT, related_name="credit_notes")
    corrects = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="credit_notes")
    series = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    number = models.BigIntegerField()
    issued_at = models.DateTimeField()
    currency = models.CharField(max_length=10)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    tax_included = models.BooleanField(default=True)
    seller = models.JSONField(default=dict, help_text="Who sold, as it stood then.")
    buyer = models.JSONField(default=dict, help_text="Who bought, as it stood then.")
    payment_method = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "billable_invoice"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["kind", "source_id"], name="billable_invoice_source"),
            models.UniqueConstraint(fields=["series", "year", "number"], name="billable_invoice_number"),
            check_constraint(
                Q(
                    kind=InvoiceKind.RECEIPT.value,
                    source_id=F("order_id"),
                    refund__isnull=True,
                    corrects__isnull=True,
                )
                | Q(kind=InvoiceKind.CREDIT_NOTE.value, refund__isnull=False, source_id=F("refund_id")),
                name="billable_invoice_source_is_there",
            ),
            check_constraint(
                Q(
                    number__gte=1,
                    net_minor__gte=0,
                    tax_minor__gte=0,
                    total_minor=F("net_minor") + F("tax_minor"),
                ),
                name="billable_invoice_amounts",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Its number as it is printed: ``R-2026-000001``."""
        return f"{self.series}-{self.year}-{self.number:06d}"

    @property
    def total(self) -> Money:
        """What was paid, or went back."""
        return Money(self.total_minor, self.currency)


class InvoiceLine(models.Model):
    """One line of a document, with its tax."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines", db_index=False)
    line = models.PositiveIntegerField()
    sku = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    quantity = models.BigIntegerField()
    unit_amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    net_minor = models.BigIntegerField()
    tax_rate = models.DecimalField(max_digits=7, decimal_places=4, default=0, help_text="Percent.")
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        db_table = "billable_invoiceline"
        ordering = ("invoice", "line")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "line"], name="billable_invoiceline_invoice_line"),
            check_constraint(
                Q(
                    quantity__gte=0,
                    unit_amount_minor__gte=0,
                    discount_minor__gte=0,
                    net_minor__gte=0,
                    tax_minor__gte=0,
                    tax_rate__gte=0,
                    tax_rate__lte=100,
                    total_minor=F("net_minor") + F("tax_minor"),
                ),
                name="billable_invoiceline_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}:{self.line}"
