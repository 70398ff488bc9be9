"""Caps: at most so many units of a grant in each window of time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, transaction

from billable.models import Customer, Grant, HoldLeg
from billable.services import CapState, CatalogService, CustomerService, OrderService, QuotaService

DAY = {"cap_quantity": 50, "cap_period": "1 day"}


@pytest.fixture
def capped(user, clock):
    """300 a month, at most 50 a day."""
    return grant(user, quantity=300, period="1 month", **DAY)


def grant(user, feature="pdf_export", **line):
    sku = f"capped-{Grant.objects.count()}"
    CatalogService.create_product(sku, features=[{"feature": feature, **line}])
    (made,) = QuotaService.grant_product(user, sku)
    return made


def stand(row):
    row = Grant.objects.get(pk=row.pk)
    return row.remaining, row.cap_index, row.cap_used


def balance(user, feature="pdf_export"):
    return QuotaService.check_quota(user, feature).balance


def test_a_grant_gives_no_more_in_a_window_than_its_cap(door, user, capped, refused, clock):
    usage = door.quota.consume_quota(user, "pdf_export", quantity=40)
    assert (usage.balance, balance(user), stand(capped)) == (10, 10, (260, 0, 40))
    cap = {
        "feature": "pdf_export",
        "quantity": 50,
        "used": 40,
        "period": "1 day",
        "resets_at": "2026-02-01T12:00:00+00:00",
    }
    with refused("quota_exceeded", reason="cap_reached", balance=10, requested=11, cap=cap) as refusal:
        door.quota.consume_quota(user, "pdf_export", quantity=11)
    assert refusal.error.message == (
        "At most 50 pdf_export in 1 day, of which 40 are used: 11 pdf_export asked for, 10 possible now."
    )
    door.quota.consume_quota(user, "pdf_export", quantity=10)
    assert balance(user) == 0
    clock.advance(days=1)
    assert balance(user) == 50
    door.quota.consume_quota(user, "pdf_export", quantity=5)
    assert stand(capped) == (245, 1, 5)


def test_a_window_begins_at_its_first_instant(door, user, capped, clock):
    door.quota.consume_quota(user, "pdf_export", quantity=50)
    clock.advance(days=1, microseconds=-1)
    assert balance(user) == 0
    clock.advance(microseconds=1)
    assert balance(user) == 50


def test_the_last_units_are_fewer_than_the_cap(door, user, capped, clock):
    for _ in range(5):
        door.quota.consume_quota(user, "pdf_export", quantity=50)
        clock.advance(days=1)
    door.quota.consume_quota(user, "pdf_export", quantity=30)
    check = door.quota.check_quota(user, "pdf_export", quantity=21)
    assert (check.code, check.balance) == ("exhausted", 20)


def test_check_names_the_cap_that_resets_first(door, user, capped, clock):
    weekly = grant(user, quantity=100, cap_quantity=20, cap_period="1 week")
    door.quota.consume_quota(user, "pdf_export", quantity=70)
    check = door.quota.check_quota(user, "pdf_export")
    cap = CapState(feature="pdf_export", quantity=50, used=50, period="1 day", resets_at=clock() + timedelta(days=1))
    assert (check.code, check.cap, check.balance) == ("cap_reached", cap, 0)
    assert check.message == "At most 50 pdf_export in 1 day may be used; 50 are."
    assert [(each.remaining, each.available, each.cap.used) for each in check.grants] == [(250, 0, 50), (80, 0, 20)]
    (line,) = door.quota.balances(user)
    assert (line.balance, line.allowed, line.cap) == (0, False, cap)
    assert stand(weekly) == (80, 0, 20)


def test_a_cap_on_an_unlimited_grant_makes_it_finite_for_the_moment(door, user, clock, give, refused):
    own = give(user, "pdf_export", 100)
    free = grant(user, cap_quantity=10, cap_period="1 day")
    assert balance(user) == 110
    door.quota.consume_quota(user, "pdf_export", quantity=12)
    assert (stand(free), stand(own)) == ((None, 0, 10), (98, 0, 0))
    (line,) = door.quota.balances(user)
    assert (line.balance, line.unlimited) == (98, False)
    clock.advance(days=1)
    door.quota.consume_quota(user, "pdf_export", quantity=3)
    assert (stand(free), stand(own)) == ((None, 1, 3), (98, 0, 0))


def test_what_is_paid_from_a_capped_feature_is_capped_too(door, user, clock, refused):
    CatalogService.set_cost("ai_analysis", "credits", per=1, units=5)
    grant(user, "credits", quantity=100, cap_quantity=12, cap_period="1 day")
    assert balance(user, "ai_analysis") == 2
    door.quota.consume_quota(user, "ai_analysis", quantity=2)
    with refused("quota_exceeded", reason="cap_reached") as refusal:
        door.quota.consume_quota(user, "ai_analysis")
    assert refusal.error.cap["feature"] == "credits"


def test_a_hold_counts_when_it_takes_and_a_capture_changes_nothing(door, user, capped, clock):
    hold = door.quota.hold_quota(user, "pdf_export", 30, ttl=timedelta(days=1))
    assert (stand(capped), balance(user)) == ((270, 0, 30), 20)
    clock.advance(hours=23)
    door.quota.capture_hold(hold, 10)
    assert (stand(capped), balance(user)) == ((290, 0, 10), 40)


def test_what_is_released_in_another_window_gives_nothing_back_to_it(door, user, capped, clock):
    hold = door.quota.hold_quota(user, "pdf_export", 30, ttl=timedelta(days=2))
    clock.advance(days=1)
    door.quota.consume_quota(user, "pdf_export", quantity=20)
    usage = door.quota.capture_hold(hold, 10)
    assert (stand(capped), usage.balance, balance(user)) == ((270, 1, 20), 30, 30)


def test_a_hold_that_lapsed_gives_its_window_back_whoever_wrote_it(door, user, capped, clock):
    door.quota.consume_quota(user, "pdf_export", quantity=15)
    door.quota.hold_quota(user, "pdf_export", 30, ttl=60)
    assert balance(user) == 5
    clock.advance(seconds=60)
    assert balance(user) == 35
    door.quota.expire_grants()
    assert (balance(user), stand(capped)) == (35, (285, 0, 15))


def test_a_hold_that_lapsed_in_another_window_gave_nothing_back(door, user, capped, clock):
    clock.advance(hours=23)
    door.quota.hold_quota(user, "pdf_export", 30, ttl=7200)
    clock.advance(hours=1)
    door.quota.consume_quota(user, "pdf_export", quantity=5)
    clock.advance(hours=1)
    assert balance(user) == 45
    door.quota.expire_grants()
    assert (balance(user), stand(capped)) == (45, (295, 1, 5))


def test_a_reversal_gives_back_to_the_window_while_it_is_the_same(door, user, capped, clock):
    usage = door.quota.consume_quota(user, "pdf_export", quantity=30)
    reversal = door.quota.reverse_usage(usage, quantity=10, idempotency_key="a")
    assert (stand(capped), reversal.balance) == ((280, 0, 20), 30)
    clock.advance(days=1)
    door.quota.consume_quota(user, "pdf_export", quantity=7)
    reversal = door.quota.reverse_usage(usage, quantity=10, idempotency_key="b")
    assert (stand(capped), reversal.balance) == ((283, 1, 7), 43)


def test_the_reversal_of_a_capture_looks_at_when_it_was_held(door, user, capped, clock):
    hold = door.quota.hold_quota(user, "pdf_export", 30, ttl=timedelta(days=2))
    clock.advance(days=1)
    usage = door.quota.capture_hold(hold)
    door.quota.consume_quota(user, "pdf_export", quantity=7)
    door.quota.reverse_usage(usage, idempotency_key="a")
    assert stand(capped) == (293, 1, 7)


def test_the_reversal_of_a_late_capture_looks_at_when_it_was_captured(door, user, capped, clock):
    hold = door.quota.hold_quota(user, "pdf_export", 30, ttl=60)
    clock.advance(days=1)
    usage = door.quota.capture_hold(hold)
    assert (usage.late, stand(capped)) == (True, (270, 1, 30))
    door.quota.reverse_usage(usage, idempotency_key="a")
    assert stand(capped) == (300, 1, 0)


def test_windows_are_counted_in_the_zone_of_the_grant(door, user, clock):
    CustomerService.link_identity(user, "telegram", "1")
    Customer.objects.update(zone="Europe/Berlin")
    clock.instant = datetime(2026, 3, 28, 22, 0, tzinfo=timezone.utc)
    made = grant(user, quantity=300, **DAY)
    door.quota.consume_quota(user, "pdf_export", quantity=50)
    clock.instant = datetime(2026, 3, 29, 20, 59, 59, tzinfo=timezone.utc)
    assert balance(user) == 0
    clock.instant = datetime(2026, 3, 29, 21, 0, tzinfo=timezone.utc)
    assert (balance(user), made.zone) == (50, "Europe/Berlin")


def test_pieces_make_a_cap_wider_unless_they_make_the_grant_longer(door, user, clock):
    CatalogService.create_product("pack", features=[{"feature": "pdf_export", "quantity": 100, **DAY}])
    CatalogService.create_product("flat", features=[{"feature": "tokens", "period": "1 month", **DAY}])
    (pack,) = door.quota.grant_product(user, "pack", quantity=2)
    (flat,) = door.quota.grant_product(user, "flat", quantity=2)
    assert (pack.cap_quantity, flat.cap_quantity) == (100, 50)


def test_a_cap_of_many_pieces_ends_at_the_largest_number(door, user, clock):
    most = 10**12
    CatalogService.create_product(
        "wide",
        price="1",
        currency="EUR",
        features=[{"feature": "pdf_export", "cap_quantity": most, "cap_period": "day"}],
    )
    order = OrderService.create_order(user, [{"sku": "wide", "quantity": 3}])
    door.orders.confirm_payment(order, payment_id="p1", status="paid")
    assert Grant.objects.get(source="order").cap_quantity == most


def test_what_continues_a_grant_carries_the_cap_on(door, user, clock):
    CatalogService.create_product("flat", features=[{"feature": "tokens", "period": "1 month", **DAY}])
    door.quota.grant_product(user, "flat")
    (later,) = door.quota.grant_product(user, "flat")
    assert (later.cap_quantity, str(later.cap_period), later.valid_from > clock()) == (50, "1 day", True)


def test_a_merge_carries_the_cap_and_its_count_on(door, user, capped, clock, django_user_model):
    door.quota.consume_quota(user, "pdf_export", quantity=30)
    survivor = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(survivor, "telegram", "2")
    door.customers.merge_customers(survivor, user)
    assert (balance(user), balance(survivor)) == (20, 20)
    door.quota.consume_quota(survivor, "pdf_export", quantity=20)
    heir = Grant.objects.get(origin=capped)
    assert stand(heir) == (250, 0, 50)
    clock.advance(days=1)
    assert balance(survivor) == 50


def test_what_is_put_back_after_a_merge_has_no_cap_of_its_own(door, user, capped, clock, django_user_model):
    usage = door.quota.consume_quota(user, "pdf_export", quantity=30)
    survivor = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(survivor, "telegram", "2")
    merge = door.customers.merge_customers(survivor, user)
    door.quota.reverse_usage(usage, quantity=10, idempotency_key="a")
    assert balance(survivor) == 30
    clock.advance(days=1)
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="b")
    assert balance(survivor) == 50
    door.quota.consume_quota(survivor, "pdf_export", quantity=50)
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="c")
    assert balance(survivor) == 0
    (going_on,) = Grant.objects.filter(ended_at=None)
    assert (going_on.remaining, going_on.origin_id) == (300 - 10 - 50, capped.pk)
    door.customers.unmerge_customers(merge)
    clock.advance(days=1)
    assert (balance(survivor), balance(merge.absorbed)) == (0, 50)


def test_a_user_who_is_no_customer_yet_sees_the_caps_of_the_defaults(door, user, clock):
    CatalogService.create_product("free", is_default=True, features=[{"feature": "pdf_export", "quantity": 300, **DAY}])
    check = door.quota.check_quota(user, "pdf_export", quantity=51)
    assert (check.code, check.balance, check.grants[0].cap.quantity) == ("cap_reached", 50, 50)


def test_check_is_one_statement_and_consume_no_more_than_without_a_cap(user, capped, statements, clock):
    assert len(statements(lambda: QuotaService.check_quota(user, "pdf_export"))) == 1
    customer = capped.customer
    assert len(statements(lambda: QuotaService.consume_quota(customer, "pdf_export"))) <= 8
    hold = QuotaService.hold_quota(user, "pdf_export", 2)
    assert len(statements(lambda: QuotaService.check_quota(user, "pdf_export"))) == 1
    QuotaService.release_hold(hold)


@pytest.mark.broken_books
def test_the_database_refuses_a_count_outside_the_cap(capped):
    for wrong in (-1, 51):
        with pytest.raises(IntegrityError), transaction.atomic():
            Grant.objects.filter(pk=capped.pk).update(cap_used=wrong)


@pytest.mark.broken_books
def test_the_database_refuses_a_count_without_a_cap(user, give):
    made = give(user, "pdf_export", 5)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.filter(pk=made.pk).update(cap_used=1)


def test_a_leg_remembers_its_window_only_where_there_is_a_cap(user, capped, give, clock):
    give(user, "tokens", 5)
    clock.advance(days=2)
    QuotaService.hold_quota(user, "pdf_export")
    QuotaService.hold_quota(user, "tokens")
    assert list(HoldLeg.objects.order_by("id").values_list("cap_index", flat=True)) == [2, None]
