"""``billable_tick``: do everything that is due."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive

if TYPE_CHECKING:
    from billable.services import UpkeepReport


class Command(BaseCommand):
    help = (
        "Do everything that is due by itself. Run it every minute, on as many machines as you like; "
        "it may be stopped at any moment. Changes no answer: what ran out counts for nothing already."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--limit-seconds",
            type=positive,
            metavar="SECONDS",
            help="begin nothing more after so long; the next run does the rest. Default: go on to the end",
        )
        parser.add_argument(
            "--batch-size", type=positive, default=500, metavar="ROWS", help="rows to read at once; default 500"
        )
        parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what is due")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="default text")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.errors import Invalid
        from billable.services import UpkeepService

        require_migrated()
        try:
            with acting_as("command:billable_tick"):
                report = UpkeepService.tick(
                    limit_seconds=options["limit_seconds"],
                    batch_size=options["batch_size"],
                    dry_run=options["dry_run"],
                    progress=self.show if self.stderr.isatty() else None,
                )
        except Invalid as refusal:
            raise CommandError(refusal.message) from None
        self.stdout.write(as_json(report) if options["format"] == "json" else as_text(report))
        if report.failed:
            raise CommandError(f"{report.failed} of what was due failed; the log says why.")

    def show(self, step: str, tried: int, total: int) -> None:
        """Progress, on one line of a terminal."""
        ending = "\n" if tried >= total else ""
        self.stderr.write(f"\r{step}: {tried} of {total}", style_func=str, ending=ending)
        self.stderr.flush()


def as_text(report: UpkeepReport) -> str:
    """One line for each step, then the whole."""
    if report.dry_run:
        return "\n".join((*(f"{step.name}: {step.left} due" for step in report.steps), "Nothing was written."))
    steps = [f"{step.name}: {step.done} done, {step.left} left, {step.failed} failed" for step in report.steps]
    return "\n".join((*steps, f"{'Complete' if report.complete else 'NOT complete'} in {report.seconds:.1f} seconds."))


def as_json(report: UpkeepReport) -> str:
    facts = dataclasses.asdict(report)
    return json.dumps({"complete": report.complete, **facts})
