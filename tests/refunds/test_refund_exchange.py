"""refund_exchange: units come back to the grants that had paid, and what was given goes."""

from __future__ import annotations

import pytest

from billable.models import Grant
from billable.services import CatalogService, OrderService, QuotaService


@pytest.fixture
def rich(user, clock):
    """A user with 100 credits: 40 that end in ten days, 60 for ever."""
    CatalogService.create_feature("credits")
    CatalogService.create_product("pdfs", features=["pdf"], quantity=10, unit_prices={"credits": 5})
    CatalogService.create_product("month", features=["single"], period="1 month", unit_prices={"credits": 31})
    QuotaService.grant_feature(user, "credits", quantity=40, period="10 days")
    QuotaService.grant_feature(user, "credits", quantity=60)
    return user


def left(user):
    grants = Grant.objects.filter(feature__key="credits", source="manual").order_by("id")
    return [grant.remaining for grant in grants]


def test_units_come_back_to_the_grants_that_had_paid(door, rich):
    made = door.orders.exchange(rich, "pdfs", quantity=10, idempotency_key="e1")
    assert left(rich) == [0, 50]
    back = door.orders.refund_exchange(made, idempotency_key="r1", reason="a mistake")
    assert (back.pk, back.refunded_units, back.replayed, left(rich)) == (made.pk, 50, False, [40, 60])
    grant = Grant.objects.get(source="exchange")
    assert (grant.remaining, grant.ended_as, grant.ended_reason) == (0, "refunded", "a mistake")
    assert QuotaService.check_quota(rich, "pdf").balance == 0


def test_what_was_used_stays_used_and_its_part_stays_paid(door, rich):
    made = door.orders.exchange(rich, "pdfs", quantity=10, idempotency_key="e1")
    door.quota.consume_quota(rich, "pdf", quantity=33)
    back = door.orders.refund_exchange(made, idempotency_key="r1")
    assert (back.refunded_units, left(rich)) == (33, [23, 60])  # ⌊67 ÷ 100 × 50⌋
    assert QuotaService.check_quota(rich, "pdf").balance == 0


def test_the_policy_says_how_much_comes_back(door, rich, clock):
    full = door.orders.exchange(rich, "pdfs", idempotency_key="e1")
    door.quota.consume_quota(rich, "pdf", quantity=10)
    assert door.orders.refund_exchange(full, idempotency_key="r1", policy="full").refunded_units == 5
    month = door.orders.exchange(rich, "month", idempotency_key="e2")
    clock.advance(days=7)
    timed = door.orders.refund_exchange(month, idempotency_key="r2", policy="pro_rata_time")
    assert timed.refunded_units == 23  # 21 of 28 days of February are left


def test_what_was_put_back_of_something_unlimited_was_not_used(door, rich, refused):
    CatalogService.update_product("forever", unit_prices={"credits": 31})
    made = door.orders.exchange(rich, "forever", idempotency_key="e1")
    failed = door.quota.consume_quota(rich, "sso", quantity=2)
    door.quota.reverse_usage(failed, quantity=1, reason="half of it failed", idempotency_key="v1")
    with refused("nothing_to_refund"):
        door.orders.refund_exchange(made, idempotency_key="r1")
    door.quota.reverse_usage(failed, reason="the other half too", idempotency_key="v2")
    assert door.orders.refund_exchange(made, idempotency_key="r1").refunded_units == 31
    assert left(rich) == [40, 60]


def test_a_key_refunds_once(door, rich, refused):
    made = door.orders.exchange(rich, "pdfs", idempotency_key="e1")
    other = door.orders.exchange(rich, "pdfs", idempotency_key="e2")
    door.orders.refund_exchange(made, idempotency_key="r1")
    again = door.orders.refund_exchange(made.pk, idempotency_key="r1")
    assert (again.replayed, again.refunded_units) == (True, 5)
    with refused("idempotency_conflict", fields=["policy"]):
        door.orders.refund_exchange(made, idempotency_key="r1", policy="full")
    with refused("idempotency_conflict", fields=["usage"]):
        door.orders.refund_exchange(other, idempotency_key="r1")
    with refused("nothing_to_refund", exchange=str(made.pk)):
        door.orders.refund_exchange(made, idempotency_key="r2", policy="full")


def test_nothing_unused_is_nothing_to_refund(door, rich, clock, refused):
    made = door.orders.exchange(rich, "pdfs", idempotency_key="e1")
    door.quota.consume_quota(rich, "pdf", quantity=9)
    with refused("nothing_to_refund"):
        door.orders.refund_exchange(made, idempotency_key="r1")  # ⌊1 ÷ 10 × 5⌋
    month = door.orders.exchange(rich, "month", idempotency_key="e2")
    clock.advance(days=40)
    with refused("nothing_to_refund"):
        door.orders.refund_exchange(month, idempotency_key="r1")


def test_units_that_were_put_back_before_do_not_come_back_twice(door, rich, refused):
    made = door.orders.exchange(rich, "pdfs", idempotency_key="e1")
    door.quota.reverse_usage(made.usage, quantity=3, idempotency_key="goodwill")
    assert door.orders.refund_exchange(made, idempotency_key="r1").refunded_units == 2
    assert left(rich) == [40, 60]


def test_units_of_grants_that_ran_out_meanwhile_come_back_to_nothing(door, rich, clock):
    made = door.orders.exchange(rich, "pdfs", quantity=10, idempotency_key="e1")
    clock.advance(days=11)
    assert door.orders.refund_exchange(made, idempotency_key="r1").refunded_units == 50
    assert left(rich) == [0, 60]


def test_later_periods_move_up(door, rich, clock):
    QuotaService.grant_feature(rich, "credits", quantity=100)
    first, second = [door.orders.exchange(rich, "month", idempotency_key=key) for key in ("e1", "e2")]
    clock.advance(days=7)
    door.orders.refund_exchange(first, idempotency_key="r1")
    grant = Grant.objects.get(pk=second.grants[0].pk)
    assert (grant.valid_from, QuotaService.check_quota(rich, "single").allowed) == (clock(), True)


def test_live_holds_on_what_was_given_are_in_the_way(door, rich, clock, refused):
    made = door.orders.exchange(rich, "pdfs", idempotency_key="e1")
    hold = QuotaService.hold_quota(rich, made.grants[0].feature.key, ttl=3600)
    with refused("holds_live", exchange=str(made.pk), holds=[str(hold.pk)]):
        door.orders.refund_exchange(made, idempotency_key="r1")
    clock.advance(hours=2)
    assert door.orders.refund_exchange(made, idempotency_key="r1").refunded_units == 5


def test_bad_input_is_refused(door, rich, refused):
    made = OrderService.exchange(rich, "pdfs", idempotency_key="e1")
    for wrong, field in [
        ({"policy": "half"}, "policy"),
        ({"policy": None}, "policy"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"reason": 7}, "reason"),
    ]:
        with refused("invalid", field=field):
            door.orders.refund_exchange(made, **{"idempotency_key": "r1", **wrong})
    for unknown in ("01900000-0000-7000-8000-000000000000", "no id", made.usage):
        with refused("exchange_not_found"):
            door.orders.refund_exchange(unknown, idempotency_key="r1")
