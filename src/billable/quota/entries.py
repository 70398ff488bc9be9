"""The table of ledger entries: every signed change of a grant."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q

from billable.actor import ACTOR_MAX_LENGTH
from billable.compat import check_constraint
from billable.customers.models import Customer
from billable.db.constraints import one_of
from billable.quota.kinds import CauseType, EntryKind


class LedgerEntry(models.Model):
    """One signed change of one grant, numbered per customer without gaps. Append-only."""

    id = models.BigAutoField(primary_key=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    seq = models.BigIntegerField()
    grant = models.ForeignKey("Grant", on_delete=models.PROTECT, related_name="entries")
    usage = models.ForeignKey("Usage", null=True, blank=True, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.value) for kind in EntryKind])
    cause_type = models.CharField(max_length=20, choices=[(cause.value, cause.value) for cause in CauseType])
    cause_id = models.UUIDField()
    amount = models.BigIntegerField(help_text="Change of what remains of the grant.")
    held_change = models.BigIntegerField(default=0, help_text="Change of what is held of the grant.")
    remaining_after = models.BigIntegerField(null=True, blank=True, help_text="Empty: unlimited.")
    effective_at = models.DateTimeField(help_text="When it became true.")
    created_at = models.DateTimeField(help_text="When it was written.")
    actor = models.CharField(max_length=ACTOR_MAX_LENGTH)

    class Meta:
        db_table = "billable_ledgerentry"
        ordering = ("customer", "-seq")
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["customer", "seq"], name="billable_ledgerentry_customer_seq"),
            check_constraint(Q(seq__gte=1), name="billable_ledgerentry_seq"),
            one_of("kind", EntryKind, "billable_ledgerentry_known_kind"),
            check_constraint(
                Q(remaining_after__isnull=True) | Q(remaining_after__gte=0),
                name="billable_ledgerentry_remaining",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}#{self.seq}"

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of what caused it: of the usage, else of the grant."""
        facts: dict[str, Any] = self.usage.metadata if self.usage is not None else self.grant.metadata
        return facts
