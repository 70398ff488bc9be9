"""The money side of the state machine: the same machine, which now also takes money back, and joins people."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from billable import models
from billable.errors import BillableError
from billable.money import Money
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    OrderService,
    PromotionService,
    ReferralService,
)
from tests import books, rows
from tests.models.conftest import Clock
from tests.models.machine import (
    CUSTOMERS,
    DEFAULT_CURRENCY,
    STARTS,
    EngineAndReference,
    World,
    _lines,
    _outcome,
    _pick,
    customers,
    keys,
    nth,
    openings,
    some_keys,
    wanted,
    world,
)
from tests.models.money_reference import CAP, HOLD, Code, Dispute, Exchange, Merge, MoneyReference, Referral, Refund
from tests.models.reference import Grant, Line, Order, Payment

CODES = {
    "THIRD": Code("THIRD", percent=33, most=2),
    "TWO": Code("TWO", amounts={"USD": 200, "EUR": 150}, most_each=1),
    "PACKS": Code("PACKS", percent=100, skus=frozenset({"pack", "pass"}), most=1),
    "FIRST": Code("FIRST", percent=50, first_only=True),
}
SWAPS: dict[str, tuple[list[Line], dict[str, int]]] = {
    "swap": ([Line("pdf", 3), Line("sso", None, (5, "day"))], {"credits": 2}),
    "trade": ([Line("ai", 4)], {"credits": 3, "gold": 2}),
}
codes = st.sampled_from([*CODES, "NONE"])
purchases = st.tuples(customers, st.sampled_from(["pack", "plan", "plan", "pass", "pass", "flat"]), st.integers(1, 3))
refund_ids = st.sampled_from(["r1", "r2", "r3", "r4"])


def money_world(clock: Clock, user: Any) -> World:
    """The world of the machine, with codes."""
    made = world(clock, user, MoneyReference)
    assert isinstance(made.reference, MoneyReference)
    for code in CODES.values():
        PromotionService.create_promotion(
            code.name,
            percent_off=code.percent,
            amounts_off=[Money(amount, currency) for currency, amount in code.amounts.items()],
            products=sorted(code.skus),
            max_uses=code.most,
            max_uses_per_customer=code.most_each,
            first_order_only=code.first_only,
        )
        made.reference.codes[code.name] = code
    for sku, (lines, prices) in SWAPS.items():
        CatalogService.create_product(sku, features=_lines(lines), unit_prices=prices)
        made.reference.create_product(sku, lines, {}).units = prices
    ReferralService.create_programme(
        "friends", referrer_product="coins", referee_product="pass", hold_days=HOLD.days, cap_per_referrer=CAP
    )
    return made


class MoneyAndReference(EngineAndReference):
    """Both, side by side, with everything that money and people can do."""

    reference: MoneyReference

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, Any] = {}

    @initialize(start=st.sampled_from(STARTS), opening=openings, bought=st.lists(purchases, min_size=1, max_size=4))
    def begin(self, start: datetime, opening: list[str], bought: list[tuple[str, str, int]]) -> None:
        super().begin(start, opening[:1])
        for number, (customer, sku, quantity) in enumerate(bought):
            self._say(self._order, customer, [(sku, quantity), ("pack", 1)][: 1 + number % 2], None, None)
            order = self.reference.orders[-1]
            if order.due:
                self._say(self._confirm, order, "stripe", f"b{number}", "", "succeeded", None, None)

    # --- orders ---------------------------------------------------------------------------------------

    @rule(customer=customers, items=wanted, code=codes, key=keys, paid=st.booleans())
    def order_with_a_code(
        self, customer: str, items: list[tuple[str, int]], code: str, key: str | None, paid: bool
    ) -> None:
        before = len(self.reference.orders)
        self._say(self._order_with_a_code, customer, items, code, key)
        if paid and len(self.reference.orders) > before:
            self._say(self._confirm, self.reference.orders[-1], "stripe", f"p{before}", "", "succeeded", None, None)

    def _order_with_a_code(self, customer: str, items: list[tuple[str, int]], code: str, key: str | None) -> None:
        self._play(
            lambda: self.reference.create_order(customer, items, None, key, DEFAULT_CURRENCY, code),
            lambda: self._call(
                OrderService,
                "create_order",
                self._subject(customer),
                [{"sku": sku, "quantity": quantity} for sku, quantity in items],
                idempotency_key=key,
                promotion_code=code.lower(),
            ),
            self._same_order,
            also=[customer],
        )

    @precondition(lambda self: any(each.status == "unapplied" for each in self.reference.payments))
    @rule(nth=nth, other=nth, back=st.sampled_from([False, False, True]))
    def find_a_way_out(self, nth: int, other: int, back: bool) -> None:
        payment = _pick([each for each in self.reference.payments if each.status == "unapplied"], nth)
        if back:
            self._say(self._send_back, payment)
        else:
            self._say(self._apply, payment, _pick(self.reference.orders, other))

    def _apply(self, payment: Payment, order: Order) -> None:
        self._play(
            lambda: self.reference.apply(payment, order),
            lambda: self._call(OrderService, "apply_payment", payment.row, order.id),
            self._same_payment,
            also=[order.customer],
        )

    def _send_back(self, payment: Payment) -> None:
        self._play(
            lambda: self.reference.send_back(payment),
            lambda: self._call(OrderService, "return_payment", payment.row),
            self._same_payment,
        )

    @precondition(lambda self: any(each.status == "pending" for each in self.reference.orders))
    @rule(later=st.sampled_from([False, True]))
    def give_up_waiting(self, later: bool) -> None:
        if later:
            self.clock.move(days=8)
            self.reference.now = self.clock.now
        count = len(self.reference.expire())
        assert self._call(OrderService, "expire_orders", older_than=timedelta(days=7)).orders == count
        self._compare(CUSTOMERS)

    # --- money goes back --------------------------------------------------------------------------------

    @precondition(lambda self: any(each.paid_at for each in self.reference.orders))
    @rule(
        nth=nth,
        id=refund_ids,
        how=st.sampled_from(["whole", "whole", "piece", "line", "half", "one", "more", "unused_only", "pro_rata_time"]),
        line=st.integers(1, 2),
    )
    def refund(self, nth: int, id: str, how: str, line: int) -> None:
        order = _pick([each for each in self.reference.orders if each.paid_at], nth)
        left = order.paid - order.back
        pieces = {"piece": {line: 1}, "line": {line: None}}.get(how)
        amount = {"half": left // 2 or 1, "one": 1, "more": left + 1}.get(how)
        policy = how if how in ("unused_only", "pro_rata_time") else "full"
        self._say(self._refund, order, id, pieces, amount, policy)

    def _refund(
        self, order: Order, id: str, pieces: dict[int, int | None] | None, amount: int | None, policy: str
    ) -> None:
        asked: dict[str, Any] = {"policy": policy}
        if pieces is not None:
            asked["items"] = [
                {"line": line, **({} if quantity is None else {"quantity": quantity})}
                for line, quantity in pieces.items()
            ]
        if amount is not None:
            asked["amount_minor"] = amount
        quote = self._quote(order, asked)
        self._play(
            lambda: self.reference.refund(order, id, pieces, amount, policy),
            lambda: self._call(OrderService, "refund_order", order.id, refund_id=id, **asked),
            lambda expected, actual: self._same_refund(expected, actual, quote),
            also=[order.customer],
            catches_up=True,
        )

    def _quote(self, order: Order, asked: dict[str, Any]) -> Any:
        """What the refund is told to be, which writes nothing."""
        before = rows.everything()
        quote = _outcome(lambda: self._call(OrderService, "quote_refund", order.id, **asked))
        assert rows.everything() == before
        return quote

    def _same_refund(self, expected: Refund, actual: Any, quote: Any) -> None:
        if expected.row is None and not isinstance(quote, BillableError):
            assert quote.amount.amount_minor == actual.amount_minor
        expected.row = expected.row or actual.pk
        assert actual.pk == expected.row
        assert (actual.amount_minor, actual.currency) == (expected.amount, expected.order.currency)
        assert sum(part.amount_minor for part in actual.items.all()) == expected.amount

    @rule(
        nth=nth,
        id=st.sampled_from(["d1", "d2"]),
        share=st.sampled_from([None, None, "half", "more"]),
        outcome=st.sampled_from([None, None, "won", "lost"]),
    )
    @precondition(lambda self: self.reference.payments)
    def dispute(self, nth: int, id: str, share: str | None, outcome: str | None) -> None:
        payment = _pick(self.reference.payments, nth)
        amount = {None: None, "half": payment.amount // 2 or 1, "more": payment.amount + 1}[share]
        count = len(self.reference.disputes)
        self._say(self._dispute, payment, id, amount)
        if outcome is not None and len(self.reference.disputes) > count:
            self._say(self._resolve, self.reference.disputes[-1], outcome)

    @precondition(lambda self: self.reference.disputes)
    @rule(nth=nth, outcome=st.sampled_from(["won", "lost"]))
    def resolve(self, nth: int, outcome: str) -> None:
        self._say(self._resolve, _pick(self.reference.disputes, nth), outcome)

    def _dispute(self, payment: Payment, id: str, amount: int | None) -> None:
        asked = {} if amount is None else {"amount_minor": amount}
        self._play(
            lambda: self.reference.dispute(payment, id, amount),
            lambda: self._call(OrderService, "dispute_payment", payment.row, dispute_id=id, **asked),
            self._same_dispute,
            also=CUSTOMERS,
        )

    def _resolve(self, dispute: Dispute, outcome: str) -> None:
        self._play(
            lambda: self.reference.decide(dispute, outcome),
            lambda: self._call(OrderService, "resolve_dispute", dispute.row, outcome),
            self._same_dispute,
            also=CUSTOMERS,
        )

    def _same_dispute(self, expected: Dispute, actual: Any) -> None:
        expected.row = expected.row or actual.pk
        assert actual.pk == expected.row
        assert (actual.status, actual.amount_minor) == (expected.status, expected.amount)
        assert actual.payment.status == expected.payment.status
        self._name_grants(expected.payment.order)

    # --- exchange -------------------------------------------------------------------------------------

    @rule(
        customer=customers,
        sku=st.sampled_from(["swap", "swap", "trade", "pack"]),
        pieces=st.integers(1, 2),
        feature=st.sampled_from([None, "credits", "credits", "gold"]),
        key=st.sampled_from(["x1", "x2", "x3"]),
    )
    def exchange(self, customer: str, sku: str, pieces: int, feature: str | None, key: str) -> None:
        self._say(self._exchange, customer, sku, pieces, feature, key)

    def _exchange(self, customer: str, sku: str, pieces: int, feature: str | None, key: str) -> None:
        self._play(
            lambda: self.reference.exchange(customer, sku, pieces, feature, key),
            lambda: self._call(
                OrderService,
                "exchange",
                self._subject(customer),
                sku,
                quantity=pieces,
                feature=feature,
                idempotency_key=key,
            ),
            self._same_exchange,
            also=[customer],
            catches_up=True,
        )

    @precondition(lambda self: self.reference.exchanges)
    @rule(nth=nth, key=some_keys, policy=st.sampled_from(["unused_only", "unused_only", "full", "pro_rata_time"]))
    def undo_an_exchange(self, nth: int, key: str, policy: str) -> None:
        self._say(self._refund_exchange, _pick(self.reference.exchanges, nth), key, policy)

    def _refund_exchange(self, exchange: Exchange, key: str, policy: str) -> None:
        self._play(
            lambda: self.reference.refund_exchange(exchange, key, policy),
            lambda: self._call(OrderService, "refund_exchange", exchange.row, idempotency_key=key, policy=policy),
            self._same_exchange,
            also=[exchange.customer],
            catches_up=True,
        )

    def _same_exchange(self, expected: Exchange, actual: Any) -> None:
        if expected.row is None:
            expected.row = actual.pk
            self._same_usage(expected.usage, actual.usage)
            self._same_grants(expected.grants, actual.grants)
        assert actual.pk == expected.row
        assert (actual.units, actual.refunded_units) == (expected.cost, expected.back)

    # --- referrals ------------------------------------------------------------------------------------

    @rule(referrer=customers, referee=customers)
    def refer(self, referrer: str, referee: str) -> None:
        self._say(self._refer, referrer, referee)

    def _refer(self, referrer: str, referee: str) -> None:
        self._play(
            lambda: self.reference.refer(referrer, referee),
            lambda: self._call(ReferralService, "refer", self._subject(referrer), self._subject(referee)),
            self._same_referral,
            also=[referrer, referee],
        )

    @precondition(lambda self: self.reference.referrals)
    @rule(days=st.sampled_from([0, 2]))
    def settle_referrals(self, days: int) -> None:
        self.clock.move(days=days)
        self.reference.now = self.clock.now
        self.reference.settle_referrals()
        self._call(ReferralService, "settle_referrals")
        self._compare(CUSTOMERS)

    def _same_referral(self, expected: Referral, actual: Any) -> None:
        expected.row = expected.row or actual.pk
        assert actual.pk == expected.row

    # --- people who are one -----------------------------------------------------------------------------

    @rule(survivor=customers, absorbed=customers)
    def merge(self, survivor: str, absorbed: str) -> None:
        if {survivor, absorbed} <= self.reference.customers:
            self._merge(survivor, absorbed)

    def _merge(self, survivor: str, absorbed: str) -> None:
        self._play(
            lambda: self.reference.merge(survivor, absorbed),
            lambda: self._call(CustomerService, "merge_customers", self._id(survivor), self._id(absorbed)),
            also=[survivor, absorbed],
            catches_up=True,
        )

    @precondition(lambda self: self.reference.merges)
    @rule(nth=nth)
    def unmerge(self, nth: int) -> None:
        absorbed = _pick(self.reference.merges, nth).absorbed
        expected = _outcome(lambda: self.reference.may_unmerge(absorbed))
        before = rows.everything()
        actual = _outcome(lambda: self._call(CustomerService, "unmerge_customers", self._id(absorbed)))
        if isinstance(actual, BillableError):
            # It may refuse more than the model knows of; what it does then is nothing.
            assert actual.code == "unmerge_refused"
            assert rows.everything() == before
            return
        assert isinstance(expected, Merge), "was undone although units were taken from it"
        assert actual.replayed is expected.undone
        if actual.replayed:
            assert rows.everything() == before, "a repeat wrote something"
            return
        self.reference.unmerge(expected)
        self._compare(CUSTOMERS, swept=[expected.survivor])

    def _id(self, customer: str) -> CustomerRef:
        return CustomerRef(customer_id=self.ids[customer])

    # --- how answers are compared -------------------------------------------------------------------------

    def _compare(self, customers: Any, swept: Any = ()) -> None:
        for customer in self.reference.customers - set(self.ids):
            found = CustomerService.find_customer(self._subject(customer))
            assert found is not None
            self.ids[customer] = found.pk
        whose = {self.reference.head(customer) for customer in customers}
        super()._compare(sorted(whose), {self.reference.head(customer) for customer in swept})

    def _compare_grants(self, swept: Any) -> None:
        self._name_rewards()
        self._name_heirs()
        super()._compare_grants(swept)
        stand = {pk: values for pk, *values in rows.of(models.Grant, "id", "customer", "valid_from", "expires_at")}
        for grant in self.reference.grants:
            assert stand[grant.id] == [self.ids[grant.customer], grant.start, grant.end]

    def _name_rewards(self) -> None:
        """The referee's grants were made first."""
        for referral in self.reference.referrals:
            if any(grant.id is None for grant in referral.grants):
                births = models.LedgerEntry.objects.filter(cause_type="referral", cause_id=referral.row, kind="grant")
                for grant, birth in zip(referral.grants, births.order_by("id"), strict=True):
                    grant.id = birth.grant_id

    def _name_heirs(self) -> None:
        """An heir is known by the grant that its line began with, and by when it was born."""
        named = {grant.id for grant in self.reference.grants}
        for heir in self.reference.grants:
            if heir.id is None and heir.root is not None:
                births = models.LedgerEntry.objects.filter(kind="grant", grant__origin=heir.root.id).order_by("id")
                heir.id = next(grant for grant in births.values_list("grant", flat=True) if grant not in named)
                named.add(heir.id)

    def _same_grant(self, expected: Grant, actual: Any) -> None:
        """The one that carries it now."""
        root = expected.root or expected
        assert (actual.origin_id or actual.pk) == root.id

    def _same_payment(self, expected: Any, actual: Any) -> None:
        super()._same_payment(expected, actual)
        if expected.taker is not None:
            self._name_grants(expected.taker)

    def _standings(self, grant: Grant, *, swept: bool) -> list[list[Any]]:
        ended = super()._standings(grant, swept=swept)
        if grant.revoked_at is not None:
            ended[0][2] = grant.ended_as
        return ended

    def _compare_orders(self) -> None:
        super()._compare_orders()
        assert set(rows.of(models.Order, "id", "refunded_amount_minor", "discount_minor")) == {
            (order.id, order.back, sum(item.discount for item in order.items)) for order in self.reference.orders
        }
        applied = {values for values in rows.of(models.Payment, "id", "applied_to") if values[1] is not None}
        by_hand = [each for each in self.reference.payments if each.taker not in (None, each.order)]
        assert applied == {(each.row, each.taker.id) for each in by_hand if each.taker is not None}
        assert dict(rows.of(models.Promotion, "code", "used")) == {
            code.name: len(code.uses) for code in self.reference.codes.values()
        }

    def _check_the_books(self) -> None:
        found = books.problems()
        assert not found, [str(problem) for problem in found]
        for head in {self.reference.head(customer) for customer in self.reference.customers}:
            entries: Counter[Any] = Counter()
            for entry in self._history(head):
                entries[entry.grant_id, entry.kind, entry.amount, entry.effective_at] += 1
            expected: Counter[Any] = Counter()
            for member in self.reference.family(head):
                expected += self.reference.books(member)
            assert entries == expected
