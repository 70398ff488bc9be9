"""Promotions as staff makes them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from billable.models import Promotion
from billable.services import Money, OrderService, PromotionService

MAY = datetime(2026, 5, 1, tzinfo=timezone.utc)


def amounts(promotion):
    return {each.currency: each.amount_minor for each in promotion.amounts.all()}


def test_a_code_takes_a_percentage_off(door):
    made = door.promotions.create_promotion("Spring-10", name="Spring", percent_off="12.5", metadata={"a": 1})
    found = door.promotions.get_promotion(" spring-10 ")
    assert (found.pk, found.code, found.name, found.percent_off) == (made.pk, "SPRING-10", "Spring", Decimal("12.5"))
    assert (found.used, found.max_uses, found.is_active, found.metadata) == (0, None, True, {"a": 1})


def test_a_code_takes_fixed_amounts_off_some_products(door):
    off = [Money(500, "EUR"), Money(800, "JPY")]
    made = door.promotions.create_promotion("five", amounts_off=off, products=["PRO", "pack", "pro"])
    assert (amounts(made), made.percent_off) == ({"EUR": 500, "JPY": 800}, None)
    assert [each.product.sku for each in made.products.all()] == ["pro", "pack"]


def test_a_taken_code_is_refused(door, refused):
    door.promotions.create_promotion("spring", percent_off=10)
    with refused("promotion_taken", promotion="SPRING"):
        door.promotions.create_promotion("Spring", percent_off=20)


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amounts_off": [Money(1, "EUR")]}, "percent_off"),
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": "100.0001"}, "percent_off"),
        ({"percent_off": "1.00001"}, "percent_off"),
        ({"percent_off": 0.5}, "percent_off"),
        ({"percent_off": True}, "percent_off"),
        ({"percent_off": "-1"}, "percent_off"),
        ({"percent_off": Decimal("NaN")}, "percent_off"),
        ({"amounts_off": [Money(0, "EUR")]}, "amounts_off"),
        ({"amounts_off": [Money(1, "EUR"), Money(2, "eur")]}, "amounts_off"),
        ({"amounts_off": [Money(1, "ABC")]}, "currency"),
        ({"amounts_off": "5 EUR"}, "amounts_off"),
        ({"amounts_off": [5]}, "amounts_off"),
        ({"percent_off": 10, "products": "pro"}, "products"),
        ({"percent_off": 10, "products": [7]}, "products"),
        ({"percent_off": 10, "starts_at": datetime(2026, 5, 1)}, "starts_at"),
        ({"percent_off": 10, "ends_at": "tomorrow"}, "ends_at"),
        ({"percent_off": 10, "ends_at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))}, "ends_at"),
        ({"percent_off": 10, "starts_at": MAY, "ends_at": MAY}, "ends_at"),
        ({"percent_off": 10, "max_uses": 0}, "max_uses"),
        ({"percent_off": 10, "max_uses": 2**31}, "max_uses"),
        ({"percent_off": 10, "max_uses_per_customer": 1.0}, "max_uses_per_customer"),
        ({"percent_off": 10, "first_order_only": 1}, "first_order_only"),
        ({"percent_off": 10, "metadata": []}, "metadata"),
        ({"percent_off": 10, "name": "x" * 201}, "name"),
    ],
)
def test_what_no_promotion_can_be_is_refused(door, refused, how, field):
    with refused("invalid") as refusal:
        door.promotions.create_promotion("spring", **how)
    assert refusal.error.field.startswith(field)


def test_a_code_is_a_name_and_its_products_exist(door, refused):
    for code in ("", "10 %", "Ä", None, 7, "x" * 65):
        with refused("invalid", field="code"):
            door.promotions.create_promotion(code, percent_off=10)
    with refused("product_not_found", sku="nothing"):
        door.promotions.create_promotion("spring", percent_off=10, products=["pro", "nothing"])
    for unknown in ("nothing", "10 %"):
        with refused("promotion_not_found"):
            door.promotions.get_promotion(unknown)
        with refused("promotion_not_found"):
            door.promotions.update_promotion(unknown, is_active=False)
    with refused("invalid", field="code"):
        door.promotions.get_promotion(7)


def test_a_promotion_is_changed_part_by_part(door, refused):
    door.promotions.create_promotion(
        "spring", percent_off=10, products=["pro"], starts_at=MAY, max_uses=5, max_uses_per_customer=1
    )
    changed = door.promotions.update_promotion("SPRING", name="Spring", ends_at=MAY + timedelta(days=1))
    assert (changed.percent_off, changed.starts_at, changed.max_uses, changed.name) == (10, MAY, 5, "Spring")
    changed = door.promotions.update_promotion(
        "spring", starts_at=None, max_uses=None, max_uses_per_customer=None, products=[], first_order_only=True
    )
    assert (changed.starts_at, changed.max_uses, changed.max_uses_per_customer) == (None, None, None)
    assert (changed.ends_at, changed.first_order_only, list(changed.products.all())) == (
        MAY + timedelta(days=1),
        True,
        [],
    )
    changed = door.promotions.update_promotion("spring", amounts_off=[Money(5, "EUR")])
    assert (changed.percent_off, amounts(changed)) == (None, {"EUR": 5})
    changed = door.promotions.update_promotion("spring", percent_off=5, metadata={"a": 1})
    assert (changed.percent_off, amounts(changed), changed.metadata) == (5, {}, {"a": 1})
    for wrong in ({"amounts_off": []}, {"percent_off": 5, "amounts_off": [Money(5, "EUR")]}):
        with refused("invalid", field="percent_off"):
            door.promotions.update_promotion("spring", **wrong)
    with refused("invalid", field="is_active"):
        door.promotions.update_promotion("spring", is_active=1)


def test_a_limit_does_not_go_below_what_is_used(door, user, bob, refused):
    PromotionService.create_promotion("spring", percent_off=10)
    for whose in (user, bob):
        OrderService.create_order(whose, [{"sku": "pack"}], promotion_code="spring")
    with refused("invalid", field="max_uses"):
        door.promotions.update_promotion("spring", max_uses=1)
    assert door.promotions.update_promotion("spring", max_uses=2).used == 2


def test_promotions_are_listed_newest_first_in_pages(door, refused, statements):
    for number in range(5):
        PromotionService.create_promotion(f"code{number}", percent_off=10, products=["pro"])
    PromotionService.update_promotion("code4", is_active=False)
    first = door.promotions.list_promotions(limit=3)
    rest = door.promotions.list_promotions(limit=3, cursor=first.next)
    assert [each.code for each in [*first, *rest]] == ["CODE3", "CODE2", "CODE1", "CODE0"]
    assert len(door.promotions.list_promotions(include_inactive=True)) == 5
    for wrong in ({"cursor": "%%"}, {"cursor": "YWJj"}, {"limit": 201}):
        with refused("invalid", field=next(iter(wrong))):
            door.promotions.list_promotions(**wrong)
    assert len(statements(PromotionService.list_promotions)) == 3
    assert Promotion.objects.count() == 5
