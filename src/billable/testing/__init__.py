"""For the tests of your own project: a clock to move, a payment service, people and products, and what to assert.

Everything here works in Django's ``TestCase``, in pytest, and in a plain script. Nothing needs pytest but
:mod:`billable.testing.plugin`, and importing this package alone touches neither Django nor your settings.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billable.testing.assertions import assert_balance, assert_books_are_right, assert_no_grants
    from billable.testing.clock import BillingClock, CustomerClock
    from billable.testing.events import Event, Events, assert_signal_sent, capture_events
    from billable.testing.factories import (
        make_customer,
        make_feature,
        make_grant,
        make_product,
        make_user,
        paid_order,
    )
    from billable.testing.hooks import run_commit_hooks
    from billable.testing.payments import FakePayments, PaymentNotice

__all__ = [
    "BillingClock",
    "CustomerClock",
    "Event",
    "Events",
    "FakePayments",
    "PaymentNotice",
    "assert_balance",
    "assert_books_are_right",
    "assert_no_grants",
    "assert_signal_sent",
    "capture_events",
    "make_customer",
    "make_feature",
    "make_grant",
    "make_product",
    "make_user",
    "paid_order",
    "run_commit_hooks",
]

_HOMES = {
    "assertions": ("assert_balance", "assert_books_are_right", "assert_no_grants"),
    "clock": ("BillingClock", "CustomerClock"),
    "events": ("Event", "Events", "assert_signal_sent", "capture_events"),
    "factories": ("make_customer", "make_feature", "make_grant", "make_product", "make_user", "paid_order"),
    "hooks": ("run_commit_hooks",),
    "payments": ("FakePayments", "PaymentNotice"),
}


def __getattr__(name: str) -> Any:
    # A pytest plugin is loaded before the settings are; what needs them is imported when somebody asks for it.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
