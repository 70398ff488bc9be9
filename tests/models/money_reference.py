"""The money side of the reference: what goes back, is contested, exchanged, made cheaper, shared, and joined.

Written from the design as well. A merge is told as it is: the grants of the absorbed end, and new ones at the survivor
carry on what was left of them. ``heads`` says who stands for whom now.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.models.reference import Done, Grant, Item, Line, No, Order, Payment, Reference, Usage, later

GAVE_ON = ("transferred", "disputed")
HOLD, CAP = timedelta(days=2), 1


@dataclass(eq=False)
class Code:
    """A promotion: a percentage off, or an amount off per currency."""

    name: str
    percent: int | None = None
    amounts: dict[str, int] = field(default_factory=dict)
    skus: frozenset[str] = frozenset()
    most: int | None = None
    most_each: int | None = None
    first_only: bool = False
    uses: list[Order] = field(default_factory=list)


@dataclass(eq=False)
class Refund:
    order: Order
    id: str
    asked: tuple[Any, ...]
    amount: int
    row: Any = None


@dataclass(eq=False)
class Dispute:
    payment: Payment
    order: Order
    id: str
    amount: int
    before: str
    status: str = "disputed"
    row: Any = None


@dataclass(eq=False)
class Exchange:
    customer: str
    sku: str
    pieces: int
    usage: Usage
    grants: list[Grant]
    cost: int
    policies: dict[str, str] = field(default_factory=dict)
    back: int = 0
    row: Any = None


@dataclass(eq=False)
class Referral:
    referrer: str
    referee: str
    at: datetime
    status: str = "pending"
    order: Order | None = None
    grants: list[Grant] = field(default_factory=list)
    row: Any = None


@dataclass(eq=False)
class Merge:
    survivor: str
    absorbed: str
    followed: list[str]
    undone: bool = False
    row: Any = None


class MoneyReference(Reference):
    """Everything that is known, money that goes back and people who are joined included."""

    def __init__(self, now: datetime, zones: dict[str, str]) -> None:
        super().__init__(now, zones)
        self.heads: dict[str, str] = {}
        self.codes: dict[str, Code] = {}
        self.refunds: list[Refund] = []
        self.disputes: list[Dispute] = []
        self.exchanges: list[Exchange] = []
        self.exchanged: dict[tuple[str, str], Exchange] = {}
        self.referrals: list[Referral] = []
        self.merges: list[Merge] = []
        self.sold: dict[str, Payment] = {}

    # --- people who are one -----------------------------------------------------------------------

    def head(self, customer: str) -> str:
        return self.heads.get(customer, customer)

    def family(self, customer: str) -> set[str]:
        head = self.head(customer)
        return {head, *(member for member, stands in self.heads.items() if stands == head)}

    def usable(self, customer: str, payer: str, sku: str | None = None) -> list[Grant]:
        return super().usable(self.head(customer), payer, sku)

    def balances(self, customer: str) -> dict[str, tuple[int | None, datetime | None]]:
        return super().balances(self.head(customer))

    def _last_end(self, customer: str, payer: str) -> set[str]:
        return super()._last_end(self.head(customer), payer)

    def _keeper(self, book: dict[tuple[str, str], Any], customer: str, key: str | None) -> str:
        """Whose book has the key: that of whom the caller named, the survivor's, or the family's."""
        head = self.head(customer)
        order = [customer, head, *sorted(self.family(customer) - {customer, head})]
        return next((member for member in order if key is not None and (member, key) in book), head)

    def consume(self, customer: str, name: str, quantity: int, sku: str | None, key: str | None) -> Done:
        return super().consume(self._keeper(self.used, customer, key), name, quantity, sku, key)

    def grant_product(self, customer: str, sku: str, pieces: int, end: datetime | None, key: str | None) -> Done:
        return super().grant_product(self._keeper(self.by_hand, customer, key), sku, pieces, end, key)

    def grant_feature(self, customer: str, *words: Any) -> Done:
        return super().grant_feature(self._keeper(self.by_hand, customer, words[-1]), *words)

    def _adjusted(self, customer: str, key: str, kind: str, of: Any, quantity: int | None) -> Done | None:
        keeper = self._keeper(self.adjusted, customer, key)
        earlier = self.adjusted.get((keeper, key))
        if earlier is not None and isinstance(of, Grant) and isinstance(earlier.of, Grant):
            of = earlier.of if (earlier.of.root or earlier.of) is (of.root or of) else of
        return super()._adjusted(keeper, key, kind, of, quantity)

    def holder(self, grant: Grant) -> str:
        return self.head(self._carrier(grant).customer)

    def revoke(self, grant: Grant, key: str | None) -> Done:
        carrier = self._carrier(grant)
        if key is not None and (self._keeper(self.adjusted, carrier.customer, key), key) in self.adjusted:
            raise No("idempotency_conflict")
        return super().revoke(carrier, None)

    def revoke_part(self, grant: Grant, quantity: int, key: str | None) -> Done:
        return super().revoke_part(self._carrier(grant), quantity, key)

    def _carrier(self, grant: Grant) -> Grant:
        """Who has (most of) the units of a grant that a merge handed on; of equals the youngest."""
        if grant.revoked_at is None or grant.ended_as != "transferred":
            return grant
        heirs = [heir for heir in self._line(grant.root or grant)[1:] if heir.revoked_at is None]
        heirs = [heir for heir in heirs if not heir.is_over(self.now)] or heirs
        return max(reversed(heirs), key=lambda heir: (heir.left is None, heir.left or 0), default=grant)

    def _give(self, customer: str, lines: Any, end: datetime | None = None) -> list[Grant]:
        return super()._give(self.head(customer), lines, end)

    def merge(self, survivor: str, absorbed: str) -> Done:
        head = self.head(survivor)
        if head == absorbed:
            raise No("merge_refused")
        if absorbed in self.heads:
            raise No("merge_refused")
        followed = [member for member, stands in self.heads.items() if stands == absorbed]
        merge = Merge(head, absorbed, followed)
        self._hand_on(absorbed, head)
        self.heads[absorbed] = head
        for member in followed:
            self.heads[member] = head
        self.merges.append(merge)
        return Done(merge)

    def _hand_on(self, giver: str, receiver: str, roots_of: set[str] | None = None) -> None:
        for grant in list(self.grants):
            mine = grant.customer == giver and not grant.is_over(self.now) and grant.left != 0
            if mine and (roots_of is None or (grant.root is not None and grant.root.customer in roots_of)):
                left = grant.left
                self._end_grant(grant, "transferred")
                self._heir(grant, receiver, left)

    def _end_grant(self, grant: Grant, how: str) -> None:
        """Over for good; what was left goes out the way that says why."""
        out = {"refunded": "refund", "disputed": "dispute", "transferred": "transfer", "revoked": "revoke"}[how]
        self.journal.append((grant, out, -(grant.left or 0), self.now))
        grant.revoked_at, grant.ended_as = self.now, how
        if grant.left:
            grant.left, grant.emptied_at = 0, self.now

    def _heir(self, grant: Grant, customer: str, units: int | None) -> Grant:
        heir = copy.copy(grant)
        heir.id, heir.customer, heir.root = None, customer, grant.root or grant
        heir.quantity = heir.left = units
        heir.emptied_at = heir.revoked_at = None
        heir.ended_as, heir.returned_late = "revoked", False
        self.grants.append(heir)
        self.journal.append((heir, "grant", units or 0, self.now))
        return heir

    def _line(self, root: Grant) -> list[Grant]:
        """A grant and all that carried it on, by age."""
        return [root, *(grant for grant in self.grants if grant.root is root)]

    def _return(self, grant: Grant, units: int) -> None:
        super()._return(grant, units)
        self._returned.append(grant)
        if not grant.is_over(self.now) and grant.customer != self.head(grant.customer):
            # It was empty when its customer was absorbed and had nothing to give on; now it has.
            self._end_grant(grant, "transferred")
        gave_on = grant.revoked_at is not None and grant.ended_as in GAVE_ON and grant.quantity is not None
        if not gave_on or (grant.end is not None and grant.end <= self.now):
            return
        line = self._line(grant.root or grant)
        after = line[line.index(grant) + 1 :]
        if after or grant.ended_as == "transferred":
            # It follows the rest of its line to where that went, and shares its end.
            going_on = [heir for heir in after if heir.revoked_at is None]
            self._followers.append((grant, units, (going_on or after or [None])[-1 if not going_on else 0]))

    def reverse(self, usage: Usage, quantity: int | None, key: str) -> Done:
        self._followers: list[tuple[Grant, int, Grant | None]] = []
        self._returned: list[Grant] = []
        done = super().reverse(usage, quantity, key)
        heirs = [self._heir(grant, self.head(usage.customer), units) for grant, units, _ in self._followers]
        for heir, (_, _, last) in zip(heirs, self._followers, strict=True):
            if last is not None and last.revoked_at is not None:
                self._end_grant(heir, last.ended_as)
        for grant in [*self._returned, *heirs]:
            # While a dispute about their order is open, they wait with the others.
            if grant.revoked_at is None and not grant.is_over(self.now) and self._is_contested(grant.root or grant):
                self._end_grant(grant, "disputed")
        if not done.replayed:
            done.row.balance = self.balance(usage.customer, usage.feature)
        return done

    def may_unmerge(self, absorbed: str) -> Merge:
        """The merge that would be undone; raises No where it must not be."""
        merges = [merge for merge in self.merges if merge.absorbed == absorbed]
        if not merges:
            raise No("unmerge_refused")
        merge = merges[-1]
        apart = self.heads.get(absorbed) != merge.survivor
        if not merge.undone and (apart or self._was_taken_from(merge.survivor, {absorbed, *merge.followed})):
            raise No("unmerge_refused")
        return merge

    def unmerge(self, merge: Merge) -> None:
        self._hand_on(merge.survivor, merge.absorbed, {merge.absorbed, *merge.followed})
        del self.heads[merge.absorbed]
        for member in merge.followed:
            self.heads[member] = merge.absorbed
        merge.undone = True

    def _was_taken_from(self, survivor: str, side: set[str]) -> bool:
        """Whether a refund or a dispute took units that the absorbed side brought."""
        return any(
            kind in ("refund", "dispute") and grant.customer == survivor and grant.root.customer in side
            for grant, kind, _, _ in self.journal
            if grant.root is not None
        )

    # --- orders, and money that goes its own way ------------------------------------------------------

    def create_order(
        self,
        customer: str,
        wanted: Sequence[tuple[str, int]],
        currency: str | None,
        key: str | None,
        default: str,
        code: str | None = None,
    ) -> Done:
        keeper = self._keeper(self.ordered, customer, key)
        if key is not None and (keeper, key) in self.ordered and code != (self.ordered[keeper, key].code or None):
            raise No("idempotency_conflict")
        self._asked = code
        return super().create_order(keeper, wanted, currency, key, default)

    def _price(self, order: Order) -> None:
        """What a code takes off, and whether it may be used."""
        if self._asked is None:
            return
        if self._asked not in self.codes:
            raise No("promotion_not_found")
        code = self.codes[self._asked]
        if code.most is not None and len(code.uses) >= code.most:
            raise No("promotion_refused")
        family = self.family(order.customer)
        own = [each for each in code.uses if each.customer in family]
        if code.most_each is not None and len(own) >= code.most_each:
            raise No("promotion_refused")
        if code.first_only and any(each.customer in family and each.paid_at for each in self.orders):
            raise No("promotion_refused")
        chosen = [item for item in order.items if not code.skus or item.sku in code.skus]
        costs = [item.price * item.quantity for item in chosen]
        if code.percent is not None:
            parts = [cost * code.percent // 100 for cost in costs]
        else:
            if order.currency not in code.amounts or not chosen:
                raise No("promotion_refused")
            parts = shared(min(code.amounts[order.currency], sum(costs)), costs)
        if not any(parts):
            raise No("promotion_refused")
        for item, part in zip(chosen, parts, strict=True):
            item.discount = part
        order.code = code.name
        code.uses.append(order)

    def _release(self, order: Order) -> None:
        if order.code and order in self.codes[order.code].uses:
            self.codes[order.code].uses.remove(order)

    def _close_unpaid(self, order: Order, status: str, code: str) -> None:
        super()._close_unpaid(order, status, code)
        self._release(order)

    def _fulfil(self, order: Order) -> None:
        lately = order.status == "expired"
        super()._fulfil(order)
        if lately and order.code:
            code = self.codes[order.code]
            if code.most is None or len(code.uses) < code.most:
                code.uses.append(order)

    def expire(self) -> list[Order]:
        """Every pending order that is older than a week."""
        old = [order for order in self.orders if order.status == "pending" and order.at <= self.now - timedelta(days=7)]
        for order in old:
            self._close_unpaid(order, "expired", "order_expired")
        return old

    def apply(self, payment: Payment, order: Order) -> Done:
        if payment.status == "succeeded" and payment.taker is order:
            return Done(payment, replayed=True, silent=True)
        if order.customer not in self.family(payment.order.customer):
            raise No("invalid")
        if payment.status != "unapplied":
            raise No("wrong_payment_state")
        code = payment.code
        payment.code = ""
        self._take(order, payment)
        if payment.code:
            payment.status, payment.code = "unapplied", code
            raise No("payment_unapplied")
        payment.code = "" if order is payment.order else code
        return Done(payment)

    def send_back(self, payment: Payment) -> Done:
        if payment.status == "returned":
            return Done(payment, replayed=True, silent=True)
        if payment.status != "unapplied":
            raise No("wrong_payment_state")
        payment.status = "returned"
        return Done(payment)

    # --- refunds ------------------------------------------------------------------------------------

    def refund(
        self, order: Order, id: str, pieces: dict[int, int | None] | None, amount: int | None, policy: str
    ) -> Done:
        asked = (pieces, amount, policy)
        for earlier in self.refunds:
            if (earlier.order, earlier.id) == (order, id):
                if earlier.asked != asked:
                    raise No("idempotency_conflict")
                return Done(earlier, replayed=True, silent=True)
        if any(
            each.status == "disputed" and each.order is order and each.before == "succeeded" for each in self.disputes
        ):
            raise No("dispute_open")
        return Done(self._refund(order, id, asked))

    def _refund(self, order: Order, id: str, asked: tuple[Any, ...]) -> Refund:
        pieces, amount, policy = asked
        left_over = [item for item in order.items if item.pieces_back < item.quantity]
        if order.status not in ("paid", "partially_refunded") and not (order.status == "refunded" and left_over):
            raise No("wrong_order_state")
        chosen = dict.fromkeys(range(1, len(order.items) + 1)) if pieces is None else pieces
        if any(number > len(order.items) for number in chosen):
            raise No("invalid")
        items = [(order.items[number - 1], wanted) for number, wanted in chosen.items()]
        if any(wanted is not None and wanted > item.quantity - item.pieces_back for item, wanted in items):
            raise No("refund_too_large")
        plans = self._by_pieces(order, items, policy) if amount is None else self._by_amount(order, items, amount)
        if not any(self._moves(order, plan) for plan in plans):
            raise No("nothing_to_refund")
        refund = Refund(order, id, asked, sum(plan.money for plan in plans))
        self._take_back([plan for plan in plans if plan.pieces or self._moves(order, plan)])
        order.back += refund.amount
        if order.back:
            order.status = "partially_refunded"
        everything = all(item.pieces_back == item.quantity for item in order.items)
        if order.back == order.paid and (order.paid or everything):
            order.status = "refunded"
            self._release(order)
        self.refunds.append(refund)
        return refund

    def _moves(self, order: Order, plan: Plan) -> bool:
        ends = any(self._going_on(root) for root in plan.gone)
        return bool(plan.money or any(plan.units.values()) or any(plan.spans.values()) or ends)

    def _roots(self, order: Order, item: Item) -> list[Grant]:
        """The grants that an order made for one of its items."""
        start = sum(len(each.lines) for each in order.items[: order.items.index(item)])
        return order.grants[start : start + len(item.lines)]

    def _going_on(self, root: Grant) -> list[Grant]:
        return [grant for grant in self._line(root) if not grant.is_over(self.now)]

    def _unused(self, root: Grant) -> int:
        return sum(grant.left or 0 for grant in self._going_on(root))

    def _used(self, root: Grant) -> int:
        line = self._line(root)
        return -sum(units for grant, kind, units, _ in self.journal if grant in line and kind in ("consume", "reverse"))

    def _running_period(self, root: Grant) -> Grant | None:
        """The grant whose window is the time that is left of an unlimited line."""
        last = self._line(root)[-1]
        is_past = last.end is not None and last.end <= self.now
        kept = last.revoked_at is None or last.ended_as == "disputed"
        return last if root.quantity is None and last.span is not None and kept and not is_past else None

    def _share(self, root: Grant, item: Item, line: Line, pieces: int, policy: str) -> Fraction:
        """The part of the price of so many pieces that one of their features is still worth."""
        going_on = self._going_on(root)
        if policy == "full":
            return Fraction(1)
        if not going_on:
            return Fraction(0)
        window = self._running_period(root) or going_on[-1]
        if window.end is not None and (policy == "pro_rata_time" or line.quantity is None):
            begins = window.start
            if line.quantity is None and window.span is not None and pieces < window.periods:
                count, unit = window.span
                begins = later(window.anchor, count * (window.index + window.periods - pieces), unit, window.zone)
            return time_left(begins, window.end, self.now)
        if line.quantity is not None:
            granted = line.quantity * pieces
            return Fraction(min(self._unused(root), granted), granted)
        return Fraction(0) if self._used(root) else Fraction(1)

    def _by_pieces(self, order: Order, items: list[tuple[Item, int | None]], policy: str) -> list[Plan]:
        plans = []
        for item, wanted in items:
            roots, left = self._roots(order, item), item.quantity - item.pieces_back
            pieces, money_left = wanted or left, item.cost - item.back
            price = item.cost * (item.pieces_back + pieces) // item.quantity
            price -= item.cost * item.pieces_back // item.quantity
            shares = [
                self._share(root, item, line, pieces, policy) for root, line in zip(roots, item.lines, strict=True)
            ]
            share = min(shares, default=Fraction(1)) if pieces else Fraction(policy == "full")
            money = min(math.floor(share * price), money_left)
            if policy == "full" and pieces == left:
                money = money_left
            elif not share or (price and not money and policy != "full"):
                continue
            if pieces == left or (money and money == money_left):
                plans.append(self._whole(item, money, roots))
                continue
            plan = Plan(item, money, pieces)
            for root, line in zip(roots, item.lines, strict=True):
                self._take_pieces(plan, root, line, pieces)
            plans.append(plan)
        return plans

    def _take_pieces(self, plan: Plan, root: Grant, line: Line, pieces: int) -> None:
        if line.quantity is not None:
            plan.units[root] = min(self._unused(root), line.quantity * pieces)
        elif (window := self._running_period(root)) and window.span is not None and window.end is not None:
            count, unit = window.span
            end = later(window.anchor, count * (window.index + window.periods - pieces), unit, window.zone)
            if end <= self.now:
                plan.gone.append(root)
            else:
                plan.spans[root] = pieces

    def _whole(self, item: Item, money: int, roots: list[Grant]) -> Plan:
        plan = Plan(item, money, item.quantity - item.pieces_back, whole=True)
        plan.gone = list(roots)
        plan.units = {root: self._unused(root) for root in roots if root.quantity is not None}
        return plan

    def _by_amount(self, order: Order, items: list[tuple[Item, int | None]], amount: int) -> list[Plan]:
        lefts = [item.cost - item.back for item, _ in items]
        if amount > sum(lefts):
            raise No("refund_too_large")
        plans = []
        for (item, _), left, part in zip(items, lefts, shared(amount, lefts), strict=True):
            roots = self._roots(order, item)
            if amount == sum(lefts) or (part and part == left):
                plans.append(self._whole(item, part, roots))
            elif part:
                plan = Plan(item, part, 0)
                for root in roots:
                    if root.quantity is not None:
                        line = self._line(root)
                        gone = -sum(u for grant, kind, u, _ in self.journal if grant in line and kind == "refund")
                        wanted = root.quantity * (item.back + part) // item.cost - gone
                        plan.units[root] = min(self._unused(root), max(wanted, 0))
                plans.append(plan)
        return plans

    def _take_back(self, plans: list[Plan]) -> None:
        kept: dict[Grant, int] = {}
        for plan in plans:
            for root in [*plan.gone, *plan.spans]:
                if window := self._running_period(root):
                    kept[window] = window.periods - plan.spans[root] if root in plan.spans else 0
        chain = self._chain(kept)
        for plan in plans:
            for root in plan.gone:
                for grant in self._going_on(root):
                    self._end_grant(grant, "refunded")
            for root, units in plan.units.items():
                wanted = 0 if root in plan.gone else units
                for grant in self._going_on(root):
                    taken = min(wanted, grant.left or 0)
                    wanted -= taken
                    if taken:
                        self._change(grant, -taken, "refund")
            plan.item.back += plan.money
            plan.item.pieces_back += plan.pieces
        self._move_up(chain, kept)

    def _chain(self, kept: dict[Grant, int]) -> list[Grant]:
        """The periods that lose something, and those of the same lines that wait behind them."""
        lines = {(grant.customer, grant.sku, grant.feature) for grant in kept}
        waiting = [
            grant
            for grant in self.grants
            if (grant.customer, grant.sku, grant.feature) in lines
            and grant not in kept
            and grant.quantity is None
            and grant.span is not None
            and grant.revoked_at is None
            and grant.start > self.now
        ]
        return sorted([*kept, *waiting], key=lambda grant: (grant.start, grant.id))

    def _move_up(self, chain: list[Grant], kept: dict[Grant, int]) -> None:
        """What followed without a gap begins where what is left before it ends."""
        freed: dict[datetime, list[tuple[datetime, Any, Any, int]]] = {}
        for grant in chain:
            places = freed.get(grant.start, [])
            places.sort(key=lambda place: place[1] != grant.anchor)
            place = places.pop(0) if places else None
            if place is None and grant not in kept:
                continue
            old_end, old_anchor, periods = grant.end, grant.anchor, kept.get(grant, grant.periods)
            start, anchor, index = grant.start, grant.anchor, grant.index
            if place is not None:
                start = place[0]
                anchor, index = (place[2], place[3]) if place[1] == grant.anchor else (place[0], 0)
            assert grant.span is not None
            count, unit = grant.span
            if periods:
                grant.start, grant.anchor, grant.index, grant.periods = start, anchor, index, periods
                grant.end = later(anchor, count * (index + periods), unit, grant.zone)
                left = (grant.end, old_anchor, anchor, index + periods)
            elif start <= self.now:
                left = (self.now, old_anchor, self.now, 0)
            else:
                left = (start, old_anchor, anchor, index)
            if old_end is not None:
                freed.setdefault(old_end, []).append(left)

    # --- disputes -------------------------------------------------------------------------------------

    def dispute(self, payment: Payment, id: str, amount: int | None) -> Done:
        for earlier in self.disputes:
            if (earlier.payment, earlier.id) == (payment, id):
                if amount not in (None, earlier.amount):
                    raise No("idempotency_conflict")
                return Done(earlier, replayed=True, silent=True)
        problems = {"invalid"} if amount is not None and amount > payment.amount else set()
        if payment.status == "disputed":
            problems.add("dispute_open")
        elif payment.status not in ("succeeded", "unapplied"):
            problems.add("wrong_payment_state")
        if problems:
            raise No(*problems)
        order = payment.taker or payment.order
        if payment.status == "succeeded" and order.status in ("pending", "expired"):
            # Money that its payer wants back does not help to pay an order.
            if order is payment.order:
                payment.code = "payment_disputed"
            payment.status, payment.taker = "unapplied", None
            order.paid -= payment.amount
        dispute = Dispute(payment, order, id, payment.amount if amount is None else amount, payment.status)
        payment.status = "disputed"
        if dispute.before == "succeeded":
            self._take_for_now(order)
        self.disputes.append(dispute)
        return Done(dispute)

    def _is_contested(self, root: Grant) -> bool:
        open_ones = [each for each in self.disputes if each.status == "disputed" and each.before == "succeeded"]
        return root.quantity is not None and any(root in each.order.grants for each in open_ones)

    def _take_for_now(self, order: Order) -> None:
        for root in order.grants:
            for grant in self._line(root):
                if not grant.is_over(self.now) and grant.left != 0:
                    self._end_grant(grant, "disputed")

    def _give_again(self, order: Order) -> None:
        """Heirs for what waits of each line whose time is not over."""
        for root in order.grants:
            line = self._line(root)
            last = line[-1]
            if last.end is not None and last.end <= self.now:
                continue
            if root.quantity is None:
                if last.revoked_at is not None and last.ended_as == "disputed":
                    self._heir(last, self.head(order.customer), None)
                continue
            out = -sum(u for grant, kind, u, _ in self.journal if grant in line and kind in ("transfer", "dispute"))
            waits = out - sum(heir.quantity or 0 for heir in line[1:])
            if waits:
                self._heir(last, self.head(order.customer), waits)

    def decide(self, dispute: Dispute, outcome: str) -> Done:
        if dispute.status == outcome:
            return Done(dispute, replayed=True, silent=True)
        if dispute.status != "disputed":
            raise No("wrong_dispute_state")
        payment, order = dispute.payment, dispute.order
        dispute.status = outcome
        payment.status = dispute.before if outcome == "won" else "lost"
        others = [each for each in self.disputes if each.status == "disputed" and each.order is order]
        others = [each for each in others if each.before == "succeeded"]
        if dispute.before != "succeeded":
            if outcome == "won" and payment.code == "payment_disputed":
                payment.code = ""
                self._take(payment.order, payment)
                if payment.code:
                    payment.code = "payment_disputed"
        elif outcome == "won":
            if not others:
                self._give_again(order)
        else:
            self._give_again(order)
            left = order.paid - order.back
            if amount := min(dispute.amount, left):
                self._refund(order, f"dispute:{id(dispute)}", (None, None if amount == left else amount, "full"))
            if others:
                self._take_for_now(order)
        return Done(dispute)

    # --- exchange ---------------------------------------------------------------------------------------

    def exchange(self, customer: str, sku: str, pieces: int, feature: str | None, key: str) -> Done:
        keeper = self._keeper(self.exchanged, customer, key)
        if earlier := self.exchanged.get((keeper, key)):
            same = (earlier.sku, earlier.pieces) == (sku, pieces) and feature in (None, earlier.usage.feature)
            if not same:
                raise No("idempotency_conflict")
            return Done(earlier, replayed=True, silent=True)
        product = self._product(sku)
        if not product.active or product.trial or not product.units or not product.lines:
            raise No("not_for_sale")
        if feature is None and len(product.units) > 1:
            raise No("invalid")
        payer = feature or next(iter(product.units))
        if payer not in product.units:
            raise No("not_for_sale")
        cost, head = product.units[payer] * pieces, self.head(customer)
        parts = self._pay(head, payer, cost, None)
        if parts is None:
            raise No("quota_exceeded")
        for part in parts:
            for grant, units in part.draws:
                self._change(grant, -units, "consume")
        usage = Usage(head, payer, payer, cost, None, self.balance(head, payer), parts)
        self.usages.append(usage)
        grants = self._give(head, [(sku, line, pieces) for line in product.lines])
        made = Exchange(head, sku, pieces, usage, grants, cost)
        self.exchanges.append(made)
        self.exchanged[head, key] = made
        return Done(made)

    def refund_exchange(self, made: Exchange, key: str, policy: str) -> Done:
        if self._adjusted(made.customer, key, "reverse", made.usage, None):
            if made.policies.get(key, policy) != policy:
                raise No("idempotency_conflict")
            return Done(made, replayed=True, silent=True)
        lines = self.products[made.sku].lines and [Line(g.feature, g.quantity, g.span) for g in made.grants]
        parts = [self._share_given(root, policy) for root, _ in zip(made.grants, lines, strict=True)]
        units = min(math.floor(min(parts) * made.cost), made.cost - made.back, made.usage.quantity - made.usage.back)
        if units < 1:
            raise No("nothing_to_refund")
        kept = {
            grant: 0 for root in made.grants for grant in self._going_on(root) if grant.quantity is None and grant.span
        }
        chain = self._chain(kept)
        self.reverse(made.usage, units, key)
        for root in made.grants:
            for grant in self._going_on(root):
                self._end_grant(grant, "refunded")
        self._move_up(chain, kept)
        made.back += units
        made.policies[key] = policy
        return Done(made)

    def _share_given(self, root: Grant, policy: str) -> Fraction:
        going_on = self._going_on(root)
        if policy == "full":
            return Fraction(1)
        if not going_on:
            return Fraction(0)
        window = going_on[-1]
        if window.end is not None and (policy == "pro_rata_time" or root.quantity is None):
            whole = Fraction((window.end - window.start) / timedelta(microseconds=1))
            return max(
                Fraction(0), min(Fraction(1), Fraction((window.end - self.now) / timedelta(microseconds=1)) / whole)
            )
        if root.quantity is not None:
            return Fraction(min(self._unused(root), root.quantity), root.quantity)
        line = self._line(root)
        return Fraction(not any(grant in line and kind == "consume" for grant, kind, _, _ in self.journal))

    # --- referrals --------------------------------------------------------------------------------------

    def refer(self, referrer: str, referee: str) -> Done:
        bringer, brought = self.head(referrer), self.head(referee)
        if bringer == brought:
            raise No("self_referral")
        earlier = [each for each in self.referrals if each.referee in self.family(brought)]
        if earlier:
            for each in earlier:
                if self.head(each.referrer) == bringer:
                    return Done(each, replayed=True, silent=True)
            raise No("already_referred")
        if brought in self._above(bringer):
            raise No("referral_cycle")
        referral = Referral(bringer, brought, self.now)
        self.referrals.append(referral)
        self.customers |= {referrer, referee}
        return Done(referral)

    def _above(self, customer: str) -> set[str]:
        """Everybody who brought a customer, through however many others."""
        found: set[str] = set()
        todo = {self.head(customer)}
        while todo - found:
            found |= todo
            members = {member for head in found for member in self.family(head)}
            todo = {self.head(each.referrer) for each in self.referrals if each.referee in members}
        return found

    def settle_referrals(self) -> None:
        for referral in self.referrals:
            self._settle(referral)

    def _settle(self, referral: Referral) -> str:
        """Do what is due, and say what that was."""
        order = referral.order or self._first_payment(referral)
        if referral.status == "taken_back" or order is None:
            return ""
        # A dispute about money that the order never took is none about it.
        counted = [p for p in self.payments if p.taker is order]
        undone = order.status == "refunded" or any(payment.status == "lost" for payment in counted)
        one = self.head(referral.referrer) == self.head(referral.referee)
        if referral.status == "pending":
            if one:
                return ""
            referral.status, referral.order = "qualified", order
        assert order.paid_at is not None
        if undone:
            for root in referral.grants:
                for grant in self._going_on(root):
                    self._end_grant(grant, "revoked")
            referral.status = "taken_back"
            return "taken_back"
        disputed = any(payment.status == "disputed" for payment in counted)
        if referral.status != "qualified" or disputed or one or self.now < order.paid_at + HOLD:
            return ""
        family = self.family(referral.referrer)
        rewarded = [each for each in self.referrals if each.referrer in family and each.status == "rewarded"]
        capped = len(rewarded) >= CAP
        referral.grants = self._reward(referral.referee, "pass")
        referral.grants += [] if capped else self._reward(referral.referrer, "coins")
        referral.status = "capped" if capped else "rewarded"
        return "rewarded"

    def _reward(self, customer: str, sku: str) -> list[Grant]:
        return self._give(customer, [(sku, line, 1) for line in self.products[sku].lines])

    def _first_payment(self, referral: Referral) -> Order | None:
        family = self.family(referral.referee)
        paid = [order for order in self.orders if order.customer in family and order.paid_at and order.total]
        first = min(paid, key=lambda order: (order.paid_at, order.id), default=None)
        return first if first is not None and first.paid_at and first.paid_at >= referral.at else None


@dataclass(eq=False)
class Plan:
    """What a refund does to one item: money, pieces, units of grants, the last periods of some, the end of others."""

    item: Item
    money: int
    pieces: int
    whole: bool = False
    units: dict[Grant, int] = field(default_factory=dict)
    spans: dict[Grant, int] = field(default_factory=dict)
    gone: list[Grant] = field(default_factory=list)


def time_left(start: datetime, end: datetime, now: datetime) -> Fraction:
    """The part of a stretch of time that is still to come."""
    if now <= start:
        return Fraction(1)
    tick = timedelta(microseconds=1)
    return max(Fraction(0), Fraction((end - now) // tick, (end - start) // tick))


def shared(amount: int, parts: Sequence[int]) -> list[int]:
    """An amount over parts by their size: what the fractions leave goes to the largest of them, the first first."""
    whole = sum(parts)
    if not whole:
        return [0 for _ in parts]
    exact = [Fraction(amount * part, whole) for part in parts]
    given = [math.floor(each) for each in exact]
    ranked = sorted(range(len(parts)), key=lambda place: (given[place] - exact[place], place))
    for place in ranked[: amount - sum(given)]:
        given[place] += 1
    return given
