"""The states of orders and payments, and which notice moves which. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from billable.errors import Invalid


class OrderStatus(str, Enum):
    """Where an order stands. ``pending → paid → partially_refunded → refunded``; ``pending → cancelled | expired``."""

    PENDING = "pending"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class PaymentStatus(str, Enum):
    """Where a payment stands. ``unapplied`` is money that arrived and that its order could not take.

    From succeeded or unapplied: ``disputed → (back where it was) | lost``. From unapplied: ``returned``, or succeeded
    when another order takes it.
    """

    PENDING = "pending"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    UNAPPLIED = "unapplied"
    RETURNED = "returned"
    DISPUTED = "disputed"
    LOST = "lost"


ARRIVED = (
    PaymentStatus.SUCCEEDED,
    PaymentStatus.UNAPPLIED,
    PaymentStatus.RETURNED,
    PaymentStatus.DISPUTED,
    PaymentStatus.LOST,
)
# What counts towards the order that took it: disputed and lost money did pay it, and what goes back is refunded.
COUNTED = (PaymentStatus.SUCCEEDED, PaymentStatus.DISPUTED, PaymentStatus.LOST)


class UnappliedReason(str, Enum):
    """Why the order that a payment came for does not count it."""

    NONE = ""
    TOO_MUCH = "amount_exceeds_due"
    OTHER_CURRENCY = "currency_mismatch"
    ALREADY_PAID = "order_already_paid"
    CANCELLED = "order_cancelled"
    EXPIRED = "order_expired"
    DISPUTED = "payment_disputed"
    CHANGE_OVER = "change_is_over"


_NOTICES: dict[object, PaymentStatus] = {
    "paid": PaymentStatus.SUCCEEDED,
    "succeeded": PaymentStatus.SUCCEEDED,
    "pending": PaymentStatus.PENDING,
    "failed": PaymentStatus.FAILED,
}


def notice(status: object) -> PaymentStatus:
    """The payment status that a notice reports: ``paid`` (or ``succeeded``), ``pending``, ``failed``."""
    try:
        return _NOTICES[status]
    except (KeyError, TypeError):
        raise Invalid(field="status", problem="must be paid, pending or failed") from None


@dataclass(frozen=True)
class Verdict:
    """What becomes of money that arrived."""

    reason: UnappliedReason
    completes: bool

    @property
    def applies(self) -> bool:
        """Whether the order takes it."""
        return self.reason is UnappliedReason.NONE


def judge(status: OrderStatus, *, due_minor: int, order_currency: str, amount_minor: int, currency: str) -> Verdict:
    """Whether an order takes this money, and whether it is paid by it.

    An expired order still takes the exact money: the customer paid what was asked, only late. An order of nothing to
    pay takes the nothing that is reported for it.
    """
    if status is OrderStatus.PAID and amount_minor == 0 and currency == order_currency:
        return Verdict(UnappliedReason.NONE, completes=False)
    if status is OrderStatus.CANCELLED:
        return Verdict(UnappliedReason.CANCELLED, completes=False)
    if status not in (OrderStatus.PENDING, OrderStatus.EXPIRED):
        return Verdict(UnappliedReason.ALREADY_PAID, completes=False)
    if currency != order_currency:
        return Verdict(UnappliedReason.OTHER_CURRENCY, completes=False)
    if amount_minor > due_minor:
        return Verdict(UnappliedReason.TOO_MUCH, completes=False)
    if status is OrderStatus.EXPIRED and amount_minor < due_minor:
        return Verdict(UnappliedReason.EXPIRED, completes=False)
    return Verdict(UnappliedReason.NONE, completes=amount_minor == due_minor)
