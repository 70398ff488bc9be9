"""A payment service for tests. It is a real one: it has ids of its own, and says what happened by the front door."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from billable.models import Dispute, Order, Payment, Refund
from billable.services import OrderService
from billable.testing.clock import BillingClock
from billable.testing.hooks import run_commit_hooks


@dataclass(frozen=True, kw_only=True)
class PaymentNotice:
    """What the service says about a payment: ``paid``, ``pending`` or ``failed``. It may be said late, or twice."""

    order_id: UUID
    payment_id: str
    status: str
    amount_minor: int
    currency: str


class FakePayments:
    """A payment service that does what the test says: charges, fails, waits, repeats itself, gives back.

    Its payment ids are ``fake-1``, ``fake-2``, …, its refunds ``fake-re-1``, its disputes ``fake-dp-1``; two services
    in one test need different names. Once an act returns, what follows its commit has happened, signals included.
    ``clock`` is needed by :meth:`pay_later` alone. ``sent`` are all notices that were delivered, in order.
    """

    def __init__(self, clock: BillingClock | None = None, *, name: str = "fake") -> None:
        self.name, self.sent = name, list[PaymentNotice]()
        self._clock, self._counts = clock, dict[str, int]()

    def pay(self, order: Order, *, amount_minor: int | None = None) -> Payment:
        """Charge an order: what is due of it, or another amount, less or more."""
        return self.deliver(self.notice(order, amount_minor=amount_minor))

    def fail(self, order: Order) -> Payment:
        """Try to charge an order, and fail."""
        return self.deliver(self.notice(order, "failed"))

    def announce(self, order: Order, *, amount_minor: int | None = None) -> Payment:
        """Say that the money for an order is on its way."""
        return self.deliver(self.notice(order, "pending", amount_minor=amount_minor))

    def settle(self, payment: Payment) -> Payment:
        """Say that money which was announced, or had failed, has arrived."""
        return self.deliver(self._about(payment, "paid"))

    def bounce(self, payment: Payment) -> Payment:
        """Say that money which was announced does not come."""
        return self.deliver(self._about(payment, "failed"))

    def pay_later(self, order: Order, *, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> Payment:
        """Announce the money now, and let it arrive when the clock was moved so far.

        For an order of a sandbox customer it is that customer's clock.
        """
        if self._clock is None:
            raise ValueError("FakePayments(clock) knows what later is; this one has no clock")
        payment = self.announce(order)
        present = self._clock.for_customer(order.customer).now
        arrives = present + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._clock.at(arrives, lambda: self.settle(payment), customer=order.customer)
        return payment

    def repeat(self, times: int = 1) -> list[Payment]:
        """Say the last notice again, word for word."""
        return [self.deliver(self.sent[-1]) for _ in range(times)]

    def notice(
        self,
        order: Order,
        status: str = "paid",
        *,
        payment_id: str | None = None,
        amount_minor: int | None = None,
    ) -> PaymentNotice:
        """What would be said about a charge, unsaid: deliver several in any order, once or more often, or never.

        Without ``payment_id`` it is about a new charge.
        """
        now = OrderService.get_order(order)
        due = now.amount_due_minor or now.total_amount_minor
        return PaymentNotice(
            order_id=order.pk,
            payment_id=payment_id or self._next(""),
            status=status,
            amount_minor=due if amount_minor is None else amount_minor,
            currency=now.currency,
        )

    def deliver(self, notice: PaymentNotice) -> Payment:
        """Say a notice to the engine; the payment as it stands then. Raises what ``confirm_payment`` raises."""
        self.sent.append(notice)
        with run_commit_hooks():
            return OrderService.confirm_payment(
                notice.order_id,
                payment_id=notice.payment_id,
                payment_method=self.name,
                status=notice.status,
                amount_minor=notice.amount_minor,
                currency=notice.currency,
            )

    def refund(self, payment: Payment, *, amount_minor: int | None = None) -> Refund:
        """Give money of a payment back, all or an amount, as the service does when somebody clicks in its dashboard."""
        with run_commit_hooks():
            return OrderService.refund_order(
                payment_id=payment.payment_id,
                payment_method=payment.payment_method,
                refund_id=self._next("-re"),
                amount_minor=amount_minor,
                origin="provider",
            )

    def dispute(self, payment: Payment, *, amount_minor: int | None = None) -> Dispute:
        """Let the payer ask their bank for the money, all or an amount of it."""
        with run_commit_hooks():
            return OrderService.dispute_payment(payment, dispute_id=self._next("-dp"), amount_minor=amount_minor)

    def decide(self, dispute: Dispute, outcome: str) -> Dispute:
        """Say how a dispute ended: ``won`` or ``lost``."""
        with run_commit_hooks():
            return OrderService.resolve_dispute(dispute, outcome)

    def _about(self, payment: Payment, status: str) -> PaymentNotice:
        """What is said about a charge that was spoken of before."""
        earlier = next(notice for notice in reversed(self.sent) if notice.payment_id == payment.payment_id)
        return replace(earlier, status=status)

    def _next(self, kind: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{self.name}{kind}-{self._counts[kind]}"
