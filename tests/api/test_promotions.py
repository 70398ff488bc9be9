"""Promotion codes and tax over REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from billable.services import CatalogService, Money, PromotionService
from tests.api.conftest import Api

ITEMS = [{"sku": "pack10", "quantity": 2}]


@pytest.fixture(autouse=True)
def spring(api: Api, catalogue: None) -> None:
    PromotionService.create_promotion("SPRING", percent_off=10, max_uses=1)


def order(**given: Any) -> dict[str, Any]:
    return {"external_id": "anna", "items": ITEMS, **given}


def test_an_order_shows_what_a_code_took_off_and_its_tax(api: Api) -> None:
    CatalogService.update_product("pack10", tax_rate="8.875")

    placed = api.ok(api.post("/orders", order(promotion_code="spring"), key="cart"))
    again = api.ok(api.post("/orders", order(promotion_code="spring"), key="cart"))

    assert (placed["discount_amount"], placed["discount_amount_minor"], placed["promotion_code"]) == (
        "1.99",
        199,
        "SPRING",
    )
    assert (placed["total_amount"], placed["tax_amount"], placed["tax_included"]) == ("17.99", "1.47", True)
    (item,) = placed["items"]
    assert (item["discount_amount_minor"], item["tax_rate"], item["tax_amount_minor"]) == (199, "8.875", 147)
    assert (item["unit_amount"], item["discount_amount"], item["tax_amount"]) == ("9.99", "1.99", "1.47")
    assert (again["id"], again["replayed"]) == (placed["id"], True)


def test_an_order_without_a_code_has_none(api: Api) -> None:
    placed = api.ok(api.post("/orders", order()))

    assert (placed["promotion_code"], placed["discount_amount"], placed["tax_amount"]) == (None, "0.00", "0.00")
    assert placed["items"][0]["tax_rate"] == "0"


def test_a_code_that_does_not_apply_refuses_the_order(api: Api) -> None:
    api.ok(api.post("/orders", order(promotion_code="SPRING")))

    problem = api.refused(api.post("/orders", order(promotion_code="SPRING")), 409, "promotion_refused")
    unknown = api.refused(api.post("/orders", order(promotion_code="10 % off")), 404, "promotion_not_found")

    assert (problem["promotion"], problem["reason"]) == ("SPRING", "exhausted")
    assert unknown["promotion"] == "10 % off"
    for wrong in (1, "", [], True, "a" * 201):
        assert api.fields(api.post("/orders", order(promotion_code=wrong))) == ["promotion_code"]
    api.ok(api.post("/orders", order(), key="cart"))
    conflict = api.post("/orders", order(promotion_code="SPRING"), key="cart")
    assert api.refused(conflict, 409, "idempotency_conflict")["fields"] == ["promotion_code"]


def test_checking_a_code_answers_and_reserves_nothing(api: Api) -> None:
    for _ in range(2):
        check = api.ok(api.post("/promotions/check", order(code="spring")))
        assert check == {
            "applies": True,
            "code": "applies",
            "reason": None,
            "promotion_code": "SPRING",
            "currency": "EUR",
            "discount_amount": "1.99",
            "discount_amount_minor": 199,
            "total_amount": "17.99",
            "total_amount_minor": 1799,
            "items": [{"discount_amount": "1.99", "discount_amount_minor": 199}],
        }
    PromotionService.update_promotion("spring", amounts_off=[Money(1, "XTR")])
    refused = api.ok(api.post("/promotions/check", order(code="spring")))
    unknown = api.ok(api.post("/promotions/check", order(code="\x00 no code")))
    assert (refused["applies"], refused["code"], refused["reason"]) == (False, "promotion_refused", "other_currency")
    assert (unknown["code"], unknown["total_amount"], unknown["items"][0]["discount_amount_minor"]) == (
        "promotion_not_found",
        "19.98",
        0,
    )


def test_checking_a_code_refuses_what_the_order_would(api: Api) -> None:
    api.refused(
        api.post("/promotions/check", order(code="spring", items=[{"sku": "nothing"}])), 404, "product_not_found"
    )
    for body, field in [
        ({"code": "spring"}, "items"),
        ({"external_id": "anna", "items": ITEMS}, "code"),
        (order(code=1), "code"),
        (order(code=""), "code"),
        (order(code="spring", currency="XXX"), "currency"),
        (order(code="spring", idempotency_key="k"), "idempotency_key"),
        (order(code="spring", items=[{"sku": "pack10", "price": "1"}]), "items[0].price"),
    ]:
        assert field in api.fields(api.post("/promotions/check", body)), body


def test_products_say_what_they_cost_in_units_and_their_tax(api: Api) -> None:
    CatalogService.create_feature("credits")
    CatalogService.update_product("pack10", unit_prices={"credits": 20}, tax_rate="7")

    with override_settings(BILLABLE_TAX_RATE="19"):
        products = {each["sku"]: each for each in api.ok(api.get("/products"))["items"]}

    assert products["pack10"]["unit_prices"] == [{"feature": "credits", "units": 20}]
    assert (products["pack10"]["tax_rate"], products["pro_monthly"]["tax_rate"]) == ("7", "19")
    assert products["pro_monthly"]["unit_prices"] == []
