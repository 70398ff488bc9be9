"""``billable_verify``: prove every number of the ledger."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated

if TYPE_CHECKING:
    from billable.services import LedgerReport


class Command(BaseCommand):
    help = "Recompute every number of the ledger, and name each row that is wrong."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text", help="default text")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import QuotaService

        require_migrated()
        with acting_as("command:billable_verify"):
            report = QuotaService.verify_ledger()
        self.stdout.write(as_json(report) if options["format"] == "json" else as_text(report))
        if not report.ok:
            raise CommandError(f"{len(report.problems)} of the ledger's rows are wrong.")


def as_text(report: LedgerReport) -> str:
    """One line for each problem, then what was looked at."""
    seen = f"customers: {report.customers}, grants: {report.grants}, entries: {report.entries}"
    return "\n".join((*map(str, report.problems), f"{seen}: {'all is well' if report.ok else 'NOT well'}"))


def as_json(report: LedgerReport) -> str:
    return json.dumps({"ok": report.ok, **dataclasses.asdict(report)}, default=str)
