"""Tables of the subscriptions room. Windows are stored instants in UTC; amounts are whole minor units."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import PERIOD_UNITS, Product
from billable.catalog.periods import Period, PeriodUnit
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.inputs import MAX_ORDER_QUANTITY, MAX_TEXT_LENGTH
from billable.receipts import Receipt
from billable.subscriptions.lifecycle import Cycle, Instants, SubscriptionEnd, SubscriptionStatus

_UNITS = [unit.value for unit in PeriodUnit]
_ENDS = [end.value for end in SubscriptionEnd]


class Subscription(Receipt):
    """What a customer pays for again and again. Periods are numbered from 0; a trial is a period that nobody pays."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    currency = models.CharField(max_length=10, help_text="What its renewals are charged in.")
    seats = models.PositiveIntegerField(default=1, help_text="How many of the product each period gives.")
    interval_count = models.PositiveSmallIntegerField()
    interval_unit = models.CharField(max_length=5, choices=PERIOD_UNITS)
    zone = models.CharField(max_length=64, default="UTC")
    grace_days = models.PositiveSmallIntegerField(help_text="How long it goes on when a period is not paid.")
    anchor = models.DateTimeField(help_text="Where its periods are counted from.")
    anchor_index = models.PositiveIntegerField(default=0, help_text="The number of the period that begins there.")
    period_index = models.PositiveIntegerField(default=0, help_text="The latest period that is paid for.")
    paid_from = models.DateTimeField(help_text="Where that period began; a pause moves it.")
    paid_until = models.DateTimeField(help_text="Where that period ends, and the next one begins.")
    access_until = models.DateTimeField(help_text="When access ends if nothing more is paid.")
    trial_until = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="Since when it will not renew.")
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True, help_text="Why it was cancelled.")
    paused_at = models.DateTimeField(null=True, blank=True, help_text="The start of its last pause.")
    resumes_at = models.DateTimeField(null=True, blank=True, help_text="The end of its last pause.")
    suspended_at = models.DateTimeField(null=True, blank=True, help_text="Since when its payment is disputed.")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_as = models.CharField(max_length=20, blank=True, choices=[(end, end) for end in _ENDS])
    renews_at = models.DateTimeField(
        null=True, blank=True, help_text="When the order for the next period is made. Empty: it is, or will not be."
    )
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="What time does to it next, and nobody has written down yet."
    )
    # The room of orders stands above this one. One column: at most one order at a time can pay for the next period.
    renewal = models.ForeignKey(
        "billable.Order",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The order that pays for the next period.",
    )
    next_product = models.ForeignKey(
        Product,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="What it becomes with the next period.",
    )
    next_seats = models.PositiveIntegerField(null=True, blank=True)
    credit_minor = models.BigIntegerField(default=0, help_text="What is taken off the next renewal.")
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_subscription"
        ordering = ("-id",)
        constraints = [
            check_constraint(
                Q(seats__gte=1, seats__lte=MAX_ORDER_QUANTITY)
                & (Q(next_seats__isnull=True) | Q(next_seats__isnull=False, next_seats__gte=1)),
                name="billable_subscription_seats",
            ),
            check_constraint(Q(interval_count__gte=1, interval_unit__in=_UNITS), name="billable_subscription_interval"),
            check_constraint(
                Q(
                    paid_until__gte=F("paid_from"),
                    access_until__gte=F("paid_until"),
                    anchor_index__lte=F("period_index") + 1,
                ),
                name="billable_subscription_windows",
            ),
            check_constraint(
                Q(resumes_at__isnull=True)
                | Q(resumes_at__isnull=False, paused_at__isnull=False, resumes_at__gte=F("paused_at")),
                name="billable_subscription_pause",
            ),
            check_constraint(
                Q(ended_at__isnull=True, ended_as="")
                | Q(ended_at__isnull=False, ended_as__in=_ENDS, renews_at__isnull=True, due_at__isnull=True),
                name="billable_subscription_ended",
            ),
            check_constraint(
                Q(renews_at__isnull=True) | Q(cancelled_at__isnull=True, suspended_at__isnull=True),
                name="billable_subscription_renews",
            ),
            check_constraint(Q(credit_minor__gte=0), name="billable_subscription_credit"),
        ]
        indexes = [
            models.Index(
                fields=["renews_at"], condition=Q(renews_at__isnull=False), name="billable_subscription_renewals"
            ),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="billable_subscription_due"),
        ]

    @property
    def status(self) -> str:
        """Where it stands now, by the clock of its customer: see SubscriptionStatus."""
        return self.instants.status(now_for(self.customer)).value

    @property
    def over_since(self) -> datetime | None:
        """Since when it has ended, also when nobody has written that down; None while it goes on."""
        is_over = self.ended_at is None and self.status == SubscriptionStatus.ENDED.value
        return self.access_until if is_over else self.ended_at

    @property
    def over_as(self) -> str:
        """As what it has ended; empty while it goes on. See SubscriptionEnd."""
        return self.ended_as or (self.instants.ending().value if self.over_since is not None else "")

    @property
    def instants(self) -> Instants:
        """What its status depends on."""
        names = ("paid_until", "access_until", "trial_until", "cancelled_at", "paused_at", "resumes_at")
        return Instants(**{name: getattr(self, name) for name in (*names, "suspended_at", "ended_at")})

    @property
    def interval(self) -> Period:
        """How often it is paid for."""
        return Period(self.interval_count, PeriodUnit(self.interval_unit))

    def time_left(self, now: datetime) -> tuple[datetime, datetime, datetime]:
        """The latest period and an instant in it: what is left of it after that is what is left of it now.

        A pause moves the period, and while it lasts nothing is used up.
        """
        begins, ends = self.paid_from, self.paid_until
        if self.paused_at is None or (self.resumes_at is not None and self.resumes_at <= now):
            return begins, ends, now
        if now < self.paused_at:
            moved = timedelta(0) if self.resumes_at is None else self.resumes_at - self.paused_at
            return begins - moved, ends - moved, now
        return begins, ends, self.resumes_at or self.paused_at

    @property
    def cycle(self) -> Cycle:
        """Where its periods begin."""
        return Cycle(anchor=self.anchor, anchor_index=self.anchor_index, period=self.interval, zone=self.zone)


class SubscriptionPause(Receipt):
    """One pause of a subscription. ``before`` is what it moved, as it was: ``{anchor, anchor_index, windows}``."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="pauses")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: nobody has decided yet.")
    before = models.JSONField(default=dict, help_text="{anchor, anchor_index, windows: {grant: [from, until]}}")
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)

    class Meta:
        db_table = "billable_subscriptionpause"
        ordering = ("-id",)
        constraints = [
            check_constraint(
                Q(ends_at__isnull=True) | Q(ends_at__isnull=False, ends_at__gte=F("begins_at")),
                name="billable_subscriptionpause_window",
            ),
        ]
