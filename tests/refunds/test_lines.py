"""Refunds find the units of an order wherever they are: with heirs, in holds, under a discount or a tax."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import Grant, LedgerEntry, PromotionUse
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    Money,
    OrderService,
    PromotionService,
    QuotaService,
)


def absorb(absorbed, survivor):
    CustomerService.merge_customers(survivor, absorbed, reason="one person")


def hold(order, units, *, seconds=600):
    """Hold units of an order's first grant."""
    grant = Grant.objects.select_related("feature", "product").get(source_id=str(order.pk), line=1)
    who = CustomerRef(customer_id=order.customer_id)
    return QuotaService.hold_quota(who, grant.feature.key, units, ttl=seconds, sku=grant.product.sku)


# --- lineages


def test_after_a_merge_the_units_are_found_with_the_survivor(door, buy, use, clock, state):
    order = buy(pack=2)
    use(30)
    survivor = CustomerService.identify("email", "ada@example.com").customer
    absorb(order.customer, survivor)
    heir = Grant.objects.get(origin__isnull=False)
    QuotaService.consume_quota(survivor, "pdf_export", quantity=100)
    quote = door.orders.quote_refund(order, policy="unused_only")
    (found,) = quote.items[0].grants
    assert (found.granted, found.used, found.unused, found.grant.remaining) == (200, 130, 70, 0)
    part = door.orders.refund_order(order, refund_id="re_1", items=[{"line": 1, "quantity": 1}], policy="unused_only")
    assert (part.amount_minor, part.items.get().grants.get().taken_back) == (700, 70)
    heir.refresh_from_db()
    assert (heir.remaining, heir.ended_as) == (0, "")
    whole = door.orders.refund_order(order, refund_id="re_2")
    heir.refresh_from_db()
    assert (whole.amount_minor, heir.ended_as) == (1300, "refunded")
    assert door.orders.refund_order(
        order, refund_id="re_1", items=[{"line": 1, "quantity": 1}], policy="unused_only"
    ).replayed


def test_a_reversal_after_a_merge_is_taken_back_with_the_rest(door, buy, use, clock, user):
    order = buy("pack")
    usage = use(40)
    survivor = CustomerService.identify("email", "ada@example.com").customer
    absorb(order.customer, survivor)
    QuotaService.reverse_usage(usage, idempotency_key="undo")
    refund = door.orders.refund_order(order, refund_id="re_1", policy="unused_only")
    assert refund.amount_minor == 1000
    assert refund.items.get().grants.get().taken_back == 100
    assert not QuotaService.check_quota(survivor, "pdf_export")
    assert Grant.objects.filter(ended_as="refunded").count() == 2


def test_periods_of_a_merged_customer_move_up_too(door, buy, clock):
    first, _ = buy("monthly"), buy("monthly")
    survivor = CustomerService.identify("email", "ada@example.com").customer
    absorb(first.customer, survivor)
    clock.advance(days=1)
    door.orders.refund_order(first, refund_id="re_1")
    (left,) = Grant.objects.open_of(survivor)
    assert (left.valid_from, left.expires_at) == (clock(), clock() + timedelta(days=28))


def test_an_order_that_is_paid_after_the_merge_gives_to_the_survivor_and_takes_from_there(door, user, state):
    order = OrderService.create_order(user, [{"sku": "pack"}], currency="EUR")
    survivor = CustomerService.identify("email", "ada@example.com").customer
    absorb(order.customer, survivor)
    OrderService.confirm_payment(order, payment_id="pi")
    assert QuotaService.check_quota(survivor, "pdf_export").balance == 100
    assert door.orders.refund_order(order, refund_id="re_1").amount_minor == 1000
    assert state(order) == ("refunded", 1000, [0])


# --- holds


def test_live_holds_refuse_and_may_be_released(door, buy, use, refused, state):
    order = buy("pack")
    use(10)
    held = hold(order, 30)
    quote = door.orders.quote_refund(order, policy="unused_only")
    assert (quote.amount.amount_minor, quote.items[0].grants[0].held, quote.holds) == (600, 30, (str(held.pk),))
    with refused("holds_live", holds=[str(held.pk)]):
        door.orders.refund_order(order, refund_id="re_1")
    freed = door.orders.quote_refund(order, policy="unused_only", release_holds=True)
    assert freed.amount.amount_minor == 900
    refund = door.orders.refund_order(order, refund_id="re_1", policy="unused_only", release_holds=True)
    assert (refund.amount_minor, refund.items.get().grants.get().taken_back) == (900, 90)
    held.refresh_from_db()
    assert held.closed_as == "released"
    kinds = LedgerEntry.objects.filter(cause_id__in=[held.pk, refund.pk]).order_by("seq")
    assert [(entry.kind, entry.amount, entry.held_change) for entry in kinds] == [
        ("hold", -30, 30),
        ("release", 30, -30),
        ("refund", -90, 0),
    ]
    assert state(order) == ("partially_refunded", 900, [0])


def test_a_hold_whose_time_is_over_is_no_hold(door, buy, clock):
    order = buy("pack")
    held = hold(order, 30, seconds=60)
    clock.advance(seconds=60)
    quote = door.orders.quote_refund(order)
    assert (quote.items[0].grants[0].unused, quote.holds) == (100, ())
    refund = door.orders.refund_order(order, refund_id="re_1")
    held.refresh_from_db()
    assert (refund.items.get().grants.get().taken_back, held.closed_as) == (100, "lapsed")


@pytest.mark.parametrize("swept", [False, True])
def test_what_is_held_of_an_expired_grant_is_still_held(door, buy, clock, refused, swept):
    CatalogService.create_product("day", price="10.00", currency="EUR", features=["ocr"], quantity=100, period="1 day")
    order = buy("day")
    held = hold(order, 5, seconds=200_000)
    clock.advance(days=1)
    if swept:
        QuotaService.expire_grants()
    (line,) = door.orders.quote_refund(order).items[0].grants
    assert (line.unused, line.expired, line.held) == (0, 95, 5)
    with refused("holds_live", holds=[str(held.pk)]):
        door.orders.refund_order(order, refund_id="r1")
    clock.advance(days=2)
    if swept:
        QuotaService.expire_grants()
    (line,) = door.orders.quote_refund(order).items[0].grants
    assert (line.unused, line.expired, line.held) == (0, 100, 0)


def test_a_dispute_releases_what_is_held_of_an_expired_grant(door, buy, clock):
    CatalogService.create_product("day", price="10.00", currency="EUR", features=["ocr"], quantity=100, period="1 day")
    order = buy("day")
    held = hold(order, 5, seconds=200_000)
    clock.advance(days=1)
    door.orders.dispute_payment(order.payments.all()[0], dispute_id="dp_1")
    assert QuotaService.get_hold(held).status == "released"


def test_a_hold_on_another_item_is_in_nobodys_way(door, buy):
    order = buy("pack", "gift")
    hold(order, 30)
    refund = door.orders.refund_order(order, refund_id="re_1", items=[{"line": 2}])
    assert [part.item.sku for part in refund.items.all()] == ["gift"]


# --- discounts and tax


def test_what_was_paid_is_what_goes_back_under_a_discount(door, user, refused, state):
    PromotionService.create_promotion("SPRING", percent_off=33, max_uses=1)
    lines = [{"sku": "pack", "quantity": 3}, {"sku": "advice"}]
    order = OrderService.create_order(user, lines, currency="EUR", promotion_code="SPRING")
    OrderService.confirm_payment(order, payment_id="pi")
    assert order.total_amount_minor == 4020
    for number in range(3):
        door.orders.refund_order(order, refund_id=f"re_{number}", items=[{"line": 1, "quantity": 1}])
    assert state(order) == ("partially_refunded", 2010, [0])
    assert PromotionUse.objects.get().released_as == ""
    with refused("refund_too_large"):
        door.orders.refund_order(order, refund_id="rest", amount_minor=2011)
    door.orders.refund_order(order, refund_id="rest", amount_minor=2010)
    assert state(order) == ("refunded", 4020, [0])
    # All the money is back, and so is the use of the code.
    assert PromotionUse.objects.get().released_as == "refunded"
    again = OrderService.create_order(user, lines, currency="EUR", promotion_code="SPRING")
    assert again.discount_minor == 1980


@pytest.mark.parametrize("included", [True, False])
def test_tax_goes_back_with_the_price(door, user, settings, state, included):
    settings.BILLABLE_PRICES_INCLUDE_TAX = included
    CatalogService.create_product(
        "taxed", prices=[Money(999, "EUR")], features=["pdf_export"], quantity=10, tax_rate="19"
    )
    order = OrderService.create_order(user, [{"sku": "taxed", "quantity": 2}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="pi")
    total = 1998 if included else 1998 + 380
    assert order.total_amount_minor == total
    first = door.orders.refund_order(order, refund_id="re_1", items=[{"line": 1, "quantity": 1}])
    assert first.amount_minor == total // 2
    door.orders.refund_order(order, refund_id="re_2")
    assert state(order) == ("refunded", total, [0])


# --- disputes


def test_while_a_dispute_is_open_nothing_is_refunded(door, buy, refused, state):
    order = buy("pack")
    dispute = door.orders.dispute_payment(order.payments.get(), dispute_id="dp_1")
    with refused("dispute_open", dispute_id="dp_1"):
        door.orders.refund_order(order, refund_id="re_1")
    door.orders.resolve_dispute(dispute, "lost")
    with refused("wrong_order_state", status="refunded"):
        door.orders.refund_order(order, refund_id="re_1")
    assert state(order)[:2] == ("refunded", 1000)


def test_units_that_came_back_from_a_dispute_are_refunded_and_move_up(door, buy, clock):
    first, _ = buy("monthly"), buy("monthly")
    now = clock.advance(days=1)
    dispute = door.orders.dispute_payment(first.payments.get(), dispute_id="dp_1")
    door.orders.resolve_dispute(dispute, "won")
    refund = door.orders.refund_order(first, refund_id="re_1", policy="pro_rata_time")
    assert refund.amount_minor == 1000 * 27 // 28
    assert Grant.objects.get(source="dispute").ended_as == "refunded"
    assert Grant.objects.get(ended_at=None).valid_from == now


def test_a_dispute_after_a_refund_takes_what_is_left_and_gives_it_back(door, buy, use, balance, state):
    order = buy("pack")
    use(10)
    door.orders.refund_order(order, refund_id="re_1", amount_minor=300)
    dispute = door.orders.dispute_payment(order.payments.get(), dispute_id="dp_1")
    assert balance() == 0
    door.orders.resolve_dispute(dispute, "won")
    assert balance() == 60
    assert door.orders.refund_order(order, refund_id="re_2", policy="unused_only").amount_minor == 600
    assert (balance(), state(order)[:2]) == (0, ("partially_refunded", 900))
