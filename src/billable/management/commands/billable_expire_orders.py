"""``billable_expire_orders``: call off what nobody paid in time."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand

from billable.actor import acting_as
from billable.management.commands._migrated import require_migrated
from billable.management.commands._numbers import positive


class Command(BaseCommand):
    help = "Expire the orders that were not paid in time. One that is paid late by the exact amount is still fulfilled."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than-hours",
            type=positive,
            metavar="HOURS",
            help="expire what was ordered longer ago; default what is past its own time (BILLABLE_ORDER_TTL_HOURS)",
        )
        parser.add_argument("--limit", type=positive, help="the most orders to expire; default all that are due")

    def handle(self, *args: Any, **options: Any) -> None:
        from billable.services import OrderService

        require_migrated()
        hours = options["older_than_hours"]
        with acting_as("command:billable_expire_orders"):
            sweep = OrderService.expire_orders(
                older_than=None if hours is None else timedelta(hours=hours), limit=options["limit"]
            )
        self.stdout.write(f"Expired orders: {sweep.orders}.")
