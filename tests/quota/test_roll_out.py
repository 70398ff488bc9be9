"""Roll-outs: a change of a product is brought to those who hold it, once, and takes nothing away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import Allowance, Grant, RollOut
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService, RollOutSkip
from tests import rows

MONTHLY = {"feature": "pdf_export", "quantity": 100, "reset": "1 month"}


@pytest.fixture
def sell(user, customer):
    """A product with these lines, held by the user."""

    def with_lines(*lines, **how):
        CatalogService.create_product("pro", features=list(lines))
        return QuotaService.grant_product(user, "pro", **how)

    return with_lines


def change(*lines):
    CatalogService.update_product("pro", features=list(lines))


def balance(user, feature="pdf_export"):
    return QuotaService.check_quota(user, feature).balance


def _new(user):
    return CustomerService.link_identity(user, "email", f"{user.username}@example.org").customer


def run(door, policy, **how):
    """A roll-out: rehearsed, made, and made again."""
    before = dict(rows.everything())
    rehearsal = door.quota.roll_out_product_change("pro", policy=policy, dry_run=True, **how)
    assert dict(rows.everything()) == before, "a rehearsal must leave every row as it was"
    report = door.quota.roll_out_product_change("pro", policy=policy, **how)
    assert rehearsal.dry_run
    assert not report.dry_run
    assert vars_of(rehearsal) == vars_of(report)
    after = dict(rows.everything())
    again = door.quota.roll_out_product_change("pro", policy=policy, **how)
    assert (again.changed, again.customers) == (0, report.customers)
    assert dict(rows.everything()) == after, "a second run must change nothing"
    return report


def vars_of(report):
    return {name: getattr(report, name) for name in report.__dataclass_fields__ if name != "dry_run"}


def counts(report):
    return report.terms, report.units, report.caps, report.values, report.lines


def reasons(report):
    return [(skip.feature, skip.reason) for skip in report.skipped]


# --- with the next period


def test_an_allowance_has_new_terms_from_its_next_period_on(door, user, sell, clock):
    sell(MONTHLY)
    QuotaService.consume_quota(user, "pdf_export", quantity=40)
    change({**MONTHLY, "quantity": 250, "cap_quantity": 90, "cap_period": "1 week", "priority": 7})
    report = run(door, "next_period")
    assert (report.customers, report.changed, counts(report), report.skipped) == (1, 1, (1, 0, 0, 0, 0), ())
    assert balance(user) == 60
    clock.advance(days=28)
    check = door.quota.check_quota(user, "pdf_export", quantity=91)
    assert (check.balance, check.code, check.grants[0].remaining) == (90, "cap_reached", 250)
    door.quota.expire_grants()
    assert balance(user) == 90
    running = Grant.objects.get(ended_at=None)
    assert (running.quantity, running.priority, running.period_index) == (250, 7, 1)


def test_less_comes_with_the_next_period_too(door, user, sell, clock):
    sell(MONTHLY, quantity=2)
    change({**MONTHLY, "quantity": 30})
    assert counts(run(door, "next_period")) == (1, 0, 0, 0, 0)
    assert balance(user) == 200
    clock.advance(days=28)
    assert balance(user) == 60


def test_what_is_unused_rolls_over_on_the_new_terms(door, user, sell, clock):
    sell({**MONTHLY, "rollover_quantity": 10})
    QuotaService.consume_quota(user, "pdf_export", quantity=40)
    change({**MONTHLY, "rollover_quantity": 50, "rollover_periods": 2})
    assert counts(run(door, "next_period")) == (1, 0, 0, 0, 0)
    clock.advance(days=28)
    assert balance(user) == 150
    door.quota.expire_grants()
    assert balance(user) == 150
    clock.advance(days=31)
    assert balance(user) == 200


def test_terms_that_change_twice_before_the_period_are_the_last(door, user, sell, clock):
    sell(MONTHLY)
    change({**MONTHLY, "quantity": 250})
    run(door, "next_period")
    change({**MONTHLY, "quantity": 300})
    run(door, "next_period")
    assert Allowance.objects.count() == 2
    clock.advance(days=28)
    assert balance(user) == 300
    change({**MONTHLY, "quantity": 400})
    run(door, "next_period")
    clock.advance(days=31)
    assert (balance(user), Allowance.objects.count()) == (400, 3)


def test_what_does_not_recur_waits_for_the_next_purchase(door, user, sell):
    sell({"feature": "pdf_export", "quantity": 100}, {"feature": "seats", "value": 5})
    change({"feature": "pdf_export", "quantity": 200}, {"feature": "seats", "value": 9}, "tokens")
    report = run(door, "next_period")
    assert (report.changed, report.customers) == (0, 1)
    assert reasons(report) == [
        ("pdf_export", "does_not_recur"),
        ("seats", "does_not_recur"),
        ("tokens", "new_line"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({**MONTHLY, "reset": "1 week"}, "other_reset"),
        ({"feature": "pdf_export", "quantity": 100}, "recurs_no_more"),
        ({**MONTHLY, "feature": "tokens"}, "line_removed"),
        ({**MONTHLY, "quantity": 10**12}, "too_large"),
    ],
)
def test_what_cannot_be_brought_is_said(door, user, sell, line, reason):
    sell(MONTHLY, quantity=3)
    change(line)
    report = run(door, "next_period")
    assert RollOutSkip(feature="pdf_export", reason=reason, holdings=1) in report.skipped
    assert balance(user) == 300


def test_an_allowance_in_its_last_period_has_no_next(door, user, sell, clock):
    sell({**MONTHLY, "period": "2 months"})
    clock.advance(days=40)
    change({**MONTHLY, "period": "2 months", "quantity": 300})
    assert reasons(run(door, "next_period")) == [("pdf_export", "last_period")]


# --- at once


def test_what_was_raised_is_added_to_what_runs(door, user, sell, clock):
    sell(MONTHLY)
    QuotaService.consume_quota(user, "pdf_export", quantity=100)
    change({**MONTHLY, "quantity": 150})
    report = run(door, "now")
    assert counts(report) == (1, 1, 0, 0, 0)
    added = Grant.objects.get(source="roll_out")
    assert (added.quantity, added.expires_at, balance(user)) == (50, clock() + timedelta(days=28), 50)
    clock.advance(days=28)
    assert balance(user) == 150


def test_a_grant_with_an_end_gets_more_until_then_and_never_less(door, user, sell, clock):
    sell({"feature": "pdf_export", "quantity": 100, "period": "1 month"})
    QuotaService.consume_quota(user, "pdf_export", quantity=30)
    change({"feature": "pdf_export", "quantity": 120, "period": "1 month"})
    assert counts(run(door, "now")) == (0, 1, 0, 0, 0)
    assert balance(user) == 90
    change({"feature": "pdf_export", "quantity": 125, "period": "1 month"})
    assert counts(run(door, "now")) == (0, 1, 0, 0, 0)
    assert balance(user) == 95
    change({"feature": "pdf_export", "quantity": 60, "period": "1 month"})
    assert reasons(run(door, "now")) == [("pdf_export", "lower")]
    change({"feature": "pdf_export", "period": "1 month"})
    assert counts(run(door, "now")) == (0, 1, 0, 0, 0)
    assert balance(user) is None
    clock.advance(days=28)
    assert balance(user) == 0


def test_what_is_used_up_for_ever_gets_nothing(door, user, sell):
    sell({"feature": "pdf_export", "quantity": 10}, {"feature": "tokens", "quantity": 10})
    QuotaService.consume_quota(user, "pdf_export", quantity=10)
    change({"feature": "pdf_export", "quantity": 20}, {"feature": "tokens", "quantity": 20})
    assert counts(run(door, "now")) == (0, 1, 0, 0, 0)
    assert (balance(user), balance(user, "tokens")) == (0, 20)


def test_new_lines_are_given_for_as_long_as_the_rest_runs(door, user, sell, clock):
    sell({**MONTHLY, "period": "1 year"}, quantity=2)
    change(
        {**MONTHLY, "period": "1 year"},
        {"feature": "tokens", "quantity": 5, "period": "1 year"},
        {"feature": "ai_analysis", "quantity": 3, "reset": "1 week", "period": "1 year"},
        {"feature": "sso", "value": True, "period": "1 year"},
    )
    clock.advance(days=100)
    assert counts(run(door, "now")) == (0, 0, 0, 0, 3)
    assert (balance(user, "tokens"), balance(user, "ai_analysis")) == (10, 6)
    assert QuotaService.entitlement_value(user, "sso") is True
    QuotaService.consume_quota(user, "ai_analysis", quantity=6)
    clock.advance(weeks=1)
    assert balance(user, "ai_analysis") == 6
    clock.advance(days=258)
    assert (balance(user, "tokens"), balance(user, "ai_analysis")) == (0, 0)


@pytest.mark.parametrize(("recurs", "rest"), [(None, 18), ("1 month", 21)])
def test_a_new_line_with_a_period_of_its_own_has_it_from_now(door, user, clock, recurs, rest):
    line = {"feature": "pdf_export", "quantity": 10, "period": None if recurs else "1 month"}
    CatalogService.create_product("pro", price="9", currency="EUR", recurs=recurs, features=[line])
    door.orders.confirm_payment(door.orders.create_order(user, [{"sku": "pro"}]), payment_id="p1", status="paid")
    change(
        line,
        {"feature": "tokens", "quantity": 5, "period": "1 week"},
        {"feature": "ai_analysis", "period": "1 year"},
        {"feature": "credits", "quantity": 7, "period": "1 month"},
        {"feature": "credits", "quantity": 8, "period": "1 month", "reset": "1 week"},
    )
    clock.advance(days=10)
    assert counts(run(door, "now")) == (0, 0, 0, 0, 4)
    ends = Grant.objects.exclude(source="order").values_list("feature__key", "expires_at")
    assert sorted(ends) == [
        ("ai_analysis", clock() + timedelta(days=365)),
        ("credits", clock() + timedelta(days=7)),
        ("credits", clock() + timedelta(days=rest)),
        ("tokens", clock() + timedelta(weeks=1)),
    ]
    assert Allowance.objects.get().expires_at == clock() + timedelta(days=rest)


def test_a_new_line_lasts_as_long_as_the_others_of_its_period(door, user, sell, clock):
    weekly = {"feature": "pdf_export", "quantity": 10, "period": "1 week"}
    sell(weekly, {"feature": "ai_analysis", "period": "1 year"})
    clock.advance(days=2)
    change(weekly, {"feature": "ai_analysis", "period": "1 year"}, {**weekly, "feature": "tokens"})
    assert counts(run(door, "now")) == (0, 0, 0, 0, 1)
    assert Grant.objects.get(source="roll_out").expires_at == clock() + timedelta(days=5)


def test_an_end_that_was_named_by_hand_is_that_of_new_lines_too(door, user, sell, clock):
    sell({"feature": "pdf_export", "period": "1 month"}, expires_at=clock() + timedelta(days=3))
    change({"feature": "pdf_export", "period": "1 month"}, {"feature": "tokens", "quantity": 5, "period": "1 year"})
    assert counts(run(door, "now")) == (0, 0, 0, 0, 1)
    assert Grant.objects.get(source="roll_out").expires_at == clock() + timedelta(days=3)


def test_a_new_line_that_changes_later_is_a_line_like_any(door, user, sell, clock):
    sell(MONTHLY)
    weekly = {"feature": "ai_analysis", "quantity": 3, "reset": "1 week"}
    change(MONTHLY, weekly, {"feature": "tokens", "quantity": 5})
    run(door, "now")
    change(MONTHLY, {**weekly, "quantity": 4}, {"feature": "tokens", "quantity": 7})
    assert counts(run(door, "now")) == (1, 2, 0, 0, 0)
    assert (balance(user, "tokens"), balance(user, "ai_analysis")) == (7, 4)


def test_caps_and_values_are_replaced_at_once_unless_they_are_lower(door, user, sell, clock):
    capped = {**MONTHLY, "cap_quantity": 10, "cap_period": "1 day"}
    sell(
        capped,
        {"feature": "seats", "value": 5},
        {"feature": "region", "value": "eu"},
        {"feature": "sso", "value": True},
    )
    QuotaService.consume_quota(user, "pdf_export", quantity=10)
    change(
        {**capped, "cap_quantity": 30},
        {"feature": "seats", "value": 9},
        {"feature": "region", "value": "us"},
        {"feature": "sso", "value": False},
    )
    report = run(door, "now")
    assert (counts(report), reasons(report)) == ((1, 0, 1, 2, 0), [("sso", "lower")])
    assert (balance(user), QuotaService.entitlement_value(user, "seats")) == (20, 9)
    assert QuotaService.entitlement_value(user, "region") == "us"
    assert QuotaService.entitlement_value(user, "sso") is True
    change(
        MONTHLY,
        {"feature": "seats", "value": 4},
        {"feature": "region", "value": "us"},
        {"feature": "sso", "value": True},
    )
    report = run(door, "now")
    assert (counts(report), reasons(report)) == ((1, 0, 1, 0, 0), [("seats", "lower")])
    assert balance(user) == 90
    change(
        capped,
        {"feature": "seats", "value": 9},
        {"feature": "region", "value": "us"},
        {"feature": "sso", "value": True},
    )
    report = run(door, "now")
    assert (counts(report), reasons(report)) == ((1, 0, 0, 0, 0), [("pdf_export", "lower")])
    clock.advance(days=28)
    assert balance(user) == 10


def test_the_cap_of_several_pieces_of_a_subscription_is_as_it_was_sold(door, user, customer, clock):
    line = {"feature": "pdf_export", "period": "1 week", "cap_quantity": 10, "cap_period": "1 day"}
    CatalogService.create_product("pro", price="9", currency="EUR", recurs="1 month", features=[line])
    paid = door.orders.create_order(user, [{"sku": "pro", "quantity": 2}])
    door.orders.confirm_payment(paid, payment_id="p1", status="paid")
    assert balance(user) == 20
    report = run(door, "now")
    assert (counts(report), report.skipped) == ((0, 0, 0, 0, 0), ())
    change({**line, "cap_quantity": 15})
    assert counts(run(door, "now")) == (0, 0, 1, 0, 0)
    assert balance(user) == 30


def test_more_on_a_grant_with_a_cap_waits_for_its_next_period(door, user, sell, clock):
    capped = {**MONTHLY, "cap_quantity": 10, "cap_period": "1 day"}
    sell(capped)
    change({**capped, "quantity": 200})
    report = run(door, "now")
    assert (counts(report), reasons(report)) == ((1, 0, 0, 0, 0), [("pdf_export", "capped")])


# --- whose


def test_every_holder_is_seen_however_they_came_by_it(door, user, sell, clock, django_user_model):
    CatalogService.create_product("pro", price="9", currency="EUR", features=[MONTHLY])
    others = [django_user_model.objects.create(username=name) for name in ("b", "c", "d", "e")]
    order = door.orders.create_order(others[0], [{"sku": "pro", "quantity": 2}])
    door.orders.confirm_payment(order, payment_id="p1", status="paid")
    for other in others[1:]:
        QuotaService.grant_product(other, "pro")
    QuotaService.revoke_allowance(Allowance.objects.filter(customer__user_links__user=others[3]).get())
    QuotaService.grant_feature(others[3], "pdf_export", quantity=3)
    change({**MONTHLY, "quantity": 110})
    report = run(door, "now", batch_size=1)
    assert (report.customers, report.changed, counts(report)) == (3, 3, (3, 3, 0, 0, 0))
    assert [balance(other) for other in others] == [220, 110, 110, 3]


def test_it_can_be_stopped_and_goes_on(door, user, customer, clock, django_user_model, monkeypatch):
    CatalogService.create_product("pro", features=[MONTHLY])
    for name in ("b", "c", "d"):
        QuotaService.grant_product(django_user_model.objects.create(username=name), "pro")
    change({**MONTHLY, "quantity": 110})
    ticks = iter(range(100))
    monkeypatch.setattr("billable.quota.roll_out.time.monotonic", lambda: next(ticks))
    first = door.quota.roll_out_product_change("pro", policy="now", limit_seconds=2)
    assert (first.customers, first.changed) == (1, 1)
    rest = door.quota.roll_out_product_change("pro", policy="now", cursor=first.next)
    assert (rest.customers, rest.changed, rest.next) == (2, 2, None)


def test_a_merge_and_its_undoing_keep_what_was_brought(door, user, sell, clock, django_user_model):
    sell({**MONTHLY, "rollover_quantity": 20})
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    change({**MONTHLY, "rollover_quantity": 20, "quantity": 150})
    assert counts(run(door, "next_period")) == (1, 0, 0, 0, 0)
    merge = door.customers.merge_customers(other, user)
    assert balance(other) == 100
    assert counts(run(door, "next_period")) == (0, 0, 0, 0, 0)
    clock.advance(days=28)
    assert balance(other) == 170
    change({**MONTHLY, "rollover_quantity": 20, "quantity": 160})
    assert counts(run(door, "next_period")) == (1, 0, 0, 0, 0)
    door.customers.unmerge_customers(merge)
    assert counts(run(door, "next_period")) == (0, 0, 0, 0, 0)
    clock.advance(days=31)
    assert balance(CustomerRef(customer_id=merge.absorbed_id)) == 180


@pytest.mark.parametrize("weeks", [0, 5], ids=["handed on", "given since"])
def test_units_that_were_added_for_both_keep_them_together(door, user, sell, clock, django_user_model, refused, weeks):
    sell(MONTHLY)
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    merge = door.customers.merge_customers(other, user)
    clock.advance(weeks=weeks)
    change({**MONTHLY, "quantity": 150})
    run(door, "now")
    with refused("unmerge_refused", reason="rolled_out"):
        door.customers.unmerge_customers(merge)
    assert balance(other) == 150


def test_a_new_line_that_was_given_for_both_keeps_them_together(door, user, sell, django_user_model, refused):
    sell(MONTHLY)
    other = django_user_model.objects.create(username="grace")
    CustomerService.link_identity(other, "telegram", "2")
    merge = door.customers.merge_customers(other, user)
    change(MONTHLY, {"feature": "tokens", "quantity": 5})
    run(door, "now")
    with refused("unmerge_refused", reason="rolled_out"):
        door.customers.unmerge_customers(merge)


def test_what_was_brought_to_the_survivors_own_keeps_nobody(door, user, sell, django_user_model):
    sell(MONTHLY)
    other = django_user_model.objects.create(username="grace")
    merge = door.customers.merge_customers(CustomerService.link_identity(user, "telegram", "1").customer, _new(other))
    change({**MONTHLY, "quantity": 150}, {"feature": "tokens", "quantity": 5})
    assert counts(run(door, "now")) == (1, 1, 0, 0, 1)
    door.customers.unmerge_customers(merge)
    assert counts(run(door, "now")) == (0, 0, 0, 0, 0)
    assert (balance(user), balance(user, "tokens")) == (150, 5)


def test_a_line_that_both_were_to_have_keeps_nobody(door, user, clock, django_user_model):
    CatalogService.create_product("pro", features=[MONTHLY], is_default=True)
    other = _new(django_user_model.objects.create(username="grace"))
    merge = door.customers.merge_customers(_new(user), other)
    change(MONTHLY, {"feature": "tokens", "quantity": 5})
    assert counts(run(door, "now")) == (0, 0, 0, 0, 1)
    door.customers.unmerge_customers(merge)
    assert counts(run(door, "now")) == (0, 0, 0, 0, 1)
    assert (balance(user, "tokens"), balance(other, "tokens")) == (5, 5)


def test_a_refund_takes_back_what_was_sold_also_on_its_new_terms(door, user, customer, clock):
    line = {**MONTHLY, "period": "4 months"}
    CatalogService.create_product("pro", price="9", currency="EUR", features=[line])
    order = door.orders.create_order(user, [{"sku": "pro"}])
    door.orders.confirm_payment(order, payment_id="p1", status="paid")
    change({**line, "quantity": 200})
    run(door, "next_period")
    clock.advance(days=28)
    assert balance(user) == 200
    door.orders.refund_order(order, refund_id="r1")
    assert balance(user) == 0
    clock.advance(days=31)
    assert balance(user) == 0


@pytest.fixture
def order(user, customer, door):
    """Three pieces of a product with these lines, paid for; and how some of them are given back."""

    def three(*lines):
        CatalogService.create_product("pro", price="9", currency="EUR", features=list(lines))
        paid = door.orders.create_order(user, [{"sku": "pro", "quantity": 3}])
        door.orders.confirm_payment(paid, payment_id="p1", status="paid")
        return paid

    return three


def give_back(door, order, pieces, refund_id="r1"):
    door.orders.refund_order(order, refund_id=refund_id, items=[{"line": 1, "quantity": pieces}])


@pytest.mark.parametrize(("used", "expected"), [(0, 300), (200, 100), (250, 50), (300, 0)])
def test_pieces_that_were_given_back_get_nothing_more(door, user, order, clock, used, expected):
    line = {"feature": "pdf_export", "quantity": 100, "period": "1 month"}
    paid = order(line)
    if used:
        QuotaService.consume_quota(user, "pdf_export", quantity=used)
    give_back(door, paid, 1)
    assert (report := run(door, "now")).changed == 0
    assert report.skipped == ()
    change({**line, "quantity": 150})
    assert counts(run(door, "now")) == (0, int(used < 300), 0, 0, 0)
    assert balance(user) == expected


def test_pieces_that_are_given_back_after_a_roll_out_get_nothing_more(door, user, order, clock):
    line = {"feature": "pdf_export", "quantity": 100, "period": "1 month"}
    paid = order(line)
    change({**line, "quantity": 110})
    run(door, "now")
    give_back(door, paid, 1)
    assert balance(user) == 230
    change({**line, "quantity": 150})
    run(door, "now")
    assert balance(user) == 300


def test_a_refunded_part_of_the_price_is_not_given_again(door, user, order, clock):
    line = {"feature": "pdf_export", "quantity": 100, "period": "1 month"}
    door.orders.refund_order(order(line), refund_id="r1", amount="9", currency="EUR")
    assert balance(user) == 200
    change({**line, "quantity": 110})
    assert counts(run(door, "now")) == (0, 1, 0, 0, 0)
    assert balance(user) == 230


def test_each_period_of_the_pieces_that_are_left_is_the_new_one(door, user, order, clock):
    line = {**MONTHLY, "rollover_quantity": 10}
    paid = order(line)
    give_back(door, paid, 1)
    assert (report := run(door, "now")).changed == 0
    assert report.skipped == ()
    change({**line, "quantity": 150})
    assert counts(run(door, "now")) == (1, 1, 0, 0, 0)
    assert balance(user) == 300
    clock.advance(days=28)
    assert balance(user) == 320
    change({**line, "quantity": 50})
    assert counts(run(door, "now")) == (1, 0, 0, 0, 0)
    clock.advance(days=31)
    assert balance(user) == 120


def test_new_lines_are_for_the_pieces_that_are_left(door, user, order, clock):
    give_back(door, order(MONTHLY), 1)
    change(MONTHLY, {"feature": "tokens", "quantity": 5})
    run(door, "now")
    assert balance(user, "tokens") == 10


def test_revoking_an_allowance_on_new_terms_takes_its_running_period_too(door, user, sell, clock):
    sell(MONTHLY)
    change({**MONTHLY, "quantity": 200})
    run(door, "next_period")
    door.quota.revoke_allowance(Allowance.objects.get(ended_at=None))
    assert balance(user) == 0
    clock.advance(days=28)
    assert balance(user) == 0


def test_what_is_owed_is_repaid_by_what_is_added(door, user, sell):
    CatalogService.create_feature("calls", overdraft="record")
    sell({"feature": "calls", "quantity": 10, "period": "1 month"})
    QuotaService.consume_quota(user, "calls", quantity=14)
    change({"feature": "calls", "quantity": 30, "period": "1 month"})
    run(door, "now")
    assert balance(user, "calls") == 16


# --- input


@pytest.mark.parametrize(
    ("how", "code", "field"),
    [
        ({"policy": "tomorrow"}, "invalid", "policy"),
        ({"policy": None}, "invalid", "policy"),
        ({"policy": "now", "batch_size": 0}, "invalid", "batch_size"),
        ({"policy": "now", "limit_seconds": 0}, "invalid", "limit_seconds"),
        ({"policy": "now", "limit_seconds": "5"}, "invalid", "limit_seconds"),
        ({"policy": "now", "dry_run": "yes"}, "invalid", "dry_run"),
        ({"policy": "now", "cursor": "x"}, "invalid", "cursor"),
    ],
)
def test_bad_input_is_refused(door, sell, refused, how, code, field):
    sell(MONTHLY)
    with refused(code, field=field):
        door.quota.roll_out_product_change("pro", **how)


def test_a_product_that_nobody_knows_is_refused(door, refused):
    with refused("product_not_found"):
        door.quota.roll_out_product_change("nothing", policy="now")


def test_a_product_that_nobody_holds_changes_nothing(door):
    CatalogService.create_product("pro", features=[MONTHLY])
    report = door.quota.roll_out_product_change("pro", policy="now")
    assert (report.customers, report.changed, report.skipped, RollOut.objects.count()) == (0, 0, (), 0)
