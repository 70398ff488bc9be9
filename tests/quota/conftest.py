"""Features to use and a short way to grant them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from billable.models import Grant
from billable.services import CatalogService, QuotaService
from tests.shelf import stock


@pytest.fixture(autouse=True)
def features(db: None) -> None:
    stock(_features)


def _features() -> None:
    for key in ("pdf_export", "ai_analysis", "credits", "tokens"):
        CatalogService.create_feature(key)


@pytest.fixture
def give() -> Callable[..., Grant]:
    """Grant a feature and get the grant."""

    def grant(user: Any, feature: str, quantity: int | None = None, **how: Any) -> Grant:
        (made,) = QuotaService.grant_feature(user, feature, quantity=quantity, **how)
        return made

    return grant


@pytest.fixture
def left() -> Callable[[Grant], int | None]:
    """What remains of a grant, as the database says."""
    return lambda grant: Grant.objects.get(pk=grant.pk).remaining
