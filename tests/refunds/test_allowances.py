"""Refunds, disputes and exchanges of what is given anew each period."""

from __future__ import annotations

import pytest

from billable.models import Allowance, Grant, Payment, RefundGrant
from billable.services import CatalogService, OrderService, QuotaService


@pytest.fixture(autouse=True)
def recurring(catalogue):
    _recurring()


def _recurring():
    line = {"feature": "pdf_export", "quantity": 10, "reset": "1 month"}
    rolling = {**line, "rollover_quantity": 4, "rollover_periods": 2}
    for sku, given in {
        "year": {**line, "period": "1 year"},
        "rolling": {**rolling, "period": "1 year"},
        "endless": rolling,
    }.items():
        CatalogService.create_product(sku, price="12.00", currency="EUR", features=[given])
    for feature in ("credits",):
        CatalogService.create_feature(feature)
    CatalogService.update_product("year", unit_prices={"credits": 120})
    CatalogService.update_product("endless", unit_prices={"credits": 120})


def refund(order, number=1, **how):
    return OrderService.refund_order(order, refund_id=f"re_{number}", **how)


def allowance():
    return Allowance.objects.latest("pk")


# --- orders


def test_an_order_gives_an_allowance_of_its_snapshot(buy, use, balance, clock):
    order = buy(year=3)
    CatalogService.update_product("year", features=[{"feature": "pdf_export", "quantity": 1}])
    made = allowance()
    assert (made.source, made.source_id, made.line, made.quantity, made.pieces) == ("order", str(order.pk), 1, 30, 3)
    assert (balance(), made.expires_at.year) == (30, 2027)
    use(30)
    clock.advance(days=28)
    assert balance() == 30


def test_the_same_bought_twice_runs_side_by_side(buy, balance, clock):
    buy("year")
    clock.advance(days=3)
    buy("year")
    assert balance() == 20
    clock.advance(days=25)
    assert [each.next_reset_at.day for each in Allowance.objects.order_by("pk")] == [31, 3]
    assert balance() == 20


# --- refunds


def test_a_full_refund_ends_the_allowance(door, buy, use, balance, clock):
    order = buy("year")
    use(3)
    made = door.orders.refund_order(order, refund_id="re_1", reason="sorry")
    assert (made.amount_minor, balance()) == (1200, 0)
    ended = allowance()
    assert (ended.ended_as, ended.ended_reason, ended.next_at) == ("refunded", "sorry", None)
    found = RefundGrant.objects.get()
    assert (found.used, found.unused, found.taken_back, found.taken_ahead, found.ended) == (3, 117, 7, 110, True)
    clock.advance(days=60)
    assert balance() == 0


def test_the_unused_share_counts_the_periods_to_come(buy, use, clock):
    order = buy("year")
    use(4)
    clock.advance(days=40)
    use(5)
    quote = OrderService.quote_refund(order, policy="unused_only")
    # 10 of 120 expired or were used in the first month, 5 of the second: 105 are left.
    (line,) = quote.items[0].grants
    assert (line.granted, line.used, line.unused, line.expired) == (120, 9, 105, 6)
    assert (line.taken_back, line.taken_ahead, line.ends) == (5, 100, True)
    assert refund(order, policy="unused_only").amount_minor == 1050


def test_a_quote_is_the_same_whoever_swept(buy, use, clock):
    order = buy("rolling")
    use(3)
    clock.advance(days=100)
    before = OrderService.quote_refund(order, policy="unused_only")
    QuotaService.expire_grants()
    after = OrderService.quote_refund(order, policy="unused_only")
    assert before == after
    (line,) = before.items[0].grants
    # Rolled from February and March, April itself, and eight months to come.
    assert (line.granted, line.used, line.unused) == (120, 3, 4 + 4 + 10 + 80)
    assert line.expired == 120 - 3 - line.unused


def test_pieces_take_their_part_of_every_period_to_come(buy, use, balance, clock):
    order = buy(year=3)
    use(25)
    refund(order, items=[{"line": 1, "quantity": 1}])
    made = allowance()
    assert (made.quantity, made.reduced, balance()) == (30, 10, 0)
    clock.advance(days=28)
    assert balance() == 20
    assert refund(order, 2, items=[{"line": 1, "quantity": 2}]).amount_minor == 2400
    assert (balance(), allowance().ended_as) == (0, "refunded")


def test_what_is_left_of_the_pieces_lets_as_much_roll_over(buy, balance, clock):
    order = buy(rolling=3)
    refund(order, items=[{"line": 1, "quantity": 2}])
    clock.advance(days=28)
    assert balance() == 10 + 4
    clock.advance(days=31)
    assert balance() == 10 + 4 + 4


def test_an_amount_takes_units_in_measure_now_and_from_the_periods_to_come(buy, balance, clock):
    order = buy("year")
    refund(order, amount_minor=600)
    found = RefundGrant.objects.get()
    # Half of 120: the ten of now, and 4 of each of the eleven to come.
    assert (found.taken_back, found.reduced, found.taken_ahead) == (10, 4, 44)
    clock.advance(days=28)
    assert balance() == 6
    refund(order, 2, amount_minor=600)
    assert (balance(), allowance().ended_as) == (0, "refunded")


def test_an_allowance_without_end_is_worth_all_or_nothing(buy, use, balance, clock):
    order = buy("endless")
    quote = OrderService.quote_refund(order, policy="unused_only")
    (line,) = quote.items[0].grants
    assert (line.granted, line.unused, line.taken_ahead, quote.amount.amount_minor) == (None, 10, 0, 1200)
    use(1)
    with pytest.raises(Exception, match="refund"):
        refund(order, policy="unused_only")
    clock.advance(days=40)
    refund(order)
    assert (balance(), allowance().ended_as) == (0, "refunded")


def test_what_was_revoked_is_not_unused(buy, balance, clock):
    order = buy("year")
    QuotaService.revoke_allowance(allowance(), reason="abuse")
    with pytest.raises(Exception, match="refund"):
        refund(order, policy="unused_only")
    assert refund(order, 2).amount_minor == 1200
    assert balance() == 0


def test_a_reversal_after_a_refund_brings_nothing_back(buy, use, balance, clock):
    order = buy("year")
    usage = use(10)
    refund(order)
    QuotaService.reverse_usage(usage, idempotency_key="r")
    assert balance() == 0
    clock.advance(days=40)
    assert balance() == 0


def test_held_units_refuse_the_refund_unless_they_are_released(buy, use, balance, user, refused):
    order = buy("year")
    QuotaService.hold_quota(user, "pdf_export", 4)
    with refused("holds_live"):
        refund(order)
    assert refund(order, 2, release_holds=True).amount_minor == 1200
    assert balance() == 0


# --- disputes


def dispute(order):
    return OrderService.dispute_payment(Payment.objects.get(order=order), dispute_id="dp_1", reason="fraud")


def test_a_dispute_stops_the_allowance_until_it_is_won(door, buy, use, balance, clock):
    order = buy("rolling")
    use(4)
    raised = dispute(order)
    assert (balance(), allowance().ended_as) == (0, "disputed")
    clock.advance(days=10)
    assert balance() == 0
    door.orders.resolve_dispute(raised, "won")
    heir = allowance()
    first = Allowance.objects.earliest("pk")
    assert (heir.origin_id, heir.anchor, heir.next_index, heir.source) == (first.pk, first.anchor, 1, "dispute")
    assert balance() == 6
    clock.advance(days=18)
    assert balance() == 10 + 4
    use(14)
    assert Grant.objects.filter(allowance=heir, source="rollover").count() == 1


def test_a_dispute_that_took_months_comes_back_with_the_period_that_runs(buy, use, balance, clock):
    order = buy("rolling")
    use(4)
    raised = dispute(order)
    clock.advance(days=100)
    OrderService.resolve_dispute(raised, "won")
    # What waited is over; what nobody could use of the two months before goes on as far as it may.
    assert balance() == 10 + 4 + 4


def test_a_lost_dispute_ends_it(buy, use, balance, clock):
    order = buy("year")
    use(4)
    raised = dispute(order)
    clock.advance(days=40)
    OrderService.resolve_dispute(raised, "lost")
    assert (balance(), allowance().ended_as) == (0, "refunded")
    clock.advance(days=40)
    assert balance() == 0


def test_what_comes_back_during_a_dispute_waits_with_the_rest(buy, use, balance, clock):
    order = buy("year")
    usage = use(10)
    raised = dispute(order)
    QuotaService.reverse_usage(usage, quantity=3, idempotency_key="r")
    assert balance() == 0
    OrderService.resolve_dispute(raised, "won")
    assert balance() == 3


# --- exchanges


def test_an_exchange_gives_an_allowance_and_takes_it_back(user, buy, use, balance, clock):
    QuotaService.grant_feature(user, "credits", quantity=500)
    made = OrderService.exchange(user, "year", idempotency_key="e")
    assert ([grant.source for grant in made.grants], balance(), balance("credits")) == (["allowance"], 10, 380)
    use(10)
    clock.advance(days=28)
    again = OrderService.exchange(user, "year", idempotency_key="e")
    assert ([grant.pk for grant in again.grants], again.replayed) == ([made.grants[0].pk], True)
    OrderService.refund_exchange(made, idempotency_key="back")
    # Eleven of twelve months were unused.
    assert (balance(), balance("credits"), allowance().ended_as) == (0, 380 + 110, "refunded")
    clock.advance(days=60)
    assert balance() == 0


def test_an_exchange_for_an_endless_allowance_comes_back_if_it_is_untouched(user, use, balance, clock):
    QuotaService.grant_feature(user, "credits", quantity=500)
    made = OrderService.exchange(user, "endless", idempotency_key="e")
    clock.advance(days=60)
    OrderService.refund_exchange(made, idempotency_key="back")
    assert (balance(), balance("credits")) == (0, 500)
