"""Subscriptions over time, in plain Python: what is paid for again and again, and what that gives.

A period is paid for; the next one begins where it ends, whoever pays when. Access goes on for the grace, but never into
the period after the one that was missed. A pause takes everything out of time, and puts what is left back into it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.models.reference import No, Span, later
from tests.models.time_reference import Allowance, Draw, Grant, Line, TimeReference

ENDS = 3
"""The rank of the end of a subscription among what happens at one instant."""

LEAD = timedelta(days=3)
TO_PAY = max(LEAD, timedelta(days=1))
"""How long what comes back with nothing left can be paid for at least."""

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    lines: list[Line]
    every: Span
    grace: timedelta


@dataclass(eq=False)
class Order:
    """What one period costs; ``gave`` is what it brought once it was paid."""

    sku: str
    seats: int
    subscription: Subscription | None = None
    status: str = "pending"
    expires: datetime | None = None
    index: int = 0
    gave: list[Grant] = field(default_factory=list)
    allowances: list[Allowance] = field(default_factory=list)
    is_disputed: bool = False
    is_part_of_change: bool = False


@dataclass(eq=False, kw_only=True)
class Subscription:
    number: int
    sku: str
    seats: int
    every: Span
    grace: timedelta
    zone: str
    anchor: datetime
    anchor_index: int = 0
    index: int = 0
    begins: datetime
    until: datetime
    access: datetime
    is_cancelled: bool = False
    ended: str = ""
    pause: tuple[datetime, datetime | None] | None = None
    before: tuple[datetime, int, datetime] | None = None
    aside: dict[Grant, tuple[datetime, datetime | None]] = field(default_factory=dict)
    is_disputed: bool = False
    following: tuple[str, int] | None = None
    renewal: Order | None = None
    orders: list[Order] = field(default_factory=list)

    def boundary(self, index: int) -> datetime:
        """Where a period begins."""
        count, unit = self.every
        return later(self.anchor, count * (index - self.anchor_index), unit, self.zone)

    def next_from(self, instant: datetime) -> None:
        """Let the next period begin at an instant, and those after it be counted from there."""
        if self.boundary(self.index + 1) != instant:
            self.anchor, self.anchor_index = instant, self.index + 1
        self.until = instant

    @property
    def length(self) -> timedelta:
        return self.until - self.begins

    def by_rule(self) -> datetime:
        """Until when it can be used if nothing more is paid."""
        if self.is_cancelled:
            return self.until
        grace = self.grace
        if self.pause is not None and self.pause[1] == self.until:
            # A pause ends with nothing left over: what comes next could not be ordered before.
            grace = max(grace, TO_PAY)
        return max(self.until, min(self.until + grace, self.boundary(self.index + 2)))

    def has_begun(self, now: datetime) -> bool:
        """Whether the latest period has begun; a pause whose end is known moves it, and stops it meanwhile."""
        if self.pause is None or (self.pause[1] is not None and self.pause[1] <= now):
            return self.begins <= now
        starts, ends = self.pause
        if now < starts:
            return self.begins - (timedelta(0) if ends is None else ends - starts) <= now
        return self.begins <= (ends or starts)

    def is_paused(self, now: datetime) -> bool:
        return self.pause is not None and self.pause[0] <= now and (self.pause[1] is None or now < self.pause[1])

    def status(self, now: datetime) -> str:
        if self.ended:
            return "ended"
        if self.is_disputed:
            return "suspended"
        if self.is_paused(now):
            return "paused"
        if self.is_cancelled:
            return "cancelled"
        return "active" if now < self.until else "past_due"

    @property
    def gave(self) -> Iterator[Grant]:
        """All that it gave and that is not over."""
        for order in self.orders:
            yield from (grant for grant in order.gave if not grant.is_over)


class SubscriptionReference(TimeReference):
    """What a customer has, and what they pay for again and again."""

    def __init__(self, plans: dict[str, Plan], *args: Any) -> None:
        super().__init__(*args)
        self.plans = plans
        self.subscriptions: list[Subscription] = []
        self.orders: list[Order] = []

    # --- time

    def moments(self) -> Iterator[datetime]:
        yield from super().moments()
        for each in self.subscriptions:
            yield from () if each.ended else (each.until, each.access, self._renews(each))
            yield from (at for at in each.pause or () if at is not None)

    def _happen(self, rank: int, thing: Any) -> None:
        if rank != ENDS:
            super()._happen(rank, thing)
        elif thing.access == self.now and not (thing.ended or thing.is_disputed or thing.is_paused(self.now)):
            thing.ended = "cancelled" if thing.is_cancelled else "unpaid"

    def _access(self, subscription: Subscription, until: datetime) -> None:
        """Let it be used until an instant, with what its latest period brought; or no more, where that is over."""
        subscription.access = until
        self._plan(until, ENDS, subscription)
        self._stretch(subscription, until)

    def _stretch(self, subscription: Subscription, until: datetime) -> None:
        if subscription.pause is not None and self.now < subscription.pause[0]:
            until = min(until, subscription.pause[0])
        for grant in self._latest(subscription):
            if grant.end is not None:
                grant.end = max(until, self.now)
                self._plan(grant.end, 0, grant)
                if grant.end <= max(self.now, grant.start):
                    self._end(grant)
        for order in subscription.orders:
            for allowance in order.allowances if order.index == subscription.index else ():
                if not allowance.is_over and (allowance.end is None or allowance.end > self.now):
                    self._recount(allowance, max(subscription.until, self.now))

    def _latest(self, subscription: Subscription) -> list[Grant]:
        """What the latest period brought for as long as it lasts: not what has a period of its own.

        Where that went back before it began, what the one before it brought lasts in its place.
        """
        went_back = subscription.begins == subscription.until
        return [
            grant
            for order in subscription.orders
            for grant in order.gave
            if grant.is_a_part and not grant.is_over
            if order.index == subscription.index or (went_back and grant.end and grant.end >= subscription.begins)
        ]

    def _recount(self, allowance: Allowance, until: datetime) -> None:
        """Let an allowance end somewhere else."""
        if until <= allowance.anchor:
            self.revoke_allowance(allowance)
            return
        allowance.end = until
        allowance.next = allowance.start(allowance.index + 1)
        self._plan(allowance.next, 1, allowance)
        for grant in [grant for grant in self.running if grant.allowance is allowance]:
            lasts = allowance.line.rollover[1] if allowance.line.rollover and grant.source == "rollover" else 0
            grant.end = allowance.finish(grant.index + lasts)
            self._plan(grant.end, 0, grant)

    # --- paying

    def subscribe(self, sku: str, seats: int) -> Order:
        self.orders.append(Order(sku, seats))
        return self.orders[-1]

    def renew(self, subscription: Subscription) -> tuple[Order, bool]:
        """The order for the next period, and whether it was there before."""
        if subscription.status(self.now) not in ("active", "past_due"):
            raise No("wrong_subscription_state")
        if subscription.renewal is not None and subscription.renewal.status == "pending":
            return subscription.renewal, True
        self._drop_renewal(subscription)
        order = self.subscribe(*(subscription.following or (subscription.sku, subscription.seats)))
        order.subscription, subscription.renewal, order.expires = subscription, order, subscription.access
        return order, False

    def due_for_renewal(self) -> list[Subscription]:
        return [
            each
            for each in self.subscriptions
            if each.status(self.now) in ("active", "past_due")
            and each.renewal is None
            and self._renews(each) <= self.now
            and not (each.pause is not None and each.pause[1] is None)
        ]

    def _renews(self, subscription: Subscription) -> datetime:
        return max(subscription.until - LEAD, subscription.begins)

    def _drop_renewal(self, subscription: Subscription) -> None:
        """Let no order wait for the next period; what expired takes no money any more."""
        for order in self.orders:
            if order.subscription is subscription and order.status in ("pending", "expired"):
                order.status = "cancelled"
        subscription.renewal = None

    def cancel_order(self, order: Order) -> bool:
        """Whether it was cancelled already."""
        if order.status == "cancelled":
            return True
        if order.status != "pending":
            raise No("wrong_order_state")
        self._call_off(order, "cancelled")
        return False

    def expire(self) -> int:
        """How many orders nobody paid in time. They still take their money, until another one is made."""
        late = [each for each in self.orders if each.status == "pending" and each.expires and each.expires <= self.now]
        for order in late:
            self._call_off(order, "expired")
        return len(late)

    def _call_off(self, order: Order, status: str) -> None:
        order.status = status
        assert order.subscription is not None
        order.subscription.renewal = None

    def take_money(self, order: Order) -> bool:
        """Whether the order took the money."""
        if order.status not in ("pending", "expired"):
            return False
        order.status = "paid"
        subscription = order.subscription
        if subscription is None:
            subscription = order.subscription = self._begin(order)
        else:
            self._extend(subscription, order)
        order.index = subscription.index
        subscription.orders.append(order)
        for line in self.plans[order.sku].lines:
            left = None if line.quantity is None else line.quantity * order.seats
            self._bring(subscription, order, line, subscription.begins, left)
        self.move(self.now)
        return True

    def _begin(self, order: Order) -> Subscription:
        plan = self.plans[order.sku]
        subscription = Subscription(
            number=next(self.numbers),
            sku=order.sku,
            seats=order.seats,
            every=plan.every,
            grace=plan.grace,
            zone=self.zone,
            anchor=self.now,
            begins=self.now,
            until=self.now,
            access=self.now,
        )
        subscription.until = subscription.boundary(1)
        self.subscriptions.append(subscription)
        self._access(subscription, subscription.by_rule())
        return subscription

    def _extend(self, subscription: Subscription, order: Order) -> None:
        """The next period begins where the last one ends; now, if all was over, or the period itself would be."""
        plan, starts = self.plans[order.sku], self.now
        if subscription.is_disputed:
            # It was the period before this one that nobody may have paid for.
            self._lift(subscription)
        if subscription.ended:
            subscription.ended, subscription.is_cancelled, subscription.pause = "", False, None
            subscription.is_disputed = False
        else:
            self._pick_up(subscription)
            if self._would_end(subscription, plan) > self.now:
                starts = subscription.until
            self._stretch(subscription, starts)
        self._drop_renewal(subscription)
        subscription.following = None
        if plan.every != subscription.every:
            subscription.every = plan.every
            subscription.anchor, subscription.anchor_index = starts, subscription.index + 1
        subscription.next_from(starts)
        subscription.sku, subscription.seats, subscription.grace = order.sku, order.seats, plan.grace
        subscription.index += 1
        subscription.begins, subscription.until = starts, subscription.boundary(subscription.index + 1)
        self._access(subscription, subscription.by_rule())

    def _would_end(self, subscription: Subscription, plan: Plan) -> datetime:
        """When the next period ends that begins where the last one ends."""
        if plan.every != subscription.every or subscription.boundary(subscription.index + 1) != subscription.until:
            return later(subscription.until, *plan.every, subscription.zone)
        return subscription.boundary(subscription.index + 2)

    def _bring(self, subscription: Subscription, order: Order, line: Line, starts: datetime, left: int | None) -> None:
        seats = order.seats
        if line.reset is not None:
            allowance = Allowance(
                number=next(self.numbers),
                line=line,
                pieces=seats,
                anchor=starts,
                end=subscription.until,
                zone=self.zone,
            )
            self.allowances.append(allowance)
            order.allowances.append(allowance)
            present, self.now = self.now, starts
            grant = self._give(allowance)
            self.now = present
        elif line.span is not None:
            # A period of its own is not over before it could be used.
            starts = max(starts, self.now)
            end = later(starts, *line.span, self.zone)
            grant = self._issue(line, seats, "order", left, starts, end, starts)
        else:
            grant = self._issue(line, seats, "order", left, starts, subscription.access, subscription.anchor)
            grant.is_a_part = True
        order.gave.append(grant)

    # --- stopping

    def cancel(self, subscription: Subscription, *, at_period_end: bool) -> bool:
        """Whether it was cancelled so already."""
        if subscription.ended and subscription.ended != "cancelled":
            raise No("wrong_subscription_state")
        if subscription.ended or (subscription.is_cancelled and at_period_end):
            return True
        self._drop_renewal(subscription)
        if subscription.pause is not None and self.now < subscription.pause[0]:
            # Where the pause would begin it ends.
            self._pick_up(subscription)
        subscription.is_cancelled = True
        if at_period_end and (subscription.is_paused(self.now) or self.now < subscription.until):
            self._access(subscription, subscription.until)
        else:
            self._finish(subscription, "cancelled")
        return False

    def _finish(self, subscription: Subscription, how: str) -> None:
        subscription.ended = how
        for order in subscription.orders:
            for allowance in order.allowances:
                self.revoke_allowance(allowance)
            self._end_all(order.gave)

    def undo_cancel(self, subscription: Subscription) -> bool:
        """Whether there was nothing to undo."""
        if subscription.ended:
            raise No("wrong_subscription_state")
        if not subscription.is_cancelled:
            return True
        subscription.is_cancelled = False
        self._access(subscription, max(subscription.access, subscription.by_rule()))
        return False

    # --- standing still

    def pause(self, subscription: Subscription, *, at_period_end: bool, resumes: datetime | None) -> bool:
        """Whether a pause was going on, or to come."""
        status = subscription.status(self.now)
        if subscription.pause is not None and not subscription.ended:
            if subscription.pause[1] is None or self.now < subscription.pause[1]:
                return True
        if status != "active":
            raise No("wrong_subscription_state")
        begins = subscription.until if at_period_end else self.now
        if resumes is not None and resumes <= begins:
            raise No("invalid")
        if not at_period_end and any(self._recurs(allowance) for allowance in self._allowances(subscription)):
            raise No("pause_refused")
        if at_period_end and any(self._outlasts(subscription, grant) for grant in subscription.gave):
            raise No("pause_refused")
        self._drop_renewal(subscription)
        subscription.pause = begins, resumes
        subscription.before = subscription.anchor, subscription.anchor_index, subscription.begins
        if at_period_end:
            self._access(subscription, subscription.until)
            if resumes is not None:
                self._postpone(subscription, resumes - begins)
                subscription.access = subscription.by_rule()
                self._plan(subscription.access, ENDS, subscription)
        elif resumes is None:
            for grant in subscription.gave:
                subscription.aside[grant] = max(grant.start, self.now), grant.end
                grant.start, grant.end = datetime.max.replace(tzinfo=self.now.tzinfo), None
        else:
            self._shift(subscription, resumes - self.now, self.now)
        return False

    def _recurs(self, allowance: Allowance) -> bool:
        return not allowance.is_over and (allowance.end is None or self.now < allowance.end)

    def _outlasts(self, subscription: Subscription, grant: Grant) -> bool:
        """Whether it has a period of its own, which goes on after the one that is paid for."""
        has_its_own = not grant.is_a_part and grant.allowance is None
        return has_its_own and (grant.end is None or grant.end > max(subscription.until, self.now))

    def _allowances(self, subscription: Subscription) -> Iterable[Allowance]:
        return (allowance for order in subscription.orders for allowance in order.allowances)

    def resume(self, subscription: Subscription) -> bool:
        """Whether there was no pause to end."""
        if subscription.status(self.now) in ("ended", "suspended"):
            raise No("wrong_subscription_state")
        return not self._pick_up(subscription)

    def _pick_up(self, subscription: Subscription) -> bool:
        if subscription.pause is None:
            return False
        begins, resumes = subscription.pause
        if resumes is not None and resumes <= self.now:
            return False
        if self.now < begins:
            assert subscription.before is not None
            subscription.anchor, subscription.anchor_index, subscription.begins = subscription.before
            subscription.until, subscription.pause = begins, None
        elif resumes is not None:
            if resumes == subscription.until:
                # It began where the period ended, and moved nothing but what comes next.
                self._postpone(subscription, self.now - resumes)
            else:
                self._shift(subscription, self.now - resumes, resumes)
            subscription.pause = begins, self.now
        else:
            span = self.now - begins
            for grant, (start, end) in subscription.aside.items():
                if not grant.is_over:
                    grant.start, grant.end = start + span, None if end is None else end + span
                    self._plan(grant.end, 0, grant)
            self._postpone(subscription, span)
            subscription.pause = begins, self.now
        subscription.aside = {}
        self._access(subscription, subscription.by_rule())
        return True

    def _shift(self, subscription: Subscription, span: timedelta, since: datetime) -> None:
        """Move what is left since an instant."""
        for grant in subscription.gave:
            grant.start = max(grant.start, since) + span
            grant.end = None if grant.end is None else grant.end + span
            self._plan(grant.end, 0, grant)
        self._postpone(subscription, span)
        subscription.access = subscription.by_rule()
        self._plan(subscription.access, ENDS, subscription)

    def _postpone(self, subscription: Subscription, span: timedelta) -> None:
        subscription.begins += span
        subscription.next_from(subscription.until + span)

    # --- changing

    def change_at_end(self, subscription: Subscription, sku: str, seats: int) -> None:
        """From the next period on it is another plan, or has another number of seats."""
        if subscription.status(self.now) != "active":
            raise No("wrong_subscription_state")
        if (sku, seats) == (subscription.sku, subscription.seats):
            raise No("nothing_to_change")
        self._drop_renewal(subscription)
        subscription.following = sku, seats

    def gift(self, subscription: Subscription, sku: str, units: str) -> Order:
        """Another plan for what is left of this period, for nothing: the order of it, which is paid.

        What was used in the period and what is given add up to no more than the new plan gives in one.
        """
        if subscription.status(self.now) != "active":
            raise No("wrong_subscription_state")
        if sku == subscription.sku:
            raise No("nothing_to_change")
        if subscription.begins > self.now:
            raise No("period_paid_ahead")
        plan, orders = self.plans[sku], self._of_period(subscription)
        comes_anew = any(line.reset for line in plan.lines) or any(order.allowances for order in orders)
        if comes_anew or (subscription.pause is not None and self.now < subscription.pause[0]):
            raise No("invalid")
        if plan.every != subscription.every or units in ("regrant", "carry_balance"):
            raise No("unpaid_units")
        given = self.given_by(subscription, sku, units)
        for order in orders:
            order.is_part_of_change = True
            self._release(order)
            self._end_all(order.gave)
        self._drop_renewal(subscription)
        subscription.sku, subscription.grace, subscription.following = sku, plan.grace, None
        order = self.subscribe(sku, subscription.seats)
        order.status, order.subscription, order.index = "paid", subscription, subscription.index
        order.is_part_of_change = True
        subscription.orders.append(order)
        subscription.access = subscription.by_rule()
        self._plan(subscription.access, ENDS, subscription)
        for line, left in zip(plan.lines, given, strict=True):
            if left != 0:
                self._bring(subscription, order, line, self.now, left)
        return order

    def given_by(self, subscription: Subscription, sku: str, units: str) -> list[int | None]:
        """What each line of another plan would give for nothing. A line without a quantity is what it is."""
        spent = self._used_of(subscription)
        left = self._spend(dict(spent), sku, subscription.seats)
        if units == "carry_usage" or not subscription.length:
            # Of a period that was refunded before it began nothing can be measured; no change of it is made.
            return left
        share = Fraction((subscription.until - self.now) // MICROSECOND, subscription.length // MICROSECOND)
        whole = self._spend({}, sku, subscription.seats)
        return [
            None if most is None or each is None else min(most, math.floor(each * share))
            for most, each in zip(left, whole, strict=True)
        ]

    def _spend(self, spent: dict[str, int], sku: str, seats: int) -> list[int | None]:
        """What each line gives, less what was spent of its feature."""
        given: list[int | None] = []
        for line in self.plans[sku].lines:
            if line.quantity is None:
                given.append(None)
                continue
            taken = min(spent.get(line.feature, 0), line.quantity * seats)
            spent[line.feature] = spent.get(line.feature, 0) - taken
            given.append(line.quantity * seats - taken)
        return given

    def _used_of(self, subscription: Subscription) -> dict[str, int]:
        """How many units of each feature were used of what this period gave. What repaid a debt was used, too."""
        used: dict[str, int] = {}
        parts = (draw for usage in self.usages for part in usage.parts for draw in part.draws)
        repaid = (draw for debt in self.debts for draw in debt.repaid)
        gave = {grant for order in self._of_period(subscription) for grant in order.gave}
        for draw in (*parts, *repaid):
            if draw.grant in gave:
                used[draw.grant.feature] = used.get(draw.grant.feature, 0) + draw.units
        return used

    def _of_period(self, subscription: Subscription) -> list[Order]:
        return [order for order in subscription.orders if order.index == subscription.index]

    def undo_change(self, subscription: Subscription) -> bool:
        """Whether there was nothing to undo."""
        if subscription.following is None:
            return True
        self._drop_renewal(subscription)
        subscription.following = None
        return False

    # --- disputes

    def dispute(self, order: Order) -> None:
        """What the order gave and is left waits until it is decided to whom it belongs."""
        if order.is_disputed:
            raise No("dispute_open")
        self._release(order)
        order.is_disputed = True
        for grant in order.gave:
            if not grant.is_over and grant.left != 0:
                self._set_aside(grant)
        subscription = order.subscription
        assert subscription is not None
        if not subscription.ended and order.index == subscription.index:
            subscription.is_disputed = True

    def _set_aside(self, grant: Grant) -> None:
        grant.is_disputed, grant.waits = True, grant.left
        self._end(grant)

    def _put_back(self, draw: Draw, units: int) -> None:
        """What comes back while it is disputed waits with the rest; after that, it goes where the rest went."""
        grant = draw.grant
        super()._put_back(draw, units)
        if not units or grant.left is None:
            return
        root = grant.root or grant
        order = next((order for order in self.orders if root in order.gave), None)
        if order is None or (grant.end is not None and grant.end <= self.now):
            return
        after = [heir for heir in root.heirs if heir.number > grant.number]
        if not grant.is_over and order.is_disputed:
            self._set_aside(grant)
        elif grant.is_disputed and not after:
            assert grant.waits is not None
            grant.waits += units
        elif grant.is_disputed:
            last = next((heir for heir in after if not heir.is_over), after[-1])
            heir = self.inherit(grant, "transfer", units)
            order.gave.append(heir)
            if last.is_over and last.is_disputed:
                self._set_aside(heir)
            elif last.is_over:
                self._end(heir)
            elif order.is_disputed:
                self._set_aside(heir)

    def resolve(self, order: Order, *, won: bool) -> None:
        """It is decided: what waits comes back, and goes with the money where that went."""
        subscription = order.subscription
        assert subscription is not None
        order.is_disputed = False
        for root in [grant for grant in order.gave if grant.root is None]:
            self._give_back(order, [root, *root.heirs])
        if not won:
            self.refund(order)
        self._take_in(subscription)
        if subscription.ended:
            return
        if subscription.is_disputed and not any(each.is_disputed for each in self._of_period(subscription)):
            self._lift(subscription)
            self._access(subscription, max(subscription.access, subscription.by_rule()))
        elif not subscription.is_paused(self.now):
            self._stretch(subscription, subscription.access)

    def _give_back(self, order: Order, line: list[Grant]) -> None:
        last = line[-1]
        waiting = [grant for grant in line if grant.is_disputed and grant.waits != 0]
        if not waiting or (last.end is not None and last.end <= self.now):
            return
        units = None if last.left is None else sum(grant.waits or 0 for grant in waiting)
        for grant in waiting:
            grant.waits = 0
        heir = self.inherit(last, "dispute", units)
        order.gave.append(heir)
        assert order.subscription is not None
        for grant in line:
            if grant in order.subscription.aside:
                order.subscription.aside[heir] = order.subscription.aside.pop(grant)

    def _take_in(self, subscription: Subscription) -> None:
        """What came back lasts no longer than it would have."""
        if subscription.ended:
            self._finish(subscription, subscription.ended)
            return
        if subscription.begins == subscription.until:
            # The latest period went back before it began.
            return
        earlier = (order for order in subscription.orders if order.index < subscription.index)
        for grant in [grant for order in earlier for grant in order.gave]:
            if not grant.is_over and grant.is_a_part and grant.end is not None and grant.end > subscription.begins:
                grant.end = max(subscription.begins, self.now)
                self._plan(grant.end, 0, grant)
                if grant.end <= self.now:
                    self._end(grant)

    def _lift(self, subscription: Subscription) -> None:
        """Go on; the time that passed meanwhile is over."""
        subscription.is_disputed = False
        if subscription.until > self.now or subscription.is_paused(self.now):
            return
        if not subscription.is_cancelled:
            subscription.next_from(self.now)
            subscription.access = max(subscription.by_rule(), self.now + TO_PAY)
        elif subscription.access <= self.now:
            subscription.ended = "cancelled"

    # --- giving back

    def refund(self, order: Order) -> None:
        """All the money of an order goes back, and what it gave and is left."""
        assert order.subscription is not None
        if order.is_disputed:
            raise No("dispute_open")
        order.status = "refunded"
        subscription = order.subscription
        self._release(order)
        for allowance in order.allowances:
            self.revoke_allowance(allowance)
        self._end_all(order.gave)
        if subscription.ended or order.index != subscription.index:
            return
        self._drop_renewal(subscription)
        if subscription.has_begun(self.now):
            self._finish(subscription, "refunded")
            return
        subscription.is_cancelled = True
        subscription.next_from(subscription.begins)
        self._access(subscription, subscription.by_rule())

    def refund_seat(self, order: Order) -> None:
        """The money of one of several seats goes back, with the units of one, as far as they are left."""
        assert order.subscription is not None
        if order.is_disputed:
            raise No("dispute_open")
        order.status, subscription = "partially_refunded", order.subscription
        order.seats -= 1
        self._release(order)
        lines = self.plans[order.sku].lines
        for line, root in zip(lines, [grant for grant in order.gave if grant.root is None], strict=True):
            wanted = line.quantity or 0
            for grant in [root, *root.heirs]:
                units = min(wanted, grant.left or 0)
                wanted -= units
                grant.left = None if grant.left is None else grant.left - units
        if not subscription.ended and order.index == subscription.index:
            self._drop_renewal(subscription)
            subscription.seats -= 1

    def _release(self, order: Order) -> None:
        """Let go of the holds that have something of it."""
        gave = {*order.gave, *(grant for grant in self.running if grant.allowance in order.allowances)}
        for hold in self.holds:
            legs = (draw for part in hold.parts for draw in part.draws)
            if hold.status == "held" and any(leg.units and leg.grant in gave for leg in legs):
                self._let_go(hold, "released")
