"""Statements that are written once find what the ORM finds, with the same rows at hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from billable.db import rows
from billable.models import Grant, Order, OrderItem, OrderItemFeature, Payment, Product, ProductFeature
from billable.services import CatalogService, Money, OrderService, QuotaService


@pytest.fixture
def order(customer: Any) -> Order:
    """A paid order of two lines, and beside it another customer's grant of no product."""
    CatalogService.create_product(
        "pack", prices=[Money(900, "EUR"), Money(1000, "USD")], features=["pdf", {"feature": "sso", "period": "1 week"}]
    )
    CatalogService.create_product("other", prices=[Money(100, "EUR")], features=["pdf"], quantity=3)
    made = OrderService.create_order(customer, [{"sku": "other"}, {"sku": "pack", "quantity": 2}], currency="EUR")
    OrderService.confirm_payment(made, payment_id="p1")
    QuotaService.grant_feature(customer, "pdf", quantity=4)
    return OrderService.get_order(made)


def names(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def values(found: list[Any]) -> list[list[Any]]:
    return [[getattr(row, name) for name in names(type(row))] for row in found]


@pytest.mark.parametrize(
    ("model", "keys", "also", "ordered"),
    [
        (Order, {"id": "order"}, (), ()),
        (OrderItem, {"order": "order"}, ("product",), ("line",)),
        (OrderItemFeature, {"item__order": "order"}, ("feature", "item", "item__product"), ("item__line", "line")),
        (Payment, {"order": "order"}, ("order", "applied_to"), ("id",)),
        (Grant, {"customer": "customer"}, ("product", "allowance", "allowance__origin"), ("source", "line", "id")),
        (ProductFeature, {"product__sku": "pack", "line": 2}, ("product", "feature"), ()),
        (Product, {"sku": "nothing like it"}, (), ()),
    ],
)
def test_by_finds_what_the_orm_finds(
    order: Order, model: Any, keys: dict[str, Any], also: tuple[str, ...], ordered: tuple[str, ...],
    django_assert_num_queries: Any,
) -> None:  # fmt: skip
    given = {"order": order.pk, "customer": order.customer_id}
    wanted = {name: given.get(value, value) for name, value in keys.items()}
    expected = list(model.objects.filter(**wanted).select_related(*also).order_by(*ordered))
    with django_assert_num_queries(1):
        found = rows.by("default", model, wanted, also=also, ordered=ordered)
        for row, same in zip(found, expected, strict=True):
            for path in also:
                mine, theirs = row, same
                for name in path.split("__"):
                    mine, theirs = mine and getattr(mine, name), theirs and getattr(theirs, name)
                assert (mine is None) is (theirs is None)
                assert mine is None or values([mine]) == values([theirs])
    assert values(found) == values(expected)


def test_what_is_remembered_runs_no_query_and_leads_back(order: Order, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert [item.product.sku for item in order.items.all()] == ["other", "pack"]
        assert [given.item.order for item in order.items.all() for given in item.features.all()] == [order] * 3
        assert [payment.order for payment in order.payments.all()] == [order]
        assert list(order.refunds.all()) == list(order.applied_payments.all()) == []


def test_a_row_is_written_and_compared_like_any_other(order: Order) -> None:
    (item, _) = rows.by("default", OrderItem, {"order": order.pk}, ordered=("line",))
    assert item == OrderItem.objects.get(pk=item.pk)
    assert not item._state.adding
    order.created_at += timedelta(days=1)
    order.save(update_fields=["created_at"])
    assert rows.by("default", Order, {"id": order.pk})[0].created_at == order.created_at
