"""What becomes of money that arrived: every status, currency and amount has one verdict."""

from __future__ import annotations

import pytest

from billable.errors import Invalid
from billable.orders.lifecycle import OrderStatus, PaymentStatus, UnappliedReason, judge, notice

NONE = UnappliedReason.NONE
PAID, CANCELLED, EXPIRED = UnappliedReason.ALREADY_PAID, UnappliedReason.CANCELLED, UnappliedReason.EXPIRED
TOO_MUCH, OTHER = UnappliedReason.TOO_MUCH, UnappliedReason.OTHER_CURRENCY

# status: (reason for less than due, the exact amount, more; reason for another currency)
TABLE = {
    OrderStatus.PENDING: (NONE, NONE, TOO_MUCH, OTHER),
    OrderStatus.EXPIRED: (EXPIRED, NONE, TOO_MUCH, OTHER),
    OrderStatus.PAID: (PAID, PAID, PAID, PAID),
    OrderStatus.PARTIALLY_REFUNDED: (PAID, PAID, PAID, PAID),
    OrderStatus.REFUNDED: (PAID, PAID, PAID, PAID),
    OrderStatus.CANCELLED: (CANCELLED, CANCELLED, CANCELLED, CANCELLED),
}
CASES = [
    (status, amount, currency, reasons[3] if currency != "EUR" else reasons[place])
    for status, reasons in TABLE.items()
    for place, amount in enumerate((999, 1000, 1001))
    for currency in ("EUR", "USD")
]


def test_the_table_below_knows_every_status() -> None:
    assert set(TABLE) == set(OrderStatus)


@pytest.mark.parametrize(("status", "amount", "currency", "reason"), CASES)
def test_money_is_judged_by_the_table(status: OrderStatus, amount: int, currency: str, reason: UnappliedReason) -> None:
    verdict = judge(status, due_minor=1000, order_currency="EUR", amount_minor=amount, currency=currency)
    assert verdict.reason is reason
    assert verdict.applies is (reason is NONE)
    assert verdict.completes is (reason is NONE and amount == 1000)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("paid", PaymentStatus.SUCCEEDED),
        ("succeeded", PaymentStatus.SUCCEEDED),
        ("pending", PaymentStatus.PENDING),
        ("failed", PaymentStatus.FAILED),
    ],
)
def test_a_notice_is_read_by_its_word(word: str, status: PaymentStatus) -> None:
    assert notice(word) is status


@pytest.mark.parametrize("bad", ["", "PAID", "unapplied", "refunded", "paid ", None, 1, True, [], {}, b"paid"])
def test_what_is_no_notice_is_refused(bad: object) -> None:
    with pytest.raises(Invalid) as refusal:
        notice(bad)
    assert refusal.value.field == "status"


def test_every_reason_has_a_word_of_its_own() -> None:
    assert len({reason.value for reason in UnappliedReason}) == len(UnappliedReason)
    assert [reason for reason in UnappliedReason if not reason.value] == [NONE]


@pytest.mark.parametrize("status", OrderStatus)
def test_nothing_is_money_only_for_an_order_of_nothing_to_pay(status: OrderStatus) -> None:
    """Frontends confirm every order, also one that cost nothing and is paid."""
    verdict = judge(status, due_minor=0, order_currency="EUR", amount_minor=0, currency="EUR")
    assert verdict.applies is (status in (OrderStatus.PAID, OrderStatus.PENDING, OrderStatus.EXPIRED))
    assert verdict.completes is (status in (OrderStatus.PENDING, OrderStatus.EXPIRED))
    assert not judge(status, due_minor=0, order_currency="EUR", amount_minor=0, currency="USD").applies
