"""Tables of the refunds room. A refund is a receipt: what was found and done at its time."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.constraints import one_of
from billable.db.fields import KeyField
from billable.ids import new_id
from billable.inputs import MAX_KEY_LENGTH, MAX_TEXT_LENGTH
from billable.money import Money
from billable.orders.lifecycle import PaymentStatus
from billable.orders.models import Order, OrderItem, Payment
from billable.quota.models import Grant
from billable.receipts import Receipt
from billable.refunds.kinds import REFUND_ID_PREFIX, DisputeStatus, RefundOrigin, RefundPolicy


class Refund(Receipt):
    """Money that went back for an order. Never changed. Amounts are whole minor units of the order's currency."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="refunds", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="refunds", db_index=False)
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="refunds")
    refund_id = KeyField(max_length=MAX_KEY_LENGTH)
    origin = models.CharField(max_length=20, choices=[(origin.value, origin.value) for origin in RefundOrigin])
    policy = models.CharField(max_length=20, blank=True, help_text="Empty: an amount was named.")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=10)
    asked = models.JSONField(default=dict, help_text="What the caller asked for; a repeat must ask for the same.")
    slides = models.JSONField(
        default=list, blank=True, help_text="Later periods that moved up: [{grant, valid_from, expires_at}] as before."
    )
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_refund"
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["order", "refund_id"], name="billable_refund_order_refund_id"),
            check_constraint(Q(amount_minor__gte=0), name="billable_refund_amount"),
            one_of("origin", RefundOrigin, "billable_refund_known_origin"),
            check_constraint(
                Q(policy__in=["", *(policy.value for policy in RefundPolicy)]), name="billable_refund_known_policy"
            ),
        ]

    @property
    def amount(self) -> Money:
        """What went back."""
        return Money(self.amount_minor, self.currency)


class RefundItem(models.Model):
    """The part of a refund that belongs to one line of the order. ``pieces`` 0 is a refund by amount."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    refund = models.ForeignKey(Refund, on_delete=models.PROTECT, related_name="items", db_index=False)
    item = models.ForeignKey(OrderItem, on_delete=models.PROTECT, related_name="refunds")
    pieces = models.BigIntegerField(default=0)
    amount_minor = models.BigIntegerField()

    class Meta:
        db_table = "billable_refunditem"
        ordering = ("refund", "id")
        constraints = [
            models.UniqueConstraint(fields=["refund", "item"], name="billable_refunditem_refund_item"),
            check_constraint(Q(amount_minor__gte=0, pieces__gte=0), name="billable_refunditem_amounts"),
        ]

    def __str__(self) -> str:
        return f"{self.refund_id}:{self.item_id}"


class RefundGrant(models.Model):
    """What a refund found and did at one grant of an item. Units of an unlimited grant: ``taken_back`` is empty."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    part = models.ForeignKey(RefundItem, on_delete=models.PROTECT, related_name="grants", db_index=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    used = models.BigIntegerField()
    unused = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    expired = models.BigIntegerField(default=0)
    taken_back = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    ended = models.BooleanField(default=False)
    reduced = models.BigIntegerField(default=0, help_text="How much less each period to come of an allowance gives.")
    taken_ahead = models.BigIntegerField(default=0, help_text="What it took of periods to come. Without end: 0.")

    class Meta:
        db_table = "billable_refundgrant"
        ordering = ("part", "id")
        constraints = [
            models.UniqueConstraint(fields=["part", "grant"], name="billable_refundgrant_part_grant"),
            check_constraint(
                # A CHECK that comes out NULL passes: who compares a nullable column says that it is not null.
                Q(used__gte=0, expired__gte=0)
                & (
                    Q(unused__isnull=True, taken_back__isnull=True)
                    | Q(
                        unused__isnull=False,
                        taken_back__isnull=False,
                        taken_back__gte=0,
                        taken_back__lte=F("unused"),
                    )
                ),
                name="billable_refundgrant_units",
            ),
            check_constraint(Q(reduced__gte=0, taken_ahead__gte=0), name="billable_refundgrant_ahead"),
        ]

    def __str__(self) -> str:
        return f"{self.part_id}:{self.grant_id}"


class Dispute(Receipt):
    """Money that a payer wants back through their bank. Its order's units are taken back until it is decided."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="disputes", db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="disputes")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes", db_index=False)
    dispute_id = KeyField(max_length=MAX_KEY_LENGTH)
    status = models.CharField(
        max_length=20,
        choices=[(status.value, status.value) for status in DisputeStatus],
        default=DisputeStatus.DISPUTED.value,
    )
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=10)
    payment_status = models.CharField(max_length=20, help_text="Where the payment stood before.")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_dispute"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["payment", "dispute_id"], name="billable_dispute_payment_dispute_id"),
            check_constraint(Q(amount_minor__gte=0), name="billable_dispute_amount"),
            one_of("status", DisputeStatus, "billable_dispute_known_status"),
            check_constraint(
                Q(payment_status__in=[PaymentStatus.SUCCEEDED.value, PaymentStatus.UNAPPLIED.value]),
                name="billable_dispute_known_payment_status",
            ),
            check_constraint(
                Q(status=DisputeStatus.DISPUTED.value, decided_at__isnull=True)
                | (~Q(status=DisputeStatus.DISPUTED.value) & Q(decided_at__isnull=False)),
                name="billable_dispute_decided",
            ),
        ]

    @property
    def amount(self) -> Money:
        """What the payer wants back."""
        return Money(self.amount_minor, self.currency)

    @property
    def refund_id(self) -> str:
        """What the refund is called that it makes when it is lost."""
        return f"{REFUND_ID_PREFIX}{self.pk}"

    @property
    def was_applied(self) -> bool:
        """Whether the money had paid its order, so that what it bought is taken back."""
        return self.payment_status == PaymentStatus.SUCCEEDED.value
