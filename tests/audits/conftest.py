"""The books are written once; every test breaks them in a savepoint of its own, which is rolled back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from billable.testing import BillingClock
from tests.audits.books import START, write


@pytest.fixture(scope="module")
def written(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
    """The books, in a transaction that ends with the module."""
    with BillingClock(START) as clock, django_db_blocker.unblock(), transaction.atomic():
        yield write(clock)
        transaction.set_rollback(True)


@pytest.fixture
def db(written: Any) -> Iterator[None]:
    """In place of pytest-django's, which would close the connection that the books are written on."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def books(written: Any, db: None) -> Any:
    """The books, for a test to break."""
    return written
