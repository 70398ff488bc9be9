"""Tables of the quota room.

Quantities are whole units. A null ``quantity`` or ``remaining`` is unlimited, a null ``expires_at`` is never.
Foreign keys without a database constraint are checked by ``verify`` instead: on the hot path each would cost 20-40 %.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import PERIOD_UNITS, Feature, Product, capped, period_of, whole_period
from billable.catalog.periods import Period
from billable.catalog.terms import DEFAULT_PRIORITY
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.customers.services import now_for
from billable.db.constraints import one_of
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_TEXT_LENGTH, MAX_UNITS
from billable.quota.allowance import Allowance
from billable.quota.entries import LedgerEntry
from billable.quota.kinds import AdjustmentKind, GrantEnd, GrantSource, HoldEnd
from billable.receipts import Receipt

__all__ = ["Adjustment", "Allowance", "Grant", "GrantQuerySet", "Hold", "HoldLeg", "LedgerEntry", "Usage"]

HELD = "held"
"""The status of a hold that is open."""


class GrantQuerySet(models.QuerySet["Grant"]):
    """The phrases in which grants are asked for."""

    def open_of(self, customer: Customer) -> GrantQuerySet:
        """The customer's grants that hold units or may still be used."""
        return self.filter(customer=customer, closed_at__isnull=True, ended_at__isnull=True)


class Grant(Receipt):
    """One allocation of one feature to one customer."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="grants", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="grants", db_index=False)
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="grants", db_index=False
    )
    source = models.CharField(max_length=20, choices=[(source.value, source.value) for source in GrantSource])
    source_id = KeyField(max_length=MAX_KEY_LENGTH)
    line = models.PositiveIntegerField()
    quantity = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    remaining = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    held = models.BigIntegerField(default=0)
    priority = models.SmallIntegerField(default=DEFAULT_PRIORITY)
    valid_from = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing is left or held.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is over for good.")
    ended_as = models.CharField(max_length=20, blank=True, choices=[(end.value, end.value) for end in GrantEnd])
    ended_reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    anchor = models.DateTimeField(help_text="Where its periods are counted from.")
    period_count = models.PositiveSmallIntegerField(null=True, blank=True)
    period_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    period_index = models.PositiveIntegerField(default=0, help_text="Its first period, counted from the anchor.")
    period_span = models.PositiveIntegerField(default=1, help_text="How many periods it lasts.")
    value = models.JSONField(null=True, blank=True, help_text="What a static feature reads.")
    cap_quantity = models.BigIntegerField(null=True, blank=True)
    cap_period_count = models.PositiveSmallIntegerField(null=True, blank=True)
    cap_period_unit = models.CharField(max_length=5, null=True, blank=True, choices=PERIOD_UNITS)  # noqa: DJ001  # null with its count
    cap_index = models.PositiveIntegerField(default=0, help_text="The window of the cap that was last used.")
    cap_used = models.BigIntegerField(default=0, help_text="What was taken in it.")
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    pieces = models.PositiveIntegerField(default=1, help_text="How many of the product made it.")
    origin = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="heirs",
        db_constraint=False,
        db_index=False,
        help_text="The first grant of its line: whose units it carries on, after a merge or a dispute.",
    )
    allowance = models.ForeignKey(
        Allowance,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grants",
        db_constraint=False,
        db_index=False,
        help_text="What gives it anew each period.",
    )
    rolled_from = models.PositiveIntegerField(
        null=True, blank=True, help_text="The period of the allowance that left these units unused."
    )
    # The room of subscriptions stands above this one, and every insert would pay for the check: verify does it.
    subscription = models.ForeignKey(
        "billable.Subscription", models.PROTECT, "grants", null=True, blank=True, db_constraint=False, db_index=False
    )

    objects = GrantQuerySet.as_manager()

    class Meta:
        db_table = "billable_grant"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "source", "source_id", "line"], name="billable_grant_customer_source"
            ),
            check_constraint(
                Q(quantity__isnull=True, remaining__isnull=True, held__gte=0)
                | Q(
                    quantity__isnull=False,
                    remaining__isnull=False,
                    quantity__gte=1,
                    quantity__lte=MAX_UNITS,
                    remaining__gte=0,
                    held__gte=0,
                    remaining__lte=F("quantity") - F("held"),
                ),
                name="billable_grant_units",
            ),
            # A CHECK that comes out NULL passes: every arm that compares a nullable column says that it is not null.
            # Closed exactly when nothing is left or held; an unlimited grant closes only when it ends.
            check_constraint(
                Q(closed_at__isnull=True)
                | Q(remaining__isnull=False, remaining=0, held=0)
                | Q(remaining__isnull=True, ended_at__isnull=False),
                name="billable_grant_closed_is_empty",
            ),
            check_constraint(
                Q(closed_at__isnull=False) | Q(remaining__isnull=True) | Q(remaining__gt=0) | Q(held__gt=0),
                name="billable_grant_empty_is_closed",
            ),
            check_constraint(
                Q(ended_at__isnull=True, ended_as="")
                | (Q(ended_at__isnull=False) & ~Q(ended_as="") & (Q(remaining=0) | Q(remaining__isnull=True))),
                name="billable_grant_ended_is_empty",
            ),
            check_constraint(
                Q(expires_at__isnull=True) | Q(expires_at__gt=F("valid_from")), name="billable_grant_window"
            ),
            whole_period("billable_grant_period"),
            capped("billable_grant_cap"),
            check_constraint(
                Q(cap_quantity__isnull=True, cap_used=0)
                | Q(cap_quantity__isnull=False, cap_used__gte=0, cap_used__lte=F("cap_quantity")),
                name="billable_grant_cap_used",
            ),
            check_constraint(
                Q(value__isnull=True) | Q(value__isnull=False, quantity__isnull=True), name="billable_grant_static"
            ),
            check_constraint(
                Q(rolled_from__isnull=True) | Q(rolled_from__isnull=False, allowance__isnull=False),
                name="billable_grant_rolled",
            ),
            one_of("source", GrantSource, "billable_grant_known_source"),
        ]
        indexes = [
            # Open grants are found by the nulls; no column that every consume changes is named here, so that
            # PostgreSQL keeps its updates heap-only.
            models.Index(fields=["customer", "feature", "closed_at"], name="billable_grant_open"),
            # Few, and read only where a feature has thresholds.
            models.Index(
                fields=["customer", "feature", "expires_at"],
                condition=Q(closed_at__isnull=False, ended_at__isnull=True),
                name="billable_grant_emptied",
            ),
            models.Index(fields=["origin"], condition=Q(origin__isnull=False), name="billable_grant_origin"),
            models.Index(fields=["allowance"], condition=Q(allowance__isnull=False), name="billable_grant_allowance"),
            models.Index(
                fields=["subscription"], condition=Q(subscription__isnull=False), name="billable_grant_subscription"
            ),
        ]

    @property
    def is_unlimited(self) -> bool:
        """Whether it never runs out while it is valid."""
        return self.quantity is None

    @property
    def period(self) -> Period | None:
        """The period that its product line named; None is for ever or an explicit end."""
        return period_of(self)

    @property
    def cap_period(self) -> Period | None:
        """In which period its cap counts; None is no cap."""
        return period_of(self, "cap_period")


class Usage(Receipt):
    """One act of consumption: the receipt of consume. Never changed."""

    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="usages", db_constraint=False, db_index=False
    )
    feature = models.ForeignKey(
        Feature, on_delete=models.PROTECT, related_name="usages", db_constraint=False, db_index=False
    )
    quantity = models.BigIntegerField()
    asked = models.CharField(max_length=64, help_text="The name that the caller gave: the feature's, or a SKU.")
    sku = models.CharField(max_length=64, blank=True, help_text="The product that the caller narrowed it to.")
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH, null=True, blank=True)
    hold = models.ForeignKey(
        "Hold",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="captures",
        db_constraint=False,
        db_index=False,
    )
    late = models.BooleanField(default=False)
    costs = models.JSONField(
        default=list,
        help_text="What was paid from other features: [{feature, quantity, per, units}], in burn order.",
    )
    balance_after = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    event_seq = models.BigIntegerField()
    action_type = models.CharField(max_length=100, blank=True)
    action_id = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_usage"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_usage_customer_key"),
            check_constraint(Q(quantity__gte=1, quantity__lte=MAX_UNITS), name="billable_usage_quantity"),
        ]

    @property
    def balance(self) -> int | None:
        """What was left of the feature right after; None is unlimited."""
        return self.balance_after


class Hold(Receipt):
    """Units reserved for work in progress."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="holds", db_index=False)
    feature = models.ForeignKey(Feature, on_delete=models.PROTECT, related_name="holds", db_index=False)
    quantity = models.BigIntegerField()
    captured = models.BigIntegerField(default=0, help_text="How much of it became usages.")
    asked = models.CharField(max_length=64, help_text="The name that the caller gave: the feature's, or a SKU.")
    sku = models.CharField(max_length=64, blank=True, help_text="The product that the caller narrowed it to.")
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH, null=True, blank=True)
    costs = models.JSONField(default=list)
    balance_after = models.BigIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField()
    grace_seconds = models.PositiveIntegerField(default=0)
    lapses_at = models.DateTimeField(help_text="Its end and the grace: when its units are free again.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is captured, released or lapsed.")
    closed_as = models.CharField(max_length=20, blank=True, choices=[(end.value, end.value) for end in HoldEnd])
    final_capture = models.ForeignKey(
        Usage, models.PROTECT, "+", null=True, blank=True, db_constraint=False, db_index=False,
        help_text="The usage after which nothing more can be captured; of a lapsed hold, a late one.",
    )  # fmt: skip
    action_type = models.CharField(max_length=100, blank=True)
    action_id = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_hold"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_hold_customer_key"),
            check_constraint(
                Q(quantity__gte=1, quantity__lte=MAX_UNITS, captured__gte=0, captured__lte=F("quantity")),
                name="billable_hold_quantity",
            ),
            check_constraint(
                Q(closed_at__isnull=True, closed_as="", final_capture__isnull=True)
                | Q(closed_at__isnull=False, closed_as__in=[end.value for end in HoldEnd]),
                name="billable_hold_closed",
            ),
            check_constraint(Q(lapses_at__gte=F("expires_at")), name="billable_hold_lapse"),
        ]
        indexes = [models.Index(fields=["customer", "closed_at", "lapses_at"], name="billable_hold_open")]

    @property
    def status(self) -> str:
        """``held``, ``captured`` (also late), ``released``, or ``lapsed`` once its time is over, whoever swept."""
        if self.final_capture_id is not None:
            return HoldEnd.CAPTURED.value
        over = self.lapses_at <= now_for(self.customer)
        return self.closed_as or (HoldEnd.LAPSED.value if over else HELD)

    @property
    def balance(self) -> int | None:
        """What was left of the feature right after it was made; None is unlimited."""
        return self.balance_after


class HoldLeg(models.Model):
    """The units of one hold that came from one grant."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+", db_index=False)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="legs", db_index=False)
    position = models.PositiveIntegerField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="hold_legs")
    units = models.BigIntegerField()
    captured = models.BigIntegerField(default=0)
    released = models.BigIntegerField(default=0)
    cap_index = models.PositiveIntegerField(
        null=True, blank=True, help_text="The window of its grant's cap that counts it. Empty: no cap."
    )

    class Meta:
        db_table = "billable_holdleg"
        ordering = ("hold", "position")
        constraints = [
            models.UniqueConstraint(fields=["customer", "hold", "position"], name="billable_holdleg_hold_position"),
            check_constraint(
                Q(units__gte=1, captured__gte=0, released__gte=0, captured__lte=F("units") - F("released")),
                name="billable_holdleg_units",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hold_id}:{self.position}"


class Adjustment(Receipt):
    """The receipt of a reversal, a partial revocation or an extension. Never changed."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="adjustments", db_index=False)
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in AdjustmentKind])
    usage = models.ForeignKey(Usage, null=True, blank=True, on_delete=models.PROTECT, related_name="adjustments")
    grant = models.ForeignKey(Grant, null=True, blank=True, on_delete=models.PROTECT, related_name="adjustments")
    hold = models.ForeignKey(Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="adjustments")
    quantity = models.BigIntegerField()
    balance_after = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH)
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_adjustment"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_adjustment_customer_key"),
            check_constraint(Q(quantity__gte=1, quantity__lte=MAX_UNITS), name="billable_adjustment_quantity"),
            one_of("kind", AdjustmentKind, "billable_adjustment_known_kind"),
        ]

    @property
    def balance(self) -> int | None:
        """What was left of the feature right after; None is unlimited."""
        return self.balance_after
