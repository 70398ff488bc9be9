"""Money that goes back, over REST."""

from typing import Any

import pytest

from billable.services import CustomerRef, QuotaService
from tests.api.conftest import Api, is_uuid


@pytest.fixture
def order(api: Api, catalogue: None) -> dict[str, Any]:
    """Three packs for 29.97 EUR, paid; 12 of the 30 exports are used."""
    cart = {"external_id": "anna", "items": [{"sku": "pack10", "quantity": 3}], "currency": "EUR"}
    placed = api.ok(api.post("/orders", cart))
    paid: dict[str, Any] = api.ok(api.post(f"/orders/{placed['id']}/confirm", {"payment_id": "ch_1"}))
    api.ok(api.post("/quota/consume", {"external_id": "anna", "feature": "pdf_export", "quantity": 12}))
    return paid


def test_a_quote_shows_what_would_go_back_and_writes_nothing(api: Api, order: dict[str, Any]) -> None:
    quote = api.ok(api.post(f"/orders/{order['id']}/refunds/quote", {"policy": "unused_only"}))

    assert (quote["order_id"], quote["amount"], quote["amount_minor"]) == (order["id"], "17.98", 1798)
    (item,) = quote["items"]
    (grant,) = item.pop("grants")
    credited = {"credited_amount": "0.00", "credited_amount_minor": 0}
    assert item == {"line": 1, "sku": "pack10", "pieces": 3, "amount": "17.98", "amount_minor": 1798, **credited}
    assert is_uuid(grant.pop("grant_id"))
    assert grant == {
        "feature": "pdf_export",
        "granted": 30,
        "used": 12,
        "unused": 18,
        "expired": 0,
        "held": 0,
        "taken_back": 18,
        "ends": True,
    }
    assert api.ok(api.get(f"/orders/{order['id']}")) == order
    assert api.ok(api.post(f"/orders/{order['id']}/refunds/quote"))["amount"] == "29.97"


def test_pieces_go_back_and_the_order_says_so(api: Api, order: dict[str, Any]) -> None:
    path, body = f"/orders/{order['id']}/refunds", {"refund_id": "re_1", "items": [{"line": 1, "quantity": 1}]}

    refund = api.ok(api.post(path, {**body, "reason": "one too many", "metadata": {"ticket": 9}}))

    assert {name: refund[name] for name in ("order_id", "refund_id", "payment_id", "origin", "policy", "reason")} == {
        "order_id": order["id"],
        "refund_id": "re_1",
        "payment_id": "ch_1",
        "origin": "merchant",
        "policy": "full",
        "reason": "one too many",
    }
    assert (refund["amount"], refund["amount_minor"], refund["currency"]) == ("9.99", 999, "EUR")
    assert (refund["order_status"], refund["metadata"], refund["replayed"]) == (
        "partially_refunded",
        {"ticket": 9},
        False,
    )
    (item,) = refund["items"]
    (grant,) = item["grants"]
    assert (item["pieces"], grant["used"], grant["unused"], grant["taken_back"], grant["ended"]) == (
        1,
        12,
        18,
        10,
        False,
    )
    now = api.ok(api.get(f"/orders/{order['id']}"))
    assert (now["status"], now["refunded_amount"], now["refunded_amount_minor"]) == ("partially_refunded", "9.99", 999)
    assert (now["items"][0]["refunded_quantity"], now["items"][0]["refunded_amount"]) == (1, "9.99")
    assert [(each["refund_id"], each["amount"]) for each in now["refunds"]] == [("re_1", "9.99")]
    assert api.ok(api.get("/balance", external_id="anna"))["features"][0]["balance"] == 8


def test_a_repeat_is_the_same_refund_and_other_input_a_conflict(api: Api, order: dict[str, Any]) -> None:
    path = f"/orders/{order['id']}/refunds"
    first = api.ok(api.post(path, {"amount": "4.00", "currency": "EUR"}, key="re_1"))

    assert api.ok(api.post(path, {"amount_minor": 400, "refund_id": "re_1"})) == {**first, "replayed": True}
    assert (first["refund_id"], first["policy"]) == ("re_1", None)
    problem = api.refused(api.post(path, {"amount_minor": 401}, key="re_1"), 409, "idempotency_conflict")
    assert problem["fields"] == ["amount"]
    assert api.fields(api.post(path, {})) == ["refund_id"]


def test_refunds_are_listed_newest_first(api: Api, order: dict[str, Any]) -> None:
    path = f"/orders/{order['id']}/refunds"
    for number in range(3):
        api.ok(api.post(path, {"amount_minor": 1, "refund_id": f"re_{number}"}))

    page = api.ok(api.get(path, limit=2))
    rest = api.ok(api.get(path, cursor=page["next"]))

    assert [each["refund_id"] for each in page["items"] + rest["items"]] == ["re_2", "re_1", "re_0"]
    api.refused(api.get("/orders/nothing/refunds"), 404, "order_not_found")
    api.refused(api.get("/orders/01890000-0000-7000-8000-000000000000/refunds"), 404, "order_not_found")


def test_a_provider_names_the_payment(api: Api, order: dict[str, Any]) -> None:
    body = {"payment_id": "ch_1", "refund_id": "re_1", "origin": "provider"}

    refund = api.ok(api.post("/refunds", body))

    assert (refund["order_id"], refund["order_status"], refund["origin"]) == (order["id"], "refunded", "provider")
    assert api.ok(api.post("/refunds", body))["replayed"]
    api.refused(api.post("/refunds", {**body, "payment_id": "ch_2"}), 404, "payment_not_found")
    api.refused(api.post("/refunds", {**body, "refund_id": "re_2"}), 409, "wrong_order_state")


def test_money_that_no_order_took_is_returned_and_counts_for_none(api: Api, order: dict[str, Any]) -> None:
    api.refused(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "ch_2"}), 409, "payment_unapplied")

    refund = api.ok(api.post("/refunds", {"payment_id": "ch_2", "refund_id": "re_1"}))

    assert (refund["items"], refund["amount"], refund["order_status"]) == ([], "29.97", "paid")
    now = api.ok(api.get(f"/orders/{order['id']}"))
    assert (now["refunds"], now["refunded_amount_minor"]) == ([], 0)
    assert [payment["status"] for payment in now["payments"]] == ["succeeded", "returned"]


def test_a_period_that_moves_up_is_shown_before_and_after(api: Api, catalogue: None) -> None:
    api.customer()
    orders = []
    for number in range(2):
        cart = {"external_id": "anna", "items": [{"sku": "pro_monthly"}], "currency": "EUR"}
        orders.append(api.ok(api.post("/orders", cart))["id"])
        api.ok(api.post(f"/orders/{orders[-1]}/confirm", {"payment_id": f"ch_{number}"}))

    (planned,) = api.ok(api.post(f"/orders/{orders[0]}/refunds/quote"))["slides"]
    refund = api.ok(api.post(f"/orders/{orders[0]}/refunds", {"refund_id": "re_1"}))

    (moved,) = refund["slides"]
    assert {name: planned[name] for name in moved} == moved
    (grant,) = [
        each for each in api.ok(api.get("/grants", external_id="anna"))["items"] if each["id"] == moved["grant_id"]
    ]
    assert grant["valid_from"] < moved["valid_from"] < moved["expires_at"]
    assert planned["new_valid_from"] <= grant["valid_from"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": "30.00", "currency": "EUR"}, 409, "refund_too_large"),
        ({"items": [{"line": 1, "quantity": 4}]}, 409, "refund_too_large"),
        ({"amount": "1.001", "currency": "EUR"}, 422, "invalid"),
        ({"amount": "1.00", "currency": "USD"}, 422, "currency_mismatch"),
        ({"amount": "1.00"}, 422, "invalid"),
        ({"amount": 1.0, "currency": "EUR"}, 422, "invalid"),
        ({"amount_minor": 0}, 422, "invalid"),
        ({"amount_minor": "1"}, 422, "invalid"),
        ({"amount_minor": 1, "policy": "unused_only"}, 422, "invalid"),
        ({"items": []}, 422, "invalid"),
        ({"items": [{"line": 2}]}, 422, "invalid"),
        ({"items": [{"line": 1}, {"line": 1}]}, 422, "invalid"),
        ({"items": [{"line": 1, "price": 1}]}, 422, "invalid"),
        ({"policy": "generous"}, 422, "invalid"),
        ({"origin": "dispute"}, 422, "invalid"),
        ({"refund_id": " re_1"}, 422, "invalid"),
        ({"release_holds": 1}, 422, "invalid"),
        ({"unknown": 1}, 422, "invalid"),
    ],
)
def test_what_cannot_go_back_is_refused(
    api: Api, order: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    path = f"/orders/{order['id']}/refunds"

    api.refused(api.post(path, {"refund_id": "re_1", **body}), status, code)

    assert api.ok(api.get(f"/orders/{order['id']}")) == order


def test_what_is_used_up_or_back_already_has_nothing_to_refund(api: Api, order: dict[str, Any]) -> None:
    path = f"/orders/{order['id']}/refunds"
    QuotaService.consume_quota(CustomerRef(customer_id=api.customer()), "pdf_export", quantity=18)
    api.refused(api.post(path, {"refund_id": "re_1", "policy": "unused_only"}), 409, "nothing_to_refund")
    api.ok(api.post(path, {"refund_id": "re_1"}))
    problem = api.refused(api.post(path, {"refund_id": "re_2"}), 409, "wrong_order_state")
    assert problem["order_status"] == "refunded"
    api.refused(api.post("/orders/nothing/refunds", {"refund_id": "re_1"}), 404, "order_not_found")


def test_refunds_are_read_by_customer_and_by_id(api: Api, order: dict[str, Any]) -> None:
    made = api.ok(api.post(f"/orders/{order['id']}/refunds", {"refund_id": "re_1", "amount_minor": 100}))
    del made["replayed"]

    assert api.ok(api.get("/refunds", external_id="anna")) == {"items": [made], "next": None}
    assert api.ok(api.get("/refunds"))["items"] == [made]
    assert api.ok(api.get("/refunds", external_id="nobody"))["items"] == []
    assert api.ok(api.get(f"/refunds/{made['id']}")) == made
    api.refused(api.get("/refunds/re_1"), 404, "refund_not_found")
