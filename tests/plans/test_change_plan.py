"""change_plan: now for what both plans are worth, or at the end of the period."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from billable.errors import (
    ChangeWaiting,
    CurrencyMismatch,
    DisputeOpen,
    HoldsLive,
    IdempotencyConflict,
    Invalid,
    NotForSale,
    NothingToChange,
    PeriodPaidAhead,
    ProductNotFound,
    RefundTooLarge,
    SubscriptionNotFound,
    UnpaidUnits,
    WrongSubscriptionState,
)
from billable.models import Grant, LedgerEntry, Order, OrderItem, PlanChange
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    OrderService,
    QuotaService,
    SubscriptionService,
)
from tests.plans.conftest import buy, change, day, left, now_is, order_of, pay


@pytest.fixture
def subscription(customer: Any, clock: Any) -> Any:
    """Basic since 1 June, 70 of its 100 pages used by the 16th, when half of the time is left."""
    clock.instant = day(1)
    subscription = buy(customer)
    QuotaService.consume_quota(customer, "pages", quantity=70)
    clock.instant = day(16)
    return subscription


def test_a_plan_is_changed_when_what_is_due_is_paid(customer: Any, subscription: Any, door: Any) -> None:
    asked = door.subscriptions.change_plan(subscription, sku="pro")

    # 30 % of the units are left of the old, half of the time; of the new 230 of 300 are given.
    order = order_of(asked)
    assert (asked.credited_minor, asked.charged_minor, order.total_amount_minor) == (300, 1840, 1540)
    assert (order.status, asked.status, order.expires_at) == ("pending", "waiting", day(1, 7))
    assert (now_is(subscription).product.sku, left(customer)) == ("basic", 30)

    pay(order)

    changed = now_is(subscription)
    assert (changed.product.sku, changed.paid_until, changed.period_index) == ("pro", day(1, 7), 0)
    assert (left(customer), left(customer, "sso")) == (230, None)
    assert PlanChange.objects.get().status == "applied"


def test_a_preview_says_what_the_change_then_does_and_writes_nothing(
    customer: Any, subscription: Any, door: Any
) -> None:
    before = (Order.objects.count(), PlanChange.objects.count(), LedgerEntry.objects.count())

    preview = door.subscriptions.preview_change(subscription, sku="pro", units="pro_rata_units")

    assert (Order.objects.count(), PlanChange.objects.count(), LedgerEntry.objects.count()) == before
    told = [each.amount_minor for each in (preview.credited, preview.charged, preview.due, preview.left_over)]
    assert (told, preview.price.amount_minor, preview.effective_at) == ([300, 1200, 900, 0], 2400, day(16))
    units = [(each.feature, each.before, each.after) for each in preview.features]
    assert units == [("pages", 30, 150), ("sso", 0, None)]
    made = change(subscription, "pro", units="pro_rata_units")
    assert (made.credited, made.charged) == (preview.credited, preview.charged)
    assert left(customer) == 150


def test_going_down_is_made_at_once_and_leaves_credit_for_the_next_renewal(customer: Any, clock: Any) -> None:
    clock.instant = day(1)
    subscription = buy(customer, "pro")
    clock.instant = day(16)

    made = SubscriptionService.change_plan(subscription, sku="basic")

    assert (made.status, made.credited_minor, made.charged_minor, made.left_over_minor) == ("applied", 1200, 1000, 200)
    assert (order_of(made).status, order_of(made).total_amount_minor) == ("paid", 0)
    assert (now_is(subscription).credit_minor, left(customer), left(customer, "sso")) == (200, 100, 0)
    renewal = SubscriptionService.renew_subscription(subscription)
    assert (renewal.total_amount_minor, renewal.discount_minor) == (800, 200)
    pay(renewal)
    assert now_is(subscription).credit_minor == 0


def test_used_units_are_never_given_again_by_going_up_and_down(customer: Any, subscription: Any) -> None:
    for sku in ("pro", "basic", "pro", "basic", "pro"):
        change(subscription, sku)

    assert left(customer) == 230


def test_a_balance_is_kept_beside_the_new_plan(customer: Any, subscription: Any) -> None:
    made = change(subscription, "pro", units="carry_balance")

    assert (made.credited_minor, made.charged_minor, left(customer)) == (0, 2400, 330)
    # The next change neither credits nor ends what was kept.
    back = change(subscription, "basic", units="pro_rata_units")
    assert (back.credited_minor, back.charged_minor, left(customer)) == (2400, 500, 80)


def test_a_change_for_nothing_carries_the_value_on(customer: Any, subscription: Any) -> None:
    made = SubscriptionService.change_plan(subscription, sku="pro", money="none")

    assert (made.status, made.credited_minor, made.charged_minor, left(customer)) == ("applied", 300, 300, 230)
    back = SubscriptionService.change_plan(subscription, sku="basic", money="none")
    assert (back.charged_minor, left(customer)) == (300, 30)


def test_another_interval_begins_a_period_now(customer: Any, subscription: Any) -> None:
    made = change(subscription, "year")

    changed = now_is(subscription)
    assert (made.credited_minor, made.charged_minor, left(customer)) == (300, 9900, 1500)
    assert (changed.period_index, changed.paid_from, changed.paid_until) == (1, day(16), day(16) + timedelta(days=365))
    item = OrderItem.objects.get(change=made)
    assert (item.period_index, item.period_from, str(item.recurs)) == (1, day(16), "1 year")


def test_what_is_kept_lasts_as_long_as_the_period_that_begins(customer: Any, subscription: Any, clock: Any) -> None:
    change(subscription, "year", units="carry_balance")
    assert left(customer) == 1530

    clock.advance(days=200)

    assert left(customer) == 1530
    preview = SubscriptionService.preview_change(subscription, sku="basic", units="carry_usage")
    assert [(each.before, each.after) for each in preview.features] == [(1530, 130)]


def test_at_the_end_of_the_period_the_renewal_is_for_the_new_plan(customer: Any, subscription: Any, door: Any) -> None:
    standing = SubscriptionService.renew_subscription(subscription)

    scheduled = door.subscriptions.change_plan(subscription, sku="pro", seats=2, at="period_end")

    assert (scheduled.status, scheduled.effective_at, scheduled.credited_minor) == ("scheduled", day(1, 7), 0)
    assert OrderService.get_order(standing).status == "cancelled"
    assert (now_is(subscription).product.sku, left(customer)) == ("basic", 30)
    renewal = SubscriptionService.renew_subscription(subscription)
    assert (renewal.total_amount_minor, [item.sku for item in renewal.items.all()]) == (4800, ["pro"])
    pay(renewal)
    assert (now_is(subscription).product.sku, now_is(subscription).seats) == ("pro", 2)
    assert PlanChange.objects.select_related("subscription").get().status == "applied"


def test_a_later_schedule_replaces_an_earlier_one_and_a_change_now_both(customer: Any, subscription: Any) -> None:
    SubscriptionService.change_plan(subscription, sku="pro", at="period_end")
    SubscriptionService.change_plan(subscription, sku="year", at="period_end")
    assert now_is(subscription).next_product.sku == "year"

    change(subscription, "pro")

    assert now_is(subscription).next_product is None
    assert sorted(each.status for each in PlanChange.objects.all()) == ["applied", "dropped", "dropped"]


def test_a_key_makes_a_change_once(customer: Any, subscription: Any) -> None:
    first = SubscriptionService.change_plan(subscription, sku="pro", idempotency_key="up")
    again = SubscriptionService.change_plan(subscription, sku="pro", idempotency_key="up")

    assert (again.pk, again.replayed, Order.objects.count()) == (first.pk, True, 2)
    with pytest.raises(IdempotencyConflict) as refusal:
        SubscriptionService.change_plan(subscription, sku="pro", units="regrant", idempotency_key="up")
    assert refusal.value.fields == ["units"]


# --- undo ---------------------------------------------------------------------------------------


def test_what_was_scheduled_can_be_undone(customer: Any, subscription: Any, door: Any) -> None:
    SubscriptionService.change_plan(subscription, sku="pro", at="period_end")

    assert door.subscriptions.undo_change(subscription).next_product is None
    assert door.subscriptions.undo_change(subscription).replayed
    assert SubscriptionService.renew_subscription(subscription).total_amount_minor == 1000


def test_a_change_that_waits_for_its_money_can_be_undone(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro"))

    SubscriptionService.undo_change(subscription)

    assert OrderService.get_order(order).status == "cancelled"
    assert OrderService.confirm_payment(order, payment_id="late").code == "order_cancelled"
    assert now_is(subscription).product.sku == "basic"


# --- money that comes late ----------------------------------------------------------------------


def test_what_is_used_while_the_money_is_under_way_is_not_credited(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro", units="regrant"))
    QuotaService.consume_quota(customer, "pages", quantity=30)

    pay(order)

    # 300 of credit are gone: 2100 of 2400 are paid.
    made = PlanChange.objects.get()
    assert (made.credited_minor, made.charged_minor, left(customer)) == (0, 2100, 262)
    assert OrderService.get_order(order).discount_minor == 0


def test_money_for_a_change_that_was_overtaken_is_kept_as_unapplied(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro"))
    pay(SubscriptionService.renew_subscription(subscription))

    payment = pay(order)

    assert (payment.status, payment.code) == ("unapplied", "change_is_over")
    assert now_is(subscription).product.sku == "basic"


# --- refunds ------------------------------------------------------------------------------------


def test_what_was_credited_is_not_refunded(customer: Any, subscription: Any) -> None:
    first = OrderItem.objects.get().order
    made = change(subscription, "pro")

    quote = OrderService.quote_refund(first)

    assert (quote.amount.amount_minor, quote.items[0].credited.amount_minor) == (700, 300)
    OrderService.refund_order(first, refund_id="all")
    assert now_is(subscription).status == "active"
    assert OrderService.quote_refund(order_of(made), policy="unused_only").amount.amount_minor == 1540
    OrderService.refund_order(order_of(made), refund_id="new")
    assert (now_is(subscription).status, left(customer)) == ("ended", 0)


def test_a_lost_dispute_ends_a_plan_that_the_disputed_money_paid_for(customer: Any, subscription: Any) -> None:
    change(subscription, "pro")
    first = OrderItem.objects.get(period_index=0).order
    dispute = OrderService.dispute_payment(first.payments.get(), dispute_id="dp_1")
    assert now_is(subscription).status == "suspended"

    OrderService.resolve_dispute(dispute, "lost")

    assert (now_is(subscription).status, left(customer)) == ("ended", 0)
    assert OrderService.get_order(first).refunded_amount_minor == 700


def test_a_lost_dispute_ends_nothing_that_other_money_paid_for_since(
    customer: Any, subscription: Any, clock: Any
) -> None:
    change(subscription, "pro")
    clock.instant = day(1, 7)
    pay(SubscriptionService.renew_subscription(subscription))
    dispute = OrderService.dispute_payment(first_order().payments.get(), dispute_id="dp_1")
    assert (now_is(subscription).status, left(customer)) == ("active", 300)

    OrderService.resolve_dispute(dispute, "lost")

    assert (now_is(subscription).status, left(customer)) == ("active", 300)


@pytest.mark.parametrize("months", [1, 2])
def test_a_lost_dispute_ends_a_period_that_left_over_credit_paid_for(customer: Any, clock: Any, months: int) -> None:
    clock.instant = day(1)
    subscription = buy(customer, "pro")
    clock.instant = day(16)
    SubscriptionService.change_plan(subscription, sku="basic")
    for month in range(months):
        clock.instant = day(1, 7 + month)
        pay(SubscriptionService.renew_subscription(subscription))
    dispute = OrderService.dispute_payment(first_order().payments.get(), dispute_id="dp_1")
    assert now_is(subscription).status == ("suspended" if months == 1 else "active")

    OrderService.resolve_dispute(dispute, "lost")

    assert now_is(subscription).status == ("ended" if months == 1 else "active")


def test_a_lost_dispute_of_what_was_not_credited_leaves_the_plan(customer: Any, subscription: Any) -> None:
    change(subscription, "pro")
    payment = first_order().payments.get()
    dispute = OrderService.dispute_payment(payment, dispute_id="dp_1", amount_minor=700)

    OrderService.resolve_dispute(dispute, "lost")

    assert (now_is(subscription).status, left(customer)) == ("active", 230)


def test_while_money_is_disputed_the_plan_that_its_credit_paid_for_is_suspended(
    customer: Any, subscription: Any
) -> None:
    change(subscription, "pro")

    dispute = OrderService.dispute_payment(first_order().payments.get(), dispute_id="d")

    assert (now_is(subscription).status, left(customer)) == ("suspended", 0)
    assert not QuotaService.check_quota(customer, "sso")
    with pytest.raises(DisputeOpen):
        OrderService.refund_order(order_of(PlanChange.objects.get()), refund_id="r")
    OrderService.resolve_dispute(dispute, "won")
    assert (now_is(subscription).status, left(customer)) == ("active", 230)
    assert QuotaService.check_quota(customer, "sso")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_disputes_about_a_plan_the_last_one_that_is_won_gives_it_back(
    customer: Any, subscription: Any, order: tuple[int, int]
) -> None:
    made = change(subscription, "pro")
    payments = [first_order().payments.get(), order_of(made).payments.get()]
    disputes = [OrderService.dispute_payment(payments[nth], dispute_id=f"d{nth}") for nth in order]

    OrderService.resolve_dispute(disputes[0], "won")
    assert (now_is(subscription).status, left(customer)) == ("suspended", 0)
    OrderService.resolve_dispute(disputes[1], "won")

    assert (now_is(subscription).status, left(customer)) == ("active", 230)


@pytest.mark.parametrize("amount", [None, 1000])
def test_money_that_a_provider_sent_back_is_recorded_also_where_it_was_credited(
    customer: Any, subscription: Any, amount: int | None
) -> None:
    first = first_order()
    change(subscription, "pro")
    payment = first.payments.get()
    with pytest.raises(RefundTooLarge):
        OrderService.refund_order(first, refund_id="no", amount_minor=1000)

    refund = OrderService.refund_order(
        payment_id=payment.payment_id, refund_id="re", amount_minor=amount, origin="provider"
    )

    assert (refund.amount_minor, refund.order.status) == (1000, "refunded")
    assert (now_is(subscription).ended_as, left(customer)) == ("refunded", 0)


def first_order() -> Order:
    return OrderItem.objects.get(period_index=0).order


def test_while_the_money_of_a_change_is_disputed_nothing_of_it_is_there(customer: Any, subscription: Any) -> None:
    made = change(subscription, "pro")

    OrderService.dispute_payment(order_of(made).payments.get(), dispute_id="d")

    assert (now_is(subscription).status, left(customer)) == ("suspended", 0)
    with pytest.raises(WrongSubscriptionState):
        SubscriptionService.change_plan(subscription, sku="basic")


def test_a_change_is_found_after_a_merge(customer: Any, subscription: Any, django_user_model: Any) -> None:
    asked = SubscriptionService.change_plan(subscription, sku="pro", idempotency_key="up")
    CustomerService.identify("web", "7")
    CustomerService.merge_customers(CustomerRef(provider="web", external_id="7"), customer)

    pay(order_of(asked))

    again = SubscriptionService.change_plan(subscription, sku="pro", idempotency_key="up")
    assert (again.replayed, again.status, left(customer), now_is(subscription).product.sku) == (
        True,
        "applied",
        230,
        "pro",
    )


def test_events_tell_of_changes(customer: Any, subscription: Any, told: list[str], commit: Any) -> None:
    with commit():
        SubscriptionService.change_plan(subscription, sku="pro", at="period_end")
        SubscriptionService.undo_change(subscription)
        change(subscription, "pro")
    assert told == ["subscription.change_scheduled", "subscription.change_undone", "subscription.changed"]


# --- holds --------------------------------------------------------------------------------------


def test_live_holds_refuse_a_change_unless_they_are_released(customer: Any, subscription: Any) -> None:
    hold = QuotaService.hold_quota(customer, "pages", 10)
    with pytest.raises(HoldsLive) as refusal:
        SubscriptionService.change_plan(subscription, sku="pro")
    assert refusal.value.holds == [str(hold.pk)]
    assert SubscriptionService.preview_change(subscription, sku="pro").holds == (str(hold.pk),)

    made = change(subscription, "pro", release_holds=True)

    assert (made.credited_minor, left(customer), QuotaService.get_hold(hold).status) == (300, 230, "released")


def test_what_is_held_when_the_money_arrives_counts_as_used(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro", units="regrant"))
    hold = QuotaService.hold_quota(customer, "pages", 30)

    pay(order)

    assert left(customer) == 262
    QuotaService.release_hold(hold)
    assert left(customer) == 262
    assert Grant.objects.filter(ended_as="changed").count() == 1


# --- refusals -----------------------------------------------------------------------------------

NOW = {"at": "now"}
REFUSALS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"sku": "basic"}, NothingToChange, ""),
    ({"seats": 1}, NothingToChange, ""),
    ({}, Invalid, "sku"),
    ({"sku": "pack"}, NotForSale, "sku"),
    ({"sku": "dollars"}, CurrencyMismatch, "sku"),
    ({"sku": "nothing"}, ProductNotFound, ""),
    ({"sku": 7}, Invalid, "sku"),
    ({"sku": "pro", "seats": 0}, Invalid, "seats"),
    ({"sku": "pro", "seats": True}, Invalid, "seats"),
    ({"sku": "pro", "at": "later"}, Invalid, "at"),
    ({"sku": "pro", "money": "half"}, Invalid, "money"),
    ({"sku": "pro", "units": ["regrant"]}, Invalid, "units"),
    ({"sku": "pro", "release_holds": "yes"}, Invalid, "release_holds"),
    ({"sku": "pro", "money": "none", "units": "regrant"}, UnpaidUnits, "units"),
    ({"sku": "pro", "money": "none", "units": "carry_balance"}, UnpaidUnits, "units"),
    ({"sku": "year", "money": "none"}, UnpaidUnits, "at"),
    ({"sku": "pro", "at": "period_end", "units": "regrant"}, Invalid, "units"),
    ({"sku": "pro", "at": "period_end", "money": "none"}, Invalid, "money"),
]


@pytest.mark.parametrize(("how", "refusal", "field"), REFUSALS)
def test_what_cannot_be_is_refused_and_writes_nothing(
    customer: Any, subscription: Any, how: dict[str, Any], refusal: type[Exception], field: str
) -> None:
    before = (Order.objects.count(), PlanChange.objects.count(), LedgerEntry.objects.count())
    for verb in (SubscriptionService.preview_change, SubscriptionService.change_plan):
        with pytest.raises(refusal) as caught:
            verb(subscription, **how)
        assert getattr(caught.value, "field", "") == field
    assert (Order.objects.count(), PlanChange.objects.count(), LedgerEntry.objects.count()) == before


def test_an_unknown_subscription_is_not_found(customer: Any) -> None:
    for verb in (SubscriptionService.preview_change, SubscriptionService.change_plan):
        with pytest.raises(SubscriptionNotFound):
            verb("no such thing", sku="pro")


def test_a_product_that_is_no_longer_sold_is_refused(customer: Any, subscription: Any) -> None:
    CatalogService.deactivate_product("pro")
    with pytest.raises(NotForSale):
        SubscriptionService.change_plan(subscription, sku="pro")


def test_only_an_active_subscription_is_changed(customer: Any, subscription: Any, clock: Any) -> None:
    SubscriptionService.cancel_subscription(subscription)
    for when in ("now", "period_end"):
        with pytest.raises(WrongSubscriptionState) as refusal:
            SubscriptionService.change_plan(subscription, sku="pro", at=when)
        assert refusal.value.subscription_status == "cancelled"
    SubscriptionService.undo_cancel(subscription)
    SubscriptionService.pause_subscription(subscription)
    with pytest.raises(WrongSubscriptionState):
        SubscriptionService.change_plan(subscription, sku="pro")
    SubscriptionService.resume_subscription(subscription)
    clock.advance(days=15)
    with pytest.raises(WrongSubscriptionState) as refusal:
        SubscriptionService.change_plan(subscription, sku="pro")
    assert refusal.value.subscription_status == "past_due"
    clock.advance(days=40)
    with pytest.raises(WrongSubscriptionState) as refusal:
        SubscriptionService.change_plan(subscription, sku="pro")
    assert refusal.value.subscription_status == "ended"


def test_one_change_at_a_time_waits_for_its_money(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro"))

    with pytest.raises(ChangeWaiting) as refusal:
        SubscriptionService.change_plan(subscription, sku="year")

    assert refusal.value.order == str(order.pk)


def test_a_period_that_is_paid_ahead_is_not_changed_before_it_begins(customer: Any, subscription: Any) -> None:
    pay(SubscriptionService.renew_subscription(subscription))

    with pytest.raises(PeriodPaidAhead):
        SubscriptionService.change_plan(subscription, sku="pro")
    assert SubscriptionService.change_plan(subscription, sku="pro", at="period_end").effective_at == day(1, 8)


def test_what_is_to_pause_is_changed_at_its_end_only(customer: Any, subscription: Any) -> None:
    SubscriptionService.pause_subscription(subscription, at_period_end=True)
    with pytest.raises(Invalid) as refusal:
        SubscriptionService.change_plan(subscription, sku="pro")
    assert refusal.value.field == "at"


def test_what_was_agreed_about_the_interval_and_the_grace_holds_when_the_money_arrives(
    customer: Any, subscription: Any
) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="year"))
    CatalogService.update_product("year", recurs="1 month", grace_days=9)

    pay(order)

    changed = now_is(subscription)
    assert (changed.paid_until, str(changed.interval), changed.grace_days) == (day(16).replace(year=2027), "1 year", 3)
    assert left(customer) == 1500


def test_an_interval_that_the_catalogue_changed_meanwhile_begins_no_period(customer: Any, subscription: Any) -> None:
    order = order_of(SubscriptionService.change_plan(subscription, sku="pro"))
    CatalogService.update_product("pro", recurs="1 year")

    pay(order)

    assert (now_is(subscription).period_index, now_is(subscription).paid_until) == (0, day(1, 7))


@pytest.mark.parametrize("how", ["expired", "ended", "renewed"])
def test_a_change_that_nobody_can_make_any_more_does_not_wait(
    customer: Any, subscription: Any, clock: Any, how: str
) -> None:
    made = SubscriptionService.change_plan(subscription, sku="pro")
    if how == "expired":
        clock.advance(hours=2)
        OrderService.expire_orders(older_than=timedelta(hours=1))
    elif how == "ended":
        SubscriptionService.cancel_subscription(subscription, at_period_end=False)
    else:
        pay(SubscriptionService.renew_subscription(subscription))

    assert PlanChange.objects.get(pk=made.pk).status == "dropped"


def test_what_was_scheduled_for_a_subscription_that_ended_is_dropped(customer: Any, subscription: Any) -> None:
    SubscriptionService.change_plan(subscription, sku="pro", at="period_end")
    SubscriptionService.cancel_subscription(subscription, at_period_end=False)

    assert PlanChange.objects.get().status == "dropped"


def test_a_change_that_no_renewal_could_charge_is_refused_when_it_is_asked_for(
    customer: Any, subscription: Any
) -> None:
    CatalogService.create_product("dear", price="90000000.00", currency="EUR", features=["pages"], recurs="1 month")

    with pytest.raises(Invalid) as refusal:
        SubscriptionService.change_plan(subscription, sku="dear", seats=10**6, at="period_end")

    assert refusal.value.field == "seats"


def test_a_change_with_nothing_due_happens_at_one_instant(customer: Any, clock: Any, monkeypatch: Any) -> None:
    clock.instant = day(1)
    subscription = buy(customer, "pro")
    ticks = count(1)
    monkeypatch.setattr("billable.clock.now", lambda: day(16) + timedelta(seconds=next(ticks)))

    made = SubscriptionService.change_plan(subscription, sku="basic")

    order = order_of(made)
    assert made.applied_at == order.paid_at == order.created_at
