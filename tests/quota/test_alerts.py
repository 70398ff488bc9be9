"""Alerts: one notice when use crosses a threshold of its feature, once for each period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from billable.models import AlertNotice, Feature, Grant
from billable.services import CatalogService, CustomerService, QuotaService
from billable.signals import quota_threshold_crossed

ALERTS = ["80%", "100%", "10 left"]


@pytest.fixture(autouse=True)
def alerts(features: None) -> None:
    CatalogService.update_feature("credits", alerts=ALERTS)


@pytest.fixture
def month(clock: Any, user: Any, give: Callable[..., Grant]) -> Grant:
    """A hundred credits that last a month."""
    return give(user, "credits", 100, period="1 month")


def crossed() -> list[str]:
    return list(AlertNotice.objects.order_by("pk").values_list("threshold", flat=True))


def use(user: Any, quantity: int, feature: str = "credits", **how: Any) -> Any:
    return QuotaService.consume_quota(user, feature, quantity=quantity, **how)


def test_a_threshold_is_told_once_when_it_is_crossed(door: Any, user: Any, month: Grant, commit: Any) -> None:
    told: list[AlertNotice] = []
    receiver = lambda notice, **_: told.append(notice)  # noqa: E731
    quota_threshold_crossed.connect(receiver)
    try:
        with commit():
            door.quota.consume_quota(user, "credits", quantity=79)
        assert told == []
        with commit():
            usage = door.quota.consume_quota(user, "credits", quantity=1)
            door.quota.consume_quota(user, "credits", quantity=5)
    finally:
        quota_threshold_crossed.disconnect(receiver)

    (notice,) = told
    assert notice == AlertNotice.objects.get()
    assert (notice.threshold, notice.used, notice.granted, notice.left) == ("80%", 80, 100, 20)
    assert (notice.feature.key, notice.usage_id, notice.since) == ("credits", usage.pk, month.valid_from)
    assert (notice.customer_id, notice.actor) == (month.customer_id, "python")


def test_one_usage_may_cross_several_in_the_order_they_were_given(user: Any, month: Grant) -> None:
    use(user, 100)

    assert crossed() == ALERTS


def test_what_was_put_back_and_used_again_crosses_nothing_again(user: Any, month: Grant) -> None:
    usage = use(user, 85)
    QuotaService.reverse_usage(usage, idempotency_key="back")
    use(user, 85)

    assert crossed() == ["80%"]


def test_a_repeat_of_a_key_tells_nothing(user: Any, month: Grant) -> None:
    for _ in range(2):
        use(user, 85, idempotency_key="job")

    assert crossed() == ["80%"]


def test_the_next_period_is_told_anew(user: Any, month: Grant, clock: Any, give: Callable[..., Grant]) -> None:
    use(user, 85)
    clock.advance(days=31)
    give(user, "credits", 100, period="1 month")
    use(user, 85)

    assert crossed() == ["80%", "80%"]
    assert AlertNotice.objects.values("since").distinct().count() == 2


def test_what_comes_on_top_counts_and_arms_them_again(
    user: Any, month: Grant, clock: Any, give: Callable[..., Grant]
) -> None:
    use(user, 85)
    clock.advance(days=1)
    give(user, "credits", 100)
    use(user, 74)
    assert crossed() == ["80%"]

    use(user, 1)

    assert [(each.used, each.granted) for each in AlertNotice.objects.order_by("pk")] == [(85, 100), (160, 200)]


def test_a_grant_that_was_used_up_within_its_period_still_counts(
    user: Any, month: Grant, clock: Any, give: Callable[..., Grant]
) -> None:
    give(user, "credits", 100, period="1 year")
    use(user, 150)
    assert Grant.objects.get(pk=month.pk).closed_at is not None
    use(user, 10)

    assert [(each.threshold, each.used, each.granted) for each in AlertNotice.objects.all()] == [("80%", 160, 200)]


def test_after_its_period_it_does_not_count(user: Any, month: Grant, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 100, period="1 year")
    use(user, 100)
    clock.advance(days=31)
    use(user, 80)

    assert [(each.threshold, each.used, each.granted) for each in AlertNotice.objects.all()] == [("80%", 80, 100)]


def test_a_lifetime_pack_that_is_used_up_does_not_count(user: Any, clock: Any, give: Callable[..., Grant]) -> None:
    give(user, "credits", 50)
    use(user, 50)
    AlertNotice.objects.all().delete()
    clock.advance(days=1)
    give(user, "credits", 100)
    use(user, 79)
    assert crossed() == []

    use(user, 1)

    assert crossed() == ["80%"]


def test_unlimited_use_crosses_nothing(user: Any, month: Grant, give: Callable[..., Grant]) -> None:
    give(user, "credits")
    use(user, 500)

    assert crossed() == []


def test_the_feature_that_pays_is_the_one_that_is_told_of(user: Any, month: Grant) -> None:
    CatalogService.set_cost("pdf_export", "credits", units=5)
    use(user, 16, "pdf_export")

    (notice,) = AlertNotice.objects.all()
    assert (notice.feature.key, notice.threshold, notice.used) == ("credits", "80%", 80)


def test_what_is_held_is_used_once_it_is_captured(door: Any, user: Any, month: Grant) -> None:
    hold = door.quota.hold_quota(user, "credits", 95)
    assert crossed() == []

    usage = door.quota.capture_hold(hold, 80, final=False, idempotency_key="page_1")
    assert [(each.threshold, each.usage_id) for each in AlertNotice.objects.all()] == [("80%", usage.pk)]
    door.quota.capture_hold(hold)

    assert crossed() == ["80%", "10 left"]


def test_a_hold_that_was_released_has_told_nobody(user: Any, month: Grant) -> None:
    QuotaService.release_hold(QuotaService.hold_quota(user, "credits", 95))

    assert crossed() == []


def test_a_late_capture_is_a_consume(user: Any, month: Grant, clock: Any) -> None:
    hold = QuotaService.hold_quota(user, "credits", 95)
    clock.advance(hours=2)
    QuotaService.capture_hold(hold)

    assert crossed() == ["80%", "10 left"]


def test_what_lapsed_and_nobody_wrote_down_is_not_used(user: Any, month: Grant, clock: Any) -> None:
    QuotaService.hold_quota(user, "credits", 60)
    clock.advance(hours=2)
    use(user, 79)

    assert crossed() == []


def test_a_feature_without_thresholds_tells_nothing(user: Any, give: Callable[..., Grant]) -> None:
    give(user, "tokens", 10)
    use(user, 10, "tokens")

    assert crossed() == []


def test_only_the_crossing_itself_costs_statements(
    user: Any, month: Grant, statements: Any, give: Callable[..., Grant]
) -> None:
    give(user, "tokens", 1000)
    plain = len(statements(lambda: use(user, 1, "tokens")))

    assert len(statements(lambda: use(user, 1))) == plain
    assert len(statements(lambda: use(user, 79))) == plain + 2
    assert len(statements(lambda: use(user, 1))) == plain
    assert len(statements(lambda: QuotaService.check_quota(user, "credits"))) == 1


def test_the_clock_of_a_sandbox_customer_decides_what_runs(user: Any, month: Grant, clock: Any, give: Any) -> None:
    give(user, "credits", 100, period="1 year")
    use(user, 100)
    month.customer.clock_offset_seconds = 40 * 86_400
    month.customer.is_sandbox = True
    month.customer.save(update_fields=["clock_offset_seconds", "is_sandbox"])
    use(user, 80)

    assert [(each.threshold, each.used, each.granted) for each in AlertNotice.objects.all()] == [("80%", 80, 100)]


def test_alerts_are_listed_newest_first_by_customer_and_feature(door: Any, user: Any, month: Grant) -> None:
    use(user, 100)
    other = CustomerService.identify("test", "bob").customer

    page = door.quota.list_alerts(user, limit=2)
    rest = door.quota.list_alerts(user, limit=2, cursor=page.next)

    assert [each.threshold for each in (*page, *rest)] == ["10 left", "100%", "80%"]
    assert rest.next is None
    assert [each.feature.key for each in door.quota.list_alerts()] == ["credits"] * 3
    assert list(door.quota.list_alerts(user, feature="tokens")) == []
    assert list(door.quota.list_alerts(other)) == []


def test_those_of_a_customer_that_was_absorbed_are_listed_too(user: Any, month: Grant) -> None:
    use(user, 80)
    other = CustomerService.identify("test", "bob").customer
    CustomerService.merge_customers(other, user)

    assert [each.threshold for each in QuotaService.list_alerts(other)] == ["80%"]


def test_a_feature_is_made_with_alerts_and_they_are_changed(door: Any) -> None:
    made = door.catalog.create_feature("seats", alerts=["90%"])
    assert made.alerts == "90%"
    assert door.catalog.update_feature("seats", name="Seats").alerts == "90%"
    assert door.catalog.update_feature("seats", alerts=["5 left", "100%"]).alerts == "5 left, 100%"
    assert door.catalog.update_feature("seats", alerts=[]).alerts == ""


@pytest.mark.parametrize("alerts", ["80%", ["80"], ["101%"], [80], [f"{number}%" for number in range(1, 12)]])
def test_bad_alerts_are_refused(door: Any, refused: Any, alerts: Any) -> None:
    with refused("invalid", field="alerts"):
        door.catalog.update_feature("credits", alerts=alerts)
    with refused("invalid", field="alerts"):
        door.catalog.create_feature("seats", alerts=alerts)


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"cursor": "x"}, {"feature": "no way"}])
def test_a_bad_list_is_refused(month: Grant, refused: Any, wrong: dict[str, Any]) -> None:
    with refused("invalid"):
        QuotaService.list_alerts(**wrong)


def test_the_emptied_are_found_by_their_index(user: Any, month: Grant) -> None:
    assert Feature.objects.get(key="credits").thresholds
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, "billable_grant")
    assert names["billable_grant_emptied"]["columns"] == ["customer_id", "feature_id", "expires_at"]


def test_a_year_later_nothing_is_armed_by_an_old_notice(user: Any, month: Grant, clock: Any, give: Any) -> None:
    use(user, 100)
    clock.instant += timedelta(days=366)
    give(user, "credits", 100, period="1 month")
    use(user, 100)

    assert crossed() == [*ALERTS, *ALERTS]


def test_each_period_of_an_allowance_arms_them_anew(user: Any, clock: Any) -> None:
    CatalogService.create_product("free", features=[{"feature": "credits", "quantity": 20, "reset": "1 month"}])
    QuotaService.grant_product(user, "free")
    for _ in range(3):
        use(user, 16)
        assert QuotaService.check_quota(user, "credits").balance == 4
        clock.advance(days=31)

    notices = AlertNotice.objects.filter(threshold="80%")
    assert [(each.used, each.granted) for each in notices] == [(16, 20)] * 3
    assert notices.values("since").distinct().count() == 3
