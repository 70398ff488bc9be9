"""Recurring allowances: units that come anew each period, what rolls over, and that nobody has to sweep."""

from __future__ import annotations

from datetime import datetime, timezone

from billable.models import Allowance, Grant, LedgerEntry
from billable.services import CatalogService, QuotaService

UTC = timezone.utc


def product(sku, *lines, **how):
    return CatalogService.create_product(sku, name=sku, features=list(lines), **how)


def monthly(quantity=10, **more):
    return {"feature": "pdf_export", "quantity": quantity, "reset": "1 month", **more}


def balance(user, feature="pdf_export"):
    return QuotaService.check_quota(user, feature).balance


def test_units_come_anew_each_month_from_an_anchor_on_the_31st(door, user, clock):
    product("free", monthly())
    (grant,) = door.quota.grant_product(user, "free")
    assert (grant.source, grant.quantity, grant.expires_at) == ("allowance", 10, datetime(2026, 2, 28, 12, tzinfo=UTC))
    door.quota.consume_quota(user, "pdf_export", quantity=7)
    assert balance(user) == 3
    clock.instant = datetime(2026, 2, 28, 11, 59, 59, tzinfo=UTC)
    assert balance(user) == 3
    clock.advance(seconds=1)
    (line,) = door.quota.balances(user)
    assert (line.balance, line.next_reset_at) == (10, datetime(2026, 3, 31, 12, tzinfo=UTC))
    clock.advance(days=365 * 3)
    assert balance(user) == 10
    usage = door.quota.consume_quota(user, "pdf_export", quantity=10)
    assert usage.balance == 0
    assert Grant.objects.count() == 2
    assert door.quota.balances(user)[0].next_reset_at == datetime(2029, 2, 28, 12, tzinfo=UTC)


def test_unused_units_roll_up_to_a_maximum_for_some_periods(door, user, clock):
    product("pro", monthly(rollover_quantity=4, rollover_periods=2))
    door.quota.grant_product(user, "pro")
    door.quota.consume_quota(user, "pdf_export", quantity=8)
    clock.instant = datetime(2026, 3, 1, tzinfo=UTC)
    assert balance(user) == 12
    check = door.quota.check_quota(user, "pdf_export")
    assert [(each.source, each.remaining, each.grant_id) for each in check.grants] == [
        ("allowance", 10, None),
        ("rollover", 2, None),
    ]
    QuotaService.expire_grants()
    assert balance(user) == 12
    clock.instant = datetime(2026, 4, 1, tzinfo=UTC)
    assert balance(user) == 10 + 2 + 4
    clock.instant = datetime(2026, 5, 1, tzinfo=UTC)
    assert balance(user) == 10 + 4 + 4
    clock.instant = datetime(2027, 5, 1, tzinfo=UTC)
    assert balance(user) == 10 + 4 + 4
    before = Grant.objects.count()
    door.quota.consume_quota(user, "pdf_export", quantity=18)
    assert balance(user) == 0
    # The two months before, with what rolled from each, the one that runs, and what rolled from March.
    assert Grant.objects.count() - before == 6


def test_kinds(user, clock):
    product("pro", monthly(rollover_quantity=4))
    QuotaService.grant_product(user, "pro")
    QuotaService.consume_quota(user, "pdf_export", quantity=3)
    clock.advance(days=30)
    QuotaService.expire_grants()
    assert [(e.kind, e.amount) for e in LedgerEntry.objects.order_by("seq")] == [
        ("grant", 10),
        ("consume", -3),
        ("expire", -3),
        ("rollover", -4),
        ("grant", 4),
        ("grant", 10),
    ]
    allowance = Allowance.objects.get()
    assert (allowance.next_index, allowance.status) == (2, "running")


def test_a_default_product_recurs_for_a_user_who_is_no_customer_yet(door, user, clock):
    product("free", monthly(), is_default=True)
    check = door.quota.check_quota(user, "pdf_export")
    assert (check.balance, check.expires_at) == (10, datetime(2026, 2, 28, 12, tzinfo=UTC))
    door.quota.consume_quota(user, "pdf_export")
    clock.advance(days=30)
    assert balance(user) == 10
