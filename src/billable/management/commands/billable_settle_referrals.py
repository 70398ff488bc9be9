"""``billable_settle_referrals``: give the rewards whose time has come."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Give the rewards of referrals whose hold is over, and take back those whose payment went back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=positive, help="the most referrals to look at; default all that are due")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import ReferralService

        require_migrated()
        with acting_as("command:billable_settle_referrals"):
            sweep = ReferralService.settle_referrals(limit=options["limit"])
        self.stdout.write(f"Referrals: {sweep.referrals}, rewarded: {sweep.rewarded}, taken back: {sweep.taken_back}.")
