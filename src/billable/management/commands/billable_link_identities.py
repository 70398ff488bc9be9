"""``billable_link_identities``: let the external ids that a project keeps on its users name their customers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billable.actor import acting_as
from billable.errors import Invalid
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Link the external ids that your user model keeps. It may be stopped and started again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("field", help="the field of the user model, or a path to it such as profile__telegram_id")
        parser.add_argument("provider", help="what the ids are of, such as telegram")
        parser.add_argument("--dry-run", action="store_true", help="write nothing, and say what would be linked")
        parser.add_argument("--batch-size", type=positive, default=500, help="users to read at once; default 500")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import CustomerService

        require_migrated()
        try:
            with acting_as("command:billable_link_identities"):
                report = CustomerService.link_identities(
                    options["field"],
                    options["provider"],
                    dry_run=options["dry_run"],
                    batch_size=options["batch_size"],
                    progress=self.show if self.stdout.isatty() else None,
                )
        except Invalid as refusal:
            raise CommandError(refusal.message) from None
        for conflict in report.conflicts:
            self.stderr.write(f"user {conflict.user_id}: {conflict.external_id!r}: {conflict.code}")
        made = "would be linked" if options["dry_run"] else "linked"
        self.stdout.write(
            f"Users: {report.users}; {made}: {report.linked}, linked before: {report.already}, "
            f"conflicts: {report.conflict_count}."
        )

    def show(self, done: int, total: int) -> None:
        """Progress, on one line of a terminal."""
        self.stdout.write(f"\r{done} of {total} users", ending="\n" if done >= total else "")
        self.stdout.flush()
