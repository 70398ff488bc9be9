"""`billable_expire_orders`."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from billable import clock
from billable.models import Order
from billable.services import CatalogService, CustomerRef, OrderService

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(settings: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two orders that had a day to be paid, three days ago."""
    monkeypatch.setattr(settings, "BILLABLE_ORDER_TTL_HOURS", 24, raising=False)
    CatalogService.create_feature("pdf_export")
    CatalogService.create_product("pack", price="5", currency="EUR", features=["pdf_export"], quantity=10)
    past = clock.now() - timedelta(days=3)
    with monkeypatch.context() as then:
        then.setattr(clock, "now", lambda: past)
        for name in ("ada", "bob"):
            OrderService.create_order(CustomerRef(external_id=name), [{"sku": "pack"}])


def test_it_says_how_many_expired(orders: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_expire_orders", "--limit", "1")
    call_command("billable_expire_orders")
    call_command("billable_expire_orders")

    assert capsys.readouterr().out.splitlines() == [f"Expired orders: {count}." for count in (1, 1, 0)]
    assert set(Order.objects.values_list("status", "actor")) == {("expired", "python")}


def test_an_age_may_be_named_instead(orders: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("billable_expire_orders", "--older-than-hours", "73")
    call_command("billable_expire_orders", "--older-than-hours", "71")

    assert capsys.readouterr().out.splitlines() == ["Expired orders: 0.", "Expired orders: 2."]


@pytest.mark.parametrize("argument", ["--limit=0", "--older-than-hours=-1", "--older-than-hours=soon"])
def test_no_number_is_refused(argument: str) -> None:
    with pytest.raises(CommandError, match="is not a whole number above 0"):
        call_command("billable_expire_orders", argument)
