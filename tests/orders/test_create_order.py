"""create_order: a snapshot, in one currency, at the catalogue's prices."""

from __future__ import annotations

import pytest

from billable.models import Customer
from billable.services import CatalogService, CustomerRef, Money, OrderService, QuotaService


def test_an_order_is_a_snapshot_of_the_catalogue(door, user):
    order = door.orders.create_order(
        user=user, items=[{"sku": "PRO", "quantity": 2}], currency="EUR", metadata={"a": 1}
    )
    CatalogService.update_product("pro", name="Pro plus", prices=[Money(1, "EUR")], features=["other"])

    again = door.orders.get_order(order.pk)

    assert (again.status, again.total, again.amount_due_minor) == ("pending", Money(1998, "EUR"), 1998)
    (item,) = again.items.all()
    assert (item.sku, item.name, item.quantity, item.unit_amount_minor) == ("pro", "Pro", 2, 999)
    given = [(each.feature.key, each.quantity, str(each.period)) for each in item.features.all()]
    assert given == [("pdf_export", 100, "1 month"), ("sso", None, "1 month")]
    assert (list(again.payments.all()), again.metadata) == ([], {"a": 1})


@pytest.mark.parametrize(
    ("skus", "asked", "chosen"),
    [
        (["pro"], "usd", "USD"),
        (["pro"], None, "USD"),
        (["pack"], None, "EUR"),
        (["pro", "pack"], None, "EUR"),
        (["stars"], None, "XTR"),
        (["yen"], "JPY", "JPY"),
    ],
)
def test_all_items_are_in_one_currency(door, user, skus, asked, chosen):
    order = door.orders.create_order(user, [{"sku": sku} for sku in skus], currency=asked)
    assert order.currency == chosen


def test_a_currency_that_the_products_do_not_share_is_refused(door, user, refused):
    with refused("currency_mismatch", field="items"):
        door.orders.create_order(user, [{"sku": "pack"}, {"sku": "stars"}])
    with refused("currency_mismatch", field="items[1].sku"):
        door.orders.create_order(user, [{"sku": "pro"}, {"sku": "stars"}], currency="EUR")
    with refused("invalid", field="currency"):
        door.orders.create_order(user, [{"sku": "pro"}], currency="ABC")
    CatalogService.create_product("two", prices=[Money(1, "EUR"), Money(1, "JPY")], features=["sso"])
    with refused("invalid", field="currency"):
        door.orders.create_order(user, [{"sku": "two"}])


def test_the_default_currency_is_a_setting(door, user, settings):
    settings.BILLABLE_CURRENCY = "EUR"
    assert door.orders.create_order(user, [{"sku": "pro"}]).currency == "EUR"


def test_one_bad_line_refuses_the_whole_order(door, user, refused):
    good = {"sku": "pack"}
    for bad, code in [
        ({"sku": "nothing"}, "product_not_found"),
        ({"sku": "old"}, "not_for_sale"),
        ({"sku": "try"}, "not_for_sale"),
        ({"sku": "unpriced"}, "not_for_sale"),
        ({"sku": ""}, "invalid"),
        ({}, "invalid"),
        ("pack", "invalid"),
        ({"sku": "pack", "price": "0.01"}, "invalid"),
        ({"sku": "pack", "unit_amount_minor": 1}, "invalid"),
    ]:
        with refused(code) as refusal:
            door.orders.create_order(user, [good, bad])
        if code == "invalid":
            assert refusal.error.field.startswith("items[1]")
    for nothing in ([], "pack", {"sku": "pack"}, None, [good] * 101):
        with refused("invalid", field="items"):
            door.orders.create_order(user, nothing)


@pytest.mark.parametrize("quantity", [0, -1, 1.0, "1", True, None, 10**6 + 1])
def test_a_quantity_is_a_whole_number_of_pieces(door, user, refused, quantity):
    with refused("invalid", field="items[0].quantity"):
        door.orders.create_order(user, [{"sku": "pack", "quantity": quantity}])


def test_products_of_quantities_stay_within_the_limits(door, user, refused):
    CatalogService.create_product("lot", price="1", currency="EUR", features=["pdf_export"], quantity=10**9)
    CatalogService.create_product("dear", prices=[Money(10**15, "EUR")], features=["pdf_export"])
    with refused("invalid", field="items[0].quantity"):
        door.orders.create_order(user, [{"sku": "lot", "quantity": 1001}])
    with refused("invalid", field="items"):
        door.orders.create_order(user, [{"sku": "dear", "quantity": 2}])


def test_a_total_of_nothing_is_paid_at_once(door, user):
    order = door.orders.create_order(user, [{"sku": "free", "quantity": 3}])
    assert (order.status, order.total_amount_minor, order.amount_due_minor) == ("paid", 0, 0)
    assert door.quota.check_quota(user, "pdf_export").balance == 3


def test_a_key_orders_once(door, user, refused):
    items = [{"sku": "pro", "quantity": 2}, {"sku": "pack"}]
    first = door.orders.create_order(user, items, currency="EUR", idempotency_key="cart")
    again = door.orders.create_order(user, items, idempotency_key="cart", metadata={"other": True})
    assert (again.pk, again.replayed, first.replayed) == (first.pk, True, False)
    with refused("idempotency_conflict", fields=["items"]):
        door.orders.create_order(user, items[:1], idempotency_key="cart")
    with refused("idempotency_conflict", fields=["currency", "items"]) as refusal:
        refusal.expected = {}
        door.orders.create_order(user, items[:1], currency="USD", idempotency_key="cart")
    assert set(refusal.error.fields) == {"items", "currency"}


def test_a_first_order_makes_a_user_and_even_an_unknown_identity_a_customer(door, user, refused):
    CatalogService.create_product("welcome", features=["credits"], quantity=3, is_default=True)
    door.orders.create_order(user, [{"sku": "pack"}])
    stranger = CustomerRef(provider="telegram", external_id="99")
    door.orders.create_order(stranger, [{"sku": "pack"}])
    assert Customer.objects.count() == 2
    assert door.quota.check_quota(user, "credits").balance == 3
    assert door.quota.check_quota(stranger, "credits").balance == 3
    with refused("customer_not_found"):
        door.orders.create_order(CustomerRef(user_id=987_654), [{"sku": "pack"}])
    with refused("product_not_found"):
        door.orders.create_order(CustomerRef(external_id="new"), [{"sku": "nothing"}])


def test_orders_are_listed_newest_first_in_pages(door, user, refused, django_user_model):
    other = django_user_model.objects.create(username="bob")
    made = [door.orders.create_order(user, [{"sku": "pack"}]) for _ in range(5)]
    door.orders.create_order(other, [{"sku": "pack"}])
    first = door.orders.list_orders(user, limit=3)
    rest = door.orders.list_orders(user, limit=3, cursor=first.next)
    assert {each.pk for each in [*first, *rest]} == {each.pk for each in made}
    assert (len(first), len(rest), rest.next) == (3, 2, None)
    assert len(door.orders.list_orders()) == 6
    assert len(door.orders.list_orders(user, status="paid")) == 0
    for wrong in ({"status": "nothing"}, {"cursor": "%%%"}, {"cursor": "YWJj"}, {"limit": 201}):
        with refused("invalid", field=next(iter(wrong))):
            door.orders.list_orders(user, **wrong)
    for unknown in ("01900000-0000-7000-8000-000000000000", "no id", 7):
        with refused("order_not_found"):
            door.orders.get_order(unknown)


@pytest.mark.django_db(transaction=True)
def test_statements_of_orders_are_counted(user, statements):
    for number in range(30):
        lines = [{"feature": f"f{number}", "quantity": 5, "period": "1 month"}, {"feature": "sso", "period": "1 month"}]
        CatalogService.create_product(f"p{number}", price="1", currency="EUR", features=lines)
    QuotaService.grant_feature(user, "sso", quantity=1)
    ten, thirty = [[{"sku": f"p{number}"} for number in range(count)] for count in (10, 30)]
    made = []

    def buy(items):
        return statements(lambda: made.append(OrderService.create_order(user, items)))

    def pay(payment_id):
        return statements(lambda: OrderService.confirm_payment(made[-1], payment_id=payment_id))

    assert len(buy(ten)) <= 9
    assert len(pay("a")) <= 16
    from django.db import connection

    few = len(buy(thirty)) + len(pay("b"))
    if connection.vendor == "postgresql":
        assert few <= 9 + 16
