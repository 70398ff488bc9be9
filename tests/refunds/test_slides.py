"""Periods: what is taken back of a line that runs, and the later periods that move up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from billable.models import Customer, Grant
from billable.services import CatalogService, OrderService, QuotaService


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=timezone.utc)


@pytest.fixture
def windows():
    """The windows of the grants that go on, by their start."""

    def windows():
        rows = Grant.objects.filter(ended_at__isnull=True).order_by("valid_from", "expires_at")
        return [(grant.valid_from, grant.expires_at) for grant in rows]

    return windows


def test_the_link_that_runs_ends_now_and_the_next_begin_now(door, buy, clock, windows):
    first, _, _ = buy("monthly"), buy("monthly"), buy("monthly")
    assert windows() == [(at(1, 31), at(2, 28)), (at(2, 28), at(3, 31)), (at(3, 31), at(4, 30))]
    clock.advance(days=10)
    quote = door.orders.quote_refund(first, policy="pro_rata_time")
    refund = door.orders.refund_order(first, refund_id="re_1", policy="pro_rata_time")
    assert refund.amount_minor == quote.amount.amount_minor == 642  # 18 of 28 days
    assert windows() == [(at(2, 10), at(3, 10)), (at(3, 10), at(4, 10))]
    assert [(slide.valid_from, slide.expires_at) for slide in quote.slides] == windows()
    assert [slide["valid_from"] for slide in refund.slides] == [at(2, 28).isoformat(), at(3, 31).isoformat()]


def test_a_link_that_has_not_begun_leaves_its_place_to_the_next(door, buy, clock, windows):
    _, second, _ = buy("monthly"), buy("monthly"), buy("monthly")
    clock.advance(days=10)
    assert door.orders.refund_order(second, refund_id="re_1", policy="pro_rata_time").amount_minor == 1000
    # The same anchor: the month ends stay.
    assert windows() == [(at(1, 31), at(2, 28)), (at(2, 28), at(3, 31))]
    buy("monthly")
    assert windows()[-1] == (at(3, 31), at(4, 30))


def test_pieces_of_a_period_are_its_last_ones(door, buy, clock, windows):
    order, _ = buy(monthly=3), buy("monthly")
    assert windows() == [(at(1, 31), at(4, 30)), (at(4, 30), at(5, 31))]
    clock.advance(days=10)
    piece = [{"line": 1, "quantity": 1}]
    refund = door.orders.refund_order(order, refund_id="re_1", items=piece, policy="unused_only")
    assert (refund.amount_minor, refund.items.get().grants.get().ended) == (1000, False)
    assert windows() == [(at(1, 31), at(3, 31)), (at(3, 31), at(4, 30))]
    door.orders.refund_order(order, refund_id="re_2", items=piece, policy="unused_only")
    assert windows() == [(at(1, 31), at(2, 28)), (at(2, 28), at(3, 31))]
    last = door.orders.refund_order(order, refund_id="re_3", policy="unused_only")
    assert last.amount_minor == 642
    assert windows() == [(at(2, 10), at(3, 10))]


def test_pieces_whose_time_has_come_end_now(door, buy, clock, windows, balance):
    order, _ = buy(monthly=3), buy("monthly")
    clock.advance(days=40)  # in the second month
    pieces = [{"line": 1, "quantity": 2}]
    refund = door.orders.refund_order(order, refund_id="re_1", items=pieces, policy="pro_rata_time")
    used, whole = at(3, 12) - at(2, 28), at(4, 30) - at(2, 28)
    assert refund.amount_minor == 2000 * (whole - used) // whole
    assert refund.items.get().grants.get().ended
    assert windows() == [(at(3, 12), at(4, 12))]
    assert balance("sso") is None
    # The month that stays was used by the time it was paid for.
    assert door.orders.refund_order(order, refund_id="re_2").amount_minor == 3000 - refund.amount_minor


def test_two_links_of_one_order_go_at_once(door, user, buy, windows):
    order = OrderService.create_order(user, [{"sku": "monthly"}, {"sku": "monthly"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="pi")
    buy("monthly")
    door.orders.refund_order(order, refund_id="re_1", items=[{"line": 1}])
    assert windows() == [(at(1, 31), at(2, 28)), (at(2, 28), at(3, 31))]
    door.orders.refund_order(order, refund_id="re_2")
    assert windows() == [(at(1, 31), at(2, 28))]


def test_only_the_same_product_and_feature_moves(door, user, buy, windows):
    CatalogService.create_product("other", price="1", currency="EUR", features=["sso"], period="1 month")
    first = buy("monthly")
    buy("other")
    buy("monthly")
    door.orders.refund_order(first, refund_id="re_1")
    assert windows() == [(at(1, 31), at(2, 28)), (at(1, 31), at(2, 28))]


def test_a_line_with_units_stays_where_it_is(door, buy, clock, windows):
    first, _ = buy("mixed"), buy("mixed")
    clock.advance(days=1)
    door.orders.refund_order(first, refund_id="re_1")
    assert windows() == [(at(1, 31), at(2, 28)), (at(2, 1), at(3, 1))]


def test_periods_are_counted_in_the_zone_of_the_line(door, buy, clock, customer, windows):
    Customer.objects.filter(pk=customer.pk).update(zone="Europe/Berlin")
    first, _, _ = buy("monthly"), buy("monthly"), buy("monthly")
    assert windows()[2] == (at(3, 31, 11), at(4, 30, 11))
    clock.advance(days=28, hours=12)  # the second runs
    refund = door.orders.refund_order(first, refund_id="re_1")
    assert refund.slides == []
    second = OrderService.list_orders(customer).items[1]
    door.orders.refund_order(second, refund_id="re_1")
    assert windows() == [(at(3, 1, 0), at(3, 31, 23))]  # a month from now, over the change to summer time


def test_a_period_that_is_over_moves_nothing(door, buy, clock, windows):
    first, _ = buy("monthly"), buy("monthly")
    clock.advance(days=30)
    before = windows()
    assert door.orders.refund_order(first, refund_id="re_1").slides == []
    assert windows()[-1] == before[-1]


def test_part_of_the_price_takes_no_time(door, buy, windows):
    order = buy("monthly")
    door.orders.refund_order(order, refund_id="re_1", amount_minor=999)
    assert windows() == [(at(1, 31), at(2, 28))]
    door.orders.refund_order(order, refund_id="re_2")
    assert windows() == []


def test_a_bought_period_follows_what_is_left(door, user, buy, clock, windows):
    first = buy("monthly")
    clock.advance(days=1)
    door.orders.refund_order(first, refund_id="re_1")
    assert not QuotaService.check_quota(user, "sso")
    buy("monthly")
    assert windows() == [(clock(), clock() + timedelta(days=28))]
