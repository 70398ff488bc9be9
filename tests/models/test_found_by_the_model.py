"""Shortest forms of what the model, or its reference, once disagreed about."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from billable import paging
from billable.errors import BillableError, Invalid, PauseRefused
from billable.models import Customer, Grant, Subscription
from billable.services import CatalogService, CustomerService, OrderService, QuotaService, SubscriptionService
from tests import rows
from tests.models.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(clock: Clock) -> Customer:
    CatalogService.create_feature("pdf")
    return CustomerService.identify("test", "ann").customer


def give(customer: Customer, clock: Clock, quantity: int | None, *, days: int | None = None) -> Grant:
    end = None if days is None else clock.now + timedelta(days=days)
    (grant,) = QuotaService.grant_feature(customer, "pdf", quantity=quantity, expires_at=end)
    return grant


def test_money_that_arrives_is_kept_even_where_the_calendar_ends(ann: Customer) -> None:
    CatalogService.create_product("life", price="1", currency="USD", features=["sso"], period="1 year")
    for payment in ("p1", "p2", "p3"):
        order = OrderService.create_order(ann, [{"sku": "life", "quantity": 4000}])
        assert OrderService.confirm_payment(order, payment_id=payment).status == "succeeded"
    assert QuotaService.verify_ledger()


def test_a_grant_that_a_reversal_opens_again_is_swept_when_its_time_runs_out(ann: Customer, clock: Clock) -> None:
    give(ann, clock, 5, days=10)
    later = give(ann, clock, 5, days=20)
    usage = QuotaService.consume_quota(ann, "pdf", quantity=10)
    clock.move(days=10)
    QuotaService.expire_grants()
    QuotaService.reverse_usage(usage, idempotency_key="r")
    clock.move(days=10)
    assert QuotaService.expire_grants().grants == 1
    later.refresh_from_db()
    assert (later.remaining, later.ended_as, later.ended_at) == (0, "expired", later.expires_at)


def test_a_used_up_grant_past_its_expiry_cannot_be_revoked_any_more(ann: Customer, clock: Clock) -> None:
    grant = give(ann, clock, 5, days=10)
    QuotaService.consume_quota(ann, "pdf", quantity=5)
    clock.move(days=30)
    revoked = QuotaService.revoke_grant(grant)
    assert revoked.replayed
    assert revoked.ended_as != "revoked"


def test_units_that_come_back_too_late_do_not_change_why_there_is_nothing(ann: Customer, clock: Clock) -> None:
    give(ann, clock, 2, days=1)
    usage = QuotaService.consume_quota(ann, "pdf", quantity=1)
    clock.move(days=2)
    give(ann, clock, 1)
    QuotaService.consume_quota(ann, "pdf", quantity=1)
    assert QuotaService.check_quota(ann, "pdf").code == "exhausted"
    QuotaService.reverse_usage(usage, idempotency_key="r")
    assert QuotaService.check_quota(ann, "pdf").code == "exhausted"


def test_balances_answer_the_same_before_and_after_a_sweep(ann: Customer, clock: Clock) -> None:
    give(ann, clock, 5, days=1)
    clock.move(days=2)
    before = QuotaService.balances(ann)
    QuotaService.expire_grants()
    assert QuotaService.balances(ann) == before == ()


def test_a_line_with_a_quantity_runs_from_now_beside_an_unlimited_one_of_its_feature(
    ann: Customer, clock: Clock
) -> None:
    month: Any = {"feature": "sso", "period": "1 month"}
    CatalogService.create_product("both", features=[month, {**month, "quantity": 11}])
    for _ in range(2):
        _, finite = QuotaService.grant_product(ann, "both")
        assert finite.valid_from == clock.now


def test_a_refused_order_leaves_no_customer_behind_in_the_callers_transaction(clock: Clock) -> None:
    user = User.objects.create_user("bob")
    before = rows.everything()
    with transaction.atomic(), pytest.raises(BillableError):
        OrderService.create_order(user, [{"sku": "unknown"}])
    assert rows.everything() == before


def test_a_payment_in_another_currency_without_an_amount_does_not_pay_the_order(ann: Customer) -> None:
    CatalogService.create_product("pack", price="5", currency="USD", features=["pdf"], quantity=1)
    order = OrderService.create_order(ann, [{"sku": "pack"}])
    try:
        OrderService.confirm_payment(order, payment_id="p", currency="EUR")
    except Invalid:
        pass
    assert OrderService.get_order(order).status == "pending"


@pytest.mark.parametrize(
    "cursor", ["", "!", "MTI", "bm90LWEtdXVpZA", "x" * 300, paging.encode("-1"), paging.encode("1.5")]
)
def test_a_cursor_that_no_list_made_is_refused_by_every_list(ann: Customer, cursor: str) -> None:
    lists: list[Any] = [QuotaService.list_grants, OrderService.list_orders]
    for verb in lists if paging.encode("12") == cursor else [*lists, QuotaService.history]:
        with pytest.raises(Invalid) as refusal:
            verb(ann, cursor=cursor)
        assert refusal.value.field == "cursor"


def test_nothing_rolls_from_a_day_that_a_zone_left_out(ann: Customer, clock: Clock) -> None:
    clock.now = datetime(2011, 12, 29, 20, tzinfo=timezone.utc)
    Customer.objects.update(zone="Pacific/Apia")
    daily = {"feature": "pdf", "quantity": 4, "reset": "1 day", "rollover_quantity": 3, "rollover_periods": 3}
    CatalogService.create_product("daily", features=[daily])
    QuotaService.grant_product(ann, "daily")
    clock.move(days=1)
    before = QuotaService.balances(ann)
    QuotaService.expire_grants()
    assert QuotaService.balances(ann) == before
    assert before[0].balance == 4 + 3


def test_what_was_used_up_months_ago_is_left_alone_when_a_year_is_cancelled(ann: Customer, clock: Clock) -> None:
    monthly = {"feature": "pdf", "quantity": 4, "reset": "1 month"}
    CatalogService.create_product("yearly", price="9", currency="EUR", features=[monthly], recurs="1 year")
    order = OrderService.create_order(ann, [{"sku": "yearly"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p")
    QuotaService.consume_quota(ann, "pdf", quantity=4)
    clock.move(days=40)
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    SubscriptionService.cancel_subscription(subscription)
    assert QuotaService.verify_ledger()


@pytest.fixture
def club(ann: Customer) -> Subscription:
    """A plan whose units last for two months, bought: longer than the month that is paid for."""
    lasting = {"feature": "pdf", "quantity": 4, "period": "2 months"}
    CatalogService.create_product("club", price="9", currency="EUR", features=["sso", lasting], recurs="1 month")
    order = OrderService.create_order(ann, [{"sku": "club"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p")
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    return subscription


def test_cancelled_late_in_a_long_pause_it_keeps_what_was_left(club: Subscription, ann: Customer, clock: Clock) -> None:
    clock.move(days=2)
    SubscriptionService.pause_subscription(club)
    clock.move(days=60)
    assert SubscriptionService.cancel_subscription(club).status == "paused"
    assert SubscriptionService.resume_subscription(club).access_until == clock.now + timedelta(days=26)
    assert QuotaService.check_quota(ann, "sso")


def test_what_outlasts_a_period_is_not_lost_to_a_pause_at_its_end(
    club: Subscription, ann: Customer, clock: Clock
) -> None:
    (before,) = QuotaService.balances(ann, feature="pdf")
    with pytest.raises(PauseRefused):
        SubscriptionService.pause_subscription(club, at_period_end=True, resumes_at=clock.now + timedelta(days=50))
    clock.move(days=30)
    assert QuotaService.balances(ann, feature="pdf") == (before,)


def test_a_pause_that_is_refused_writes_nothing_that_was_due(ann: Customer, clock: Clock) -> None:
    monthly = {"feature": "pdf", "quantity": 4, "reset": "1 month"}
    CatalogService.create_product("yearly", price="9", currency="EUR", features=[monthly], recurs="1 year")
    order = OrderService.create_order(ann, [{"sku": "yearly"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p")
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    clock.move(days=40)
    before = rows.everything()
    with pytest.raises(PauseRefused):
        SubscriptionService.pause_subscription(subscription)
    assert rows.everything() == before


@pytest.mark.parametrize("swept", [False, True])
def test_of_grants_that_are_alike_the_one_that_came_first_is_used_first(
    ann: Customer, clock: Clock, swept: bool
) -> None:
    CatalogService.create_product("daily", features=[{"feature": "pdf", "quantity": 3, "reset": "1 day"}])
    (first,) = QuotaService.grant_product(ann, "daily")
    clock.move(days=1)
    if swept:
        QuotaService.expire_grants()
    QuotaService.grant_product(ann, "daily")
    QuotaService.consume_quota(ann, "pdf", quantity=3)
    (used_up,) = Grant.objects.filter(remaining=0, valid_from=clock.now)
    assert used_up.allowance == first.allowance


def test_what_is_used_in_the_grace_may_be_paid_for_at_the_same_instant(ann: Customer, clock: Clock) -> None:
    CatalogService.create_product(
        "club", price="9", currency="EUR", features=["pdf"], quantity=3, recurs="1 month", grace_days=3
    )
    order = OrderService.create_order(ann, [{"sku": "club"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p1")
    (club,) = SubscriptionService.list_subscriptions(ann)
    clock.now = club.paid_until + timedelta(days=2)
    QuotaService.consume_quota(ann, "pdf", quantity=1)
    OrderService.confirm_payment(SubscriptionService.renew_subscription(club), payment_id="p2")
    assert QuotaService.verify_ledger()


def test_the_caps_of_all_seats_add_up_in_a_plan_that_was_changed_to(ann: Customer) -> None:
    capped = {"feature": "pdf", "quantity": 9, "cap_quantity": 4, "cap_period": "1 day"}
    for sku, line in (("small", {"feature": "pdf", "quantity": 1}), ("large", capped)):
        CatalogService.create_product(sku, price="9", currency="EUR", features=[line], recurs="1 month")
    order = OrderService.create_order(ann, [{"sku": "small", "quantity": 2}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p")
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    SubscriptionService.change_plan(subscription, sku="large", money="none")
    assert QuotaService.check_quota(ann, "pdf").balance == 2 * 4


def test_a_change_of_plan_ends_nothing_else_of_which_a_hold_that_it_releases_has_units(ann: Customer) -> None:
    for sku in ("small", "large"):
        CatalogService.create_product(sku, price="9", currency="EUR", features=["pdf"], quantity=3, recurs="1 month")
    order = OrderService.create_order(ann, [{"sku": "small"}], currency="EUR")
    OrderService.confirm_payment(order, payment_id="p")
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    QuotaService.grant_feature(ann, "pdf", quantity=5)
    QuotaService.hold_quota(ann, "pdf", quantity=4, ttl=60)
    SubscriptionService.change_plan(subscription, sku="large", money="none", release_holds=True)
    assert QuotaService.check_quota(ann, "pdf").balance == 3 + 5


@pytest.mark.parametrize("days", [-1, 1])
def test_what_a_won_dispute_brings_back_does_not_leak_into_a_period_that_was_paid_for_meanwhile(
    ann: Customer, clock: Clock, days: int
) -> None:
    CatalogService.create_product(
        "graced", price="9", currency="EUR", features=["pdf"], quantity=4, recurs="1 month", grace_days=3
    )
    order = OrderService.create_order(ann, [{"sku": "graced"}], currency="EUR")
    payment = OrderService.confirm_payment(order, payment_id="p1")
    (subscription,) = SubscriptionService.list_subscriptions(ann)
    clock.now = subscription.paid_until - timedelta(days=2)
    renewal = SubscriptionService.renew_subscription(subscription)
    dispute = OrderService.dispute_payment(payment, dispute_id="d")
    OrderService.confirm_payment(renewal, payment_id="p2")
    # The payment of the latest period is not the one that is disputed.
    assert SubscriptionService.get_subscription(subscription).status == "active"
    clock.now = subscription.paid_until + timedelta(days=days)
    OrderService.resolve_dispute(dispute, "won")
    clock.now = max(clock.now, subscription.paid_until)
    assert QuotaService.check_quota(ann, "pdf").balance == 4
    assert QuotaService.verify_ledger()
