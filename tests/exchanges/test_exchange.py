"""exchange: units of one feature for a product, both or neither."""

from __future__ import annotations

import pytest
from django.db import transaction

from billable.models import Customer, Exchange, Grant
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService


def balance(user, feature):
    return QuotaService.check_quota(user, feature).balance


def test_units_are_given_for_a_product(door, rich):
    made = door.orders.exchange(rich, "PDF_pack", quantity=3, idempotency_key="e1", metadata={"a": 1})
    assert (made.sku, made.name, made.quantity, made.feature.key, made.units) == ("pdf_pack", "PDFs", 3, "credits", 60)
    assert (made.usage.quantity, made.usage.balance, made.usage.action_type) == (60, 40, "exchange")
    (grant,) = made.grants
    assert (grant.feature.key, grant.quantity, grant.source, grant.source_id) == ("pdf", 30, "exchange", str(made.pk))
    assert (balance(rich, "credits"), balance(rich, "pdf")) == (40, 30)
    assert (made.refunded_units, made.metadata, made.replayed) == (0, {"a": 1}, False)


def test_units_are_taken_in_burn_order_and_may_be_paid_from_others(door, user):
    CatalogService.set_cost("credits", "gems", per=10, units=1)
    QuotaService.grant_feature(user, "credits", quantity=15)
    QuotaService.grant_feature(user, "gems", quantity=5)
    made = door.orders.exchange(user, "pdf_pack", idempotency_key="e1")
    assert made.usage.costs == [{"feature": "gems", "quantity": 5, "per": 10, "units": 1}]
    assert balance(user, "gems") == 4


def test_a_product_with_prices_in_several_units_is_asked_for_by_one(door, rich, refused):
    QuotaService.grant_feature(rich, "gems", quantity=3)
    with refused("invalid", field="feature"):
        door.orders.exchange(rich, "pro", idempotency_key="e1")
    with refused("not_for_sale", field="feature"):
        door.orders.exchange(rich, "pro", feature="ai", idempotency_key="e1")
    made = door.orders.exchange(rich, "pro", feature="gems", idempotency_key="e1")
    assert (made.feature.key, made.units, balance(rich, "gems")) == ("gems", 3, 0)


def test_too_few_units_give_nothing_and_the_key_may_succeed_later(door, user, refused):
    QuotaService.grant_feature(user, "credits", quantity=19)
    with refused("quota_exceeded", feature="credits", requested=20, balance=19):
        door.orders.exchange(user, "pdf_pack", idempotency_key="e1")
    QuotaService.grant_feature(user, "credits", quantity=1)
    assert door.orders.exchange(user, "pdf_pack", idempotency_key="e1").grants
    assert balance(user, "credits") == 0


def test_a_refusal_leaves_the_callers_transaction_usable(user, refused):
    QuotaService.grant_feature(user, "credits", quantity=20)
    with transaction.atomic():
        with refused("quota_exceeded"):
            OrderService.exchange(user, "pdf_pack", quantity=2, idempotency_key="e1")
        OrderService.exchange(user, "pdf_pack", idempotency_key="e1")
    assert Exchange.objects.count() == 1


def test_a_key_exchanges_once(door, rich, refused):
    first = door.orders.exchange(rich, "pdf_pack", idempotency_key="e1")
    CatalogService.update_product("pdf_pack", unit_prices={"credits": 99})
    again = door.orders.exchange(rich, "pdf_pack", feature="credits", idempotency_key="e1")
    assert (again.pk, again.replayed, [each.pk for each in again.grants]) == (first.pk, True, [first.grants[0].pk])
    assert (again.usage.pk, again.usage.balance, balance(rich, "credits")) == (first.usage.pk, 80, 80)
    for other, field in [({"sku": "both"}, "sku"), ({"quantity": 2}, "quantity"), ({"feature": "gems"}, "feature")]:
        with refused("idempotency_conflict", fields=[field]):
            door.orders.exchange(rich, **{"sku": "pdf_pack", **other}, idempotency_key="e1")


def test_what_cannot_be_exchanged_is_refused(door, rich, refused):
    CatalogService.create_product("try", features=["pdf"], quantity=1, is_trial=True, unit_prices={"credits": 1})
    CatalogService.create_product("old", features=["pdf"], quantity=1, unit_prices={"credits": 1})
    CatalogService.deactivate_product("old")
    CatalogService.create_product("empty", unit_prices={"credits": 1})
    CatalogService.create_product("gone", features=["gone_feature"], quantity=1, unit_prices={"credits": 1})
    CatalogService.update_feature("gone_feature", is_active=False)
    for sku in ("money_only", "try", "old", "empty", "gone"):
        with refused("not_for_sale", field="sku"):
            door.orders.exchange(rich, sku, idempotency_key="e1")
    with refused("product_not_found", sku="nothing"):
        door.orders.exchange(rich, "nothing", idempotency_key="e1")


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": 10**6 + 1}, "quantity"),
        ({"feature": 7}, "feature"),
        ({"feature": "10 %"}, "feature"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": None}, "idempotency_key"),
        ({"metadata": []}, "metadata"),
        ({"sku": "10 %"}, "sku"),
    ],
)
def test_bad_input_is_refused(door, rich, refused, how, field):
    with refused("invalid", field=field):
        door.orders.exchange(rich, **{"sku": "pdf_pack", "idempotency_key": "e1", **how})


def test_products_of_quantities_stay_within_the_limits(door, rich, refused):
    CatalogService.create_product("dear", features=["pdf"], quantity=1, unit_prices={"credits": 10**12})
    CatalogService.create_product("lot", features=["pdf"], quantity=10**12, unit_prices={"credits": 1})
    for sku in ("dear", "lot"):
        with refused("invalid", field="quantity"):
            door.orders.exchange(rich, sku, quantity=2, idempotency_key="e1")


def test_who_has_nothing_is_refused_and_who_is_unknown_is_not_found(door, user, refused):
    with refused("quota_exceeded", balance=0, reason="no_grant"):
        door.orders.exchange(user, "pdf_pack", idempotency_key="e1")
    assert Customer.objects.count() == 0
    with refused("customer_not_found"):
        door.orders.exchange(CustomerRef(external_id="nobody"), "pdf_pack", idempotency_key="e1")
    CatalogService.create_product("welcome", features=["credits"], quantity=20, is_default=True)
    assert door.orders.exchange(user, "pdf_pack", idempotency_key="e1").usage.balance == 0


def test_periods_that_are_exchanged_follow_each_other(door, rich):
    first = door.orders.exchange(rich, "pro", feature="credits", idempotency_key="e1").grants[0]
    second = door.orders.exchange(rich, "pro", feature="credits", idempotency_key="e2").grants[0]
    assert second.valid_from == first.expires_at


def test_prices_in_units_are_set_and_replaced(door, refused):
    prices = {each.feature.key: each.units for each in door.catalog.get_product("pro").unit_prices.all()}
    assert prices == {"credits": 30, "gems": 3}
    assert not door.catalog.update_product("pro", unit_prices={}).unit_prices.all()
    assert door.catalog.update_product("pro", unit_prices={"Gems": 4}).unit_prices.get().units == 4
    assert door.catalog.update_product("pro", name="Pro").unit_prices.get().units == 4
    with refused("feature_not_found", feature="nothing"):
        door.catalog.update_product("pro", unit_prices={"credits": 1, "nothing": 1})
    for wrong in ([("credits", 1)], {"credits": 0}, {"credits": "1"}, {"10 %": 1}, {"credits": 10**12 + 1}, {7: 1}):
        with refused("invalid") as refusal:
            door.catalog.update_product("pro", unit_prices=wrong)
        assert refusal.error.field.startswith("unit_prices")


def test_exchanges_are_listed_newest_first_in_pages(door, rich, refused, django_user_model):
    bob = django_user_model.objects.create(username="bob")
    QuotaService.grant_feature(bob, "credits", quantity=20)
    made = [door.orders.exchange(rich, "pdf_pack", idempotency_key=f"e{number}") for number in range(5)]
    door.orders.exchange(bob, "pdf_pack", idempotency_key="e1")
    first = door.orders.list_exchanges(rich, limit=3)
    rest = door.orders.list_exchanges(rich, limit=3, cursor=first.next)
    assert [each.pk for each in [*first, *rest]] == [each.pk for each in reversed(made)]
    assert (len(door.orders.list_exchanges()), len(door.orders.list_exchanges(CustomerRef(external_id="x")))) == (6, 0)
    for wrong in ({"cursor": "%%"}, {"limit": 0}):
        with refused("invalid", field=next(iter(wrong))):
            door.orders.list_exchanges(rich, **wrong)
    assert door.orders.get_exchange(str(made[0].pk)).grants[0].pk == made[0].grants[0].pk
    for unknown in ("01900000-0000-7000-8000-000000000000", "no id", 7):
        with refused("exchange_not_found"):
            door.orders.get_exchange(unknown)


def test_an_exchange_is_told(user, rich, commit):
    from billable import signals

    heard = []

    def hear(exchange, **_):
        heard.append(exchange.sku)

    signals.exchange_made.connect(hear)
    signals.exchange_refunded.connect(hear)
    try:
        with commit():
            OrderService.refund_exchange(
                OrderService.exchange(rich, "pdf_pack", idempotency_key="e1"), idempotency_key="r1"
            )
    finally:
        signals.exchange_made.disconnect(hear)
        signals.exchange_refunded.disconnect(hear)
    assert heard == ["pdf_pack", "pdf_pack"]
    assert Grant.objects.get(source="exchange").ended_as == "refunded"
