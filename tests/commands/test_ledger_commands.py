"""`billable_verify` and `billable_expire`."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from billable import clock
from billable.models import Customer, Grant, LedgerEntry
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService

pytestmark = pytest.mark.django_db


@pytest.fixture
def grant() -> Grant:
    CatalogService.create_feature("pdf_export")
    identified = CustomerService.identify("test", "ada")
    (made,) = QuotaService.grant_feature(
        CustomerRef(customer_id=identified.customer_id),
        "pdf_export",
        quantity=5,
        expires_at=clock.now() + timedelta(days=1),
    )
    return made


def test_verify_says_what_it_saw(grant: Grant, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_verify")

    assert capsys.readouterr().out == "customers: 1, grants: 1, entries: 1: all is well\n"


def test_verify_names_a_row_that_was_changed_by_hand(grant: Grant, capsys: pytest.CaptureFixture[str]) -> None:
    Grant.objects.filter(pk=grant.pk).update(remaining=3)

    with pytest.raises(CommandError, match="are wrong") as refusal:
        call_command("billable_verify")

    assert refusal.value.returncode == 1
    assert str(grant.pk) in capsys.readouterr().out
    Grant.objects.filter(pk=grant.pk).update(remaining=5)


def test_verify_answers_programs_in_json(grant: Grant, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_verify", "--format", "json")

    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "problems": [],
        "customers": 1,
        "grants": 1,
        "entries": 1,
    }


def test_expire_writes_down_what_ran_out(
    grant: Grant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("billable_expire")
    later = clock.now() + timedelta(days=2)
    monkeypatch.setattr(clock, "now", lambda: later)
    call_command("billable_expire", "--limit", "10")
    call_command("billable_expire")

    assert capsys.readouterr().out.splitlines() == [
        "Expired grants: 0, lapsed holds: 0, new grants of allowances: 0, of customers: 0.",
        "Expired grants: 1, lapsed holds: 0, new grants of allowances: 0, of customers: 1.",
        "Expired grants: 0, lapsed holds: 0, new grants of allowances: 0, of customers: 0.",
    ]
    assert LedgerEntry.objects.latest("seq").actor == "command:billable_expire"


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "all"])
def test_expire_refuses_a_limit_that_is_none(limit: str) -> None:
    with pytest.raises(CommandError, match="whole number above 0"):
        call_command("billable_expire", f"--limit={limit}")


def test_commands_make_nobody() -> None:
    call_command("billable_verify")
    call_command("billable_expire")

    assert not Customer.objects.exists()
