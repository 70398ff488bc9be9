"""``billable_roll_out``: bring a changed product to those who hold it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billable.actor import acting_as
from billable.errors import BillableError
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Bring the lines that a product has now to those who hold it. Run again, it changes nothing more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sku", help="the product")
        parser.add_argument(
            "--policy",
            required=True,
            choices=["next_period", "now"],
            help="with the next period of what recurs, or also at once",
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what would change")
        parser.add_argument("--batch-size", type=positive, default=500, help="how many customers are looked up at once")
        parser.add_argument("--limit-seconds", type=positive, help="end after so many seconds, and say where to go on")
        parser.add_argument("--cursor", help="where an earlier run ended")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import QuotaService

        require_migrated()
        try:
            with acting_as("command:billable_roll_out"):
                report = QuotaService.roll_out_product_change(
                    options["sku"],
                    policy=options["policy"],
                    dry_run=options["dry_run"],
                    batch_size=options["batch_size"],
                    limit_seconds=options["limit_seconds"],
                    cursor=options["cursor"],
                )
        except BillableError as refusal:
            raise CommandError(str(refusal)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps(asdict(report)))
            return
        self.stdout.write(
            f"Customers: {report.customers}, changed: {report.changed}. Terms: {report.terms}, units: {report.units}, "
            f"caps: {report.caps}, values: {report.values}, new lines: {report.lines}."
        )
        for skip in report.skipped:
            self.stdout.write(f"Left as it is: {skip.feature}, {skip.reason}: {skip.holdings}.")
        if report.next is not None:
            self.stdout.write(f"The time is over. Go on with --cursor {report.next}.")
