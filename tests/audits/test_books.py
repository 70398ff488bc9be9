"""The quick verify of the tests says what verify says."""

from __future__ import annotations

import pytest

from billable.models import Grant
from billable.services import CatalogService, CustomerService, QuotaService
from tests import books


@pytest.mark.django_db
@pytest.mark.broken_books
def test_what_verify_finds_is_found_word_for_word_also_when_the_statements_were_taken_down_before() -> None:
    CatalogService.create_product("pack", features=["pdf"], quantity=5)
    customer = CustomerService.identify("test", "ada").customer
    (grant,) = QuotaService.grant_product(customer, "pack")
    for _ in range(2):
        assert books.problems() == []
    Grant.objects.filter(pk=grant.pk).update(remaining=4)
    assert books.problems()
    assert books.problems() == list(QuotaService.verify_ledger().problems)
