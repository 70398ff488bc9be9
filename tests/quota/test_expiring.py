"""expiring_soon, and the notice of it that the upkeep sends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser

from billable.models import Customer, ExpiryNotice, Grant
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService, UpkeepService
from billable.signals import grant_expiring
from tests.until import run_until


def losses(found: Any) -> list[tuple[str, int | None]]:
    return [(loss.feature, loss.units) for loss in found]


def test_it_says_what_will_be_lost_and_when_the_first_first(
    door: Any, user: Any, clock: Any, give: Callable[..., Grant]
) -> None:
    now = clock()
    late = give(user, "credits", 30, expires_at=now + timedelta(days=6))
    give(user, "credits", 20, expires_at=now + timedelta(days=8))
    soon = give(user, "tokens", 10, expires_at=now + timedelta(days=2))
    give(user, "ai_analysis", 5)
    give(user, "pdf_export", 5, expires_at=now + timedelta(days=1))
    QuotaService.consume_quota(user, "pdf_export", quantity=5)
    QuotaService.consume_quota(user, "tokens", quantity=3)

    found = door.quota.expiring_soon(user)

    assert losses(found) == [("tokens", 7), ("credits", 30)]
    assert [(loss.grant_id, loss.expires_at) for loss in found] == [(g.pk, g.expires_at) for g in (soon, late)]
    assert losses(door.quota.expiring_soon(user, within="1 month")) == [("tokens", 7), ("credits", 30), ("credits", 20)]
    assert losses(door.quota.expiring_soon(user, within="1 day")) == []
    assert CustomerService.customer_state(user).expiring == found


def test_it_is_one_statement(user: Any, clock: Any, give: Callable[..., Grant], statements: Any) -> None:
    give(user, "credits", 30, period="1 day")
    give(user, "tokens", 30, period="1 day")

    assert len(statements(lambda: QuotaService.expiring_soon(user))) == 1


def test_a_feature_that_pays_for_others_is_listed_once(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    CatalogService.set_cost("pdf_export", "credits", units=5)
    give(user, "credits", 30, period="1 day")

    assert losses(QuotaService.expiring_soon(user)) == [("credits", 30)]


def test_what_is_held_is_not_lost_until_it_lapses(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 30, period="1 day")
    QuotaService.hold_quota(user, "credits", 10, ttl=3600)

    assert losses(QuotaService.expiring_soon(user)) == [("credits", 20)]
    clock.advance(hours=2)
    assert losses(QuotaService.expiring_soon(user)) == [("credits", 30)]


def test_unlimited_use_that_goes_on_is_not_lost(user: Any, clock: Any) -> None:
    CatalogService.create_product("pro", features=["pdf_export"], period="5 days")
    QuotaService.grant_product(user, "pro")
    assert losses(QuotaService.expiring_soon(user)) == [("pdf_export", None)]
    assert QuotaService.expiring_soon(user)[0].product_sku == "pro"

    QuotaService.grant_product(user, "pro")

    assert losses(QuotaService.expiring_soon(user)) == []
    assert losses(QuotaService.expiring_soon(user, within="2 weeks")) == [("pdf_export", None)]


def test_a_user_who_is_no_customer_yet_will_lose_the_defaults(door: Any, user: Any, clock: Any) -> None:
    CatalogService.create_product("hello", features=["pdf_export"], quantity=3, period="5 days", is_default=True)

    (loss,) = door.quota.expiring_soon(user)

    assert (loss.feature, loss.units, loss.grant_id, loss.product_sku) == ("pdf_export", 3, None, "hello")


def test_nobody_loses_nothing(door: Any, clock: Any) -> None:
    assert door.quota.expiring_soon(AnonymousUser()) == ()
    assert door.quota.expiring_soon(CustomerRef(external_id="nobody")) == ()


@pytest.mark.parametrize("within", ["soon", "0 days", "1001 days", 7, None, timedelta(days=7)])
def test_a_span_that_is_none_is_refused(door: Any, user: Any, refused: Any, within: Any) -> None:
    with refused("invalid", field="within"):
        door.quota.expiring_soon(user, within=within)


def test_a_span_past_the_end_of_the_calendar_is_everything(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    clock.instant = clock.instant.replace(year=9500)
    give(user, "credits", 30, period="1 month")

    assert losses(QuotaService.expiring_soon(user, within="1000 years")) == [("credits", 30)]


# ------------------------------------------------------------------------------------------------- the notice


@pytest.fixture
def month(clock: Any, user: Any, give: Callable[..., Grant]) -> Grant:
    """Thirty credits for a month: until noon of 28 February."""
    return give(user, "credits", 30, period="1 month")


def told() -> list[tuple[str, int | None]]:
    notices = ExpiryNotice.objects.order_by("pk").select_related("grant__feature")
    return [(notice.grant.feature.key, notice.units) for notice in notices]


def test_the_upkeep_tells_of_a_grant_once_three_days_before_its_end(
    door: Any, user: Any, month: Grant, clock: Any, commit: Any
) -> None:
    notices: list[ExpiryNotice] = []
    receiver = lambda notice, **_: notices.append(notice)  # noqa: E731
    grant_expiring.connect(receiver)
    try:
        with commit():
            QuotaService.consume_quota(user, "credits", quantity=10)
            clock.advance(days=24, hours=23)
            door.upkeep.tick()
        assert notices == []
        for _ in range(3):
            clock.advance(hours=1)
            with commit():
                door.upkeep.tick()
    finally:
        grant_expiring.disconnect(receiver)

    (notice,) = notices
    assert (notice.grant, notice.units, notice.expires_at) == (month, 20, month.expires_at)
    assert told() == [("credits", 20)]


def test_a_tick_that_comes_late_tells_of_what_has_not_ended_yet(month: Grant, clock: Any) -> None:
    clock.advance(days=27, hours=23)
    UpkeepService.tick()
    assert told() == [("credits", 30)]


def test_a_tick_that_comes_too_late_tells_nothing(month: Grant, clock: Any) -> None:
    clock.advance(days=28)
    UpkeepService.tick()
    assert told() == []


def test_nobody_is_told_of_what_is_used_up_or_goes_on(
    user: Any, month: Grant, clock: Any, give: Callable[..., Grant]
) -> None:
    QuotaService.consume_quota(user, "credits", quantity=30)
    CatalogService.create_product("pro", features=["pdf_export"], period="1 month")
    QuotaService.grant_product(user, "pro")
    QuotaService.grant_product(user, "pro")
    give(user, "tokens", 5)
    clock.advance(days=26)

    UpkeepService.tick()

    assert told() == []
    clock.advance(days=32)
    UpkeepService.tick()
    assert told() == [("pdf_export", None)]


def test_what_lasts_no_longer_than_the_notice_is_not_told_of(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 5, period="1 day")
    give(user, "tokens", 5, expires_at=clock() + timedelta(days=3, seconds=1))
    clock.advance(seconds=1)

    UpkeepService.tick()

    assert told() == [("tokens", 5)]


@pytest.mark.parametrize(("days", "number"), [(0, 0), (10, 1)])
def test_the_days_are_a_setting(month: Grant, clock: Any, settings: Any, days: int, number: int) -> None:
    settings.BILLABLE_EXPIRING_DAYS = days
    clock.advance(days=20)

    UpkeepService.tick()

    assert len(told()) == number


def test_a_grant_whose_end_moves_is_told_of_again(month: Grant, clock: Any) -> None:
    clock.advance(days=26)
    UpkeepService.tick()
    moved = {"expires_at": month.expires_at + timedelta(days=1), "period_count": None, "period_unit": None}
    Grant.objects.filter(pk=month.pk).update(**moved)
    UpkeepService.tick()
    assert told() == [("credits", 30)] * 2


def test_for_one_customer_it_comes_in_its_turn(user: Any, month: Grant, clock: Any) -> None:
    start = clock()
    moments: list[timedelta] = []

    def move(instant: Any) -> None:
        moments.append(instant - start)
        clock.instant = instant

    customer = Customer.objects.get(pk=month.customer_id)
    run_until(customer, start + timedelta(days=40), move)

    assert moments == [timedelta(days=25), timedelta(days=28), timedelta(days=40)]
    assert told() == [("credits", 30)]


@pytest.mark.parametrize(("rollover", "lost"), [(None, 30), (20, 10), (30, None)])
def test_what_rolls_over_is_not_lost(user: Any, clock: Any, rollover: int | None, lost: int | None) -> None:
    line = {"feature": "credits", "quantity": 30, "reset": "1 month", "rollover_quantity": rollover}
    CatalogService.create_product("free", features=[line])
    QuotaService.grant_product(user, "free")
    clock.advance(days=26)

    assert losses(QuotaService.expiring_soon(user)) == ([] if lost is None else [("credits", lost)])
    UpkeepService.tick()
    assert told() == ([] if lost is None else [("credits", lost)])


@pytest.mark.parametrize(("rollover", "lost"), [(None, 30), (20, 10), (30, None)])
def test_what_rolls_over_on_the_terms_of_a_roll_out_is_not_lost(
    user: Any, clock: Any, rollover: int | None, lost: int | None
) -> None:
    line = {"feature": "credits", "quantity": 30, "reset": "1 month", "rollover_quantity": 5}
    CatalogService.create_product("free", features=[line])
    QuotaService.grant_product(user, "free")
    changed: Any = {**line, "quantity": 40, "rollover_quantity": rollover}
    CatalogService.update_product("free", features=[changed])
    assert QuotaService.roll_out_product_change("free", policy="next_period").terms == 1
    clock.advance(days=26)

    assert losses(QuotaService.expiring_soon(user)) == ([] if lost is None else [("credits", lost)])
    UpkeepService.tick()
    assert told() == ([] if lost is None else [("credits", lost)])


def test_who_was_told_is_not_told_again_after_a_merge(user: Any, month: Grant, clock: Any) -> None:
    clock.advance(days=26)
    UpkeepService.tick()
    survivor = CustomerService.identify("telegram", "1").customer
    merge = CustomerService.merge_customers(survivor, user)
    UpkeepService.tick()
    CustomerService.unmerge_customers(merge)
    UpkeepService.tick()
    assert told() == [("credits", 30)]


def test_what_an_allowance_gives_and_nobody_wrote_down_yet_may_be_lost(user: Any, clock: Any) -> None:
    CatalogService.create_product("free", features=[{"feature": "credits", "quantity": 30, "reset": "1 week"}])
    QuotaService.grant_product(user, "free")
    clock.advance(days=30)

    assert losses(QuotaService.expiring_soon(user)) == [("credits", 30)]
