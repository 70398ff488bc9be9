"""The fixtures for pytest: ``pytest_plugins = ["billable.testing.plugin"]`` in the top conftest.py.

Nothing of Django is imported before a fixture is used. A test that uses the database asks for it as always.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from billable.testing.clock import BillingClock
    from billable.testing.events import Events
    from billable.testing.payments import FakePayments


@pytest.fixture
def billing_clock() -> Iterator[BillingClock]:
    """Time stands still at the present until the test moves it."""
    from billable.testing.clock import BillingClock

    with BillingClock() as clock:
        yield clock


@pytest.fixture
def billing_payments(billing_clock: BillingClock) -> FakePayments:
    """A payment service that goes by ``billing_clock``."""
    from billable.testing.payments import FakePayments

    return FakePayments(billing_clock)


@pytest.fixture
def billing_events() -> Iterator[Events]:
    """The events that were sent so far. Inside a transaction they are sent by ``run_commit_hooks``."""
    from billable.testing.events import listen

    with listen() as sent:
        yield sent
