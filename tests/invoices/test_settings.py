"""Who sells, and what numbers begin with: said wrongly, it is found before anything is issued."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from billable import checks
from billable.models import Invoice
from tests.invoices.conftest import SELLER


def test_a_seller_without_a_name_is_a_warning_for_deployments(settings):
    for seller in (None, {}, {"zone": "UTC"}, {"name": ""}):
        settings.BILLABLE_SELLER = seller
        assert [message.id for message in checks.check_seller_for_deployment()] == ["billable.W007"]
        assert checks.check_seller() == []
    settings.BILLABLE_SELLER = SELLER
    assert checks.check_seller_for_deployment() == checks.check_seller() == []


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("SELLER", {"nam": "x"}, "has no 'nam'"),
        ("SELLER", {"name": 7}, "must map names to text"),
        ("SELLER", {"zone": "No/Where"}, "unknown time zone"),
        ("SELLER", {"zone": "../etc"}, "unknown time zone"),
        ("INVOICE_SERIES", {"bill": "B"}, "has no 'bill'"),
        ("INVOICE_SERIES", {"receipt": ""}, "1 to 20"),
        ("INVOICE_SERIES", {"receipt": "R" * 21}, "1 to 20"),
        ("INVOICE_SERIES", {"credit_note": 'C"\n'}, "1 to 20"),
    ],
)
def test_a_wrong_value_is_an_error(settings, setting, value, told):
    setattr(settings, f"BILLABLE_{setting}", value)
    (message,) = checks.check_seller()
    assert (message.id, told in message.msg) == ("billable.E003", True), message.msg


def test_the_command_issues_what_is_missing(user, buy):
    buy("pro"), buy("pack")
    said = StringIO()
    call_command("billable_issue_invoices", limit=1, stdout=said)
    call_command("billable_issue_invoices", stdout=said)
    call_command("billable_issue_invoices", stdout=said)
    assert said.getvalue().splitlines() == [
        "Issued receipts: 1, credit notes: 0.",
        "Issued receipts: 1, credit notes: 0.",
        "Issued receipts: 0, credit notes: 0.",
    ]
    assert set(Invoice.objects.values_list("actor", flat=True)) == {"command:billable_issue_invoices"}
