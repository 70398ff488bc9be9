"""Time that passes for one customer, through each instant at which something of it falls due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from billable.customers.services import get_customer, now_for
from billable.models import Customer
from billable.upkeep import next_due_of, run_due


def run_until(customer: Customer, until: datetime, move: Callable[[datetime], object]) -> Counter[str]:
    """Do all that becomes due for one customer until an instant, in order of instants; how many of each kind.

    ``move`` sets the customer's clock to an instant, or past it: it is called with each at which something falls due,
    and with ``until`` at the end. What fails raises.
    """
    now = now_for(get_customer(customer))
    done = run_due(customer)
    while now < until:
        now = min(next_due_of(customer, now) or until, until)
        move(now)
        done += run_due(customer)
    return done
