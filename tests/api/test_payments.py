"""Payments on their own: the work list, sales made elsewhere, disputes."""

from typing import Any

import pytest

from billable.services import PromotionService
from tests.api.conftest import Api, is_uuid

NOBODY = "01900000-0000-7000-8000-000000000000"
SALE = {"external_id": "anna", "items": [{"sku": "pack10"}], "payment_id": "ch_1", "payment_method": "stripe"}


def exports(api: Api) -> Any:
    return api.ok(api.get("/balance", external_id="anna", feature="pdf_export"))["features"][0]["balance"]


def order(api: Api) -> dict[str, Any]:
    answer: dict[str, Any] = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pack10"}]}))
    return answer


@pytest.fixture
def sale(api: Api, catalogue: None) -> dict[str, Any]:
    """A pack that was sold elsewhere."""
    answer: dict[str, Any] = api.ok(api.post("/sales", SALE))
    return answer


@pytest.fixture
def surplus(api: Api, sale: dict[str, Any]) -> dict[str, Any]:
    """9.99 EUR that arrived a second time."""
    api.refused(api.post(f"/orders/{sale['id']}/confirm", {"payment_id": "ch_2"}), 409, "payment_unapplied")
    (payment,) = api.ok(api.get("/payments", status="unapplied"))["items"]
    return payment  # type: ignore[no-any-return]


def test_a_sale_is_answered_with_its_order_and_a_repeat_sells_nothing(api: Api, sale: dict[str, Any]) -> None:
    assert (sale["status"], sale["total_amount"], sale["replayed"]) == ("paid", "9.99", False)
    (payment,) = sale["payments"]
    assert (payment["payment_id"], payment["payment_method"], payment["status"]) == ("ch_1", "stripe", "succeeded")
    assert (payment["order_id"], payment["applied_to"]) == (sale["id"], None)
    assert api.ok(api.post("/sales", SALE, key="any key")) == {**sale, "replayed": True}
    assert exports(api) == 10


def test_a_sale_of_something_else_by_the_same_payment_is_a_conflict(api: Api, sale: dict[str, Any]) -> None:
    other = api.post("/sales", {**SALE, "items": [{"sku": "pro_monthly"}]})
    assert api.refused(other, 409, "idempotency_conflict")["fields"] == ["items"]
    api.refused(api.post("/sales", {**SALE, "external_id": "bob"}), 409, "payment_conflict")


def test_a_sale_may_have_used_a_code(api: Api, catalogue: None) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses=1)
    discounted = {**SALE, "promotion_code": "spring", "amount": "9.00", "currency": "EUR"}
    sold = api.ok(api.post("/sales", discounted))
    assert (sold["status"], sold["promotion_code"], sold["discount_amount_minor"]) == ("paid", "SPRING", 99)
    assert api.ok(api.post("/sales", discounted)) == {**sold, "replayed": True}
    other = api.post("/sales", {**discounted, "promotion_code": "autumn"})
    assert api.refused(other, 409, "idempotency_conflict")["fields"] == ["promotion_code"]


def test_a_sale_with_a_code_that_does_not_apply_sells_nothing(api: Api, catalogue: None) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10)
    PromotionService.update_promotion("SPRING", is_active=False)
    problem = api.refused(api.post("/sales", {**SALE, "promotion_code": "SPRING"}), 409, "promotion_refused")
    assert problem["reason"] == "inactive"
    api.refused(api.post("/sales", {**SALE, "promotion_code": "AUTUMN"}), 404, "promotion_not_found")
    assert api.ok(api.get("/orders"))["items"] == []
    # The money has arrived all the same: without the code the sale is kept, with what is still due.
    kept = api.ok(api.post("/sales", {**SALE, "amount": "9.00", "currency": "EUR"}))
    assert (kept["status"], kept["amount_due"]) == ("pending", "0.99")


def test_a_sale_for_another_amount_is_kept(api: Api, catalogue: None) -> None:
    problem = api.refused(api.post("/sales", {**SALE, "amount": "10.00", "currency": "EUR"}), 409, "payment_unapplied")
    assert problem["reason"] == "amount_exceeds_due"
    (payment,) = api.ok(api.get("/payments", external_id="anna", status="unapplied"))["items"]
    assert (payment["amount"], payment["code"]) == ("10.00", "amount_exceeds_due")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"payment_id": ""}, "payment_id"),
        ({"payment_id": 1}, "payment_id"),
        ({"promotion_code": ""}, "promotion_code"),
        ({"promotion_code": 1}, "promotion_code"),
        ({"items": []}, "items"),
        ({"items": [{"sku": "pack10", "price": 1}]}, "items[0].price"),
        ({"amount": 9.99, "currency": "EUR"}, "amount"),
        ({"amount": "9.99"}, "currency"),
        ({"amount_minor": 9.0}, "amount_minor"),
        ({"amount_minor": "999"}, "amount_minor"),
        ({"currency": "\x00"}, "currency"),
        ({"payment_method": "*"}, "payment_method"),
        ({"metadata": []}, "metadata"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_sale_that_cannot_be_names_the_field(api: Api, catalogue: None, wrong: dict[str, Any], field: str) -> None:
    assert api.fields(api.post("/sales", {**SALE, **wrong})) == [field]
    assert api.ok(api.get("/orders"))["items"] == []


def test_the_list_of_payments_is_paged_and_filtered(api: Api, sale: dict[str, Any], surplus: dict[str, Any]) -> None:
    first = api.ok(api.get("/payments", external_id="anna", limit=1))
    rest = api.ok(api.get("/payments", external_id="anna", limit=1, cursor=first["next"]))
    assert [each["payment_id"] for page in (first, rest) for each in page["items"]] == ["ch_2", "ch_1"]
    assert rest["next"] is None
    assert api.ok(api.get("/payments", external_id="nobody"))["items"] == []
    assert api.fields(api.get("/payments", status="lost?")) == ["status"]
    assert api.fields(api.get("/payments", statuss="lost")) == ["statuss"]
    assert api.fields(api.get("/payments", provider="telegram")) == ["external_id"]


def test_unapplied_money_pays_another_order(api: Api, surplus: dict[str, Any]) -> None:
    waiting = order(api)
    path, body = f"/payments/{surplus['id']}/apply", {"order_id": waiting["id"], "reason": "paid twice"}

    first = api.ok(api.post(path, body))

    assert first == api.ok(api.post(path, body))
    assert (first["status"], first["applied_to"], first["reason"]) == ("succeeded", waiting["id"], "paid twice")
    paid = api.ok(api.get(f"/orders/{waiting['id']}"))
    assert (paid["status"], paid["payments"], [each["id"] for each in paid["applied_payments"]]) == (
        "paid",
        [],
        [surplus["id"]],
    )
    assert exports(api) == 20


def test_money_that_an_order_cannot_take_is_not_applied(
    api: Api, sale: dict[str, Any], surplus: dict[str, Any]
) -> None:
    path = f"/payments/{surplus['id']}/apply"
    problem = api.refused(api.post(path, {"order_id": sale["id"]}), 409, "payment_unapplied")
    assert problem["reason"] == "order_already_paid"
    api.refused(api.post(path, {"order_id": NOBODY}), 404, "order_not_found")
    api.refused(api.post(f"/payments/{NOBODY}/apply", {"order_id": sale["id"]}), 404, "payment_not_found")
    api.refused(api.post("/payments/7/return", {}), 404, "payment_not_found")
    assert api.fields(api.post(path, {"order_id": "7"})) == ["order_id"]
    assert api.fields(api.post(path, {})) == ["order_id"]


def test_unapplied_money_is_returned_once_and_for_good(api: Api, sale: dict[str, Any], surplus: dict[str, Any]) -> None:
    path = f"/payments/{surplus['id']}/return"

    first = api.ok(api.post(path, {"reason": "by wire"}))

    assert (first["status"], first["reason"]) == ("returned", "by wire")
    assert first["returned_at"] is not None
    assert api.ok(api.post(path)) == first
    problem = api.refused(api.post(f"/payments/{sale['payments'][0]['id']}/return"), 409, "wrong_payment_state")
    assert problem["payment_status"] == "succeeded"


def test_a_dispute_takes_back_and_gives_back(api: Api, sale: dict[str, Any]) -> None:
    path = f"/payments/{sale['payments'][0]['id']}/dispute"
    body = {"dispute_id": "dp_1", "reason": "fraudulent", "metadata": {"case": 7}}

    dispute = api.ok(api.post(path, body))

    assert is_uuid(dispute["id"])
    assert (dispute["status"], dispute["amount"], dispute["amount_minor"]) == ("disputed", "9.99", 999)
    assert (dispute["order_id"], dispute["payment"]["status"]) == (sale["id"], "disputed")
    assert (dispute["metadata"], dispute["decided_at"]) == ({"case": 7}, None)
    assert api.ok(api.post(path, body)) == {**dispute, "replayed": True}
    assert exports(api) == 0

    won = api.ok(api.post(f"/disputes/{dispute['id']}/resolve", {"outcome": "won"}))

    assert (won["status"], won["payment"]["status"], won["replayed"]) == ("won", "succeeded", False)
    assert exports(api) == 10
    problem = api.refused(
        api.post(f"/disputes/{dispute['id']}/resolve", {"outcome": "lost"}), 409, "wrong_dispute_state"
    )
    assert problem["dispute_status"] == "won"


def test_a_dispute_that_is_lost_refunds_its_part(api: Api, sale: dict[str, Any]) -> None:
    path = f"/payments/{sale['payments'][0]['id']}/dispute"
    dispute = api.ok(api.post(path, {"dispute_id": "dp_1", "amount": "4.00", "currency": "EUR"}))
    api.refused(api.post(path, {"dispute_id": "dp_2"}), 409, "dispute_open")
    api.refused(api.post(path, {"dispute_id": "dp_1", "amount_minor": 1}), 409, "idempotency_conflict")

    api.ok(api.post(f"/disputes/{dispute['id']}/resolve", {"outcome": "lost"}))

    refunded = api.ok(api.get(f"/orders/{sale['id']}"))
    assert (refunded["status"], refunded["refunded_amount"]) == ("partially_refunded", "4.00")
    assert exports(api) == 6


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"dispute_id": " a"}, "dispute_id"),
        ({"dispute_id": None}, "dispute_id"),
        ({"amount_minor": 1000}, "amount"),
        ({"amount": "1.999", "currency": "EUR"}, "amount"),
        ({"reason": 7}, "reason"),
        ({"metadata": [1]}, "metadata"),
    ],
)
def test_a_dispute_that_cannot_be_names_the_field(
    api: Api, sale: dict[str, Any], wrong: dict[str, Any], field: str
) -> None:
    path = f"/payments/{sale['payments'][0]['id']}/dispute"
    assert api.fields(api.post(path, {"dispute_id": "dp_1", **wrong})) == [field]
    assert exports(api) == 10


def test_disputes_that_are_unknown_or_have_no_outcome(api: Api, sale: dict[str, Any]) -> None:
    api.refused(api.post(f"/payments/{NOBODY}/dispute", {"dispute_id": "a"}), 404, "payment_not_found")
    api.refused(api.post(f"/disputes/{NOBODY}/resolve", {"outcome": "won"}), 404, "dispute_not_found")
    dispute = api.ok(api.post(f"/payments/{sale['payments'][0]['id']}/dispute", {"dispute_id": "a"}))
    for outcome in ("disputed", None, 7):
        assert api.fields(api.post(f"/disputes/{dispute['id']}/resolve", {"outcome": outcome})) == ["outcome"]


def test_disputes_are_read_by_the_providers_name_and_by_id(api: Api, sale: dict[str, Any]) -> None:
    said = api.ok(api.post(f"/payments/{sale['payments'][0]['id']}/dispute", {"dispute_id": "dp_1"}))
    del said["replayed"]

    assert api.ok(api.get("/disputes", dispute_id="dp_1", status="disputed")) == {"items": [said], "next": None}
    assert api.ok(api.get("/disputes", external_id="nobody"))["items"] == []
    assert api.ok(api.get("/disputes", dispute_id="dp_2"))["items"] == []
    assert api.ok(api.get(f"/disputes/{said['id']}")) == said
    api.refused(api.get(f"/disputes/{NOBODY}"), 404, "dispute_not_found")
    assert api.fields(api.get("/disputes", status="open")) == ["status"]
