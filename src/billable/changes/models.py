"""The table of the changes room: what was changed about a subscription, and for what. Amounts are whole minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import PERIOD_UNITS, Product
from billable.catalog.periods import Period, PeriodUnit
from billable.changes.kinds import ChangeKind, ChangeStatus, ChangeTime, MoneyPolicy, UnitPolicy
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_ORDER_QUANTITY
from billable.money import Money
from billable.receipts import Receipt
from billable.subscriptions.models import Subscription

if TYPE_CHECKING:
    from billable.orders.models import Order, OrderItem

_NOW = Q(at=ChangeTime.NOW.value)


class PlanChange(Receipt):
    """A change of the plan of a subscription, or of its seats.

    One that has to be paid for waits for the money of the order that one item of names it; until then nothing is
    different. One at the end of the period is carried out by the renewal.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="plan_changes", db_index=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in ChangeKind])
    at = models.CharField(max_length=10, choices=[(at.value, at.value) for at in ChangeTime])
    money = models.CharField(max_length=20, choices=[(each.value, each.value) for each in MoneyPolicy], blank=True)
    units = models.CharField(max_length=20, choices=[(each.value, each.value) for each in UnitPolicy], blank=True)
    release_holds = models.BooleanField(default=False)
    period_index = models.PositiveIntegerField(help_text="The period in which it was asked for.")
    from_product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    from_seats = models.PositiveIntegerField()
    to_product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    to_seats = models.PositiveIntegerField()
    interval_count = models.PositiveSmallIntegerField(help_text="How long a period of it was agreed to last.")
    interval_unit = models.CharField(max_length=5, choices=PERIOD_UNITS)
    grace_days = models.PositiveSmallIntegerField(help_text="How long it was agreed to go on when one is not paid.")
    currency = models.CharField(max_length=10)
    price_minor = models.BigIntegerField(
        help_text="What it costs a whole period, before tax that is not in the prices; of added seats, theirs alone."
    )
    promised = models.JSONField(
        default=list, blank=True, help_text="[[line, feature, units or null (unlimited)], …] that this gives it."
    )
    credited_minor = models.BigIntegerField(default=0, help_text="What was credited for what was paid before.")
    charged_minor = models.BigIntegerField(default=0)
    time_left = models.DurationField(null=True, blank=True, help_text="What was left of the period when it was made.")
    effective_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is so, or will be.")
    applied_at = models.DateTimeField(null=True, blank=True)
    dropped_at = models.DateTimeField(null=True, blank=True, help_text="Since when it will not be.")
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH, null=True, blank=True)

    class Meta:
        db_table = "billable_planchange"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_planchange_customer_key"),
            check_constraint(
                Q(at=ChangeTime.PERIOD_END.value, money="", units="", credited_minor=0, charged_minor=0)
                | _NOW
                & Q(
                    money__in=[each.value for each in MoneyPolicy],
                    units__in=[each.value for each in UnitPolicy],
                    time_left__isnull=False,
                ),
                name="billable_planchange_policies",
            ),
            check_constraint(
                Q(price_minor__gte=0, credited_minor__gte=0, charged_minor__gte=0), name="billable_planchange_amounts"
            ),
            check_constraint(
                Q(from_seats__gte=1, to_seats__gte=1, to_seats__lte=MAX_ORDER_QUANTITY)
                & (~Q(from_product=F("to_product")) | ~Q(from_seats=F("to_seats"))),
                name="billable_planchange_changes",
            ),
            check_constraint(
                Q(kind=ChangeKind.PLAN.value)
                | Q(kind=ChangeKind.SEATS.value, from_product=F("to_product"), to_seats__gt=F("from_seats"), at="now"),
                name="billable_planchange_seats_are_added",
            ),
            check_constraint(
                Q(interval_count__gte=1, interval_unit__in=[unit.value for unit in PeriodUnit]),
                name="billable_planchange_interval",
            ),
            check_constraint(
                Q(applied_at__isnull=True) | Q(applied_at__isnull=False, dropped_at__isnull=True),
                name="billable_planchange_applied_or_dropped",
            ),
        ]

    @property
    def status(self) -> str:
        """Where it stands: see ChangeStatus. What is over by time, or was overtaken, is dropped."""
        if self.dropped_at is not None:
            return ChangeStatus.DROPPED.value
        if self.applied_at is not None:
            return ChangeStatus.APPLIED.value
        if self.at == ChangeTime.NOW.value:
            return ChangeStatus.WAITING.value if self._waits else ChangeStatus.DROPPED.value
        if self.subscription.period_index > self.period_index:
            return ChangeStatus.APPLIED.value
        is_over = self.subscription.over_since is not None
        return ChangeStatus.DROPPED.value if is_over else ChangeStatus.SCHEDULED.value

    @property
    def _waits(self) -> bool:
        """Whether its order waits for money, and what it is to change is still so."""
        standing, order = self.subscription, self.order
        stood = (self.period_index, self.from_product_id, self.from_seats)
        stands = (standing.period_index, standing.product_id, standing.seats)
        return order is not None and order.waits and stood == stands and standing.over_since is None

    @property
    def interval(self) -> Period:
        """How long a period of it was agreed to last."""
        return Period(self.interval_count, PeriodUnit(self.interval_unit))

    @property
    def credited(self) -> Money:
        """What was credited for what was paid before."""
        return Money(self.credited_minor, self.currency)

    @property
    def charged(self) -> Money:
        """What was charged for what began."""
        return Money(self.charged_minor, self.currency)

    @property
    def order(self) -> Order | None:
        """The order that it is charged by; None where it takes effect at the end of the period."""
        item: OrderItem | None = getattr(self, "item", None)
        return None if item is None else item.order

    @property
    def left_over_minor(self) -> int:
        """What of the credit was kept for the next renewal."""
        return max(self.credited_minor - self.charged_minor, 0)
