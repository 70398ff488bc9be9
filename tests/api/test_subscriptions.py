"""Subscriptions over REST."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from billable.services import CatalogService, SubscriptionService
from tests.fixtures import Clock


@pytest.fixture
def plan(db: None) -> None:
    CatalogService.create_product(
        "pro", price="9.99", currency="EUR", features=["sso"], recurs="1 month", trial_period="14 days", grace_days=5
    )
    CatalogService.create_product("pack", price="1.00", currency="EUR", features=["sso"], period="1 day")


@pytest.fixture
def subscribed(api: Any, plan: None, clock: Clock) -> dict[str, Any]:
    """The subscription of anna, as the API tells it."""
    order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pro", "quantity": 2}]}, key="o"))
    paid = api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p1"}))
    (item,) = paid["items"]
    assert (item["period_from"], item["period_until"]) == ("2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z")
    answer: dict[str, Any] = api.ok(api.get(f"/subscriptions/{item['subscription_id']}"))
    return answer


def act(api: Any, subscription: dict[str, Any], verb: str, body: Any = None) -> Any:
    return api.post(f"/subscriptions/{subscription['id']}/{verb}", body)


def test_products_say_whether_they_recur(api: Any, plan: None) -> None:
    pack, pro = api.ok(api.get("/products"))["items"]

    assert (pro["recurs"], pro["trial_period"], pro["grace_days"]) == ("1 month", "14 days", 5)
    assert (pack["recurs"], pack["trial_period"], pack["grace_days"]) == (None, None, None)


def test_a_subscription_is_told_whole(subscribed: dict[str, Any]) -> None:
    told = {name: value for name, value in subscribed.items() if name not in ("id", "customer_id", "created_at")}
    assert told == {
        "sku": "pro", "status": "active", "seats": 2, "interval": "1 month", "zone": "UTC", "grace_days": 5,
        "currency": "EUR", "period_index": 0, "paid_from": "2026-01-31T12:00:00Z", "paid_until": "2026-02-28T12:00:00Z",
        "access_until": "2026-03-05T12:00:00Z", "trial_until": None, "renews_at": "2026-02-25T12:00:00Z",
        "renewal_order_id": None, "cancelled_at": None, "reason": "", "paused_at": None, "resumes_at": None,
        "suspended_at": None, "ended_at": None, "ended_as": None, "next_sku": None, "next_seats": None,
        "credit_amount": "0.00", "credit_amount_minor": 0, "replayed": False, "metadata": {}, "actor": "api:root",
    }  # fmt: skip


def test_it_is_renewed_by_an_order_that_is_confirmed_like_any(api: Any, subscribed: dict[str, Any]) -> None:
    order = api.ok(act(api, subscribed, "renew"))

    assert (order["status"], order["total_amount"], order["replayed"]) == ("pending", "19.98", False)
    assert order["items"][0]["subscription_id"] == subscribed["id"]
    assert api.ok(act(api, subscribed, "renew", {}))["replayed"]
    api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p2"}))
    after = api.ok(api.get(f"/subscriptions/{subscribed['id']}"))
    assert (after["period_index"], after["paid_until"]) == (1, "2026-03-31T12:00:00Z")


def test_cancel_and_undo(api: Any, subscribed: dict[str, Any]) -> None:
    cancelled = api.ok(act(api, subscribed, "cancel", {"reason": "too dear"}))
    assert (cancelled["status"], cancelled["reason"]) == ("cancelled", "too dear")
    assert cancelled["access_until"] == subscribed["paid_until"]

    assert api.ok(act(api, subscribed, "undo-cancel"))["status"] == "active"
    assert api.ok(act(api, subscribed, "cancel", {"at_period_end": False}))["ended_as"] == "cancelled"
    problem = api.refused(act(api, subscribed, "undo-cancel"), 409, "wrong_subscription_state")
    assert (problem["subscription_status"], problem["verb"]) == ("ended", "taken up again")


def test_pause_and_resume(api: Any, subscribed: dict[str, Any], clock: Clock) -> None:
    assert api.ok(act(api, subscribed, "pause"))["status"] == "paused"
    clock.advance(days=10)
    resumed = api.ok(act(api, subscribed, "resume"))
    assert (resumed["status"], resumed["paid_until"]) == ("active", "2026-03-10T12:00:00Z")

    paused = api.ok(act(api, subscribed, "pause", {"resumes_at": "2026-02-20T00:00:00+01:00", "reason": "holiday"}))
    assert (paused["status"], paused["resumes_at"]) == ("paused", "2026-02-19T23:00:00Z")


def test_the_two_dates(api: Any, subscribed: dict[str, Any]) -> None:
    longer = api.ok(act(api, subscribed, "extend-access", {"until": "2026-04-01T00:00:00Z"}))
    assert (longer["access_until"], longer["paid_until"]) == ("2026-04-01T00:00:00Z", subscribed["paid_until"])

    moved = api.ok(act(api, subscribed, "move-billing-date", {"to": "2026-03-15T00:00:00Z"}))
    assert (moved["paid_until"], moved["access_until"]) == ("2026-03-15T00:00:00Z", "2026-04-01T00:00:00Z")


def test_lists_are_by_customer_and_status(api: Any, subscribed: dict[str, Any]) -> None:
    for query, found in (({}, 1), ({"external_id": "anna"}, 1), ({"external_id": "bob"}, 0),
                         ({"status": "active"}, 1), ({"status": "ended"}, 0)):  # fmt: skip
        assert len(api.ok(api.get("/subscriptions", **query))["items"]) == found
    api.refused(api.get("/subscriptions", status="alive"), 422, "invalid")


def test_what_ended_by_time_is_told_the_same_before_and_after_a_sweep(
    api: Any, subscribed: dict[str, Any], clock: Clock
) -> None:
    clock.advance(days=90)
    before = api.ok(api.get(f"/subscriptions/{subscribed['id']}"))

    SubscriptionService.settle_subscriptions()

    after = api.ok(api.get(f"/subscriptions/{subscribed['id']}"))
    assert (before["status"], before["ended_as"], before["ended_at"]) == ("ended", "unpaid", "2026-03-05T12:00:00Z")
    assert {**after, "renews_at": None} == {**before, "renews_at": None}


def test_a_trial_of_what_recurs_tells_its_subscription(api: Any, plan: None, clock: Clock) -> None:
    body = {"external_id": "anna", "sku": "pro", "identities": {"email": "a@b.co"}, "currency": "EUR"}
    trial = api.ok(api.post("/trials", body))

    assert api.ok(api.get(f"/subscriptions/{trial['subscription_id']}"))["status"] == "trialing"


def test_the_state_of_a_customer_has_what_goes_on(api: Any, subscribed: dict[str, Any], clock: Clock) -> None:
    (listed,) = api.ok(api.get("/customers/state", external_id="anna"))["subscriptions"]
    assert listed == subscribed
    clock.advance(days=90)
    assert api.ok(api.get("/customers/state", external_id="anna"))["subscriptions"] == []


@pytest.mark.parametrize(
    "verb", ["renew", "cancel", "undo-cancel", "pause", "resume", "extend-access", "move-billing-date"]
)
def test_an_unknown_subscription_is_404(api: Any, verb: str) -> None:
    body = {"until": "2027-01-01T00:00:00Z"} if verb == "extend-access" else {}
    body = {"to": "2027-01-01T00:00:00Z"} if verb == "move-billing-date" else body
    for nobody in (str(uuid4()), "nobody"):
        api.refused(api.post(f"/subscriptions/{nobody}/{verb}", body), 404, "subscription_not_found")


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("cancel", {"at_period_end": "yes"}, "at_period_end"),
        ("cancel", {"when": "now"}, "when"),
        ("pause", {"resumes_at": "tomorrow"}, "resumes_at"),
        ("pause", {"resumes_at": "2020-01-01T00:00:00Z"}, "resumes_at"),
        ("pause", {"resumes_at": "9999-12-31T23:59:59Z"}, "resumes_at"),
        ("extend-access", {}, "until"),
        ("extend-access", {"until": "2026-02-01T00:00:00Z"}, "until"),
        ("extend-access", {"until": "9999-12-31T23:59:59Z"}, "until"),
        ("move-billing-date", {"to": "2026-01-01T00:00:00Z"}, "to"),
        ("move-billing-date", {"to": None}, "to"),
        ("renew", {"sku": "pro"}, "sku"),
    ],
)
def test_bad_input_names_its_field(api: Any, subscribed: dict[str, Any], verb: str, body: Any, field: str) -> None:
    assert api.fields(act(api, subscribed, verb, body)) == [field]
