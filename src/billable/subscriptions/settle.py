"""settle_subscriptions: write down early what time did, so that whoever listens is told. No answer depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from billable import clock, inputs
from billable.customers.services import now_for
from billable.db.units import unit_of_work, write_alias
from billable.quota.catch_up import catch_up
from billable.subscriptions.lifecycle import Change
from billable.subscriptions.models import Subscription
from billable.subscriptions.read import lock_subscription
from billable.subscriptions.store import settle

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class SubscriptionSweep:
    """What a sweep wrote down: how many subscriptions became past due, paused, went on and ended."""

    past_due: int = 0
    paused: int = 0
    resumed: int = 0
    ended: int = 0


def settle_subscriptions(*, limit: int | None = None) -> SubscriptionSweep:
    """Write down what time did to up to ``limit`` subscriptions (None: all that are due), each once.

    Changes no answer. Each is a transaction of its own; any number of sweeps may run at once. Raises Invalid.
    """
    most = None if limit is None else inputs.whole(limit, "limit")
    seen, last = 0, None
    counts = dict.fromkeys(Change, 0)
    while most is None or seen < most:
        batch = _due(last, BATCH if most is None else min(BATCH, most - seen))
        if not batch:
            break
        for subscription_id in batch:
            for change in _settle(subscription_id):
                counts[change] += 1
        seen, last = seen + len(batch), batch[-1]
    return SubscriptionSweep(**{change.name.lower(): number for change, number in counts.items()})


def _due(after: UUID | None, size: int) -> list[UUID]:
    # Sandbox customers whose clock runs ahead are due by the common clock, as in every sweep.
    due = Subscription.objects.using(write_alias()).filter(due_at__lte=clock.now()).order_by("pk")
    if after is not None:
        due = due.filter(pk__gt=after)
    return list(due.values_list("pk", flat=True)[:size])


@unit_of_work
def _settle(subscription_id: UUID) -> list[Change]:
    customer, locked = lock_subscription(subscription_id)
    now = now_for(customer)
    catch_up(customer, now)
    return settle(locked, now)
