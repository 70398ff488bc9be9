"""Tables of the orders room. An order is a snapshot: what the catalogue says later does not change it."""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import (
    PERIOD_UNITS,
    Feature,
    LineTerms,
    Product,
    line_constraints,
    period_of,
)
from billable.catalog.periods import Period
from billable.changes.models import PlanChange
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.constraints import one_of
from billable.db.fields import KeyField
from billable.errors import PaymentUnapplied
from billable.ids import new_id
from billable.inputs import MAX_KEY_LENGTH, MAX_TEXT_LENGTH
from billable.money import Money
from billable.orders.item_constraints import ITEM_CONSTRAINTS
from billable.orders.lifecycle import COUNTED, OrderStatus, PaymentStatus
from billable.receipts import Receipt
from billable.subscriptions.models import Subscription

METHOD_MAX_LENGTH = 64


class Order(Receipt):
    """What was ordered, in one currency. Amounts are whole minor units."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="orders", db_index=False)
    status = models.CharField(
        max_length=20,
        choices=[(status.value, status.value) for status in OrderStatus],
        default=OrderStatus.PENDING.value,
    )
    currency = models.CharField(max_length=10)
    total_amount_minor = models.BigIntegerField()
    paid_amount_minor = models.BigIntegerField(default=0, help_text="What arrived and was applied.")
    refunded_amount_minor = models.BigIntegerField(default=0)
    discount_minor = models.BigIntegerField(default=0, help_text="What a promotion code took off.")
    tax_minor = models.BigIntegerField(default=0, help_text="The tax in the total.")
    tax_included = models.BooleanField(default=True, help_text="Whether the catalogue's prices contained the tax.")
    promotion_code = models.CharField(max_length=64, blank=True)
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH, null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_order"
        ordering = ("-id",)
        permissions = (("refund_order", "Can refund an order"),)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_order_customer_key"),
            one_of("status", OrderStatus, "billable_order_known_status"),
            check_constraint(
                Q(
                    total_amount_minor__gte=0,
                    paid_amount_minor__gte=0,
                    paid_amount_minor__lte=F("total_amount_minor"),
                    refunded_amount_minor__gte=0,
                    refunded_amount_minor__lte=F("paid_amount_minor"),
                    discount_minor__gte=0,
                    tax_minor__gte=0,
                    tax_minor__lte=F("total_amount_minor"),
                ),
                name="billable_order_amounts",
            ),
            check_constraint(
                Q(
                    status__in=[
                        OrderStatus.PENDING.value,
                        OrderStatus.EXPIRED.value,
                        OrderStatus.CANCELLED.value,
                    ]
                )
                | Q(paid_amount_minor=F("total_amount_minor"), paid_at__isnull=False),
                name="billable_order_paid_in_full",
            ),
            check_constraint(
                ~Q(status=OrderStatus.REFUNDED.value) | Q(refunded_amount_minor=F("paid_amount_minor")),
                name="billable_order_refunded_in_full",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(status=OrderStatus.PENDING.value), name="billable_order_pending"
            ),
        ]

    @property
    def waits(self) -> bool:
        """Whether it waits for money, and its time is not over."""
        return self.status == OrderStatus.PENDING.value

    @property
    def amount_due_minor(self) -> int:
        """What is still to be paid; 0 unless the order waits for money."""
        waits = self.status in (OrderStatus.PENDING.value, OrderStatus.EXPIRED.value)
        return self.total_amount_minor - self.paid_amount_minor if waits else 0

    @property
    def total(self) -> Money:
        """What it costs."""
        return Money(self.total_amount_minor, self.currency)

    @property
    def amount_due(self) -> Money:
        """What is still to be paid."""
        return Money(self.amount_due_minor, self.currency)


class OrderItem(models.Model):
    """One line of an order, with the price of its day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="items", db_index=False)
    line = models.PositiveIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="order_items", db_index=False)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    quantity = models.BigIntegerField()
    unit_amount_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_rate = models.DecimalField(max_digits=7, decimal_places=4, default=0, help_text="Percent.")
    tax_minor = models.BigIntegerField(default=0)
    tax_included = models.BooleanField(default=True, help_text="Whether the unit amount contains the tax.")
    total_amount_minor = models.BigIntegerField(help_text="After the discount, with the tax.")
    refunded_minor = models.BigIntegerField(default=0)
    refunded_pieces = models.BigIntegerField(default=0)
    credit_minor = models.BigIntegerField(default=0, help_text="What of the discount is credit of its subscription.")
    recurs_count = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: it pays for no period.")
    recurs_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    grace_days = models.PositiveSmallIntegerField(null=True, blank=True)
    # What it renews, or began when it was paid.
    subscription = models.ForeignKey(
        Subscription, null=True, blank=True, on_delete=models.PROTECT, related_name="items", db_index=False
    )
    period_index = models.PositiveIntegerField(null=True, blank=True, help_text="The period that it paid for.")
    period_from = models.DateTimeField(null=True, blank=True)
    period_until = models.DateTimeField(null=True, blank=True)
    # The change of a subscription that it pays for, and the one that ended what it paid for.
    change = models.OneToOneField(PlanChange, models.PROTECT, null=True, blank=True, related_name="item")
    credited_by = models.ForeignKey(
        PlanChange, models.PROTECT, null=True, blank=True, related_name="credits", db_index=False
    )
    credited_minor = models.BigIntegerField(default=0, help_text="What a change of plan credited: it never goes back.")

    class Meta:
        db_table = "billable_orderitem"
        ordering = ("order", "line")
        constraints = ITEM_CONSTRAINTS

    def __str__(self) -> str:
        return f"{self.quantity} × {self.sku}"

    @property
    def is_back(self) -> bool:
        """Whether every piece of it went back, for however much."""
        return self.refunded_pieces == self.quantity

    @property
    def refundable_minor(self) -> int:
        """What can still go back of it: what went back before and what was credited can not."""
        return max(self._own_minor - self.refunded_minor, 0)

    @property
    def reaches_credit(self) -> bool:
        """Whether more went back than was not credited: a provider or a bank did not ask."""
        return self.refunded_minor > max(self._own_minor, 0)

    @property
    def _own_minor(self) -> int:
        """What of its price was not credited; less than nothing where tax makes the difference."""
        charged = self.quantity * self.unit_amount_minor - self.discount_minor
        # Credit is counted as prices are, which need not contain the tax that would go back with it.
        credited = (
            -(-self.credited_minor * self.total_amount_minor // charged) if self.credited_minor and charged else 0
        )
        return self.total_amount_minor - credited

    @property
    def recurs(self) -> Period | None:
        """How long the period lasts that it pays for; None when it pays for none."""
        return period_of(self, "recurs")


class OrderItemFeature(LineTerms):
    """What one line of an order gives, per piece, as the catalogue said on its day."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    item = models.ForeignKey(OrderItem, on_delete=models.PROTECT, related_name="features", db_index=False)
    line = models.PositiveIntegerField()
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="+", db_index=False)

    class Meta:
        db_table = "billable_orderitemfeature"
        ordering = ("item", "line")
        constraints = [
            models.UniqueConstraint(fields=["item", "line"], name="billable_orderitemfeature_item_line"),
            *line_constraints("orderitemfeature"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id}:{self.line}"


class Payment(Receipt):
    """Money that arrived for an order, or a notice that it will or did not. Amounts are whole minor units."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="payments", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="payments")
    payment_method = KeyField(max_length=METHOD_MAX_LENGTH, default="default")
    payment_id = KeyField(max_length=MAX_KEY_LENGTH)
    capture_id = KeyField(max_length=MAX_KEY_LENGTH, default="", blank=True)
    status = models.CharField(max_length=20, choices=[(status.value, status.value) for status in PaymentStatus])
    code = models.CharField(max_length=40, blank=True, help_text="Why it is unapplied.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=10)
    amount_assumed = models.BooleanField(default=False, help_text="The notice named no amount.")
    succeeded_at = models.DateTimeField(null=True, blank=True)
    applied_to = models.ForeignKey(
        Order,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="applied_payments",
        help_text="The order that took it by hand, when its own could not.",
    )
    returned_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(
        max_length=MAX_TEXT_LENGTH, blank=True, help_text="Why it was returned or applied by hand."
    )
    notices = models.JSONField(default=list, blank=True, help_text="Later notices that changed nothing.")
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_payment"
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "payment_method", "payment_id", "capture_id"], name="billable_payment_key"
            ),
            check_constraint(Q(amount_minor__gte=0), name="billable_payment_amount"),
            one_of("status", PaymentStatus, "billable_payment_known_status"),
            check_constraint(
                Q(code="")
                | Q(applied_to__isnull=False)
                | Q(
                    status__in=[
                        PaymentStatus.UNAPPLIED.value,
                        PaymentStatus.RETURNED.value,
                        PaymentStatus.DISPUTED.value,
                        PaymentStatus.LOST.value,
                    ]
                ),
                name="billable_payment_code_is_unapplied",
            ),
            check_constraint(
                Q(applied_to__isnull=True)
                | (~Q(applied_to=F("order")) & Q(status__in=[status.value for status in COUNTED])),
                name="billable_payment_applied_to_another",
            ),
            check_constraint(
                Q(returned_at__isnull=True) & ~Q(status=PaymentStatus.RETURNED.value)
                | Q(returned_at__isnull=False, status=PaymentStatus.RETURNED.value, applied_to__isnull=True),
                name="billable_payment_returned",
            ),
        ]
        indexes = [
            # The work list: money that somebody must look at.
            models.Index(
                fields=["id"], condition=Q(status=PaymentStatus.UNAPPLIED.value), name="billable_payment_unapplied"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_method}:{self.payment_id}"

    @property
    def amount(self) -> Money:
        """What arrived."""
        return Money(self.amount_minor, self.currency)

    @property
    def taken_by_id(self) -> UUID:
        """The order that took it, or would: the one that it came for, unless it was applied to another."""
        return self.applied_to_id or self.order_id

    def raise_if_unapplied(self) -> None:
        """Raise PaymentUnapplied when the order could not take it. Call it after the transaction that kept it."""
        if self.status == PaymentStatus.UNAPPLIED.value:
            amount, due = str(self.amount), str(self.order.amount_due)
            raise PaymentUnapplied(payment_id=self.payment_id, reason=self.code, amount=amount, due=due)


class PaymentClaim(models.Model):
    """Which order a payment id belongs to, over all customers. A claim table: no foreign keys.

    Per payment id there is one row with the method ``*``. Everybody who claims the id locks it first, so that two who
    name different methods (``default`` matches any) still wait for one another.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    payment_id = KeyField(max_length=MAX_KEY_LENGTH)
    payment_method = KeyField(max_length=METHOD_MAX_LENGTH)
    capture_id = KeyField(max_length=MAX_KEY_LENGTH, default="", blank=True)
    order_id = models.UUIDField(null=True)
    customer_id = models.UUIDField(null=True)

    class Meta:
        db_table = "billable_paymentclaim"
        constraints = [
            models.UniqueConstraint(
                fields=["payment_id", "payment_method", "capture_id"], name="billable_paymentclaim_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payment_method}:{self.payment_id}"
