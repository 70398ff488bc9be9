"""Tables of the customers.

Identity and UserLink are claim tables: each holds a global uniqueness and has no foreign keys in the database.
"""

from __future__ import annotations

from uuid import UUID

from django.db import models
from django.db.models import F, Q

from billable.actor import ACTOR_MAX_LENGTH
from billable.compat import check_constraint
from billable.conf import knobs
from billable.db.fields import KeyField
from billable.inputs import MAX_KEY_LENGTH, MAX_TEXT_LENGTH
from billable.receipts import Receipt

PROVIDER_MAX_LENGTH = 64
MERGED_FROM = "The customer that it named before a merge: whose keys it still finds first."


class Customer(Receipt):
    """Who is billed. Its row is the one lock that every write takes."""

    zone = models.CharField(max_length=64, default="UTC", help_text="IANA time zone that new periods are counted in.")
    seq = models.BigIntegerField(default=0, editable=False, help_text="Number of the last ledger entry.")
    event_seq = models.BigIntegerField(default=0, editable=False, help_text="Number of the last event.")
    next_change_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        editable=False,
        help_text="When something becomes due by itself.",
    )
    is_sandbox = models.BooleanField(
        default=False,
        editable=False,
        help_text="Made for trying things out: its clock can be moved. Said when it is made, and never changed.",
    )
    has_owed = models.BooleanField(
        default=False, editable=False, help_text="Whether it, or one it absorbed, ever used more than was there."
    )
    clock_offset_seconds = models.BigIntegerField(
        default=0, editable=False, help_text="By how much its clock is ahead of everybody's."
    )
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed", editable=False
    )
    anonymized_at = models.DateTimeField(null=True, blank=True, editable=False)
    anonymized_by = models.CharField(max_length=ACTOR_MAX_LENGTH, blank=True, editable=False)
    anonymized_reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True, editable=False)
    billing_details = models.JSONField(
        default=dict, blank=True, help_text="Who invoices are made out to: name, address, email, country, tax_id."
    )
    metadata = models.JSONField(default=dict, blank=True)

    addressed_id: UUID | None = None
    """On a locked row: the customer that the caller named, which may be one that this one absorbed."""

    class Meta:
        db_table = "billable_customer"
        ordering = ("-id",)
        permissions = (("merge_customers", "Can merge customers"), ("anonymize_customer", "Can anonymize a customer"))
        constraints = [
            check_constraint(
                Q(anonymized_at__isnull=True, anonymized_by="", anonymized_reason="")
                | (Q(anonymized_at__isnull=False) & ~Q(anonymized_by="")),
                name="billable_customer_anonymized",
            ),
            check_constraint(
                Q(clock_offset_seconds=0) | Q(is_sandbox=True, clock_offset_seconds__gt=0),
                name="billable_customer_clock",
            ),
        ]
        indexes = [
            # Sweeps find real customers by the common clock, and sandbox customers by their own.
            models.Index(fields=["next_change_at"], condition=Q(is_sandbox=True), name="billable_customer_sandbox"),
        ]


class UserLink(models.Model):
    """A user that acts for a customer. A user has one customer; a customer may have several users."""

    # No database constraint, and no cascade: the host's users are not ours to lock, and may live in another database.
    # Deleting one removes its link by a signal (see customers.departures) and never touches the books.
    user = models.OneToOneField(
        knobs.user_model, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_constraint=False, related_name="user_links")
    merged_from = models.UUIDField(null=True, blank=True, editable=False, help_text=MERGED_FROM)
    actor = models.CharField(max_length=ACTOR_MAX_LENGTH, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        db_table = "billable_userlink"
        ordering = ("created_at", "user")

    def __str__(self) -> str:
        return f"{self.user_id} → {self.customer_id}"


class Identity(Receipt):
    """What a customer is called elsewhere: ``(provider, external_id)``."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, db_constraint=False, related_name="identities")
    merged_from = models.UUIDField(null=True, blank=True, editable=False, help_text=MERGED_FROM)
    provider = KeyField(max_length=PROVIDER_MAX_LENGTH)
    external_id = KeyField(max_length=200)
    profile = models.JSONField(default=dict, blank=True)

    class Meta:
        db_table = "billable_identity"
        ordering = ("created_at", "id")
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["provider", "external_id"], name="billable_identity_provider_external_id"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}:{self.external_id}"


class Merge(Receipt):
    """One customer absorbed by another. ``moved`` names what was repointed, so that it can be undone."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="merges", help_text="Who survived.")
    absorbed = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    moved = models.JSONField(default=dict, help_text="{identities: [id], users: [pk], customers: [id]}")
    reason = models.CharField(max_length=MAX_TEXT_LENGTH, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.CharField(max_length=ACTOR_MAX_LENGTH, blank=True)

    class Meta:
        db_table = "billable_merge"
        ordering = ("-id",)
        constraints = [
            check_constraint(~Q(customer=F("absorbed")), name="billable_merge_not_itself"),
            check_constraint(
                Q(undone_at__isnull=True, undone_by="") | (Q(undone_at__isnull=False) & ~Q(undone_by="")),
                name="billable_merge_undone",
            ),
        ]


class ClockMove(Receipt):
    """The clock of a sandbox customer was moved: from where, how far, and what fell due on the way."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="clock_moves", db_index=False)
    asked = models.CharField(max_length=100, help_text="What the caller asked for: a span, or an instant.")
    idempotency_key = KeyField(max_length=MAX_KEY_LENGTH, null=True, blank=True)
    started_at = models.DateTimeField(help_text="What time it was for the customer.")
    from_offset_seconds = models.BigIntegerField()
    to_offset_seconds = models.BigIntegerField()
    finished_at = models.DateTimeField(
        null=True, blank=True, help_text="What time it is for the customer since. Empty: it is still on the way."
    )
    happened = models.JSONField(default=dict, blank=True, help_text="How much of what fell due: {grants: 2, orders: 1}")

    class Meta:
        db_table = "billable_clockmove"
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["customer", "idempotency_key"], name="billable_clockmove_customer_key"),
            check_constraint(
                Q(from_offset_seconds__gte=0, to_offset_seconds__gt=F("from_offset_seconds")),
                name="billable_clockmove_forwards",
            ),
            check_constraint(
                Q(finished_at__isnull=True) | Q(finished_at__isnull=False, finished_at__gt=F("started_at")),
                name="billable_clockmove_finished",
            ),
        ]
