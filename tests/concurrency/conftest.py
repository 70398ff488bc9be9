"""A crew for the session, somebody who has credits, and books that must prove themselves after every test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests import books
from tests.concurrency.crew import Crew, open_gate


@pytest.fixture(scope="session")
def whole_crew(django_db_setup: None) -> Iterator[Crew]:
    crew = Crew(open_gate)
    yield crew
    crew.dismiss()


@pytest.fixture
def crew(whole_crew: Crew, transactional_db: None) -> Crew:
    """Processes on the suite's database. What they see is committed, and gone after the test."""
    return whole_crew


@pytest.fixture(autouse=True)
def books_prove_themselves(db: None) -> Iterator[None]:
    yield
    found = books.problems()
    assert not found, found


@pytest.fixture
def credits(db: None) -> str:
    return CatalogService.create_feature("credits").key


@pytest.fixture
def ref(credits: str) -> CustomerRef:
    """A customer with 500 credits."""
    return customer("ada", credits=500)


def customer(name: str, **units: int) -> CustomerRef:
    """A new customer that is given so many units of each feature."""
    ref = CustomerRef(customer_id=CustomerService.identify("test", name).customer_id)
    for feature, quantity in units.items():
        QuotaService.grant_feature(ref, feature, quantity=quantity)
    return ref


def balance(ref: CustomerRef, feature: str = "credits") -> Any:
    return QuotaService.check_quota(ref, feature).balance
