"""`billable_roll_out`."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from billable.models import RollOut
from billable.services import CatalogService, CustomerService, QuotaService

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> None:
    """A product that three customers hold, and that gives more since."""
    CatalogService.create_product("pro", features=[{"feature": "calls", "quantity": 10, "period": "1 month"}])
    for name in ("a", "b", "c"):
        QuotaService.grant_product(CustomerService.identify("test", name).customer, "pro")
    lines = [{"feature": "calls", "quantity": 15, "period": "1 month"}, {"feature": "seats", "value": 3}]
    CatalogService.update_product("pro", features=lines)


def test_it_says_what_would_change_and_then_changes_it(held: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_roll_out", "pro", "--policy", "next_period")
    call_command("billable_roll_out", "pro", "--policy", "now", "--dry-run", "--format", "json")
    assert RollOut.objects.count() == 0
    call_command("billable_roll_out", "pro", "--policy=now", "--batch-size=2", "--limit-seconds=60")
    call_command("billable_roll_out", "pro", "--policy=now")

    first, left, new, rehearsal, report, again = capsys.readouterr().out.splitlines()
    assert first == "Customers: 3, changed: 0. Terms: 0, units: 0, caps: 0, values: 0, new lines: 0."
    assert (left, new) == (
        "Left as it is: calls, does_not_recur: 3.",
        "Left as it is: seats, new_line: 3.",
    )
    assert {**json.loads(rehearsal), "skipped": []} == {
        **{"sku": "pro", "policy": "now", "dry_run": True, "customers": 3, "changed": 3, "terms": 0, "units": 3},
        **{"caps": 0, "values": 0, "lines": 3, "skipped": [], "next": None},
    }
    assert report == "Customers: 3, changed: 3. Terms: 0, units: 3, caps: 0, values: 0, new lines: 3."
    assert again == "Customers: 3, changed: 0. Terms: 0, units: 0, caps: 0, values: 0, new lines: 0."
    assert {row.actor for row in RollOut.objects.all()} == {"command:billable_roll_out"}


def test_it_refuses_what_the_verb_refuses(held: None) -> None:
    with pytest.raises(CommandError, match="no product"):
        call_command("billable_roll_out", "nothing", "--policy=now")
    with pytest.raises(CommandError, match="policy"):
        call_command("billable_roll_out", "pro", "--policy=tomorrow")
