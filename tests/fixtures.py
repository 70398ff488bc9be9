"""What the tests of the rooms share: one clock, the front door both ways, somebody who buys, and clean books."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from billable import services
from billable.models import Customer
from billable.testing import BillingClock
from tests import books, rows
from tests.conftest import BACKEND

ROOT = Path(__file__).parent
WRITE_THE_BOOKS = {
    *("api", "catalog", "customers", "exchanges", "ground", "invoices", "onboarding", "orders"),
    *("plans", "promotions", "quota", "referrals", "refunds", "subscriptions", "testing", "trials", "upkeep"),
}


class Clock(BillingClock):
    """The clock that the package ships, as most tests here want it: time passes, and nobody sweeps.

    ``move_to`` sweeps; so does ``advance`` of the fixture ``billing_clock``.
    """

    def __call__(self) -> datetime:
        return self.now

    @property
    def instant(self) -> datetime:
        """What time it is."""
        return self.now

    @instant.setter
    def instant(self, instant: datetime) -> None:
        self.jump_to(instant)

    def advance(self, **span: float) -> datetime:
        """Let time pass, and do nothing."""
        return self.jump(**span)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Time stands still at noon of 31 January 2026 until the test advances it."""
    with Clock(datetime(2026, 1, 31, 12, 0, tzinfo=timezone.utc)) as hand:
        yield hand


class Door:
    """The front door, every verb called the one way or the other."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.catalog: Any = Face(services.CatalogService, way)
        self.customers: Any = Face(services.CustomerService, way)
        self.quota: Any = Face(services.QuotaService, way)
        self.orders: Any = Face(services.OrderService, way)
        self.promotions: Any = Face(services.PromotionService, way)
        self.trials: Any = Face(services.TrialService, way)
        self.subscriptions: Any = Face(services.SubscriptionService, way)
        self.referrals: Any = Face(services.ReferralService, way)
        self.invoices: Any = Face(services.InvoiceService, way)
        self.upkeep: Any = Face(services.UpkeepService, way)


class Face:
    """One service class; in the async way each call goes through the verb's twin, on this thread's connection."""

    def __init__(self, service: type, way: str) -> None:
        self._service, self._way = service, way

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        if self._way == "sync":
            return getattr(self._service, verb)  # type: ignore[no-any-return]  # whichever verb it is
        twin = getattr(self._service, f"a{verb}")
        assert inspect.iscoroutinefunction(twin)
        return async_to_sync(twin)


# The twins hop to the thread of the connection and call the same verbs: which database is behind it makes no
# difference. tests/concurrency awaits them on PostgreSQL, where many tasks have connections of their own.
WAYS = ["sync", "async"] if BACKEND == "sqlite" else ["sync"]


@pytest.fixture(params=WAYS)
def door(request: pytest.FixtureRequest, db: None) -> Door:
    """The front door; each test that takes it runs both ways, on PostgreSQL the one."""
    return Door(request.param)


@pytest.fixture
def user(db: None, django_user_model: Any) -> Any:
    """Somebody with an account, who never bought anything."""
    return django_user_model.objects.create(username="ada")


@pytest.fixture
def customer(user: Any) -> Any:
    """The customer of the user, with nothing."""
    return services.CustomerService.link_identity(user, "telegram", "4711").customer


@pytest.fixture
def statements(db: None) -> Callable[[Callable[[], Any]], list[str]]:
    """The SQL statements of a call until its commit, BEGIN and savepoints aside.

    What follows a verb (a receipt, a reward) is a transaction of its own.
    """

    def count(call: Callable[[], Any]) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            call()
        told = (query["sql"] for query in captured.captured_queries)
        aside = ("BEGIN", "ROLLBACK", "SAVEPOINT", "RELEASE")
        return [sql for sql in takewhile(lambda sql: sql != "COMMIT", told) if not sql.startswith(aside)]

    return count


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Any:
    """A block after which what waits for the commit has run."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def refused() -> Callable[..., Any]:
    """A block that must be refused with a code, and must leave every row as it was."""
    return Refused


class Refused:
    """``with refused("quota_exceeded") as refusal:`` fails unless the block is refused so and wrote nothing."""

    def __init__(self, code: str, **data: Any) -> None:
        self.code, self.expected = code, data
        self.error: Any = None

    def __enter__(self) -> Refused:
        self.before = dict(rows.everything())
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        from billable.errors import BillableError

        if error is None:
            pytest.fail(f"was not refused, expected {self.code}")
        if not isinstance(error, BillableError):
            return False
        self.error = error
        assert error.code == self.code, f"{error!r}"
        assert {name: error.data[name] for name in self.expected} == self.expected
        assert dict(rows.everything()) == self.before, "a refusal must leave every row as it was"
        return True


@pytest.fixture(autouse=True)
def books_agree(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that writes through the front door, the books must prove themselves."""
    room = request.path.relative_to(ROOT).parts[0]
    writes = room in WRITE_THE_BOOKS and request.node.get_closest_marker("broken_books") is None
    database = next((name for name in ("db", "transactional_db") if name in request.fixturenames), None)
    if writes and database:
        request.getfixturevalue(database)
    yield
    if writes and database and not transaction.get_connection().needs_rollback and Customer.objects.exists():
        found = books.problems()
        assert not found, found
