"""Run by test_upgrade.py on an empty database: the books of release 0001, forward, used, backward, to nothing.

Prints what stands at each stop as JSON.
"""

from __future__ import annotations

import json
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, transaction

from tests.migrations import kept
from tests.migrations.migrate import billable_objects

RELEASE, MIGRATION = "0001", "0001_initial"


def main() -> None:
    django.setup()
    settings.BILLABLE_APPEND_ONLY = "on"
    stops: dict[str, Any] = {}
    migrate("auth")
    migrate("billable", MIGRATION)
    kept.load(RELEASE, kept.as_of(MIGRATION))
    stops["before"] = standing()
    migrate("billable")
    stops["after"] = {**standing(), "problems": problems()}
    use()
    stops["used"] = {**standing(), "problems": problems()}
    migrate("billable", MIGRATION)
    stops["backward"] = standing()
    migrate("billable", "zero")
    stops["nothing"] = {"objects": billable_objects()}
    print(json.dumps(stops, cls=DjangoJSONEncoder))


def migrate(*where: str) -> None:
    call_command("migrate", *where, verbosity=0, interactive=False)


def standing() -> dict[str, Any]:
    """The rows, by the columns of the release, and which of its tables may be written over."""
    from billable.db import append_only

    return {
        "rows": kept.rows(kept.as_of(MIGRATION)),
        "unprotected": append_only.unprotected_tables("default"),
        "written_over": [name for name in ("Usage", "LedgerEntry", "Adjustment") if writes_over(name)],
    }


def writes_over(name: str) -> bool:
    """Whether the database lets somebody change what was written there."""
    try:
        with transaction.atomic():
            apps.get_model("billable", name)._base_manager.update(actor="somebody else")
            transaction.set_rollback(True)
    except DatabaseError:
        return False
    return True


def problems() -> list[str]:
    from billable.services import QuotaService

    return [str(problem) for problem in QuotaService.verify_ledger().problems]


def use() -> None:
    """Buy and consume, as on any other day."""
    from billable.services import CustomerService, OrderService, QuotaService

    customer = CustomerService.identify("telegram", "1").customer
    order = OrderService.create_order(customer, [{"sku": "pack"}])
    OrderService.confirm_payment(order, payment_id="after the upgrade")
    QuotaService.consume_quota(customer, "pdf")


if __name__ == "__main__":
    main()
