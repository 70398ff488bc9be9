"""The table of recurring allowances: what gives a grant anew each period."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from billable.catalog.models import MAX_ROLLOVER_PERIODS, Feature, LineTerms, Product, capped, whole_period
from billable.catalog.periods import Period, PeriodUnit
from billable.catalog.terms import Rollover
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.constraints import one_of
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_TEXT_LENGTH, MAX_UNITS
from billable.quota.kinds import GrantEnd, GrantSource
from billable.quota.recurring import Recurrence
from billable.receipts import Receipt

RUNNING = "running"
"""The status of an allowance that nothing ended."""


class AllowanceQuerySet(models.QuerySet["Allowance"]):
    """The phrases in which allowances are asked for."""

    def running(self, now: datetime) -> AllowanceQuerySet:
        """Those that nobody ended and whose time is not over."""
        return self.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), ended_at__isnull=True)


class Allowance(Receipt, LineTerms):
    """Units of one feature that a customer gets anew each period: all pieces' ``quantity`` each ``reset``.

    Its terms are the line's, times the pieces; ``period`` is the product's, and ``expires_at`` where it ends.
    """

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="allowances", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="allowances", db_index=False)
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="allowances", db_index=False
    )
    source = models.CharField(max_length=20, choices=[(source.value, source.value) for source in GrantSource])
    source_id = KeyField(max_length=MAX_KEY_LENGTH)
    line = models.PositiveIntegerField()
    reduced = models.BigIntegerField(default=0, help_text="How much less each period to come gives: refunds took it.")
    pieces = models.PositiveIntegerField(default=1, help_text="How many of the product made it.")
    zone = models.CharField(max_length=64, default="UTC")
    anchor = models.DateTimeField(help_text="Where its periods are counted from.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    next_index = models.PositiveIntegerField(default=1, help_text="The first period that has no row yet.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="When that period starts. Empty: none comes.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is over for good.")
    ended_as = models.CharField(max_length=20, blank=True, choices=[(end.value, end.value) for end in GrantEnd])
    ended_reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    origin = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="heirs",
        db_constraint=False,
        db_index=False,
        help_text="The first allowance of its line, which it carries on after a merge or a dispute.",
    )
    # The room of subscriptions stands above this one; verify checks it, as that of grants.
    subscription = models.ForeignKey(
        "billable.Subscription",
        models.PROTECT,
        "allowances",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )

    replaces = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The allowance on other terms that gave the periods before; after a roll-out.",
    )

    objects = AllowanceQuerySet.as_manager()

    class Meta:
        db_table = "billable_allowance"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "source", "source_id", "line"], name="billable_allowance_customer_source"
            ),
            check_constraint(
                Q(
                    quantity__isnull=False,
                    quantity__gte=1,
                    quantity__lte=MAX_UNITS,
                    reduced__gte=0,
                    reduced__lt=models.F("quantity"),
                ),
                name="billable_allowance_units",
            ),
            whole_period("billable_allowance_period"),
            whole_period("billable_allowance_reset", "reset"),
            check_constraint(Q(reset_count__isnull=False, value__isnull=True), name="billable_allowance_recurs"),
            check_constraint(
                Q(rollover_quantity__isnull=True, rollover_periods__isnull=True)
                | Q(
                    rollover_quantity__isnull=False,
                    rollover_quantity__gte=1,
                    rollover_quantity__lte=MAX_UNITS,
                    rollover_periods__isnull=False,
                    rollover_periods__gte=1,
                    rollover_periods__lte=MAX_ROLLOVER_PERIODS,
                ),
                name="billable_allowance_rollover",
            ),
            capped("billable_allowance_cap"),
            check_constraint(
                Q(expires_at__isnull=True) | Q(expires_at__isnull=False, expires_at__gt=models.F("anchor")),
                name="billable_allowance_window",
            ),
            check_constraint(
                Q(next_at__isnull=True)
                | Q(next_at__isnull=False, next_at__gt=models.F("anchor"), ended_at__isnull=True)
                & (Q(expires_at__isnull=True) | Q(expires_at__isnull=False, expires_at__gt=models.F("next_at"))),
                name="billable_allowance_next",
            ),
            check_constraint(
                Q(ended_at__isnull=True, ended_as="")
                | Q(ended_at__isnull=False, ended_as__in=[end.value for end in GrantEnd]),
                name="billable_allowance_ended",
            ),
            one_of("source", GrantSource, "billable_allowance_known_source"),
        ]
        indexes = [
            models.Index(fields=["customer", "feature", "next_at"], name="billable_allowance_due"),
            models.Index(fields=["origin"], condition=Q(origin__isnull=False), name="billable_allowance_origin"),
            models.Index(
                fields=["subscription"], condition=Q(subscription__isnull=False), name="billable_allowance_subscribed"
            ),
        ]

    @property
    def recurrence(self) -> Recurrence:
        """Its periods, as they are counted."""
        return Recurrence(
            anchor=self.anchor,
            zone=self.zone,
            reset=Period(self.reset_count or 0, PeriodUnit(self.reset_unit)),
            ends_at=self.expires_at,
            quantity=self.per_period,
            rollover=self._rollover,
            next_index=self.next_index,
            next_at=self.next_at,
        )

    @property
    def _rollover(self) -> Rollover | None:
        """What of an unused period goes on: less where refunds took a part of each period, in the same measure."""
        rollover, whole = self.terms.rollover, self.quantity or 0
        if rollover is None or not self.reduced:
            return rollover
        units = rollover.quantity * self.per_period // whole
        return Rollover(quantity=units, periods=rollover.periods) if units else None

    @property
    def per_period(self) -> int:
        """How many units each period to come gives."""
        return (self.quantity or 0) - self.reduced

    @property
    def status(self) -> str:
        """``running``; ``expired`` once its time is over; else how it ended: ``revoked``, ``refunded``, …"""
        if self.ended_as:
            return self.ended_as
        is_over = self.expires_at is not None and self.expires_at <= now_for(self.customer)
        return GrantEnd.EXPIRED.value if is_over else RUNNING

    @property
    def next_reset_at(self) -> datetime | None:
        """When its units come anew, whoever swept; None when they do not any more."""
        return self.recurrence.next_reset(now_for(self.customer))
