"""The state machine: every act goes to the reference and, through the front door, to the engine; both must agree."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from billable import models
from billable.errors import BillableError
from billable.money import Money
from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService
from tests import rows
from tests.models.conftest import Clock
from tests.models.reference import Answer, Done, Grant, Line, No, Order, Payment, Reference, Usage

CUSTOMERS = ("ann", "bob", "cid")
FEATURES = ("pdf", "ai", "credits", "gold", "sso")
ZONES = {"ann": "America/New_York"}
DEFAULT_CURRENCY = "USD"
DECIMALS = {"USD": 2, "EUR": 2, "JPY": 0}

# SKU: lines, prices. Everything that a product can give, in every mix, and so little of it that a consume often needs
# several grants.
CATALOGUE: dict[str, tuple[list[Line], dict[str, int]]] = {
    "pack": ([Line("pdf", 3)], {"USD": 500, "EUR": 450}),
    "plan": ([Line("pdf", 4, (1, "month"), priority=10), Line("sso", None, (1, "month"))], {"USD": 999}),
    "boost": (
        [Line("ai", None, (1, "day")), Line("credits", 4, (9, "day"), priority=50), Line("ai", 2)],
        {"EUR": 300},
    ),
    "gift": ([Line("credits", 3, (2, "week"))], {"USD": 0, "JPY": 40}),
    "coins": ([Line("credits", 2), Line("gold", 6), Line("credits", 3, (1, "month"))], {"USD": 700, "EUR": 650}),
    "flat": ([Line("credits", None, (5, "day")), Line("ai", 2, priority=7)], {"USD": 800}),
    "pass": ([Line("sso", None, (2, "week"))], {"USD": 200}),
    "taster": ([Line("pdf", 1)], {"USD": 0}),
    "bare": ([], {"USD": 100}),
}
COSTS = [("ai", "credits", 3, 2), ("ai", "gold", 1, 4), ("pdf", "credits", 2, 1)]

# Where an example begins: the last of a long month, the night before a clock changes, a leap day.
STARTS = [
    datetime(2026, 1, 31, 10, 30, tzinfo=timezone.utc),
    datetime(2026, 3, 8, 6, 30, tzinfo=timezone.utc),
    datetime(2028, 2, 29, 23, 0, tzinfo=timezone.utc),
]

nth = st.integers(0, 30)
customers = st.sampled_from(CUSTOMERS)
features = st.sampled_from(FEATURES)
skus = st.sampled_from([*CATALOGUE, "new"])
sold = st.sampled_from(
    ["pack", "plan", "coins", "pass", "gift", "boost", "flat", "pack", "plan", "pass", "taster", "new"]
)
quantities = st.integers(1, 7)
keys = st.sampled_from([None, None, "k1", "k2", "k3"])
some_keys = st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6"])
lines = st.lists(
    st.builds(Line, features, st.none() | quantities, st.sampled_from([None, (1, "month"), (3, "day")])), max_size=2
)
wanted = st.lists(st.tuples(sold, st.integers(1, 3)), min_size=1, max_size=2)
openings = st.lists(
    st.sampled_from(["pack", "coins", "plan", "gift", "coins", "plan", "boost", "pass", "flat"]),
    min_size=1,
    max_size=5,
)


@dataclass
class World:
    """What every example begins with, made once: the catalogue and the customers."""

    clock: Clock
    reference: Reference
    subjects: dict[str, list[Any]]


def world(clock: Clock, user: Any, knows: type[Reference] = Reference) -> World:
    """Make the catalogue and two customers; ``bob`` is a user who is no customer yet."""
    clock.start(STARTS[0], seed=0)
    reference = knows(clock.now, dict(ZONES))
    for feature in FEATURES:
        CatalogService.create_feature(feature)
        reference.features[feature] = []
    for sku, (given, prices) in CATALOGUE.items():
        CatalogService.create_product(sku, features=_lines(given), prices=_prices(prices), is_trial=sku == "taster")
        reference.create_product(sku, given, prices, trial=sku == "taster")
    for feature, payer, per, units in COSTS:
        CatalogService.set_cost(feature, payer, per=per, units=units)
        reference.set_cost(feature, payer, per, units)
    ann = CustomerService.identify("test", "ann").customer
    models.Customer.objects.filter(pk=ann.pk).update(zone=ZONES["ann"])
    cid = CustomerService.identify("test", "cid").customer
    reference.customers |= {"ann", "cid"}
    subjects = {
        "ann": [CustomerRef(provider="test", external_id="ann"), ann, CustomerRef(customer_id=str(ann.pk))],
        "bob": [user, CustomerRef(user_id=user.pk)],
        "cid": [CustomerRef(provider="test", external_id="cid"), CustomerRef(customer_id=cid.pk)],
    }
    return World(clock, reference, subjects)


class EngineAndReference(RuleBasedStateMachine):
    """Both, side by side, inside one transaction that is never committed: a refusal has no rollback to hide in."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.world.clock
        self.reference = copy.deepcopy(self.world.reference)
        self.said: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.calls = 0
        self.sound = True
        self.block = transaction.atomic()
        self.block.__enter__()

    def teardown(self) -> None:
        try:
            if self.sound:
                self._sweep()
                self._check_the_books()
        finally:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @initialize(start=st.sampled_from(STARTS), opening=openings)
    def begin(self, start: datetime, opening: list[str]) -> None:
        self.clock.start(start, seed=1)
        self.reference.now = start
        for sku in opening:
            self._grant_product("ann", sku, 1, None, None)

    # --- acts -----------------------------------------------------------------------------------

    @rule(
        what=st.sampled_from(["lines", "price", "activity", "cost", "product"]),
        sku=skus,
        lines=lines,
        feature=features,
        number=st.integers(1, 4),
    )
    def change_the_catalogue(self, what: str, sku: str, lines: list[Line], feature: str, number: int) -> None:
        if what == "product":
            self._create_product(sku, lines, {"USD": 100 * number})
        elif what == "cost":
            self._set_cost(feature, "credits" if number % 2 else "gold", number, number // 2 + 1)
        elif what == "lines":
            self._change_product(sku, lines=lines)
        elif what == "price":
            self._change_product(sku, prices={"EUR": 100 * number})
        else:
            self._change_product(sku, active=number != 1)

    def _create_product(self, sku: str, lines: list[Line], prices: dict[str, int]) -> None:
        self._play(
            lambda: Done(self.reference.create_product(sku, lines, prices)),
            lambda: self._call(CatalogService, "create_product", sku, features=_lines(lines), prices=_prices(prices)),
        )

    def _change_product(
        self,
        sku: str,
        *,
        lines: list[Line] | None = None,
        prices: dict[str, int] | None = None,
        active: bool | None = None,
    ) -> None:
        features = None if lines is None else _lines(lines)
        self._play(
            lambda: Done(self.reference.update_product(sku, lines=lines, prices=prices, active=active)),
            lambda: self._call(
                CatalogService, "update_product", sku, features=features, prices=_prices(prices or {}), is_active=active
            ),
        )

    def _set_cost(self, feature: str, payer: str, per: int, units: int) -> None:
        self._play(
            lambda: Done(self.reference.set_cost(feature, payer, per, units)),
            lambda: self._call(CatalogService, "set_cost", feature, payer, per=per, units=units),
            also=CUSTOMERS,
        )

    @rule(customer=customers, sku=sold, pieces=st.integers(1, 3), days=st.sampled_from([None, None, 5]), key=keys)
    def grant_product(self, customer: str, sku: str, pieces: int, days: int | None, key: str | None) -> None:
        self._say(self._grant_product, customer, sku, pieces, self._in(days), key)

    def _grant_product(self, customer: str, sku: str, pieces: int, end: datetime | None, key: str | None) -> None:
        self._play(
            lambda: self.reference.grant_product(customer, sku, pieces, end, key),
            lambda: self._call(
                QuotaService,
                "grant_product",
                self._subject(customer),
                sku,
                quantity=pieces,
                expires_at=end,
                idempotency_key=key,
            ),
            self._same_grants,
            also=[customer],
            catches_up=True,
        )

    @rule(
        customer=customers,
        feature=features,
        quantity=quantities | quantities | st.none(),
        window=st.sampled_from([None, None, (1, "month"), (10, "day"), (1, "year"), 1, 20]),
        key=keys,
    )
    def grant_feature(self, customer: str, feature: str, quantity: int | None, window: Any, key: str | None) -> None:
        span, days = (window, None) if isinstance(window, tuple) else (None, window)
        self._say(self._grant_feature, customer, feature, quantity, span, self._in(days), key)

    def _grant_feature(
        self, customer: str, feature: str, quantity: int | None, span: Any, end: datetime | None, key: str | None
    ) -> None:
        self._play(
            lambda: self.reference.grant_feature(customer, feature, quantity, span, end, key),
            lambda: self._call(
                QuotaService,
                "grant_feature",
                self._subject(customer),
                feature,
                quantity=quantity,
                period=_period(span),
                expires_at=end,
                idempotency_key=key,
            ),
            self._same_grants,
            also=[customer],
            catches_up=True,
        )

    @precondition(lambda self: self._spendable())
    @rule(
        nth=nth,
        quantity=st.sampled_from([1, 2, 3, 5, 8, "all", "all and one more"]),
        narrowed=st.sampled_from([False, False, True]),
        key=keys,
    )
    def consume(self, nth: int, quantity: int | str, narrowed: bool, key: str | None) -> None:
        """Of something that is there."""
        customer, feature = _pick(self._spendable(), nth)
        sku = self.reference.in_burn_order(customer, feature)[0].sku if narrowed else None
        if isinstance(quantity, str):
            left = self.reference.balance(customer, feature, sku)
            quantity = max(1, (left or 1) + (quantity != "all"))
        self._say(self._consume, customer, feature, quantity, sku, key)

    def _spendable(self) -> list[tuple[str, str]]:
        every = [(customer, feature) for customer in CUSTOMERS for feature in FEATURES]
        return [names for names in every if self.reference.balance(*names) != 0]

    @rule(
        customer=customers,
        name=st.sampled_from(["pack", "plan", "taster", "pass", "coins", "nothing", *FEATURES]),
        quantity=quantities,
        sku=st.sampled_from([None, "pack", "coins"]),
        key=keys,
    )
    def consume_anything(self, customer: str, name: str, quantity: int, sku: str | None, key: str | None) -> None:
        self._say(self._consume, customer, name, quantity, sku, key)

    def _consume(self, customer: str, name: str, quantity: int, sku: str | None, key: str | None) -> None:
        self._play(
            lambda: self.reference.consume(customer, name, quantity, sku, key),
            lambda: self._call(
                QuotaService,
                "consume_quota",
                self._subject(customer),
                name,
                quantity=quantity,
                sku=sku,
                idempotency_key=key,
            ),
            self._same_usage,
            also=[customer],
            catches_up=True,
        )

    @precondition(lambda self: self.reference.usages)
    @rule(nth=nth, quantity=st.none() | st.integers(1, 6), key=some_keys)
    def reverse(self, nth: int, quantity: int | None, key: str) -> None:
        self._say(self._reverse, _pick(self.reference.usages, nth), quantity, key)

    def _reverse(self, usage: Usage, quantity: int | None, key: str) -> None:
        self._play(
            lambda: self.reference.reverse(usage, quantity, key),
            lambda: self._call(QuotaService, "reverse_usage", usage.id, quantity=quantity, idempotency_key=key),
            self._same_receipt,
            also=[usage.customer],
            catches_up=True,
        )

    @precondition(lambda self: self.reference.grants)
    @rule(nth=nth, quantity=st.none() | st.integers(1, 8), key=st.sampled_from([None, "k1", "k2", "k7", "k8"]))
    def revoke(self, nth: int, quantity: int | None, key: str | None) -> None:
        grant = _pick(self.reference.grants, nth)
        if quantity is None:
            self._revoke(grant, key)
        else:
            self._say(self._revoke_part, grant, quantity, key)

    def _revoke(self, grant: Grant, key: str | None) -> None:
        self._play(
            lambda: self.reference.revoke(grant, key),
            lambda: self._call(QuotaService, "revoke_grant", grant.id, reason="by the model", idempotency_key=key),
            self._same_grant,
            also=[self.reference.holder(grant)],
            catches_up=True,
        )

    def _revoke_part(self, grant: Grant, quantity: int, key: str | None) -> None:
        self._play(
            lambda: self.reference.revoke_part(grant, quantity, key),
            lambda: self._call(QuotaService, "revoke_grant", grant.id, quantity=quantity, idempotency_key=key),
            self._same_grant,
            also=[self.reference.holder(grant)],
            catches_up=True,
        )

    @rule(
        customer=customers,
        items=wanted,
        currency=st.sampled_from([None, None, None, "USD", "EUR"]),
        key=keys,
        paid=st.sampled_from([True, True, False]),
    )
    def order(
        self, customer: str, items: list[tuple[str, int]], currency: str | None, key: str | None, paid: bool
    ) -> None:
        before = len(self.reference.orders)
        self._say(self._order, customer, items, currency, key)
        if paid and len(self.reference.orders) > before:
            order = self.reference.orders[-1]
            self._say(self._confirm, order, "stripe", f"p{before}", "", "succeeded", None, None)

    def _order(self, customer: str, items: list[tuple[str, int]], currency: str | None, key: str | None) -> None:
        self._play(
            lambda: self.reference.create_order(customer, items, currency, key, DEFAULT_CURRENCY),
            lambda: self._call(
                OrderService,
                "create_order",
                self._subject(customer),
                [{"sku": sku, "quantity": quantity} for sku, quantity in items],
                currency=currency,
                idempotency_key=key,
            ),
            self._same_order,
            also=[customer],
        )

    @precondition(lambda self: self.reference.orders)
    @rule(
        nth=nth,
        method=st.sampled_from(["default", "stripe", "paypal"]),
        id=st.sampled_from(["p1", "p2", "p3", "p4", "p5", "p6"]),
        capture=st.sampled_from(["", "", "", "c1", "c2"]),
        status=st.sampled_from(["succeeded", "succeeded", "succeeded", "pending", "failed", "cancel"]),
        share=st.sampled_from([None, None, "all", "half", "half", "more", "one"]),
        currency=st.sampled_from([None, None, None, "EUR", "JPY"]),
    )
    def settle(
        self, nth: int, method: str, id: str, capture: str, status: str, share: str | None, currency: str | None
    ) -> None:
        order = _pick(self.reference.orders, nth)
        if status == "cancel":
            self._cancel(order)
            return
        due = order.due or order.total
        amounts = {None: None, "half": due // 2 or 1, "all": due or 1, "more": due + 1, "one": 1}
        self._say(self._confirm, order, method, id, capture, status, amounts[share], currency)

    def _confirm(
        self, order: Order, method: str, id: str, capture: str, status: str, amount: int | None, currency: str | None
    ) -> None:
        self._play(
            lambda: self.reference.confirm(
                order, method=method, id=id, capture=capture, status=status, amount=amount, currency=currency
            ),
            lambda: self._call(
                OrderService,
                "confirm_payment",
                order.id,
                payment_id=id,
                payment_method=method,
                capture_id=capture,
                status="paid" if status == "succeeded" else status,
                **_amount(amount, currency),
            ),
            self._same_payment,
            also=[order.customer],
        )

    def _cancel(self, order: Order) -> None:
        self._play(
            lambda: self.reference.cancel(order),
            lambda: self._call(OrderService, "cancel_order", order.id),
            self._same_order,
            also=[order.customer],
        )

    @precondition(lambda self: self.said)
    @rule(nth=nth)
    def say_it_again(self, nth: int) -> None:
        """The same words once more: a repeat, a conflict, or a second try that may succeed now."""
        act, words = _pick(self.said, nth)
        act(*words)

    # --- time and questions -----------------------------------------------------------------------

    @rule(
        span=st.sampled_from(
            ["until a grant ends", "until just before", {"hours": 7}, {"days": 1}, {"days": 9}, {"days": 31}]
        ),
        swept=st.sampled_from([False, False, True]),
    )
    def let_time_pass(self, span: str | dict[str, float], swept: bool) -> None:
        if isinstance(span, dict):
            self.clock.move(**span)
        else:
            end = self._next_end() or self.clock.now
            self.clock.now = max(self.clock.now, end - timedelta(microseconds=span == "until just before"))
        self.reference.now = self.clock.now
        self._compare(CUSTOMERS)
        if swept:
            self._sweep()

    def _next_end(self) -> datetime | None:
        ends = [grant.end for grant in self.reference.grants if grant.end and grant.end > self.clock.now]
        return min(ends, default=None)

    def _sweep(self) -> None:
        due = models.Grant.objects.filter(closed_at=None, ended_at=None, expires_at__lte=self.clock.now).count()
        assert self._call(QuotaService, "expire_grants").grants == due
        self._compare(CUSTOMERS, swept=CUSTOMERS)

    @rule(customer=customers, name=features | skus, quantity=quantities, sku=st.none() | skus, what=st.integers(0, 41))
    def ask(self, customer: str, name: str, quantity: int, sku: str | None, what: int) -> None:
        self._check(customer, name, quantity, sku)
        if what < 14:
            self._say_what_can_never_be_right(customer, what)

    def _check(self, customer: str, name: str, quantity: int, sku: str | None) -> None:
        before = rows.everything()
        expected = _outcome(lambda: self.reference.check(customer, name, quantity, sku))
        actual = _outcome(
            lambda: self._call(QuotaService, "check_quota", self._subject(customer), name, quantity=quantity, sku=sku)
        )
        if isinstance(expected, No):
            assert isinstance(actual, BillableError)
            assert actual.code in expected.codes
        else:
            self._same_answer(expected, actual)
        assert rows.everything() == before

    def _say_what_can_never_be_right(self, customer: str, what: int) -> None:
        subject = self._subject(customer)
        verb, words, names = [
            ("consume_quota", (subject, "pdf"), {"quantity": 0}),
            ("consume_quota", (subject, "pdf"), {"quantity": True}),
            ("consume_quota", (subject, "pdf"), {"quantity": 10**12 + 1}),
            ("consume_quota", (subject, "pdf"), {"idempotency_key": "a\x00b"}),
            ("consume_quota", (subject, "pdf"), {"metadata": {"number": float("nan")}}),
            ("grant_feature", (subject, "pdf"), {"quantity": -1}),
            ("grant_feature", (subject, "pdf"), {"period": "1 fortnight"}),
            ("grant_product", (subject, "pack"), {"expires_at": datetime(2040, 1, 1)}),
            ("grant_product", (subject, "pack"), {"expires_at": self.clock.now}),
            ("grant_feature", (subject, "pdf"), {"expires_at": self._in(1), "period": "1 day"}),
            ("create_order", (subject, []), {}),
            ("create_order", (subject, [{"sku": "pack", "quantity": 1.5}]), {}),
            ("create_order", (subject, [{"sku": "pack", "price": 1}]), {}),
            ("create_order", (subject, [{"sku": "pack"}]), {"currency": "ABC"}),
        ][what]
        service = OrderService if verb == "create_order" else QuotaService
        # Where the pack is not sold or gives nothing just now, that may be named first.
        wrong = ("invalid", "not_for_sale") if "pack" in str(words[1:]) else ("invalid",)
        self._play(lambda: _refuse(*wrong), lambda: self._call(service, verb, *words, **names))

    # --- how both are asked -----------------------------------------------------------------------

    def _say(self, act: Callable[..., None], *words: Any) -> None:
        self.said.append((act, words))
        act(*words)

    def _play(
        self,
        expect: Callable[[], Done],
        act: Callable[[], Any],
        same: Callable[[Any, Any], None] | None = None,
        also: Sequence[str] = (),
        catches_up: bool = False,
    ) -> None:
        """Let the reference decide first: it says whether the engine must refuse, repeat itself or act.

        What touches grants ``catches_up``: it writes down what ran out, too.
        """
        self.sound = False
        try:
            done = expect()
        except No as no:
            self._refused(no, act)
            self.sound = True
            return
        before = rows.everything() if done.silent else None
        actual = act()
        if done.silent:
            assert rows.everything() == before, "a repeat wrote something"
        if hasattr(_first(actual), "replayed"):
            assert _first(actual).replayed is done.replayed
        if same is not None:
            same(done.row, actual)
        if not done.silent:
            self._compare(also, swept=also if catches_up and not done.replayed else ())
        self.sound = True

    def _refused(self, no: No, act: Callable[[], Any]) -> None:
        before = rows.everything()
        refusal = _outcome(act)
        assert isinstance(refusal, BillableError), f"answered {refusal}, expected a refusal with one of {no.codes}"
        assert refusal.code in no.codes, f"{refusal.code}: {refusal}; expected one of {no.codes}"
        assert rows.everything() == before, f"refused with {no.codes}, and wrote something"

    def _call(self, service: Any, verb: str, *words: Any, **names: Any) -> Any:
        """Every seventh call goes through the async twin, on this thread and so in this transaction."""
        self.calls += 1
        if self.calls % 7 == 0:
            return async_to_sync(getattr(service, f"a{verb}"))(*words, **names)
        return getattr(service, verb)(*words, **names)

    def _subject(self, customer: str) -> Any:
        subjects = self.world.subjects[customer]
        return subjects[self.calls % len(subjects)]

    def _in(self, days: int | None) -> datetime | None:
        return None if days is None else self.clock.now + timedelta(days=days)

    # --- how answers are compared -------------------------------------------------------------------

    def _same_grants(self, expected: list[Grant], actual: Any) -> None:
        assert len(actual) == len(expected)
        for mine, theirs in zip(expected, actual, strict=True):
            mine.id = mine.id or theirs.pk
            assert theirs.pk == mine.id
            assert theirs.feature.key == mine.feature
            assert (theirs.product.sku if theirs.product else None) == mine.sku
            assert (theirs.quantity, theirs.priority) == (mine.quantity, mine.priority)
            assert (theirs.valid_from, theirs.expires_at) == (mine.start, mine.end)

    def _same_grant(self, expected: Grant, actual: Any) -> None:
        assert actual.pk == expected.id

    def _same_usage(self, expected: Usage, actual: Any) -> None:
        expected.id = expected.id or actual.pk
        assert actual.pk == expected.id
        assert (actual.feature.key, actual.quantity) == (expected.feature, expected.quantity)
        assert actual.balance == expected.balance

    def _same_receipt(self, expected: Any, actual: Any) -> None:
        assert (actual.quantity, actual.balance) == (expected.quantity, expected.balance)

    def _same_order(self, expected: Order, actual: Any) -> None:
        first = expected.id is None
        expected.id = expected.id or actual.pk
        assert actual.pk == expected.id
        assert [(item.sku, item.quantity, item.unit_amount_minor) for item in actual.items.all()] == [
            (item.sku, item.quantity, item.price) for item in expected.items
        ]
        self._same_amounts(expected, actual)
        if first:
            self._name_grants(expected)

    def _same_amounts(self, expected: Order, actual: Any) -> None:
        assert (actual.status, actual.currency) == (expected.status, expected.currency)
        assert (actual.total_amount_minor, actual.paid_amount_minor) == (expected.total, expected.paid)
        assert actual.amount_due_minor == expected.due

    def _same_payment(self, expected: Payment, actual: Any) -> None:
        expected.row = expected.row or actual.pk
        assert actual.pk == expected.row
        assert actual.order_id == expected.order.id
        assert (actual.payment_id, actual.payment_method, actual.capture_id) == (
            expected.id,
            expected.method,
            expected.capture,
        )
        assert (actual.status, actual.code) == (expected.status, expected.code)
        assert (actual.amount_minor, actual.currency) == (expected.amount, expected.currency)
        assert actual.amount_assumed is expected.assumed
        self._name_grants(expected.order)

    def _name_grants(self, order: Order) -> None:
        """A paid order made its grants, in the order of its lines."""
        if order.status != "paid" or all(grant.id for grant in order.grants):
            return
        made = models.Grant.objects.filter(source="order", source_id=str(order.id)).select_related("feature", "product")
        self._same_grants(order.grants, list(made.order_by("line")))

    def _same_answer(self, expected: Answer, actual: Any) -> None:
        assert actual.code in expected.codes
        assert bool(actual) is actual.allowed is (actual.code == "allowed")
        assert actual.balance == expected.balance
        assert [summary.grant_id for summary in actual.grants] == [grant.id for grant in expected.grants][:20]
        assert [summary.remaining for summary in actual.grants] == [grant.left for grant in expected.grants][:20]
        assert actual.grant_count == len(expected.grants)
        assert actual.expires_at == min((grant.end for grant in expected.grants if grant.end), default=None)
        assert (actual.product.sku if actual.product else None) == (expected.grants[0].sku if expected.grants else None)

    def _compare(self, customers: Sequence[str], swept: Sequence[str] = ()) -> None:
        self._compare_grants(swept)
        self._compare_orders()
        for customer in customers:
            self._compare_balances(customer)

    def _compare_grants(self, swept: Sequence[str]) -> None:
        columns = ("remaining", "held", "ended_as", "ended_at", "closed_at")
        stand = {pk: values for pk, *values in rows.of(models.Grant, "id", *columns)}
        assert stand.keys() == {grant.id for grant in self.reference.grants}
        for grant in self.reference.grants:
            assert stand[grant.id] in self._standings(grant, swept=grant.customer in swept), grant

    def _standings(self, grant: Grant, *, swept: bool) -> list[list[Any]]:
        """How the row of a grant may stand: what ran out may wait for a sweep, unless there was one."""
        gone = None if grant.left is None else 0
        if grant.revoked_at is not None:
            return [[gone, 0, "revoked", grant.revoked_at, grant.emptied_at or grant.revoked_at]]
        as_it_is = [grant.left, 0, "", None, grant.emptied_at]
        if not grant.is_over(self.clock.now):
            return [as_it_is]
        expired = [gone, 0, "expired", grant.end, grant.emptied_at or grant.end]
        return [expired] if swept and grant.left != 0 else [as_it_is, expired]

    def _compare_orders(self) -> None:
        columns = ("id", "status", "paid_amount_minor")
        assert set(rows.of(models.Order, *columns)) == {
            (order.id, order.status, order.paid) for order in self.reference.orders
        }
        columns = ("order_id", "payment_id", "capture_id", "status", "code", "amount_minor", "currency")
        assert set(rows.of(models.Payment, *columns)) == {
            (each.order.id, each.id, each.capture, each.status, each.code, each.amount, each.currency)
            for each in self.reference.payments
        }

    def _compare_balances(self, customer: str) -> None:
        expected = self.reference.balances(customer)
        actual = QuotaService.balances(self._subject(customer))
        assert {each.feature: (each.balance, each.expires_at) for each in actual} == expected
        for each in actual:
            assert each.unlimited is (each.balance is None)
            assert each.allowed is (each.balance != 0)

    def _check_the_books(self) -> None:
        report = QuotaService.verify_ledger()
        assert report, [str(problem) for problem in report.problems]
        for customer in self.reference.customers:
            entries: dict[Any, int] = {}
            for entry in self._history(customer):
                fact = entry.grant_id, entry.kind, entry.amount, entry.effective_at
                entries[fact] = entries.get(fact, 0) + 1
            assert entries == dict(self.reference.books(customer))

    def _history(self, customer: str) -> list[Any]:
        entries: list[Any] = []
        cursor = None
        while cursor is not None or not entries:
            page = QuotaService.history(self._subject(customer), cursor=cursor, limit=200)
            entries, cursor = [*entries, *page], page.next
            if cursor is None:
                break
        return entries


def _outcome(act: Callable[[], Any]) -> Any:
    """The answer, or the refusal."""
    try:
        return act()
    except (BillableError, No) as refusal:
        return refusal


def _refuse(*codes: str) -> Done:
    raise No(*codes)


def _pick(rows: Sequence[Any], nth: int) -> Any:
    """One of the rows; 0 is the latest."""
    return rows[-1 - nth % len(rows)]


def _first(actual: Any) -> Any:
    return actual[0] if isinstance(actual, tuple) and actual else actual


def _period(span: tuple[int, str] | None) -> str | None:
    return None if span is None else f"{span[0]} {span[1]}"


def _lines(given: Sequence[Line]) -> list[Any]:
    return [
        {"feature": line.feature, "quantity": line.quantity, "period": _period(line.span), "priority": line.priority}
        for line in given
    ]


def _prices(prices: dict[str, int]) -> list[Money]:
    return [Money(amount, currency) for currency, amount in prices.items()]


def _amount(amount: int | None, currency: str | None) -> dict[str, Any]:
    """Money as a caller may name it: whole minor units, or a decimal string where there is a currency."""
    if amount is None or currency is None or amount % 2:
        return {"currency": currency} if amount is None else {"amount_minor": amount, "currency": currency}
    decimals = DECIMALS[currency]
    text = str(amount) if not decimals else f"{amount // 10**decimals}.{amount % 10**decimals:0{decimals}}"
    return {"amount": text, "currency": currency}
