"""`billable_tick`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billable import clock, upkeep
from billable.models import LedgerEntry
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService

pytestmark = pytest.mark.django_db


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A grant that ran out."""
    from datetime import timedelta

    CatalogService.create_feature("pdf_export")
    ref = CustomerRef(customer_id=CustomerService.identify("test", "ada").customer_id)
    QuotaService.grant_feature(ref, "pdf_export", quantity=5, period="1 day")
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)


def test_it_says_what_it_did(due: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_tick")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "grants_and_holds: 1 done, 0 left, 0 failed"
    assert len(lines) == len(upkeep.DUTIES) + 1
    assert lines[-1].startswith("Complete in 0.")
    assert LedgerEntry.objects.latest("seq").actor == "command:billable_tick"


def test_a_dry_run_says_what_is_due(due: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_tick", "--dry-run")

    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("grants_and_holds: 1 due", "Nothing was written.")
    assert not LedgerEntry.objects.filter(kind="expire").exists()


def test_json_says_the_same(due: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_tick", "--format", "json", "--limit-seconds", "60", "--batch-size", "1")

    told = capsys.readouterr()
    report = json.loads(told.out)
    assert told.err == ""
    assert (report["complete"], report["dry_run"]) == (True, False)
    step = report["steps"][0]
    assert step.pop("seconds") >= 0
    assert step == {"name": "grants_and_holds", "done": 1, "left": 0, "failed": 0}


def test_a_failure_is_told_by_the_exit_status_after_the_report(
    due: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billable.quota.expire.catch_up", lambda *_: 1 / 0)

    with pytest.raises(CommandError, match="1 of what was due failed"):
        call_command("billable_tick")

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "grants_and_holds: 0 done, 0 left, 1 failed"
    assert lines[-1].startswith("NOT complete")


def test_progress_goes_to_a_terminal_alone(
    due: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.core.management.base.OutputWrapper.isatty", lambda self: True)

    call_command("billable_tick", no_color=True)

    assert "\rgrants_and_holds: 1 of 1\n" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--limit-seconds=0", "--batch-size=x", "--format=xml", "--limit-seconds=90000"])
def test_it_refuses_what_makes_no_sense(option: str, capsys: Any) -> None:
    with pytest.raises(CommandError):
        call_command("billable_tick", option)
