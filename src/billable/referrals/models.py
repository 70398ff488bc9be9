"""Tables of the referrals room."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billable.catalog.models import Product
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.constraints import one_of
from billable.quota.models import Grant
from billable.receipts import Receipt
from billable.referrals.kinds import ReferralStatus, ReferralTrigger


def _when(*known: str) -> dict[str, bool]:
    """The condition that these instants of a referral are known and the others are not."""
    instants = ("qualified_at", "due_at", "rewarded_at", "taken_back_at")
    return {f"{name}__isnull": name not in known for name in instants}


class ReferralProgramme(models.Model):
    """What referrer and referee get, and when."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)
    referrer_product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: nothing."
    )
    referee_product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: nothing."
    )
    trigger = models.CharField(
        max_length=20,
        choices=[(trigger.value, trigger.value) for trigger in ReferralTrigger],
        default=ReferralTrigger.ON_FIRST_PAYMENT.value,
    )
    hold_days = models.PositiveIntegerField(default=0, help_text="How long a reward waits after it was earned.")
    cap_per_referrer = models.PositiveIntegerField(null=True, blank=True, help_text="Most rewards. Empty: any number.")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "billable_referralprogramme"
        ordering = ("key",)
        constraints = [one_of("trigger", ReferralTrigger, "billable_referralprogramme_known_trigger")]

    def __str__(self) -> str:
        return self.key


class Referral(Receipt):
    """Who brought a customer, and the reward for it. ``customer`` is the referee: one referrer each, for good."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="referred_by", db_index=False)
    referrer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="referrals")
    programme = models.ForeignKey(
        ReferralProgramme, null=True, blank=True, on_delete=models.PROTECT, related_name="referrals"
    )
    status = models.CharField(
        max_length=20,
        choices=[(status.value, status.value) for status in ReferralStatus],
        default=ReferralStatus.PENDING.value,
    )
    order_id = models.UUIDField(null=True, blank=True, db_index=True, help_text="The order that earned the reward.")
    qualified_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True, help_text="When the reward may be given.")
    rewarded_at = models.DateTimeField(null=True, blank=True)
    referee_grants = models.PositiveIntegerField(default=0, help_text="How many grants the referee got.")
    referrer_grants = models.PositiveIntegerField(default=0, help_text="How many grants the referrer got.")
    taken_back_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)

    grants: tuple[Grant, ...] = ()
    """On an answer of claim_bonus: the grants that it made, the referee's first."""

    class Meta:
        db_table = "billable_referral"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer"], name="billable_referral_referee"),
            check_constraint(~Q(customer=F("referrer")), name="billable_referral_not_oneself"),
            check_constraint(
                Q(status=ReferralStatus.PENDING.value, **_when())
                | Q(status=ReferralStatus.QUALIFIED.value, **_when("qualified_at", "due_at"))
                | Q(
                    status__in=[ReferralStatus.REWARDED.value, ReferralStatus.CAPPED.value],
                    **_when("qualified_at", "due_at", "rewarded_at"),
                )
                | Q(status=ReferralStatus.TAKEN_BACK.value, qualified_at__isnull=False, taken_back_at__isnull=False),
                name="billable_referral_instants",
            ),
            check_constraint(
                Q(referee_grants=0, referrer_grants=0)
                | (Q(rewarded_at__isnull=False) & (~Q(status=ReferralStatus.CAPPED.value) | Q(referrer_grants=0))),
                name="billable_referral_grants",
            ),
        ]
