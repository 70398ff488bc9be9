"""``billable_issue_invoices``: issue the receipts and credit notes that are missing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Issue the receipts and credit notes that are missing. They come by themselves; this makes up for a crash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=positive, help="the most documents to issue; default all that are missing")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import InvoiceService

        require_migrated()
        with acting_as("command:billable_issue_invoices"):
            sweep = InvoiceService.issue_missing(limit=options["limit"])
        self.stdout.write(f"Issued receipts: {sweep.receipts}, credit notes: {sweep.credit_notes}.")
