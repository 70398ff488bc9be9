"""Changes of plan and of seats over REST."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from billable.services import CatalogService, QuotaService
from tests.fixtures import Clock


@pytest.fixture
def subscribed(api: Any, clock: Clock) -> dict[str, Any]:
    """A subscription to basic, 30 of its 100 pages used."""
    for sku, price, pages in (("basic", "10.00", 100), ("pro", "24.00", 300)):
        lines = [{"feature": "pages", "quantity": pages}]
        CatalogService.create_product(sku, price=price, currency="EUR", features=lines, recurs="1 month", grace_days=3)
    CatalogService.create_product("pack", price="1.00", currency="EUR", features=["pages"], quantity=10)
    order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "basic"}]}, key="o"))
    (item,) = api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p1"}))["items"]
    api.ok(api.post("/quota/consume", {"external_id": "anna", "feature": "pages", "quantity": 30}))
    answer: dict[str, Any] = api.ok(api.get(f"/subscriptions/{item['subscription_id']}"))
    return answer


def act(api: Any, subscription: dict[str, Any], verb: str, body: Any = None, **more: Any) -> Any:
    return api.post(f"/subscriptions/{subscription['id']}/{verb}", body, **more)


def test_a_preview_is_told_whole(api: Any, subscribed: dict[str, Any]) -> None:
    hold = api.ok(api.post("/quota/hold", {"external_id": "anna", "feature": "pages", "quantity": 10}))

    told = api.ok(act(api, subscribed, "preview", {"sku": "pro", "release_holds": True}))

    assert told == {
        "subscription_id": subscribed["id"], "sku": "pro", "seats": 1, "at": "now", "currency": "EUR",
        "effective_at": "2026-01-31T12:00:00Z", "price_amount": "24.00", "price_amount_minor": 2400,
        "credited_amount": "7.00", "credited_amount_minor": 700, "charged_amount": "24.00",
        "charged_amount_minor": 2400, "tax_amount": "0.00", "tax_amount_minor": 0, "amount_due": "17.00",
        "amount_due_minor": 1700, "left_over_amount": "0.00", "left_over_amount_minor": 0,
        "features": [{"feature": "pages", "before": 70, "after": 270}], "holds": [hold["id"]],
    }  # fmt: skip


def test_a_change_waits_for_its_order_and_is_made_when_that_is_confirmed(api: Any, subscribed: dict[str, Any]) -> None:
    made = api.ok(act(api, subscribed, "change", {"sku": "pro"}, key="up"))

    told = {name: made[name] for name in made if name not in ("id", "order_id", "created_at")}
    assert told == {
        "subscription_id": subscribed["id"], "kind": "plan", "status": "waiting", "at": "now", "from_sku": "basic",
        "from_seats": 1, "to_sku": "pro", "to_seats": 1, "money": "pro_rata_seconds", "units": "carry_usage",
        "currency": "EUR", "credited_amount": "7.00", "credited_amount_minor": 700, "charged_amount": "24.00",
        "charged_amount_minor": 2400, "amount_due": "17.00", "amount_due_minor": 1700,
        "effective_at": "2026-01-31T12:00:00Z", "applied_at": None, "replayed": False, "actor": "api:root",
    }  # fmt: skip
    api.ok(api.post(f"/orders/{made['order_id']}/confirm", {"payment_id": "p2"}))
    assert api.ok(api.get(f"/subscriptions/{subscribed['id']}"))["sku"] == "pro"
    again = api.ok(act(api, subscribed, "change", {"sku": "pro"}, key="up"))
    assert (again["id"], again["status"], again["amount_due"], again["replayed"]) == (
        made["id"],
        "applied",
        "0.00",
        True,
    )
    balance = api.ok(api.get("/balance", external_id="anna", feature="pages"))["features"][0]
    assert balance["balance"] == 270


def test_what_is_scheduled_is_undone(api: Any, subscribed: dict[str, Any]) -> None:
    made = api.ok(act(api, subscribed, "change", {"sku": "pro", "at": "period_end"}))

    assert (made["status"], made["order_id"], made["money"], made["units"]) == ("scheduled", None, None, None)
    assert made["effective_at"] == "2026-02-28T12:00:00Z"
    assert api.ok(api.get(f"/subscriptions/{subscribed['id']}"))["next_sku"] == "pro"
    assert api.ok(act(api, subscribed, "undo-change"))["next_sku"] is None
    assert api.ok(act(api, subscribed, "undo-change"))["replayed"]


def test_seats_are_added_and_lowered(api: Any, subscribed: dict[str, Any]) -> None:
    more = api.ok(act(api, subscribed, "seats", {"seats": 3}, key="more"))
    assert (more["kind"], more["amount_due"], more["status"]) == ("seats", "20.00", "waiting")
    api.ok(api.post(f"/orders/{more['order_id']}/confirm", {"payment_id": "p2"}))
    assert api.ok(api.get(f"/subscriptions/{subscribed['id']}"))["seats"] == 3

    fewer = api.ok(act(api, subscribed, "seats", {"seats": 1}))

    assert (fewer["status"], fewer["to_seats"]) == ("scheduled", 1)
    assert api.ok(api.get(f"/subscriptions/{subscribed['id']}"))["next_seats"] == 1


def test_refusals_have_their_codes(api: Any, subscribed: dict[str, Any]) -> None:
    for verb in ("preview", "change"):
        api.refused(act(api, subscribed, verb, {"sku": "basic"}), 409, "nothing_to_change")
        api.refused(act(api, subscribed, verb, {"sku": "unknown"}), 404, "product_not_found")
        api.refused(act(api, subscribed, verb, {"sku": "pack"}), 422, "not_for_sale")
        assert api.fields(act(api, subscribed, verb, {})) == ["sku"]
        assert api.fields(act(api, subscribed, verb, {"sku": "pro", "units": "all"})) == ["units"]
        gift = {"sku": "pro", "money": "none", "units": "regrant"}
        (error,) = api.refused(act(api, subscribed, verb, gift), 422, "unpaid_units")["errors"]
        assert error["field"] == "units"
        assert api.fields(act(api, subscribed, verb, {"seats": 0})) == ["seats"]
    assert api.fields(act(api, subscribed, "seats", {"seats": "2"})) == ["seats"]
    made = api.ok(act(api, subscribed, "change", {"sku": "pro"}))
    waiting = api.refused(act(api, subscribed, "seats", {"seats": 2}), 409, "change_waiting")
    assert waiting["order"] == made["order_id"]
    for verb, body in (("preview", {"sku": "pro"}), ("change", {"sku": "pro"}), ("seats", {"seats": 2})):
        missing = api.post(f"/subscriptions/{uuid4()}/{verb}", body)
        api.refused(missing, 404, "subscription_not_found")
    assert QuotaService.verify_ledger().ok
