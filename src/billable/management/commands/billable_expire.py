"""``billable_expire``: tidy up what ran out."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Write down the grants and holds whose time ran out, and new periods. Changes no answer: all count already."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=positive, help="the most customers to look at; default all that are due")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import QuotaService

        require_migrated()
        with acting_as("command:billable_expire"):
            sweep = QuotaService.expire_grants(limit=options["limit"])
        self.stdout.write(
            f"Expired grants: {sweep.grants}, lapsed holds: {sweep.holds}, new grants of allowances: {sweep.resets}, "
            f"of customers: {sweep.customers}."
        )
