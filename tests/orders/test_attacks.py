"""Ways in which money and units were once lost, doubled or stuck: each found by an attack on the engine."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from billable.db import append_only
from billable.db.units import unit_of_work
from billable.models import Grant, Order, Payment
from billable.services import CatalogService, CustomerRef, Money, OrderService, QuotaService, TrialService


def test_prices_and_contents_of_an_order_are_read_in_one_statement(user, statements):
    CatalogService.create_feature("x")
    QuotaService.grant_feature(user, "x", quantity=1)
    items = [{"sku": "pro"}, {"sku": "pack"}]
    read = [sql for sql in statements(lambda: OrderService.create_order(user, items)) if "billable_price" in sql]
    assert len(read) == 1
    assert "billable_productfeature" in read[0]


def test_two_references_open_one_account_that_both_name_from_then_on(door, user):
    both = CustomerRef(user_id=user.pk, provider="telegram", external_id="4711")
    first = door.orders.create_order(both, [{"sku": "pack"}], idempotency_key="cart")
    again = door.orders.create_order(both, [{"sku": "pack"}], idempotency_key="cart")
    assert (again.pk, again.replayed) == (first.pk, True)
    assert door.customers.get_customer(CustomerRef(provider="telegram", external_id="4711")).pk == first.customer_id
    assert door.customers.get_customer(user).pk == first.customer_id
    CatalogService.create_product("start", features=["pdf_export"], quantity=1, is_trial=True)
    assert door.trials.trial_eligibility(both, "start")
    assert door.trials.start_trial(both, "start").grants


@pytest.mark.django_db(transaction=True)
def test_a_hook_of_the_host_that_fails_after_the_commit_does_not_repeat_the_verb(user):
    def hook():
        raise OperationalError("database is locked")

    @unit_of_work
    def buy():
        order = OrderService.create_order(user, [{"sku": "pack"}])
        transaction.on_commit(hook)
        return order

    with pytest.raises(OperationalError):
        buy()
    assert Order.objects.count() == 1


def test_a_cost_past_the_limits_is_refused_before_anything_is_written(door, user, refused):
    for key in ("analysis", "credits", "drops"):
        CatalogService.create_feature(key)
    CatalogService.set_cost("analysis", "credits", units=10**7)
    QuotaService.grant_feature(user, "credits")
    with refused("invalid", field="quantity"):
        door.quota.consume_quota(user, "analysis", quantity=10**12)
    assert door.quota.consume_quota(user, "analysis", quantity=10**5).balance is None


def test_a_balance_past_what_anybody_can_use_is_still_stored(door, user):
    for key in ("analysis", "drops"):
        CatalogService.create_feature(key)
    CatalogService.set_cost("analysis", "drops", per=10**12)
    QuotaService.grant_feature(user, "drops", quantity=10**12)
    assert door.quota.consume_quota(user, "analysis").balance == 10**18
    assert door.quota.check_quota(user, "analysis").balance == 10**18


def test_a_later_notice_that_names_the_amount_is_heard(door, user):
    order = door.orders.create_order(user, [{"sku": "pro"}], currency="EUR")
    for how in ({"status": "pending"}, {"status": "pending", "amount_minor": 500}, {}):
        payment = door.orders.confirm_payment(order, payment_id="a", **how)
    assert (payment.amount_minor, payment.amount_assumed) == (500, False)
    assert door.orders.get_order(order).amount_due_minor == 499


@pytest.mark.parametrize(("first", "second"), [("", "c1"), ("c1", "")])
def test_one_payment_told_with_and_without_its_capture_counts_once(door, user, first, second):
    order = door.orders.create_order(user, [{"sku": "pro"}], currency="EUR")
    door.orders.confirm_payment(order, payment_id="a", capture_id=first, amount_minor=500)
    again = door.orders.confirm_payment(order, payment_id="a", capture_id=second, amount_minor=500)
    assert (again.replayed, again.capture_id) == (True, "c1")
    door.orders.confirm_payment(order, payment_id="a", capture_id="c2", amount_minor=499)
    assert door.orders.get_order(order).status == "paid"
    assert Payment.objects.count() == 2


def test_what_is_bought_after_the_running_period_was_revoked_is_usable_now(door, user, clock):
    CatalogService.create_product("flat", price="1", currency="EUR", features=["sso"], period="1 month")
    for payment_id in ("a", "b"):
        door.orders.confirm_payment(door.orders.create_order(user, [{"sku": "flat"}]), payment_id=payment_id)
    door.quota.revoke_grant(Grant.objects.get(valid_from=clock.instant))
    assert not door.quota.check_quota(user, "sso")

    door.orders.confirm_payment(door.orders.create_order(user, [{"sku": "flat"}]), payment_id="c")

    assert door.quota.check_quota(user, "sso")


def test_an_order_in_a_currency_that_left_the_settings_is_still_shown(user, settings, client):
    settings.BILLABLE_CURRENCIES = {"POINTS": 2}
    CatalogService.create_product("points", prices=[Money(1250, "POINTS")], features=["sso"])
    order = OrderService.create_order(user, [{"sku": "points"}])
    settings.BILLABLE_CURRENCIES = {}
    headers = {"HTTP_AUTHORIZATION": f"Bearer {settings.BILLABLE_API_TOKEN}"}
    answer = client.get(f"/api/v1/billing/orders/{order.pk}", **headers).json()
    assert (answer["total_amount"], answer["total_amount_minor"], answer["currency"]) == ("1250", 1250, "POINTS")
    assert client.get("/api/v1/billing/products", **headers).status_code == 200
    assert OrderService.confirm_payment(order, payment_id="a").status == "succeeded"


def test_a_repeat_is_answered_though_the_catalogue_changed_since(door, user):
    CatalogService.create_product("solo", features=["sso"], quantity=5)
    QuotaService.grant_product(user, "solo")
    door.quota.consume_quota(user, "solo", idempotency_key="job")
    CatalogService.update_product("solo", features=["sso", "pdf_export"])
    assert door.quota.consume_quota(user, "solo", idempotency_key="job").replayed

    CatalogService.create_product("start", features=["sso"], quantity=1, is_trial=True)
    door.trials.start_trial(user, "start", identities={"email": "ada@example.com"})
    CatalogService.deactivate_product("start")
    assert TrialService.start_trial(user, "start", identities={"email": "ada@example.com"}).replayed


@pytest.mark.sqlite
def test_the_ledger_cannot_be_replaced_row_by_row_either(user):
    CatalogService.create_feature("x")
    QuotaService.grant_feature(user, "x", quantity=1)
    append_only.install("default")
    try:
        QuotaService.consume_quota(user, "x", idempotency_key="job")
        for table in ("billable_ledgerentry", "billable_usage"):
            replace = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"  # noqa: S608  # ours
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(replace)
    finally:
        append_only.remove("default")


def test_an_order_of_nothing_to_pay_takes_the_nothing_that_is_reported(door, user):
    order = door.orders.create_order(user, [{"sku": "free"}])
    payment = door.orders.confirm_payment(order, payment_id="free-1")
    assert (payment.status, payment.amount_minor) == ("succeeded", 0)
    assert door.quota.check_quota(user, "pdf_export").balance == 1


def test_a_notice_in_another_currency_without_an_amount_invents_no_money(door, user):
    order = door.orders.create_order(user, [{"sku": "pro"}], currency="EUR")
    payment = door.orders.confirm_payment(order, payment_id="a", currency="JPY")
    assert (payment.status, payment.code, payment.amount_minor) == ("unapplied", "currency_mismatch", 0)


def test_what_was_deactivated_is_neither_sold_nor_granted_by_hand(door, user, refused):
    CatalogService.create_product("duo", price="1", currency="EUR", features=["sso", "pdf_export"], quantity=1)
    CatalogService.update_feature("sso", is_active=False)
    with refused("not_for_sale", field="items[0].sku"):
        door.orders.create_order(user, [{"sku": "duo"}])
    with refused("not_for_sale", field="feature"):
        door.quota.grant_feature(user, "sso", quantity=1)
    assert [grant.feature.key for grant in door.quota.grant_product(user, "duo")] == ["pdf_export"]


def test_a_key_of_a_partial_revocation_does_not_end_the_whole_grant(door, user, refused):
    (grant,) = door.quota.grant_feature(user, "pdf_export", quantity=10)
    door.quota.revoke_grant(grant, quantity=5, idempotency_key="k")
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.revoke_grant(grant, idempotency_key="k")


def test_a_user_that_does_not_exist_is_not_linked(door, user, refused):
    customer = door.customers.link_identity(user, "telegram", "1").customer
    with refused("invalid_subject"):
        door.customers.link_user(customer, CustomerRef(user_id=987_654))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"customer": "x"}, {"badge": "x"}),
        ({"a:b": "c"}, {"a": "b:c"}),
    ],
)
def test_no_kind_of_identity_can_be_mistaken_for_another(door, user, django_user_model, mine, theirs):
    CatalogService.create_product("start", features=["sso"], quantity=1, is_trial=True)
    bob = django_user_model.objects.create(username="bob")
    door.trials.start_trial(user, "start", identities=mine)
    assert door.trials.trial_eligibility(bob, "start", identities=theirs)


def test_nobody_can_use_up_the_trial_of_another_customer(door, user, django_user_model):
    CatalogService.create_product("start", features=["sso"], quantity=1, is_trial=True)
    bob = django_user_model.objects.create(username="bob")
    victim = door.customers.link_identity(bob, "telegram", "77").customer
    door.trials.start_trial(user, "start", identities={"customer": str(victim.pk)})
    assert door.trials.start_trial(bob, "start").grants


def test_a_linked_identity_is_found_whatever_case_its_provider_was_written_in(door, user, django_user_model):
    CatalogService.create_product("start", features=["sso"], quantity=1, is_trial=True)
    door.customers.link_identity(user, "Telegram", "77")
    door.trials.start_trial(user, "start")
    bob = django_user_model.objects.create(username="bob")
    assert not door.trials.trial_eligibility(bob, "start", identities={"telegram": "77"})
    assert not door.trials.trial_eligibility(bob, "start", identities={"telegram": "@77"})


def test_an_expiry_at_the_end_of_the_calendar_is_refused(door, user, refused):
    from datetime import datetime, timezone

    CatalogService.create_feature("x")
    with refused("invalid", field="expires_at"):
        door.quota.grant_feature(user, "x", quantity=1, expires_at=datetime(9999, 12, 31, 23, 59, tzinfo=timezone.utc))


def test_wrong_types_are_named_and_a_missing_user_is_a_type_error(door, user, refused):
    from billable.services import Period

    with refused("invalid", field="is_trial"):
        door.catalog.create_product("t", is_trial="no")
    with refused("invalid", field="period"):
        door.quota.grant_feature(user, "sso", quantity=1, period=Period(1, "fortnight"))
    with pytest.raises(TypeError, match="user"):
        door.orders.create_order(items=[{"sku": "pack"}])
    assert door.catalog.offers_for("NOT VALID!") == ()


def test_many_grants_are_emptied_by_one_statement(user, statements):
    CatalogService.create_feature("x")
    for _ in range(50):
        QuotaService.grant_feature(user, "x", quantity=1)
    updates = [
        sql
        for sql in statements(lambda: QuotaService.consume_quota(user, "x", quantity=50))
        if sql.startswith('UPDATE "billable_grant"')
    ]
    assert len(updates) == 1
