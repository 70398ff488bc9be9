"""The whole engine once more, in plain Python: lists, dictionaries, whole numbers and fractions.

Written from the design and not from the code: nothing of the engine is imported and none of its formulas is copied.
Every act decides first and changes things last, so one that raises ``No`` has changed nothing. Nothing is ever swept
here: what is over is seen from the clock each time it matters.
"""

from __future__ import annotations

import calendar
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

MOST_UNITS = 10**12
NEVER = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)

# How units leave a grant that ended so.
WAYS_OUT = {"revoked": "revoke", "refunded": "refund", "disputed": "dispute", "transferred": "transfer"}

Span = tuple[int, str]
"""How many of ``day``, ``week``, ``month``, ``year``."""


class No(Exception):
    """A refusal. Where several rules are broken at once, any of their codes will do."""

    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = set(codes)


@dataclass
class Line:
    """What a product gives of one feature; None is unlimited, or for ever."""

    feature: str
    quantity: int | None = None
    span: Span | None = None
    priority: int = 100


@dataclass
class Product:
    sku: str
    lines: list[Line]
    prices: dict[str, int]
    active: bool = True
    trial: bool = False
    units: dict[str, int] = field(default_factory=dict)


@dataclass
class Cost:
    """``per`` units of a feature cost ``units`` of ``payer``."""

    payer: str
    per: int
    units: int


@dataclass(eq=False)
class Grant:
    customer: str
    feature: str
    sku: str | None
    quantity: int | None
    priority: int
    start: datetime
    end: datetime | None
    pieces: int = 1
    span: Span | None = None
    anchor: datetime | None = None
    index: int = 0
    periods: int = 1
    zone: str = "UTC"
    id: Any = None
    left: int | None = None
    emptied_at: datetime | None = None
    revoked_at: datetime | None = None
    ended_as: str = "revoked"
    returned_late: bool = False
    root: Grant | None = None

    def is_over(self, now: datetime) -> bool:
        return self.revoked_at is not None or (self.end is not None and self.end <= now)

    def is_usable(self, now: datetime) -> bool:
        return self.start <= now and not self.is_over(now) and self.left != 0

    @property
    def rank(self) -> tuple[Any, ...]:
        """Its place in the burn order among grants that pay in the same way."""
        # What was not named yet, because the act that made it is going on, is the youngest.
        return self.priority, self.end or NEVER, self.start, str(self.id or "new")


@dataclass
class Part:
    """The part of a usage that was paid in one way, and what it still has out of which grant, in the order drawn."""

    payer: str
    per: int
    units: int
    quantity: int
    draws: list[tuple[Grant, int]]


@dataclass(eq=False)
class Usage:
    customer: str
    feature: str
    asked_as: str
    quantity: int
    sku: str | None
    balance: int | None
    parts: list[Part]
    back: int = 0
    id: Any = None


@dataclass(eq=False)
class Receipt:
    """Of a reversal or a partial revocation."""

    kind: str
    of: Usage | Grant
    quantity: int
    balance: int | None = None


@dataclass(eq=False)
class Item:
    sku: str
    quantity: int
    price: int
    lines: list[Line]
    discount: int = 0
    back: int = 0
    pieces_back: int = 0

    @property
    def cost(self) -> int:
        return self.price * self.quantity - self.discount


@dataclass(eq=False)
class Payment:
    order: Order
    method: str
    id: str
    capture: str
    status: str = ""
    code: str = ""
    amount: int = 0
    currency: str = ""
    assumed: bool = True
    taker: Order | None = None
    row: Any = None


@dataclass(eq=False)
class Order:
    customer: str
    items: list[Item]
    currency: str
    status: str = "pending"
    paid: int = 0
    payments: list[Payment] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    code: str = ""
    back: int = 0
    at: datetime | None = None
    paid_at: datetime | None = None
    id: Any = None

    @property
    def total(self) -> int:
        return sum(item.cost for item in self.items)

    @property
    def due(self) -> int:
        return self.total - self.paid if self.status in ("pending", "expired") else 0


@dataclass
class Answer:
    """Of check."""

    codes: set[str]
    balance: int | None
    grants: list[Grant]


@dataclass
class Done:
    """What an act did: its row, whether it was a repeat, and whether it wrote nothing at all."""

    row: Any
    replayed: bool = False
    silent: bool = False


def later(anchor: datetime, count: int, unit: str, zone: str) -> datetime:
    """The wall clock of the anchor ``count`` units on; the last day of a month that is too short."""
    local = anchor.astimezone(ZoneInfo(zone))
    if unit in ("day", "week"):
        date = local.date() + timedelta(days=count * {"day": 1, "week": 7}[unit])
        year, month, day = date.year, date.month, date.day
    else:
        months = local.year * 12 + local.month - 1 + count * {"month": 1, "year": 12}[unit]
        year, month = months // 12, months % 12 + 1
        day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(timezone.utc)


class Reference:
    """Everything that is known."""

    def __init__(self, now: datetime, zones: dict[str, str]) -> None:
        self.now = now
        self.zones = zones
        self.customers: set[str] = set()
        self.features: dict[str, list[Cost]] = {}
        self.products: dict[str, Product] = {}
        self.grants: list[Grant] = []
        self.usages: list[Usage] = []
        self.orders: list[Order] = []
        self.payments: list[Payment] = []
        self.by_hand: dict[tuple[str, str], tuple[tuple[Any, ...], list[Grant]]] = {}
        self.used: dict[tuple[str, str], Usage] = {}
        self.adjusted: dict[tuple[str, str], Receipt] = {}
        self.ordered: dict[tuple[str, str], Order] = {}
        self.journal: list[tuple[Grant, str, int, datetime]] = []

    def head(self, customer: str) -> str:
        """Who stands for a customer."""
        return customer

    # --- catalogue ------------------------------------------------------------------------------

    def create_product(self, sku: str, lines: list[Line], prices: dict[str, int], *, trial: bool = False) -> Product:
        if sku in self.products or sku in self.features:
            raise No("name_taken")
        self._add_features(lines)
        self.products[sku] = Product(sku, lines, dict(prices), trial=trial)
        return self.products[sku]

    def update_product(
        self, sku: str, *, lines: list[Line] | None = None, prices: dict[str, int] | None = None, active: bool | None
    ) -> Product:
        product = self._product(sku)
        if lines is not None:
            self._add_features(lines)
            product.lines = lines
        product.prices.update(prices or {})
        product.active = product.active if active is None else active
        return product

    def set_cost(self, feature: str, payer: str, per: int, units: int) -> None:
        if feature not in self.features or payer not in self.features:
            raise No("feature_not_found")
        if feature == payer:
            raise No("invalid")
        for cost in self.features[feature]:
            if cost.payer == payer:
                cost.per, cost.units = per, units
                return
        self.features[feature].append(Cost(payer, per, units))

    def _add_features(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self.features.setdefault(line.feature, [])

    def _product(self, sku: str) -> Product:
        if sku not in self.products:
            raise No("product_not_found")
        return self.products[sku]

    def resolve(self, name: str) -> str:
        """The feature that a name means: itself, or the only feature of a product."""
        if name in self.features:
            return name
        given = {line.feature for line in self.products[name].lines} if name in self.products else set()
        if len(given) > 1:
            raise No("ambiguous_sku")
        if not given:
            raise No("feature_not_found")
        return given.pop()

    # --- what a customer has --------------------------------------------------------------------

    def ways(self, feature: str) -> list[Cost]:
        """How a feature can be paid, best first: with itself, then as its costs say."""
        return [Cost(feature, 1, 1), *self.features[feature]]

    def usable(self, customer: str, payer: str, sku: str | None = None) -> list[Grant]:
        found = [grant for grant in self.grants if grant.customer == customer and grant.feature == payer]
        found = [grant for grant in found if grant.is_usable(self.now) and sku in (None, grant.sku)]
        return sorted(found, key=lambda grant: grant.rank)

    def in_burn_order(self, customer: str, feature: str, sku: str | None = None) -> list[Grant]:
        per_way = [self.usable(customer, way.payer, sku) for way in self.ways(feature)]
        unlimited = [grant for grants in per_way for grant in grants if grant.left is None]
        return unlimited + [grant for grants in per_way for grant in grants if grant.left is not None]

    def balance(self, customer: str, feature: str, sku: str | None = None) -> int | None:
        total = 0
        for way in self.ways(feature):
            available = 0
            for grant in self.usable(customer, way.payer, sku):
                if grant.left is None:
                    return None
                available += grant.left
            total += math.floor(Fraction(available) / Fraction(way.units, way.per))
        return total

    def check(self, customer: str, name: str, quantity: int, sku: str | None) -> Answer:
        try:
            feature = self.resolve(name)
        except No as no:
            if "ambiguous_sku" in no.codes:
                raise
            return Answer({"unknown_feature"}, 0, [])
        grants = self.in_burn_order(customer, feature, sku)
        balance = self.balance(customer, feature, sku)
        allowed = balance is None or balance >= quantity
        return Answer({"allowed"} if allowed else self._shortage(customer, feature, sku), balance, grants)

    def _shortage(self, customer: str, feature: str, sku: str | None) -> set[str]:
        """Why there is not enough. Two ends at one instant leave it open which one is told."""
        if self.in_burn_order(customer, feature, sku):
            return {"exhausted"}
        told: list[set[str]] = [self._last_end(customer, way.payer) for way in self.ways(feature)]
        answers = set()
        if any("expired" in ends for ends in told):
            answers.add("expired")
        if not any(ends == {"expired"} for ends in told):
            if any("exhausted" in ends for ends in told):
                answers.add("exhausted")
            if not any(ends == {"exhausted"} for ends in told):
                answers.add("no_grant")
        return answers

    def _last_end(self, customer: str, payer: str) -> set[str]:
        """How the grant that was gone last went."""
        ends: dict[datetime, set[str]] = {}
        for grant in self.grants:
            if grant.customer == customer and grant.feature == payer:
                for at, how in self._end(grant):
                    ends.setdefault(at, set()).add(how)
        return ends[max(ends)] if ends else set()

    def _end(self, grant: Grant) -> list[tuple[datetime, str]]:
        if grant.left == 0 and grant.emptied_at is not None:
            if grant.revoked_at is not None:
                return [(grant.emptied_at, "revoked")]
            if grant.returned_late:
                return [(grant.emptied_at, "exhausted"), (grant.emptied_at, "expired")]
            return [(grant.emptied_at, "exhausted")]
        if grant.revoked_at is not None:
            return [(grant.revoked_at, "revoked")]
        return [(grant.end, "expired")] if grant.end is not None and grant.end <= self.now else []

    def balances(self, customer: str) -> dict[str, tuple[int | None, datetime | None]]:
        """Of every feature that the customer has a grant for, or for what it can be paid from."""
        listed = {}
        standing = {
            g.feature for g in self.grants if g.customer == customer and not g.is_over(self.now) and g.left != 0
        }
        for feature in self.features:
            if any(way.payer in standing for way in self.ways(feature)):
                ends = [grant.end for grant in self.in_burn_order(customer, feature) if grant.end is not None]
                listed[feature] = (self.balance(customer, feature), min(ends, default=None))
        return listed

    # --- grants ---------------------------------------------------------------------------------

    def grant_product(self, customer: str, sku: str, pieces: int, end: datetime | None, key: str | None) -> Done:
        asked = ("product", sku, pieces, end)
        if earlier := self._granted(customer, key, asked):
            return earlier
        product = self._product(sku)
        if not product.active or not product.lines:
            raise No("not_for_sale")
        if end is not None and end <= self.now:
            raise No("invalid")
        grants = self._give(customer, [(sku, line, pieces) for line in product.lines], end)
        return self._remember(customer, key, asked, grants)

    def grant_feature(
        self,
        customer: str,
        feature: str,
        quantity: int | None,
        span: Span | None,
        end: datetime | None,
        key: str | None,
    ) -> Done:
        asked = ("feature", feature, quantity, span, end)
        if span is not None and end is not None:
            raise No("invalid")
        if earlier := self._granted(customer, key, asked):
            return earlier
        if feature not in self.features:
            raise No("feature_not_found")
        if end is not None and end <= self.now:
            raise No("invalid")
        grants = self._give(customer, [(None, Line(feature, quantity, span), 1)], end)
        return self._remember(customer, key, asked, grants)

    def _granted(self, customer: str, key: str | None, asked: tuple[Any, ...]) -> Done | None:
        if key is None or (customer, key) not in self.by_hand:
            return None
        before, grants = self.by_hand[customer, key]
        if before != asked:
            raise No("idempotency_conflict")
        return Done(grants, replayed=True, silent=True)

    def _remember(self, customer: str, key: str | None, asked: tuple[Any, ...], grants: list[Grant]) -> Done:
        self.customers.add(customer)
        if key is not None:
            self.by_hand[customer, key] = asked, grants
        return Done(grants)

    def _give(
        self, customer: str, lines: Sequence[tuple[str | None, Line, int]], end: datetime | None = None
    ) -> list[Grant]:
        if any(line.quantity is not None and line.quantity * pieces > MOST_UNITS for _, line, pieces in lines):
            raise No("invalid")
        given: list[Grant] = []
        for sku, line, pieces in lines:
            grant = Grant(
                customer=customer,
                feature=line.feature,
                sku=sku,
                quantity=None if line.quantity is None else line.quantity * pieces,
                priority=line.priority,
                start=self.now,
                end=end,
                pieces=pieces,
                zone=self.zones.get(customer, "UTC"),
            )
            grant.left = grant.quantity
            if end is None and line.span is not None:
                self._set_window(grant, line, pieces)
            self.grants.append(grant)
            given.append(grant)
            self.journal.append((grant, "grant", grant.quantity or 0, self.now))
        return given

    def _set_window(self, grant: Grant, line: Line, pieces: int) -> None:
        assert line.span is not None
        grant.span, grant.anchor = line.span, self.now
        if line.quantity is None:
            grant.periods = pieces
            if before := self._running(grant):
                assert before.end is not None
                grant.start = grant.anchor = before.end
                if before.span == grant.span:
                    grant.anchor, grant.zone = before.anchor, before.zone
                    grant.index = before.index + before.periods
        count, unit = line.span
        assert grant.anchor is not None
        grant.end = later(grant.anchor, count * (grant.index + grant.periods), unit, grant.zone)

    def _running(self, grant: Grant) -> Grant | None:
        """The last grant of the line that this one continues: bought, unlimited within a period, not over."""
        if grant.sku is None:
            return None
        line = [
            other
            for other in self.grants
            if (other.customer, other.sku, other.feature) == (grant.customer, grant.sku, grant.feature)
            and other.quantity is None
            and other.span is not None
            and not other.is_over(self.now)
        ]
        last, reached = None, self.now
        for other in sorted(line, key=lambda each: (each.start, each.id)):
            # What lies behind a gap does not run: what is bought now is usable now.
            if other.end is not None and other.start <= reached and (last is None or other.end > reached):
                last, reached = other, other.end
        return last

    def holder(self, grant: Grant) -> str:
        """Whose books a grant is in."""
        return grant.customer

    def revoke(self, grant: Grant, key: str | None) -> Done:
        if key is not None and (grant.customer, key) in self.adjusted:
            raise No("idempotency_conflict")
        if grant.is_over(self.now):
            return Done(grant, replayed=True)
        grant.revoked_at = self.now
        self.journal.append((grant, "revoke", -(grant.left or 0), self.now))
        if grant.left:
            grant.left, grant.emptied_at = 0, self.now
        return Done(grant)

    def revoke_part(self, grant: Grant, quantity: int, key: str | None) -> Done:
        if key is not None and (earlier := self._adjusted(grant.customer, key, "revoke", grant, quantity)):
            return Done(grant, replayed=earlier.replayed, silent=True)
        problems = {"invalid"} if key is None or grant.left is None else set()
        if grant.left is not None and quantity > (0 if grant.is_over(self.now) else grant.left):
            problems.add("revocation_too_large")
        if problems:
            raise No(*problems)
        assert key is not None
        assert grant.left is not None
        self._change(grant, -quantity, "revoke")
        self.adjusted[self.head(grant.customer), key] = Receipt("revoke", grant, quantity)
        return Done(grant)

    def _change(self, grant: Grant, units: int, kind: str) -> None:
        self.journal.append((grant, kind, units, self.now))
        if grant.left is not None:
            grant.left += units
            assert grant.left >= 0
            grant.emptied_at = self.now if grant.left == 0 else None

    # --- consume and reverse --------------------------------------------------------------------

    def consume(self, customer: str, name: str, quantity: int, sku: str | None, key: str | None) -> Done:
        if customer in self.customers and key is not None and (customer, key) in self.used:
            return self._consumed_before(self.used[customer, key], name, quantity, sku)
        feature = self.resolve(name)
        parts = self._pay(customer, feature, quantity, sku)
        if parts is None:
            raise No("quota_exceeded")
        for part in parts:
            for grant, units in part.draws:
                self._change(grant, -units, "consume")
        usage = Usage(customer, feature, name, quantity, sku, self.balance(customer, feature), parts)
        self.usages.append(usage)
        if key is not None:
            self.used[customer, key] = usage
        return Done(usage)

    def _consumed_before(self, earlier: Usage, name: str, quantity: int, sku: str | None) -> Done:
        try:
            feature = earlier.feature if name == earlier.asked_as else self.resolve(name)
        except No as no:
            # A name that means nothing by now, or too much, cannot be told to be the same.
            raise No("idempotency_conflict", *no.codes) from None
        if (feature, quantity, sku) != (earlier.feature, earlier.quantity, earlier.sku):
            raise No("idempotency_conflict")
        return Done(earlier, replayed=True, silent=True)

    def _pay(self, customer: str, feature: str, quantity: int, sku: str | None) -> list[Part] | None:
        ways = self.ways(feature)
        for way in ways:
            for grant in self.usable(customer, way.payer, sku):
                if grant.left is None:
                    whole = math.ceil(Fraction(quantity) * Fraction(way.units, way.per))
                    return [Part(way.payer, way.per, way.units, quantity, [(grant, whole)])]
        parts, missing = [], quantity
        for way in ways:
            grants = self.usable(customer, way.payer, sku)
            price = Fraction(way.units, way.per)
            here = min(missing, math.floor(sum(grant.left or 0 for grant in grants) / price))
            if here == 0:
                continue
            owed, draws = math.ceil(here * price), []
            for grant in grants:
                taken = min(owed, grant.left or 0)
                owed -= taken
                draws += [(grant, taken)] if taken else []
            parts.append(Part(way.payer, way.per, way.units, here, draws))
            missing -= here
        return parts if missing == 0 else None

    def reverse(self, usage: Usage, quantity: int | None, key: str) -> Done:
        if earlier := self._adjusted(usage.customer, key, "reverse", usage, quantity):
            return earlier
        open_units = usage.quantity - usage.back
        wanted = open_units if quantity is None else quantity
        if wanted > open_units or wanted == 0:
            raise No("reversal_too_large")
        usage.back += wanted
        self._shrink(usage, open_units - wanted)
        receipt = Receipt("reverse", usage, wanted, self.balance(usage.customer, usage.feature))
        self.adjusted[self.head(usage.customer), key] = receipt
        return Done(receipt)

    def _adjusted(self, customer: str, key: str, kind: str, of: Any, quantity: int | None) -> Done | None:
        earlier = self.adjusted.get((customer, key))
        if earlier is None:
            return None
        if earlier.kind != kind or earlier.of is not of or quantity not in (None, earlier.quantity):
            raise No("idempotency_conflict")
        return Done(earlier, replayed=True, silent=True)

    def _shrink(self, usage: Usage, keep: int) -> None:
        """Let a usage have only what its first ``keep`` units cost; what was drawn last goes back first."""
        for part in usage.parts:
            kept = min(keep, part.quantity)
            keep -= kept
            surplus = sum(units for _, units in part.draws) - math.ceil(Fraction(kept * part.units, part.per))
            for place in reversed(range(len(part.draws))):
                grant, units = part.draws[place]
                back = min(units, surplus)
                surplus -= back
                part.draws[place] = grant, units - back
                if back:
                    self._return(grant, back)

    def _return(self, grant: Grant, units: int) -> None:
        if not grant.is_over(self.now):
            self._change(grant, units, "reverse")
            return
        # In and out again: what comes back to a grant that is over is never spendable.
        self.journal.append((grant, "reverse", units, self.now))
        out = "expire" if grant.revoked_at is None else WAYS_OUT[grant.ended_as]
        self.journal.append((grant, out, -units, self.now))
        grant.returned_late = True

    # --- orders and payments --------------------------------------------------------------------

    def create_order(
        self, customer: str, wanted: Sequence[tuple[str, int]], currency: str | None, key: str | None, default: str
    ) -> Done:
        if key is not None and (customer, key) in self.ordered:
            earlier = self.ordered[customer, key]
            same = [(item.sku, item.quantity) for item in earlier.items] == list(wanted)
            if not same or currency not in (None, earlier.currency):
                raise No("idempotency_conflict")
            return Done(earlier, replayed=True, silent=True)
        chosen = self._currency(wanted, currency, default)
        items = [
            Item(sku, quantity, self.products[sku].prices[chosen], list(self.products[sku].lines))
            for sku, quantity in wanted
        ]
        order = Order(customer, items, chosen, at=self.now)
        self._price(order)
        if order.total == 0:
            self._fulfil(order)
        self.customers.add(customer)
        self.orders.append(order)
        if key is not None:
            self.ordered[customer, key] = order
        return Done(order)

    def _price(self, order: Order) -> None:
        """The catalogue's prices are the prices."""

    def _currency(self, wanted: Sequence[tuple[str, int]], asked: str | None, default: str) -> str:
        problems = {self._unsellable(sku, quantity) for sku, quantity in wanted} - {""}
        if problems:
            raise No(*problems)
        shared = set.intersection(*(set(self.products[sku].prices) for sku, _ in wanted))
        if asked is not None:
            choice = shared & {asked}
        else:
            choice = shared & {default} or shared
        if not choice:
            raise No("currency_mismatch")
        if len(choice) > 1:
            raise No("invalid")
        return choice.pop()

    def _unsellable(self, sku: str, quantity: int) -> str:
        if sku not in self.products:
            return "product_not_found"
        product = self.products[sku]
        if not product.active or product.trial or not product.prices:
            return "not_for_sale"
        too_many = any(line.quantity and line.quantity * quantity > MOST_UNITS for line in product.lines)
        return "invalid" if too_many else ""

    def _fulfil(self, order: Order) -> None:
        lines: list[tuple[str | None, Line, int]] = []
        for item in order.items:
            lines += [(item.sku, line, item.quantity) for line in item.lines]
        order.grants = self._give(order.customer, lines)
        order.status, order.paid, order.paid_at = "paid", order.total, self.now

    def confirm(
        self,
        order: Order,
        *,
        method: str,
        id: str,
        capture: str,
        status: str,
        amount: int | None,
        currency: str | None,
    ) -> Done:
        payment = self._payment_of(order, id, capture)
        learned = payment is not None and capture not in ("", payment.capture)
        if payment is not None and learned:
            payment.capture = capture
        arrived = payment is not None and payment.status not in ("", "pending", "failed")
        named = None if amount is None else (amount, currency or order.currency)
        if payment is not None:
            news = payment.status != status or named not in (None, (payment.amount, payment.currency))
            if arrived or not news:
                noted = arrived and status != "succeeded"
                return Done(payment, replayed=True, silent=not learned and not noted)
        else:
            self._refuse_other_orders(order, method, id)
            payment = Payment(order, method, id, capture)
            order.payments.append(payment)
            self.payments.append(payment)
        payment.status = status
        if named is not None:
            (payment.amount, payment.currency), payment.assumed = named, False
        elif payment.assumed:
            # How much it was in another currency, nobody knows.
            payment.currency = currency or order.currency
            payment.amount = (order.due or order.total) if payment.currency == order.currency else 0
        if status == "succeeded":
            self._take(order, payment)
        return Done(payment)

    def _payment_of(self, order: Order, id: str, capture: str) -> Payment | None:
        """The payment that a notice is about; captures are told apart when both sides name one."""
        same = sorted((each for each in order.payments if each.id == id), key=lambda each: each.row)
        exact = [each for each in same if each.capture == capture]
        return next(iter([*exact, *(each for each in same if "" in (each.capture, capture))]), None)

    def _refuse_other_orders(self, order: Order, method: str, id: str) -> None:
        for other in self.payments:
            if (
                other.order is not order
                and other.id == id
                and (other.method == method or "default" in (other.method, method))
            ):
                raise No("payment_conflict")

    def _take(self, order: Order, payment: Payment) -> None:
        if order.status == "paid" and (payment.amount, payment.currency) == (0, order.currency):
            pass
        elif order.status == "cancelled":
            payment.code = "order_cancelled"
        elif order.status not in ("pending", "expired"):
            payment.code = "order_already_paid"
        elif payment.currency != order.currency:
            payment.code = "currency_mismatch"
        elif payment.amount > order.due:
            payment.code = "amount_exceeds_due"
        elif order.status == "expired" and payment.amount < order.due:
            payment.code = "order_expired"
        elif payment.amount == order.due:
            self._fulfil(order)
        else:
            order.paid += payment.amount
        payment.status = "unapplied" if payment.code else "succeeded"
        payment.taker = None if payment.code else order

    def cancel(self, order: Order) -> Done:
        if order.status == "cancelled":
            return Done(order, replayed=True, silent=True)
        if order.status != "pending":
            raise No("wrong_order_state")
        self._close_unpaid(order, "cancelled", "order_cancelled")
        return Done(order)

    def _close_unpaid(self, order: Order, status: str, code: str) -> None:
        """Whoever's money was kept for it gets it back on the list."""
        order.status, order.paid = status, 0
        for payment in self.payments:
            if payment.taker is order and payment.status == "succeeded":
                payment.status, payment.code, payment.taker = "unapplied", code, None

    # --- the books ------------------------------------------------------------------------------

    def books(self, customer: str) -> Counter[tuple[Any, str, int, datetime]]:
        """Every ledger entry that there must be once everything due is written."""
        entries = Counter(
            (grant.id, kind, units, at) for grant, kind, units, at in self.journal if grant.customer == customer
        )
        for grant in self.grants:
            ran_out = grant.revoked_at is None and grant.end is not None and grant.end <= self.now
            if grant.customer == customer and ran_out and grant.left != 0:
                assert grant.end is not None
                entries[grant.id, "expire", -(grant.left or 0), grant.end] += 1
        return entries
