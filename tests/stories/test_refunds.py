"""Stories of money that goes back."""

from __future__ import annotations

import pytest

from billable.services import OrderService, QuotaService
from tests.stories.conftest import Teller


@pytest.fixture
def shop(story: Teller) -> Teller:
    story.sells("pack", "10.00", features=["pdf"], quantity=100)
    story.sells("pass", "30.00", features=["sso"], period="1 month")
    story.sells("bundle", "12.00", features=[{"feature": "pdf", "quantity": 60}, {"feature": "ai", "quantity": 20}])
    return story


def test_half_is_refunded_and_the_dispute_about_the_rest_is_won(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    shop.uses(ann, "pdf", 30)
    shop.refunds(order, amount="5.00", currency="EUR")
    assert shop.has(ann, "pdf") == 20  # half of 100 went back, 30 were used
    shop.uses(ann, "pdf", 5)
    payment = shop.order(order).payments.get()
    dispute = shop.do(OrderService.dispute_payment, payment.pk, dispute_id="d1")
    assert shop.has(ann, "pdf") == 0
    shop.cannot_use(ann, "pdf")
    shop.do(OrderService.resolve_dispute, dispute.pk, "won")
    assert shop.has(ann, "pdf") == 15
    shop.uses(ann, "pdf", 15)
    shop.cannot_use(ann, "pdf")
    assert shop.order(order).status == "partially_refunded"
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 500}, granted={"pdf": 100}, used={"pdf": 50}, gone={"pdf": 50})


def test_everything_is_used_and_everything_is_refunded(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    shop.uses(ann, "pdf", 100)
    refund = shop.refunds(order)
    assert refund.amount_minor == 1000
    assert shop.order(order).status == "refunded"
    shop.refuses("wrong_order_state", OrderService.refund_order, order.pk, refund_id="r2")
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, used={"pdf": 100})


def test_only_what_was_not_used_goes_back(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "bundle")
    shop.uses(ann, "pdf", 15)  # 45 of 60 are unused: three quarters
    shop.uses(ann, "ai", 10)  # 10 of 20 are unused: a half, the smaller share
    quote = OrderService.quote_refund(order.pk, policy="unused_only")
    assert quote.amount.amount_minor == 600
    assert shop.has(ann, "pdf") == 45  # a quote writes nothing
    shop.refunds(order, policy="unused_only")
    assert (shop.has(ann, "pdf"), shop.has(ann, "ai")) == (0, 0)
    shop.ends(
        paid={"EUR": 1200},
        refunded={"EUR": 600},
        granted={"pdf": 60, "ai": 20},
        used={"pdf": 15, "ai": 10},
        gone={"pdf": 45, "ai": 10},
    )


def test_what_expired_counts_as_used_swept_or_not(story: Teller) -> None:
    story.sells("month", "10.00", features=["pdf"], quantity=100, period="1 month")
    ann = story.meets("ann")
    order = story.buys(ann, "month")
    story.uses(ann, "pdf", 10)
    story.clock.advance(days=40)
    story.refuses("nothing_to_refund", OrderService.refund_order, order.pk, refund_id="r", policy="unused_only")
    story.do(QuotaService.expire_grants)
    story.refuses("nothing_to_refund", OrderService.refund_order, order.pk, refund_id="r", policy="unused_only")
    assert story.refunds(order).amount_minor == 1000  # a full refund is a decision, not a sum
    story.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, used={"pdf": 10}, gone={"pdf": 90})


def test_the_first_of_two_months_is_refunded_and_the_second_moves_up(shop: Teller) -> None:
    ann = shop.meets("ann")
    first = shop.buys(ann, "pass")  # 31 January to 28 February
    second = shop.buys(ann, "pass")  # 28 February to 31 March
    shop.clock.advance(days=10)
    shop.refunds(first)
    assert shop.may(ann, "sso")
    (grant,) = QuotaService.list_grants(ann.ref, open_only=True)
    assert grant.source_id == str(second.pk)
    assert grant.valid_from == shop.clock.instant
    assert grant.expires_at is not None
    assert (grant.expires_at.month, grant.expires_at.day) == (3, 10)  # a month from 10 February
    shop.clock.advance(days=28)
    assert not shop.may(ann, "sso")
    shop.ends(paid={"EUR": 6000}, refunded={"EUR": 3000})


def test_one_of_three_months_bought_at_once_is_refunded(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, ("pass", 3))  # to 30 April
    refund = shop.refunds(order, items=[{"line": 1, "quantity": 1}])
    assert refund.amount_minor == 3000
    shop.clock.advance(days=58)  # 30 March
    assert shop.may(ann, "sso")
    shop.clock.advance(days=2)
    assert not shop.may(ann, "sso")
    shop.ends(paid={"EUR": 9000}, refunded={"EUR": 3000})


def test_a_third_of_the_time_is_left_and_a_third_of_the_money_goes_back(story: Teller) -> None:
    story.sells("thirty", "30.00", features=["sso"], period="30 days")
    ann = story.meets("ann")
    order = story.buys(ann, "thirty")
    story.clock.advance(days=20)
    assert story.refunds(order, policy="pro_rata_time").amount_minor == 1000
    assert not story.may(ann, "sso")
    story.ends(paid={"EUR": 3000}, refunded={"EUR": 1000})


def test_three_thirds_of_a_price_that_three_does_not_divide_are_the_price(story: Teller) -> None:
    story.sells("odd", "10.00", features=["pdf"], quantity=3)
    ann = story.meets("ann")
    order = story.buys(ann, ("odd", 3))  # 30.00 for nine units
    back = [story.refunds(order, f"r{n}", items=[{"line": 1, "quantity": 1}]).amount_minor for n in (1, 2, 3)]
    assert sum(back) == 3000
    assert story.order(order).status == "refunded"
    story.ends(paid={"EUR": 3000}, refunded={"EUR": 3000}, granted={"pdf": 9}, gone={"pdf": 9})


def test_a_refund_that_is_told_twice_happens_once(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    first = shop.refunds(order, amount="4.00", currency="EUR")
    again = shop.refunds(order, amount="4.00", currency="EUR")
    assert again.replayed
    assert again.pk == first.pk
    refusal = shop.refuses(
        "idempotency_conflict", OrderService.refund_order, order.pk, refund_id="r1", amount="5.00", currency="EUR"
    )
    assert refusal.data["idempotency_key"] == "r1"
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 400}, granted={"pdf": 100}, left={"pdf": 60}, gone={"pdf": 40})


def test_a_failed_job_is_reversed_after_half_was_refunded(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    usage = shop.uses(ann, "pdf", 30)
    shop.refunds(order, amount="5.00", currency="EUR")  # 50 of the 70 that are left
    shop.do(QuotaService.reverse_usage, usage, idempotency_key="failed")
    assert shop.has(ann, "pdf") == 50
    shop.refunds(order, "r2")
    assert shop.has(ann, "pdf") == 0
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, gone={"pdf": 100})


def test_a_job_that_is_reversed_after_the_whole_refund_gives_nothing_back(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.buys(ann, "pack")
    usage = shop.uses(ann, "pdf", 30)
    shop.refunds(order)
    shop.do(QuotaService.reverse_usage, usage, idempotency_key="failed")
    assert shop.has(ann, "pdf") == 0
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, gone={"pdf": 100})


def test_the_payment_service_refunds_by_itself(shop: Teller) -> None:
    ann = shop.meets("ann")
    order = shop.orders(ann, "pack")
    shop.pays(order, "ch_1", payment_method="stripe")
    shop.do(
        OrderService.refund_order,
        payment_id="ch_1",
        payment_method="stripe",
        refund_id="re_1",
        amount="10.00",
        currency="EUR",
    )
    assert shop.order(order).status == "refunded"
    assert shop.has(ann, "pdf") == 0
    shop.ends(paid={"EUR": 1000}, refunded={"EUR": 1000}, granted={"pdf": 100}, gone={"pdf": 100})


def test_no_decimals_and_three_decimals(story: Teller) -> None:
    story.sells("yen", "333", "JPY", features=["pdf"], quantity=3)
    story.sells("dinar", "1.005", "KWD", features=["ai"], quantity=2)
    ann = story.meets("ann")
    yen, dinar = story.buys(ann, "yen"), story.buys(ann, "dinar")
    story.uses(ann, "pdf", 1)
    story.uses(ann, "ai", 1)
    story.refuses("invalid", OrderService.refund_order, yen.pk, refund_id="r", amount="1.50", currency="JPY")
    assert story.refunds(yen, policy="unused_only").amount_minor == 222
    assert story.refunds(dinar, policy="unused_only").amount_minor == 502  # half of 1.005, rounded down
    story.ends(
        paid={"JPY": 333, "KWD": 1005},
        refunded={"JPY": 222, "KWD": 502},
        granted={"pdf": 3, "ai": 2},
        used={"pdf": 1, "ai": 1},
        gone={"pdf": 2, "ai": 1},
    )
