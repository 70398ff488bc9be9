"""refund_order: money goes back with what was not used, once, and never more than was paid."""

from __future__ import annotations

import pytest

from billable import signals
from billable.models import Grant, LedgerEntry, Order, OrderItem, Refund
from billable.services import CatalogService, OrderService, QuotaService


def test_a_full_refund_gives_all_the_money_back_and_takes_what_is_unused(door, buy, use, balance, state):
    order = buy("pack")
    use(30)
    refund = door.orders.refund_order(order, refund_id="re_1", reason="not what I wanted")
    assert (refund.amount_minor, refund.currency, refund.policy, refund.replayed) == (1000, "EUR", "full", False)
    assert (refund.order.status, refund.order.refunded_amount_minor) == ("refunded", 1000)
    assert state(order) == ("refunded", 1000, [0])
    assert balance() == 0
    (item,) = refund.items.all()
    (found,) = item.grants.all()
    assert (item.pieces, item.amount_minor) == (1, 1000)
    assert (found.used, found.unused, found.taken_back, found.ended) == (30, 70, 70, True)
    grant = Grant.objects.get()
    assert (grant.ended_as, grant.ended_reason) == ("refunded", "not what I wanted")
    entry = LedgerEntry.objects.get(kind="refund")
    assert (entry.amount, entry.cause_type, entry.cause_id) == (-70, "refund", refund.pk)


def test_what_was_used_stays_used_and_the_policy_pays_for_what_was_not(door, buy, use, state):
    order = buy("pack")
    use(30)
    refund = door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    assert refund.amount_minor == 700
    assert state(order) == ("partially_refunded", 700, [0])


def test_a_repeat_answers_the_same_and_changes_nothing(door, buy, state, refused):
    order = buy("pack")
    first = door.orders.refund_order(order, refund_id="re_1", amount="4.00", currency="EUR")
    again = door.orders.refund_order(order, refund_id="re_1", amount_minor=400)
    assert (again.pk, again.replayed, again.amount_minor) == (first.pk, True, 400)
    assert state(order) == ("partially_refunded", 400, [60])
    for other, field in [
        ({"amount_minor": 401}, "amount"),
        ({"amount_minor": 400, "items": [{"line": 1}]}, "items"),
    ]:
        with refused("idempotency_conflict", fields=[field]):
            door.orders.refund_order(order, refund_id="re_1", **other)
    with refused("idempotency_conflict", fields=["amount", "policy"]):
        door.orders.refund_order(order, refund_id="re_1", policy="unused_only")


def test_parts_by_amount_take_units_in_measure_and_add_up_to_the_whole(door, buy, state):
    order = buy("pack")
    taken = []
    for number, amount in enumerate([333, 333, 333, 1]):
        refund = door.orders.refund_order(order, refund_id=f"re_{number}", amount_minor=amount)
        taken.append(refund.items.get().grants.get().taken_back)
    assert taken == [33, 33, 33, 1]
    assert state(order) == ("refunded", 1000, [0])


def test_one_cent_may_stay_and_may_go(door, buy, state, refused):
    order = buy("pack")
    door.orders.refund_order(order, refund_id="most", amount_minor=999)
    assert state(order) == ("partially_refunded", 999, [1])
    with refused("refund_too_large", requested="0.02 EUR", refundable="0.01 EUR"):
        door.orders.refund_order(order, refund_id="more", amount_minor=2)
    assert door.orders.refund_order(order, refund_id="rest").amount_minor == 1
    assert state(order) == ("refunded", 1000, [0])


def test_never_more_units_than_are_unused(door, buy, use, state):
    order = buy("pack")
    use(80)
    refund = door.orders.refund_order(order, refund_id="re_1", amount_minor=500)
    assert refund.items.get().grants.get().taken_back == 20
    assert state(order) == ("partially_refunded", 500, [0])


def test_pieces_go_back_one_by_one(door, buy, use, state, refused):
    order = buy(pack=3)
    use(150)
    refund = door.orders.refund_order(order, refund_id="re_1", items=[{"line": 1, "quantity": 1}], policy="unused_only")
    assert refund.amount_minor == 1000  # one pack was never opened
    assert state(order) == ("partially_refunded", 1000, [50])
    with refused("refund_too_large", requested="3 pieces of line 1", refundable="2"):
        door.orders.refund_order(order, refund_id="re_2", items=[{"line": 1, "quantity": 3}])
    rest = door.orders.refund_order(order, refund_id="re_2", policy="unused_only")
    assert (rest.amount_minor, rest.items.get().pieces) == (500, 2)  # 50 of the 200 units of two packs
    assert state(order) == ("partially_refunded", 1500, [0])


@pytest.mark.broken_books  # a discount without a code
def test_a_price_that_does_not_divide_adds_up_over_its_pieces(door, user, buy, clock, state):
    CatalogService.create_product("odd", price="3.34", currency="EUR", features=["ocr"], quantity=1)
    order = buy(odd=3)
    OrderItem.objects.filter(order=order).update(total_amount_minor=1001, unit_amount_minor=334, discount_minor=1)
    Order.objects.filter(pk=order.pk).update(total_amount_minor=1001, paid_amount_minor=1001)
    order.payments.update(amount_minor=1001)
    piece = [{"line": 1, "quantity": 1}]
    amounts = [door.orders.refund_order(order, refund_id=f"re_{n}", items=piece).amount_minor for n in range(3)]
    assert amounts == [333, 334, 334]
    assert state(order) == ("refunded", 1001, [0])


def test_an_item_goes_back_alone(door, buy, state):
    order = buy("pack", "both")
    refund = door.orders.refund_order(order, refund_id="re_1", items=[{"line": 2}])
    assert (refund.amount_minor, [part.item.sku for part in refund.items.all()]) == (1000, ["both"])
    assert state(order) == ("partially_refunded", 1000, [100, 0, 0])


def test_an_amount_is_divided_by_what_is_left_of_the_items(door, buy, state):
    order = buy("pack", "advice", "gift")
    refund = door.orders.refund_order(order, refund_id="re_1", amount_minor=1001)
    assert [part.amount_minor for part in refund.items.all()] == [250, 751]
    assert state(order) == ("partially_refunded", 1001, [75, 5])
    rest = door.orders.refund_order(order, refund_id="re_2", amount_minor=2999)
    assert [(part.item.sku, part.amount_minor) for part in rest.items.all()] == [
        ("pack", 750),
        ("advice", 2249),
        ("gift", 0),
    ]
    assert state(order) == ("refunded", 4000, [0, 0])


def test_the_smallest_unused_part_of_what_an_item_gives_decides(door, buy, use, state, refused):
    order = buy("both")
    use(4, "ocr")
    quote = door.orders.quote_refund(order, policy="unused_only")
    assert quote.amount.amount_minor == 600
    use(6, "ocr")
    with refused("nothing_to_refund"):  # and the untouched feature stays with the customer
        door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    assert state(order) == ("paid", 0, [100, 0])
    assert door.orders.refund_order(order, refund_id="re_1").amount_minor == 1000
    assert state(order) == ("refunded", 1000, [0, 0])


def test_expired_counts_as_used_swept_or_not(door, buy, clock, refused):
    order = buy("mixed")
    clock.advance(days=40)
    before = door.orders.quote_refund(order)
    with refused("nothing_to_refund"):
        door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    QuotaService.expire_grants()
    assert door.orders.quote_refund(order).items[0].grants[0].expired == before.items[0].grants[0].expired == 100
    refund = door.orders.refund_order(order, refund_id="re_1")
    assert refund.amount_minor == 999
    assert [found.taken_back for found in refund.items.all()[0].grants.all()] == [0, None]


def test_time_that_is_left_is_paid_back(door, buy, clock, use, state):
    order = buy("monthly")  # 31 January to 28 February, noon
    clock.advance(days=7)
    refund = door.orders.refund_order(order, refund_id="re_1", policy="pro_rata_time")
    assert refund.amount_minor == 750
    assert Grant.objects.get().ended_at == clock()
    assert state(order)[:2] == ("partially_refunded", 750)


def test_unlimited_for_ever_is_paid_back_while_it_is_untouched(door, buy, use, refused):
    order = buy("forever")
    assert door.orders.quote_refund(order, policy="unused_only").amount.amount_minor == 1000
    usage = use(1, "sso")
    with refused("nothing_to_refund"):
        door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    QuotaService.reverse_usage(usage, idempotency_key="undo")
    assert door.orders.refund_order(order, refund_id="re_1", policy="unused_only").amount_minor == 1000


def test_what_was_revoked_by_hand_is_not_there_to_take(door, buy, state):
    order = buy("pack")
    QuotaService.revoke_grant(Grant.objects.get(), quantity=40, idempotency_key="half")
    refund = door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    assert (refund.amount_minor, refund.items.get().grants.get().taken_back) == (600, 60)
    assert state(order) == ("partially_refunded", 600, [0])


def test_a_reversal_after_a_part_comes_back_and_after_the_whole_stays_out(door, buy, use, balance):
    order = buy("pack")
    first, second = use(50), use(10)
    door.orders.refund_order(order, refund_id="half", amount_minor=500)
    assert balance() == 0
    QuotaService.reverse_usage(first, idempotency_key="one")
    assert balance() == 50
    door.orders.refund_order(order, refund_id="rest")
    QuotaService.reverse_usage(second, idempotency_key="two")
    assert balance() == 0


def test_after_a_share_the_rest_of_the_money_can_still_go_back(door, buy, use, state):
    order = buy("pack")
    use(50)
    door.orders.refund_order(order, refund_id="fair", policy="unused_only")
    refund = door.orders.refund_order(order, refund_id="kind")
    assert (refund.amount_minor, refund.items.get().pieces) == (500, 0)
    assert state(order) == ("refunded", 1000, [0])


def test_what_costs_nothing_is_taken_back_too(door, buy, state, refused):
    order = buy("gift")
    refund = door.orders.refund_order(order, refund_id="re_1")
    assert refund.amount_minor == 0
    assert state(order) == ("refunded", 0, [0])
    with refused("wrong_order_state", status="refunded"):
        door.orders.refund_order(order, refund_id="re_2")


def test_what_was_free_outlives_the_money_of_the_others(door, buy, state):
    order = buy("pack", "gift")
    door.orders.refund_order(order, refund_id="re_1", items=[{"line": 1}])
    assert state(order) == ("refunded", 1000, [0, 5])
    assert door.orders.refund_order(order, refund_id="re_2").amount_minor == 0
    assert state(order) == ("refunded", 1000, [0, 0])


@pytest.mark.parametrize(("currency", "total"), [("JPY", 500), ("KWD", 1999), ("XTR", 50)])
def test_every_currency_goes_back_in_its_own_units(door, buy, state, currency, total):
    order = buy("worldwide", currency=currency)
    use_of_it = door.orders.refund_order(order, refund_id="re_1", amount_minor=total // 3)
    assert use_of_it.amount.currency == currency
    assert door.orders.refund_order(order, refund_id="re_2").amount_minor == total - total // 3
    assert state(order) == ("refunded", total, [0])


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"amount": "1.001", "currency": "EUR"}, "amount"),
        ({"amount": "1", "currency": None}, "currency"),
        ({"amount": 1, "currency": "EUR"}, "amount"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 1.0}, "amount_minor"),
        ({"amount": "1", "amount_minor": 1, "currency": "EUR"}, "amount"),
        ({"amount_minor": 1, "policy": "unused_only"}, "policy"),
        ({"policy": "generous"}, "policy"),
        ({"policy": []}, "policy"),
        ({"amount_minor": 1, "items": [{"line": 1, "quantity": 1}]}, "amount"),
        ({"items": []}, "items"),
        ({"items": "1"}, "items"),
        ({"items": [1]}, "items[0]"),
        ({"items": [{}]}, "items[0].line"),
        ({"items": [{"line": 2}]}, "items[0].line"),
        ({"items": [{"line": 1}, {"line": 1}]}, "items[1].line"),
        ({"items": [{"line": 1, "quantity": 0}]}, "items[0].quantity"),
        ({"items": [{"line": 1, "sku": "pack"}]}, "items[0].sku"),
        ({"refund_id": ""}, "refund_id"),
        ({"refund_id": None}, "refund_id"),
        ({"reason": 7}, "reason"),
        ({"origin": "dispute"}, "origin"),
        ({"release_holds": "yes"}, "release_holds"),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_bad_input_is_refused_by_name(buy, refused, given, field):
    order = buy("pack")
    with refused("invalid", field=field):
        OrderService.refund_order(order, **{"refund_id": "re_1", **given})


def test_the_money_goes_back_in_the_currency_it_came_in(buy, refused):
    order = buy("pack")
    with refused("currency_mismatch", field="currency"):
        OrderService.refund_order(order, refund_id="re_1", amount="1", currency="USD")


def test_an_order_must_have_been_paid(door, user, buy, refused):
    pending = OrderService.create_order(user, [{"sku": "pack"}])
    with refused("wrong_order_state", status="pending", verb="refunded"):
        door.orders.refund_order(pending, refund_id="re_1")
    OrderService.cancel_order(pending)
    with refused("wrong_order_state", status="cancelled"):
        door.orders.refund_order(pending, refund_id="re_1")
    with refused("order_not_found"):
        door.orders.refund_order("nonsense", refund_id="re_1")
    with refused("invalid", field="order"):
        door.orders.refund_order(refund_id="re_1")
    order = buy("pack")
    door.orders.refund_order(order, refund_id="re_1")
    with refused("wrong_order_state", status="refunded"):
        door.orders.refund_order(order, refund_id="re_2")


def test_an_event_follows_the_commit(door, buy, commit):
    heard = []
    order = buy("pack")
    signals.order_refunded.connect(receiver := lambda refund, **_: heard.append(refund))
    try:
        with commit():
            refund = door.orders.refund_order(order, refund_id="re_1")
    finally:
        signals.order_refunded.disconnect(receiver)
    assert [each.pk for each in heard] == [refund.pk]


def test_refunds_are_listed_newest_first(door, user, buy):
    one, other = buy("pack"), buy("pack")
    ids = [door.orders.refund_order(one, refund_id=f"re_{n}", amount_minor=1).pk for n in range(3)]
    last = door.orders.refund_order(other, refund_id="re_0").pk
    assert [refund.pk for refund in door.orders.list_refunds(user).items] == [last, *reversed(ids)]
    page = door.orders.list_refunds(order=one, limit=2)
    assert [refund.pk for refund in page.items] == [ids[2], ids[1]]
    rest = door.orders.list_refunds(order=one, limit=2, cursor=page.next)
    assert ([refund.pk for refund in rest.items], rest.next) == ([ids[0]], None)
    assert door.orders.get_refund(last).order == other
    assert Refund.objects.count() == 4
