"""Overdraft: units that are used before they are there, and what repays them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable import signals
from billable.models import Customer, Debt, Grant, LedgerEntry
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService


@pytest.fixture(autouse=True)
def overdrawn(features):
    CatalogService.create_feature("calls", overdraft="allow", overdraft_limit=10)
    CatalogService.create_feature("mails", overdraft="record")


def balance(user, feature="calls"):
    return QuotaService.check_quota(user, feature).balance


def debts(**of):
    rows = Debt.objects.filter(**of).order_by("pk")
    return [(debt.units, debt.repaid, debt.forgiven, debt.closed_at is None) for debt in rows]


def repayments():
    rows = LedgerEntry.objects.filter(kind="repay").order_by("id")
    return [(entry.amount, entry.cause_type, entry.usage_id) for entry in rows]


def test_what_is_not_there_is_owed_down_to_the_limit(door, user, give, refused):
    grant = give(user, "calls", 5)
    usage = door.quota.consume_quota(user, "calls", quantity=12)
    assert (usage.balance, balance(user), debts()) == (-7, -7, [(7, 0, 0, True)])
    grant.refresh_from_db()
    assert (grant.remaining, grant.closed_at is None) == (0, False)
    check = door.quota.check_quota(user, "calls", quantity=3)
    assert (check.allowed, check.balance) == (True, -7)
    check = door.quota.check_quota(user, "calls", quantity=4)
    assert (check.allowed, check.code, check.balance) == (False, "exhausted", -7)
    with refused("quota_exceeded", balance=-7, requested=4):
        door.quota.consume_quota(user, "calls", quantity=4)
    door.quota.consume_quota(user, "calls", quantity=3)
    (line,) = door.quota.balances(user)
    assert (line.balance, line.owed, line.allowed) == (-10, 10, False)
    assert [(debt.feature.key, debt.owed) for debt in door.quota.list_debts(user, open_only=True)] == [
        ("calls", 3),
        ("calls", 7),
    ]


def test_what_is_only_recorded_has_no_limit(door, user, customer):
    usage = door.quota.consume_quota(user, "mails", quantity=10**12)
    assert usage.balance == -(10**12)
    assert door.quota.check_quota(user, "mails", quantity=10**12).allowed
    (line,) = door.quota.balances(user)
    assert (line.balance, line.allowed, line.unlimited) == (-(10**12), True, False)


def test_the_next_grants_repay_the_oldest_debt_first(door, user, give):
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    door.quota.consume_quota(user, "calls", quantity=6)
    assert debts() == [(4, 0, 0, True), (6, 0, 0, True)]
    small = give(user, "calls", 7)
    assert (debts(), balance(user)) == ([(4, 4, 0, False), (6, 3, 0, True)], -3)
    small.refresh_from_db()
    assert (small.remaining, small.closed_at is not None) == (0, True)
    big = give(user, "calls", 100)
    big.refresh_from_db()
    assert (debts(), balance(user), big.remaining) == ([(4, 4, 0, False), (6, 6, 0, False)], 97, 97)
    assert repayments() == [(-4, "debt", None), (-3, "debt", None), (-3, "debt", None)]


def test_an_unlimited_grant_settles_it_all(door, user, give):
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=9)
    grant = give(user, "calls")
    assert (debts(), balance(user)) == ([(8, 8, 0, False)], None)
    entry = LedgerEntry.objects.get(kind="repay")
    assert (entry.amount, entry.remaining_after, entry.grant) == (-8, None, grant)


def test_a_grant_of_another_feature_repays_nothing(door, user, give):
    CatalogService.set_cost("calls", "credits")
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=9)
    give(user, "credits", 100)
    assert (debts(), balance(user)) == ([(8, 0, 0, True)], 92)


def test_what_another_feature_can_pay_is_used_before_anything_is_owed(door, user, give):
    CatalogService.set_cost("calls", "credits", per=2, units=3)
    give(user, "calls", 1)
    give(user, "credits", 7)
    usage = door.quota.consume_quota(user, "calls", quantity=8)
    assert (usage.costs, debts()) == ([{"feature": "credits", "quantity": 4, "per": 2, "units": 3}], [(3, 0, 0, True)])
    assert balance(user) == -3


def test_an_order_repays_too_and_keeps_what_it_repaid_when_it_is_refunded(door, user, customer):
    line = [{"feature": "calls", "quantity": 10}]
    CatalogService.create_product("pack", price="10", currency="EUR", features=line)
    door.quota.consume_quota(user, "calls", quantity=4)
    order = door.orders.create_order(user, [{"sku": "pack"}])
    door.orders.confirm_payment(order, payment_id="p1", status="paid")
    assert (balance(user), debts()) == (6, [(4, 4, 0, False)])
    door.orders.refund_order(order, refund_id="r1")
    assert (balance(user), debts()) == (0, [(4, 4, 0, False)])


def test_holds_and_other_rooms_never_overdraw(door, user, give, refused):
    give(user, "calls", 5)
    with refused("quota_exceeded", balance=5):
        door.quota.hold_quota(user, "calls", 6)
    CatalogService.create_product("pdf", features=["pdf_export"], quantity=1, unit_prices={"calls": 6})
    with refused("quota_exceeded"):
        door.orders.exchange(user, "pdf", idempotency_key="x")
    hold = door.quota.hold_quota(user, "calls", 5)
    with refused("capture_too_large"):
        door.quota.capture_hold(hold, 6)


def test_what_is_narrowed_to_a_product_is_never_overdrawn(door, user, give, refused):
    CatalogService.create_product("pack", features=["calls"], quantity=3)
    door.quota.grant_product(user, "pack")
    give(user, "calls", 5)
    with refused("quota_exceeded", balance=3):
        door.quota.consume_quota(user, "calls", quantity=4, sku="pack")
    assert not door.quota.check_quota(user, "calls", quantity=4, sku="pack")


def test_a_late_capture_is_a_consume_like_any(door, user, give, clock):
    give(user, "calls", 5, period="1 day")
    hold = door.quota.hold_quota(user, "calls", 5, ttl=60)
    clock.advance(days=2)
    usage = door.quota.capture_hold(hold)
    assert (usage.late, usage.balance, debts()) == (True, -5, [(5, 0, 0, True)])


# --- reversals


def test_a_reversal_forgives_what_is_owed_first(door, user, give):
    grant = give(user, "calls", 5)
    usage = door.quota.consume_quota(user, "calls", quantity=12)
    back = door.quota.reverse_usage(usage, quantity=4, idempotency_key="a")
    assert (back.balance, debts()) == (-3, [(7, 0, 4, True)])
    back = door.quota.reverse_usage(usage, quantity=5, idempotency_key="b")
    grant.refresh_from_db()
    assert (back.balance, debts(), grant.remaining) == (2, [(7, 0, 7, False)], 2)
    back = door.quota.reverse_usage(usage, idempotency_key="c")
    assert (back.balance, back.quantity) == (5, 3)


def test_what_was_repaid_goes_back_to_the_grants_that_repaid_the_last_one_first(door, user, give):
    first = give(user, "calls", 5)
    usage = door.quota.consume_quota(user, "calls", quantity=15)
    second, third = give(user, "calls", 4), give(user, "calls", 3)
    assert (debts(), balance(user)) == ([(10, 7, 0, True)], -3)
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="a")
    assert (debts(), balance(user)) == ([(10, 5, 5, False)], 2)
    door.quota.reverse_usage(usage, quantity=6, idempotency_key="b")
    assert (debts(), balance(user)) == ([(10, 0, 10, False)], 8)
    left = [Grant.objects.get(pk=row.pk).remaining for row in (first, second, third)]
    assert left == [1, 4, 3]
    door.quota.reverse_usage(usage, idempotency_key="c")
    assert balance(user) == 12


def test_what_goes_back_to_a_grant_that_is_over_is_not_spendable(door, user, give, clock):
    usage = door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    give(user, "calls", 10, period="1 day")
    assert balance(user) == 6
    clock.advance(days=2)
    door.quota.reverse_usage(usage, idempotency_key="a")
    assert (balance(user), debts()) == (1, [(4, 0, 4, False)])


def test_units_that_come_back_do_not_repay_but_count(door, user, give):
    give(user, "calls", 5)
    first = door.quota.consume_quota(user, "calls", quantity=5)
    door.quota.consume_quota(user, "calls", quantity=4)
    door.quota.reverse_usage(first, idempotency_key="a")
    assert (balance(user), debts()) == (1, [(4, 0, 0, True)])
    assert door.quota.check_quota(user, "calls", quantity=11).allowed
    assert not door.quota.check_quota(user, "calls", quantity=12).allowed
    with pytest.raises(Exception, match="Not enough"):
        door.quota.hold_quota(user, "calls", 2)
    door.quota.hold_quota(user, "calls", 1)


# --- settings of the feature


def test_what_is_owed_stays_owed_when_the_feature_refuses_again(door, user, give, refused):
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    door.catalog.update_feature("calls", overdraft="refuse")
    with refused("quota_exceeded", balance=-4):
        door.quota.consume_quota(user, "calls")
    give(user, "calls", 10)
    assert balance(user) == 6


def test_the_overdraft_of_a_feature_is_checked(door, refused):
    for how, field in (
        ({"overdraft": "maybe"}, "overdraft"),
        ({"overdraft": "allow"}, "overdraft_limit"),
        ({"overdraft": "allow", "overdraft_limit": 0}, "overdraft_limit"),
        ({"overdraft": "record", "overdraft_limit": 5}, "overdraft_limit"),
        ({"overdraft_limit": 5}, "overdraft_limit"),
    ):
        with refused("invalid", field=field):
            door.catalog.create_feature("x", **how)
        with refused("invalid", field=field):
            door.catalog.update_feature("tokens", **how)
    with refused("wrong_feature_type", field="overdraft"):
        door.catalog.create_feature("x", value_type="flag", overdraft="record")
    assert door.catalog.update_feature("calls", overdraft_limit=20).overdraft_limit == 20
    assert door.catalog.update_feature("calls", overdraft="record").overdraft_limit is None


# --- who


def test_a_user_who_never_bought_anything_may_be_overdrawn(door, user, refused):
    check = door.quota.check_quota(user, "calls", quantity=10)
    assert (check.allowed, check.balance) == (True, 0)
    with refused("quota_exceeded"):
        door.quota.consume_quota(user, "calls", quantity=11)
    assert Customer.objects.count() == 0
    assert door.quota.consume_quota(user, "calls", quantity=10).balance == -10
    assert Customer.objects.count() == 1


def test_somebody_unknown_is_not(door):
    assert door.quota.check_quota(CustomerRef(external_id="nobody"), "calls").code == "unknown_customer"


def test_a_family_owes_together(door, user, give, django_user_model):
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    other = django_user_model.objects.create(username="grace")
    give(other, "calls", 3)
    merge = door.customers.merge_customers(other, user)
    assert (balance(other), debts()) == (-1, [(4, 0, 0, True)])
    door.customers.unmerge_customers(merge)
    assert (balance(other), balance(user)) == (3, -4)
    door.customers.merge_customers(other, user)
    give(other, "calls", 10)
    assert (balance(other), debts()) == (9, [(4, 4, 0, False)])


def test_what_one_side_repaid_of_the_other_keeps_them_together(door, user, give, django_user_model, refused):
    usage = door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    merge = door.customers.merge_customers(other, user)
    give(other, "calls", 10)
    with refused("unmerge_refused", reason="repaid"):
        door.customers.unmerge_customers(merge)
    door.quota.reverse_usage(usage, idempotency_key="a")
    assert balance(other) == 11


@pytest.fixture
def absorbed(user, customer, clock, django_user_model):
    """Somebody who gets units each week, and is absorbed by the user after ten uses of either side."""
    line = {"feature": "calls", "quantity": 4, "reset": "1 week"}
    CatalogService.create_product("weekly", features=[line])
    other = CustomerService.link_identity(
        django_user_model.objects.create(username="grace"), "email", "g@x.org"
    ).customer
    QuotaService.grant_product(other, "weekly")

    def after(use):
        QuotaService.consume_quota({"mine": customer, "theirs": other}[use], "calls", quantity=10)
        return CustomerService.merge_customers(customer, other)

    return after


def test_an_allowance_of_the_absorbed_may_repay_what_the_absorbed_owes(door, user, absorbed, clock):
    merge = absorbed("theirs")
    assert balance(user) == -6
    clock.advance(weeks=1)
    door.quota.expire_grants()
    assert (balance(user), debts()) == (-2, [(6, 4, 0, True)])
    door.customers.unmerge_customers(merge)
    assert (balance(user), balance(merge.absorbed)) == (0, -2)


def test_an_allowance_of_the_absorbed_that_repaid_the_survivor_keeps_them_together(door, absorbed, clock, refused):
    merge = absorbed("mine")
    clock.advance(weeks=1)
    door.quota.expire_grants()
    assert debts() == [(10, 4, 0, True)]
    with refused("unmerge_refused", reason="repaid"):
        door.customers.unmerge_customers(merge)


@pytest.fixture
def owing(user, give):
    """Eight calls that are there, of which six are owed: they came back after they were overdrawn."""
    CatalogService.set_cost("pdf_export", "calls", units=2)
    grant = give(user, "calls", 10)
    hold = QuotaService.hold_quota(user, "calls", 8)
    QuotaService.consume_quota(user, "calls", quantity=8)
    QuotaService.release_hold(hold)
    return grant


def test_what_is_owed_of_a_paying_feature_pays_for_no_other(door, user, owing, left, refused):
    assert (balance(user), balance(user, "pdf_export")) == (2, 1)
    assert not door.quota.check_quota(user, "pdf_export", quantity=2)
    with refused("quota_exceeded", balance=1, reason="exhausted"):
        door.quota.consume_quota(user, "pdf_export", quantity=2)
    hold = door.quota.hold_quota(user, "pdf_export", 1)
    assert hold.balance == 0
    assert door.quota.capture_hold(hold).balance == 0
    assert (balance(user), balance(user, "pdf_export"), left(owing)) == (0, 0, 6)
    assert QuotaService.forecast(user, "pdf_export").balance == 0


def test_an_exchange_is_not_paid_with_what_is_owed_of_a_payer(door, user, owing, refused):
    CatalogService.create_product("poster", unit_prices={"pdf_export": 2}, features=["tokens"], quantity=1)
    with refused("quota_exceeded"):
        door.orders.exchange(user, "poster", idempotency_key="a")


def test_what_is_owed_is_kept_back_from_the_other_grants_of_a_payer_first(door, user, owing):
    CatalogService.create_product("more", features=["credits"], quantity=5)
    CatalogService.set_cost("pdf_export", "credits", units=5)
    QuotaService.grant_product(user, "more")
    assert balance(user, "pdf_export") == 2
    CatalogService.create_product("some", features=[{"feature": "calls", "quantity": 4}])
    QuotaService.grant_product(user, "some")
    assert debts(closed_at=None) == [(6, 4, 0, True)]
    assert balance(user, "pdf_export") == 4
    assert door.quota.check_quota(user, "pdf_export", quantity=1, sku="more").balance == 1


def test_what_went_back_after_a_merge_follows_its_grant(door, user, give, django_user_model):
    usage = door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    give(user, "calls", 10)
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    door.customers.merge_customers(other, user)
    door.quota.reverse_usage(usage, idempotency_key="a")
    assert balance(other) == 11


# --- allowances


def test_periods_that_nobody_saw_repay_like_those_that_were_written(door, user, customer, clock):
    line = {"feature": "calls", "quantity": 4, "reset": "1 week", "rollover_quantity": 3, "rollover_periods": 2}
    CatalogService.create_product("weekly", features=[line])
    door.quota.grant_product(user, "weekly")
    door.quota.consume_quota(user, "calls", quantity=13)
    expected = [-9, -5, -1, 3, 7, 10]
    seen = []
    for _ in expected:
        seen.append(balance(user))
        clock.advance(weeks=1)
    assert seen == expected
    clock.advance(weeks=-3)
    assert balance(user) == 3
    door.quota.expire_grants()
    assert (balance(user), debts()) == (3, [(9, 9, 0, False)])
    clock.advance(weeks=2)
    assert balance(user) == 10
    door.quota.expire_grants()
    assert balance(user) == 10


# --- the rest


def test_a_repeated_key_answers_the_same_and_owes_once(door, user, give):
    give(user, "calls", 5)
    first = door.quota.consume_quota(user, "calls", quantity=8, idempotency_key="k")
    again = door.quota.consume_quota(user, "calls", quantity=8, idempotency_key="k")
    assert (again.pk, again.replayed, again.balance, len(debts())) == (first.pk, True, -3, 1)


def test_signals_tell_of_debts(door, user, give, commit):
    heard = []
    hear = [lambda name=name, **told: heard.append((name, told["debt"].units)) for name in ("incurred", "settled")]
    signals.debt_incurred.connect(hear[0])
    signals.debt_settled.connect(hear[1])
    with commit():
        door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
        give(user, "calls", 2)
        give(user, "calls", 2)
    assert heard == [("incurred", 4), ("settled", 4)]


def test_a_debt_that_is_settled_is_not_settled_again(user, give, clock, commit):
    settled = []
    hear = lambda debt, **_: settled.append(debt.owed)  # noqa: E731
    signals.debt_settled.connect(hear)
    try:
        with commit():
            usage = QuotaService.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
            give(user, "calls", 10)
        at = Debt.objects.get().closed_at
        clock.advance(hours=1)
        with commit():
            QuotaService.reverse_usage(usage, quantity=2, idempotency_key="a")
    finally:
        signals.debt_settled.disconnect(hear)
    assert (settled, debts()) == ([0], [(4, 2, 2, False)])
    assert Debt.objects.get().closed_at == at


def test_counts_of_statements(user, give, statements):
    customer = give(user, "calls", 5).customer
    assert len(statements(lambda: QuotaService.consume_quota(customer, "calls"))) <= 8
    assert len(statements(lambda: QuotaService.consume_quota(customer, "calls", quantity=7))) <= 9
    assert len(statements(lambda: QuotaService.check_quota(user, "calls"))) == 1


def test_customer_state_lists_what_is_owed(door, user, give):
    door.quota.consume_quota(give(user, "calls", 1).customer, "calls", quantity=5)
    state = door.customers.customer_state(user)
    assert [(debt.feature.key, debt.owed) for debt in state.debts] == [("calls", 4)]


def test_expired_units_leave_what_is_owed(door, user, give, clock):
    give(user, "calls", 5, expires_at=clock() + timedelta(days=1))
    door.quota.consume_quota(user, "calls", quantity=8)
    clock.advance(days=2)
    assert (balance(user), door.quota.check_quota(user, "calls", quantity=8).code) == (-3, "exhausted")


def test_the_last_period_repays_whether_or_not_anybody_wrote_in_it(door, user, clock):
    line = {"feature": "mails", "quantity": 100, "reset": "1 month", "period": "2 months"}
    CatalogService.create_product("mailing", features=[line])
    QuotaService.grant_product(user, "mailing")
    QuotaService.consume_quota(user, "mails", quantity=150)
    clock.advance(days=100)

    assert balance(user, "mails") == 0
    QuotaService.expire_grants()
    assert (balance(user, "mails"), debts()) == (0, [(50, 50, 0, False)])
