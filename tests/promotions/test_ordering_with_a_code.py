"""Orders with a promotion code: what comes off, who may use it, and when the use comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from billable.models import Customer, Order, Promotion, PromotionUse
from billable.services import CatalogService, CustomerRef, Money, OrderService, PromotionService

BOTH = [{"sku": "pro", "quantity": 3}, {"sku": "pack"}]


def create(code="SPRING", **how):
    return PromotionService.create_promotion(code, **({"percent_off": 10} | how if "amounts_off" not in how else how))


def used(code="SPRING"):
    return Promotion.objects.get(code=code).used


def lines(order):
    return [(item.discount_minor, item.total_amount_minor) for item in order.items.all()]


def test_a_percentage_comes_off_every_line_and_is_rounded_down(door, user):
    create(percent_off="12.5")
    order = door.orders.create_order(user, BOTH, promotion_code="spring")
    assert lines(order) == [(374, 2623), (62, 438)]
    assert (order.discount_minor, order.total_amount_minor, order.promotion_code) == (436, 3061, "SPRING")
    use = PromotionUse.objects.get()
    assert (use.order_id, use.discount_minor, use.currency, use.released_at) == (order.pk, 436, "EUR", None)
    assert used() == 1


def test_a_fixed_amount_is_spread_over_the_lines_and_never_takes_more_than_they_cost(door, user):
    create(amounts_off=[Money(1000, "EUR"), Money(1, "JPY")])
    order = door.orders.create_order(user, BOTH, promotion_code="SPRING")
    assert lines(order) == [(857, 2140), (143, 357)]
    less = door.orders.create_order(user, [{"sku": "pack"}, {"sku": "free"}], promotion_code="SPRING")
    assert lines(less) == [(500, 0), (0, 0)]
    assert (less.status, less.total_amount_minor) == ("paid", 0)
    yen = door.orders.create_order(user, [{"sku": "pro"}], currency="JPY", promotion_code="SPRING")
    assert lines(yen) == [(1, 1499)]


def test_a_code_for_some_products_leaves_the_others(door, user, refused):
    create(products=["pack"])
    order = door.orders.create_order(user, BOTH, promotion_code="SPRING")
    assert lines(order) == [(0, 2997), (50, 450)]
    with refused("promotion_refused", promotion="SPRING", reason="other_product"):
        door.orders.create_order(user, [{"sku": "pro"}], currency="EUR", promotion_code="SPRING")


def test_an_order_keeps_its_discount_when_the_promotion_changes(door, user):
    create()
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    PromotionService.update_promotion("SPRING", percent_off=90, is_active=False)
    door.orders.confirm_payment(order, payment_id="a", amount_minor=450)
    assert door.orders.get_order(order).status == "paid"
    assert used() == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"starts_at": timedelta(seconds=1)}, "not_started"),
        ({"ends_at": timedelta(0)}, "expired"),
        ({"amounts_off": [Money(5, "JPY")]}, "other_currency"),
        ({"percent_off": "0.1"}, "takes_nothing_off"),
        ({"products": ["pro"]}, "other_product"),
    ],
)
def test_a_code_that_does_not_apply_refuses_the_order(door, user, clock, refused, how, reason):
    CatalogService.create_product("cent", price="0.99", currency="EUR", features=["pdf"], quantity=1)
    create(**{name: clock() + value if isinstance(value, timedelta) else value for name, value in how.items()})
    with refused("promotion_refused", reason=reason):
        door.orders.create_order(user, [{"sku": "cent"}], promotion_code="SPRING")
    check = door.promotions.check_promotion(user, "spring", [{"sku": "cent"}])
    assert (check.applies, check.code, check.reason, check.total) == (
        False,
        "promotion_refused",
        reason,
        Money(99, "EUR"),
    )


def test_a_code_applies_from_its_start_until_before_its_end(door, user, clock, refused):
    create(starts_at=clock() + timedelta(days=1), ends_at=clock() + timedelta(days=2))
    clock.advance(days=1)
    assert door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING").discount_minor == 50
    clock.advance(days=1)
    with refused("promotion_refused", reason="expired"):
        door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")


def test_an_unknown_or_switched_off_code_refuses_the_order(door, user, refused):
    create()
    PromotionService.update_promotion("SPRING", is_active=False)
    with refused("promotion_refused", reason="inactive"):
        door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    for unknown in ("AUTUMN", "10 % off!", ""):
        with refused("promotion_not_found"):
            door.orders.create_order(user, [{"sku": "pack"}], promotion_code=unknown)
    for wrong in (7, True, b"SPRING"):
        with refused("invalid", field="promotion_code"):
            door.orders.create_order(user, [{"sku": "pack"}], promotion_code=wrong)


def test_the_last_use_is_the_last(door, user, bob, refused):
    create(max_uses=2)
    for whose in (user, bob):
        door.orders.create_order(whose, [{"sku": "pack"}], promotion_code="SPRING")
    with refused("promotion_refused", reason="exhausted"):
        door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    assert used() == 2


def test_a_use_that_went_to_somebody_else_meanwhile_takes_the_order_with_it(user, monkeypatch, refused):
    """Between reading the promotion and counting the use nobody is locked: the count decides."""
    create(max_uses=1)
    OrderService.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    monkeypatch.setattr("billable.promotions.uses.refuse_unless_open", lambda *_: None)
    with refused("promotion_refused", reason="exhausted"), transaction.atomic():
        OrderService.create_order(user, BOTH, promotion_code="SPRING")
    with transaction.atomic():
        with refused("promotion_refused", reason="exhausted"):
            OrderService.create_order(user, [{"sku": "free"}, {"sku": "pack"}], promotion_code="SPRING")
        OrderService.create_order(user, [{"sku": "pack"}])
    assert Order.objects.count() == 2


def test_a_limit_per_customer_counts_the_family(door, user, bob, refused):
    create(max_uses_per_customer=1)
    for whose in (user, bob):
        door.orders.create_order(whose, [{"sku": "pack"}], promotion_code="SPRING")
        with refused("promotion_refused", reason="used_up_by_customer"):
            door.orders.create_order(whose, [{"sku": "pack"}], promotion_code="SPRING")
    new = CustomerRef(external_id="new")
    door.orders.create_order(new, [{"sku": "pack"}])
    mine, absorbed = door.customers.get_customer(new), door.customers.get_customer(bob)
    door.customers.merge_customers(mine, absorbed)
    with refused("promotion_refused", reason="used_up_by_customer"):
        door.orders.create_order(new, [{"sku": "pack"}], promotion_code="SPRING")


def test_a_code_for_the_first_order_is_for_those_who_never_paid(door, user, refused):
    create(first_order_only=True)
    called_off = door.orders.create_order(user, [{"sku": "pack"}])
    door.orders.cancel_order(called_off)
    first = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    door.orders.confirm_payment(first, payment_id="a")
    with refused("promotion_refused", reason="first_order_only"):
        door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")


def test_a_cancelled_order_gives_its_use_back_once(door, user, refused):
    create(max_uses=1, max_uses_per_customer=1)
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    for _ in range(2):
        door.orders.cancel_order(order)
        assert used() == 0
    use = PromotionUse.objects.get()
    assert (use.released_as, use.released_at is not None) == ("cancelled", True)
    again = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    assert (again.discount_minor, used()) == (50, 1)


def test_an_expired_order_gives_its_use_back_and_takes_it_again_when_it_is_paid_after_all(door, user, bob, clock):
    create(max_uses=1)
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    clock.advance(days=1)
    door.orders.expire_orders(older_than=timedelta(hours=1))
    assert (PromotionUse.objects.get().released_as, used()) == ("expired", 0)
    door.orders.confirm_payment(order, payment_id="a")
    assert (PromotionUse.objects.get().released_as, used()) == ("", 1)


def test_an_order_that_is_paid_after_its_use_went_to_another_keeps_its_discount(door, user, bob, clock):
    create(max_uses=1)
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    clock.advance(days=1)
    door.orders.expire_orders(older_than=timedelta(hours=1))
    door.orders.create_order(bob, [{"sku": "pack"}], promotion_code="SPRING")
    payment = door.orders.confirm_payment(order, payment_id="a")
    assert (payment.status, payment.order.status, payment.order.discount_minor) == ("succeeded", "paid", 50)
    assert used() == 1


def test_an_order_that_is_refunded_whole_gives_its_use_back(door, user):
    create(max_uses=1, max_uses_per_customer=1)
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    door.orders.confirm_payment(order, payment_id="a")
    door.orders.refund_order(order, refund_id="r1", amount_minor=100)
    assert used() == 1
    for _ in range(2):
        door.orders.refund_order(order, refund_id="r2")
        assert (PromotionUse.objects.get().released_as, used()) == ("refunded", 0)
    assert door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING").discount_minor == 50


def test_a_sale_made_elsewhere_may_have_used_a_code(door, user, refused):
    create()
    how = {"payment_id": "a", "amount_minor": 450, "currency": "EUR"}
    sold = door.orders.record_sale(user, [{"sku": "pack"}], promotion_code="spring", **how)
    assert (sold.order.status, sold.order.discount_minor, used()) == ("paid", 50, 1)
    for code in ("SPRING", None):
        assert door.orders.record_sale(user, [{"sku": "pack"}], promotion_code=code, **how).replayed
    with refused("idempotency_conflict", fields=["promotion_code"]):
        door.orders.record_sale(user, [{"sku": "pack"}], promotion_code="AUTUMN", **how)


def test_an_order_of_nothing_to_pay_is_paid_at_once_and_counts_a_use(door, user):
    create(percent_off=100, max_uses=1)
    order = door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    assert (order.status, order.total_amount_minor, used()) == ("paid", 0, 1)
    assert door.quota.check_quota(user, "pdf").balance == 10


def test_a_key_orders_once_and_uses_the_code_once(door, user, refused):
    create(max_uses=1)
    first = door.orders.create_order(user, BOTH, promotion_code="SPRING", idempotency_key="cart")
    PromotionService.update_promotion("SPRING", is_active=False)
    again = door.orders.create_order(user, BOTH, promotion_code=" spring", idempotency_key="cart")
    assert (again.pk, again.replayed, used()) == (first.pk, True, 1)
    for other in (None, "AUTUMN"):
        with refused("idempotency_conflict", fields=["promotion_code"]):
            door.orders.create_order(user, BOTH, promotion_code=other, idempotency_key="cart")


def test_checking_a_code_says_what_the_order_would_cost_and_reserves_nothing(door, user, statements):
    create(products=["pro"], max_uses=1)
    check = door.promotions.check_promotion(user, "spring", BOTH)
    assert check
    assert (check.code, check.reason, check.promotion_code, check.currency) == ("applies", "", "SPRING", "EUR")
    assert (check.by_line, check.discount, check.total) == ((299, 0), Money(299, "EUR"), Money(3198, "EUR"))
    assert used() == 0
    nobody = door.promotions.check_promotion(CustomerRef(external_id="nobody"), "AUTUMN", BOTH)
    assert (nobody.applies, nobody.code, nobody.discount) == (False, "promotion_not_found", Money(0, "EUR"))
    assert Customer.objects.count() == 0


def test_who_used_a_code_is_told_so_when_they_ask_again(door, user):
    create(max_uses_per_customer=1)
    door.orders.create_order(user, [{"sku": "pack"}], promotion_code="SPRING")
    assert door.promotions.check_promotion(user, "SPRING", BOTH).reason == "used_up_by_customer"


def test_checking_a_code_refuses_what_the_order_would(door, user, refused):
    create()
    for items, code in (([], "invalid"), ([{"sku": "nothing"}], "product_not_found")):
        with refused(code):
            door.promotions.check_promotion(user, "SPRING", items)
    with refused("currency_mismatch"):
        door.promotions.check_promotion(user, "SPRING", [{"sku": "pack"}], currency="JPY")
    with refused("invalid", field="code"):
        door.promotions.check_promotion(user, 7, BOTH)


def test_using_and_giving_back_are_told(user, commit):
    from billable import signals

    heard = []

    def hear(signal, use, **_):
        heard.append(("used" if signal is signals.promotion_used else "released", use.promotion.code))

    signals.promotion_used.connect(hear)
    signals.promotion_released.connect(hear)
    try:
        with commit():
            create()
            OrderService.cancel_order(OrderService.create_order(user, BOTH, promotion_code="SPRING"))
    finally:
        signals.promotion_used.disconnect(hear)
        signals.promotion_released.disconnect(hear)
    assert heard == [("used", "SPRING"), ("released", "SPRING")]


@pytest.mark.django_db(transaction=True)
def test_a_code_adds_few_statements_whatever_the_order_holds(user, statements):
    create(max_uses=100, max_uses_per_customer=100, first_order_only=True, products=["pro"])
    OrderService.create_order(user, [{"sku": "pack"}])
    with_code = statements(lambda: OrderService.create_order(user, BOTH * 10, promotion_code="SPRING"))
    without = statements(lambda: OrderService.create_order(user, BOTH * 10))
    assert len(with_code) <= len(without) + 8
    writes = [sql for sql in with_code if sql.startswith(("INSERT", "UPDATE"))]
    assert writes[-1].startswith('UPDATE "billable_promotion"')
