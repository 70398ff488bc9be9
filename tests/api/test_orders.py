"""Ordering, and the money for it."""

import uuid
from typing import Any

import pytest
from django.db import connections

from tests.api.conftest import Api, is_uuid

CART = {"external_id": "anna", "items": [{"sku": "pack10", "quantity": 2}], "metadata": {"cart": 9}}


@pytest.fixture
def order(api: Api, catalogue: None) -> dict[str, Any]:
    """A pending order over 19.98 EUR."""
    answer: dict[str, Any] = api.ok(api.post("/orders", CART, key="cart_9"))
    return answer


def test_an_order_has_the_catalogues_prices(api: Api, order: dict[str, Any]) -> None:
    assert is_uuid(order["id"])
    assert {name: order[name] for name in ("status", "currency", "metadata", "payments", "replayed")} == {
        "status": "pending",
        "currency": "EUR",
        "metadata": {"cart": 9},
        "payments": [],
        "replayed": False,
    }
    assert (order["total_amount"], order["total_amount_minor"]) == ("19.98", 1998)
    assert (order["amount_due"], order["amount_due_minor"]) == ("19.98", 1998)
    assert order["items"] == [
        {
            "line": 1,
            "sku": "pack10",
            "name": "Ten exports",
            "quantity": 2,
            "unit_amount": "9.99",
            "unit_amount_minor": 999,
            "discount_amount": "0.00",
            "discount_amount_minor": 0,
            "tax_rate": "0",
            "tax_amount": "0.00",
            "tax_amount_minor": 0,
            "total_amount": "19.98",
            "total_amount_minor": 1998,
            "refunded_amount": "0.00",
            "refunded_amount_minor": 0,
            "refunded_quantity": 0,
            "subscription_id": None,
            "period_from": None,
            "period_until": None,
            "features": [
                {
                    **{"feature": "pdf_export", "quantity": 10, "period": None, "reset": None, "value": None},
                    **{"rollover_quantity": None, "rollover_periods": None, "cap_quantity": None, "cap_period": None},
                }
            ],
        }
    ]


def test_a_repeated_order_is_the_same_order(api: Api, order: dict[str, Any]) -> None:
    again = api.ok(api.post("/orders", CART, key="cart_9"))

    assert again == {**order, "replayed": True}
    other = {**CART, "items": [{"sku": "pro_monthly"}]}
    assert api.refused(api.post("/orders", other, key="cart_9"), 409, "idempotency_conflict")["fields"] == ["items"]


def test_amounts_have_the_decimals_of_their_currency(api: Api, catalogue: None) -> None:
    api.customer()
    body = {"external_id": "anna", "items": [{"sku": "pro_monthly"}], "currency": "XTR"}

    order = api.ok(api.post("/orders", body))

    assert (order["total_amount"], order["total_amount_minor"], order["currency"]) == ("500", 500, "XTR")


def test_confirming_pays_and_grants_and_a_repeat_answers_the_same(api: Api, order: dict[str, Any]) -> None:
    path, notice = f"/orders/{order['id']}/confirm", {"payment_id": "stripe_ch_123", "status": "paid"}

    first = api.ok(api.post(path, notice))
    second = api.ok(api.post(path, notice))

    assert first == second == api.ok(api.get(f"/orders/{order['id']}"))
    assert (first["status"], first["amount_due_minor"], first["paid_amount"]) == ("paid", 0, "19.98")
    (payment,) = first["payments"]
    assert is_uuid(payment["id"])
    assert (payment["payment_id"], payment["payment_method"], payment["status"]) == (
        "stripe_ch_123",
        "default",
        "succeeded",
    )
    assert (payment["amount"], payment["amount_minor"], payment["amount_assumed"]) == ("19.98", 1998, True)
    assert api.ok(api.get("/balance", external_id="anna"))["features"][0]["balance"] == 20


def test_money_may_come_in_parts(api: Api, order: dict[str, Any]) -> None:
    path = f"/orders/{order['id']}/confirm"

    first = api.ok(api.post(path, {"payment_id": "a", "amount": "10.00", "currency": "EUR"}))
    second = api.ok(api.post(path, {"payment_id": "b", "amount_minor": 998}))

    assert (first["status"], first["amount_due"], first["amount_due_minor"]) == ("pending", "9.98", 998)
    assert (second["status"], second["amount_due"]) == ("paid", "0.00")


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_payment_that_did_not_arrive_pays_nothing(api: Api, order: dict[str, Any], status: str) -> None:
    answer = api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "a", "status": status}))

    assert (answer["status"], answer["payments"][0]["status"]) == ("pending", status)


def test_money_that_the_order_cannot_take_is_kept_and_answered_with_409(api: Api, order: dict[str, Any]) -> None:
    notice = {"payment_id": "too_much", "amount_minor": 5000}

    for _ in range(2):
        response = api.post(f"/orders/{order['id']}/confirm", notice)
        problem = api.refused(response, 409, "payment_unapplied")
        assert (problem["payment_id"], problem["reason"]) == ("too_much", "amount_exceeds_due")

    answer = api.ok(api.get(f"/orders/{order['id']}"))
    (payment,) = answer["payments"]
    assert (payment["status"], payment["code"], payment["amount"]) == ("unapplied", "amount_exceeds_due", "50.00")
    assert answer["amount_due"] == "19.98"


@pytest.mark.django_db(transaction=True)
def test_kept_money_survives_a_host_with_atomic_requests(
    api: Api, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for alias in connections:
        monkeypatch.setitem(connections.settings[alias], "ATOMIC_REQUESTS", True)

    response = api.post(f"/orders/{order['id']}/confirm", {"payment_id": "too_much", "amount_minor": 5000})

    api.refused(response, 409, "payment_unapplied")
    assert len(api.ok(api.get(f"/orders/{order['id']}"))["payments"]) == 1


def test_a_payment_belongs_to_one_order(api: Api, order: dict[str, Any]) -> None:
    other = api.ok(api.post("/orders", CART, key="cart_10"))
    api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p"}))

    api.refused(api.post(f"/orders/{other['id']}/confirm", {"payment_id": "p"}), 409, "payment_conflict")


def test_cancelling_needs_no_body_and_does_nothing_the_second_time(api: Api, order: dict[str, Any]) -> None:
    first = api.ok(api.post(f"/orders/{order['id']}/cancel"))
    second = api.ok(api.post(f"/orders/{order['id']}/cancel", {"reason": "again"}))

    assert first["status"] == second["status"] == "cancelled"
    assert first["amount_due_minor"] == 0


def test_a_paid_order_cannot_be_cancelled(api: Api, order: dict[str, Any]) -> None:
    api.ok(api.post(f"/orders/{order['id']}/confirm", {"payment_id": "p"}))

    problem = api.refused(api.post(f"/orders/{order['id']}/cancel"), 409, "wrong_order_state")

    assert (problem["status"], problem["order_status"], problem["order"]) == (409, "paid", order["id"])


@pytest.mark.parametrize("order_id", [str(uuid.uuid4()), "1", "not-a-uuid", "a" * 300])
def test_an_order_that_is_none_is_not_found(api: Api, order_id: str) -> None:
    api.refused(api.get(f"/orders/{order_id}"), 404, "order_not_found")
    api.refused(api.post(f"/orders/{order_id}/confirm", {"payment_id": "p"}), 404, "order_not_found")
    api.refused(api.post(f"/orders/{order_id}/cancel"), 404, "order_not_found")


def test_an_order_with_one_unknown_sku_is_refused_whole(api: Api, catalogue: None) -> None:
    body = {"external_id": "anna", "items": [{"sku": "pack10"}, {"sku": "nothing"}]}

    assert api.refused(api.post("/orders", body), 404, "product_not_found")["sku"] == "nothing"
    assert api.ok(api.get("/orders"))["items"] == []


def test_a_trial_cannot_be_ordered(api: Api, catalogue: None) -> None:
    response = api.post("/orders", {"external_id": "anna", "items": [{"sku": "trial"}]})

    assert api.refused(response, 422, "not_for_sale")["errors"][0]["field"] == "items[0].sku"


def test_an_unknown_identity_that_orders_becomes_a_customer(api: Api, catalogue: None) -> None:
    order = api.ok(api.post("/orders", {**CART, "external_id": "newcomer"}))

    assert order["customer_id"] == api.ok(api.get("/balance", external_id="newcomer"))["customer_id"]


def test_an_unknown_customer_id_cannot_order(api: Api, catalogue: None) -> None:
    body = {"customer_id": str(uuid.uuid4()), "items": CART["items"]}

    api.refused(api.post("/orders", body), 404, "customer_not_found")


def test_orders_are_listed_newest_first_for_one_or_for_all(api: Api, order: dict[str, Any]) -> None:
    second = api.ok(api.post("/orders", {**CART, "external_id": "bert"}))

    assert [each["id"] for each in api.ok(api.get("/orders"))["items"]] == [second["id"], order["id"]]
    assert [each["id"] for each in api.ok(api.get("/orders", external_id="anna"))["items"]] == [order["id"]]
    assert api.ok(api.get("/orders", external_id="nobody"))["items"] == []
    assert api.ok(api.get("/orders", status="paid"))["items"] == []
    assert api.fields(api.get("/orders", status="lost")) == ["status"]

    page = api.ok(api.get("/orders", limit=1))
    assert [each["id"] for each in page["items"]] == [second["id"]]
    assert [each["id"] for each in api.ok(api.get("/orders", limit=1, cursor=page["next"]))["items"]] == [order["id"]]


def test_a_list_of_orders_takes_as_many_statements_as_one_order(
    api: Api, order: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        api.ok(api.post("/orders", {**CART, "external_id": f"customer-{number}"}))

    with django_assert_max_num_queries(6):
        assert len(api.ok(api.get("/orders"))["items"]) == 6


def test_an_error_list_is_not_longer_than_anybody_reads(api: Api) -> None:
    answer = api.post("/orders", {"external_id": "anna", "items": [{}] * 90})
    assert len(answer.json()["errors"]) == 20
    answer = api.post("/orders", {"external_id": "anna", "items": [{}] * 5000})
    assert len(answer.content) < 10_000


def test_a_provider_alone_does_not_list_everybody(api: Api) -> None:
    assert api.fields(api.get("/orders", provider="telegram")) == ["external_id"]
