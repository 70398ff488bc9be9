"""Tables of the promotions room. What a code took off is snapshotted on the order; a use is kept here."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import Product
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.receipts import Receipt


class Promotion(models.Model):
    """A code that takes a percentage, or a fixed amount per currency, off an order or off some products of it."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=64, unique=True, help_text="Upper case; customers may type it in any case.")
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    percent_off = models.DecimalField(
        max_digits=7, decimal_places=4, null=True, blank=True, help_text="Empty: fixed amounts per currency."
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    max_uses = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: any number.")
    max_uses_per_customer = models.PositiveIntegerField(null=True, blank=True, help_text="Empty: any number.")
    first_order_only = models.BooleanField(default=False)
    used = models.PositiveIntegerField(default=0, editable=False, help_text="Uses that are reserved or spent.")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "billable_promotion"
        ordering = ("code",)
        constraints = [
            check_constraint(
                Q(percent_off__isnull=True) | Q(percent_off__gt=0, percent_off__lte=100),
                name="billable_promotion_percent",
            ),
            check_constraint(Q(max_uses__isnull=True) | Q(used__lte=F("max_uses")), name="billable_promotion_uses"),
            check_constraint(
                Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="billable_promotion_window",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class PromotionAmount(models.Model):
    """What a fixed promotion takes off in one currency."""

    id = models.BigAutoField(primary_key=True)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="amounts")
    currency = models.CharField(max_length=10)
    amount_minor = models.BigIntegerField()

    class Meta:
        db_table = "billable_promotionamount"
        ordering = ("promotion", "currency")
        constraints = [
            models.UniqueConstraint(fields=["promotion", "currency"], name="billable_promotionamount_currency"),
            check_constraint(Q(amount_minor__gte=1), name="billable_promotionamount_amount"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"


class PromotionProduct(models.Model):
    """A product that a promotion is for. A promotion without any is for the whole order."""

    id = models.BigAutoField(primary_key=True)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="products")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="promotions")

    class Meta:
        db_table = "billable_promotionproduct"
        ordering = ("promotion", "id")
        constraints = [
            models.UniqueConstraint(fields=["promotion", "product"], name="billable_promotionproduct_product"),
        ]

    def __str__(self) -> str:
        return f"{self.promotion_id}:{self.product_id}"


class PromotionUse(Receipt):
    """One order that used a code. A use that was given back stays on record, released."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="promotion_uses", db_index=False)
    promotion = models.ForeignKey(Promotion, on_delete=models.PROTECT, related_name="uses")
    # Orders stand above promotions: a plain id, which verify checks.
    order_id = models.UUIDField()
    currency = models.CharField(max_length=10)
    discount_minor = models.BigIntegerField()
    released_at = models.DateTimeField(null=True, blank=True)
    released_as = models.CharField(max_length=20, blank=True, help_text="cancelled, expired or refunded")

    class Meta:
        db_table = "billable_promotionuse"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "order_id"], name="billable_promotionuse_customer_order"),
            check_constraint(Q(discount_minor__gte=0), name="billable_promotionuse_discount"),
            check_constraint(
                Q(released_at__isnull=True, released_as="") | (Q(released_at__isnull=False) & ~Q(released_as="")),
                name="billable_promotionuse_released",
            ),
        ]
