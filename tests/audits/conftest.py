"""The books are written once; every test breaks them in a savepoint of its own, which is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from billable.testing import BillingClock
from tests.audits.books import START, write


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A transaction that ends with the module, for what its tests begin with."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def written(kept: None) -> Iterator[Any]:
    """The books."""
    with BillingClock(START) as clock:
        yield write(clock)


@pytest.fixture
def db(kept: None) -> Iterator[None]:
    """In place of pytest-django's, which would close the connection that the books are written on."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def books(written: Any, db: None) -> Any:
    """The books, for a test to break."""
    return written
