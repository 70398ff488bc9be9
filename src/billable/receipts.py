"""Receipts: the row that every write leaves.

Its unique key makes the write idempotent, its foreign keys make it auditable, ledger entries hang from it.
"""

from __future__ import annotations

from django.db import models

from billable.actor import ACTOR_MAX_LENGTH
from billable.ids import new_id


class Receipt(models.Model):
    """What all receipts have: an id that sorts by time, who acted, and when it was written."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    actor = models.CharField(max_length=ACTOR_MAX_LENGTH, editable=False)
    created_at = models.DateTimeField(editable=False)

    replayed = False
    """True on the answer to a repeated call."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)
