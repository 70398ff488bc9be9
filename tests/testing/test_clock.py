"""billing_clock: time that a test moves, and what falls due on the way."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta, timezone

import pytest
from django.db import connection
from django.utils import timezone as django_timezone

from billable import clock as engine_clock
from billable.errors import NotSandbox
from billable.models import Grant
from billable.services import CatalogService, CustomerService, OrderService, QuotaService, ReferralService
from billable.signals import grant_expired, order_expired
from billable.testing import (
    BillingClock,
    assert_balance,
    capture_events,
    make_customer,
    make_grant,
    make_product,
    paid_order,
    run_commit_hooks,
)

START = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def billing_clock(billing_clock):
    """The one that ships, at an instant that tests can be read with."""
    billing_clock.jump_to(START)
    return billing_clock


def test_it_begins_at_the_present_and_stands_still():
    with BillingClock() as clock:
        assert abs(clock.now - django_timezone.now()) < timedelta(minutes=1)
        assert engine_clock.now() == engine_clock.now() == clock.now
    assert engine_clock.now() != clock.now


def test_several_are_left_in_any_order():
    first, second = BillingClock(START), BillingClock(START + timedelta(days=1))
    first.__enter__()
    second.__enter__()
    assert engine_clock.now() == second.now
    first.__exit__(None, None, None)
    assert engine_clock.now() == second.now
    second.__exit__(None, None, None)
    assert engine_clock.now() - django_timezone.now() < timedelta(minutes=1)


def test_whoever_puts_it_back_too_late_does_no_harm():
    late = pytest.MonkeyPatch()
    with BillingClock(START):
        late.setattr(engine_clock, "now", lambda: START)
    late.undo()
    assert abs(engine_clock.now() - django_timezone.now()) < timedelta(minutes=1)


def test_it_is_one_time_for_every_thread_and_every_twin(billing_clock):
    seen = []
    thread = threading.Thread(target=lambda: seen.append(engine_clock.now()))
    thread.start()
    thread.join()

    async def look():
        return engine_clock.now()

    billing_clock.jump(days=1)
    seen.append(asyncio.run(look()))

    assert seen == [START, START + timedelta(days=1)]


@pytest.mark.django_db
def test_a_twin_decides_by_it(billing_clock, door):
    customer = make_customer()
    make_grant(customer, period="1 month")
    billing_clock.jump(days=27)
    assert door.quota.check_quota(customer, "units")
    billing_clock.jump(days=1)
    assert door.quota.check_quota(customer, "units").code == "expired"


@pytest.mark.django_db
def test_an_advance_stops_at_each_instant_that_something_falls_due_at(billing_clock, settings):
    settings.BILLABLE_ORDER_TTL_HOURS = 36
    product = make_product(features=["units"], period="1 month")
    anna, bert = make_customer(), make_customer()
    make_grant(anna, expires_at=START + timedelta(days=1))
    make_grant(bert, expires_at=START + timedelta(days=2))
    QuotaService.hold_quota(bert, "units", 3, ttl=timedelta(hours=30))
    OrderService.create_order(anna, [{"sku": product.sku}])
    told = []

    def note(sender, **payload):
        told.append((sender.__name__, billing_clock.now - START))

    for signal in (grant_expired, order_expired):
        signal.connect(note)
    billing_clock.advance(months=1)
    for signal in (grant_expired, order_expired):
        signal.disconnect(note)

    assert billing_clock.now == datetime(2026, 2, 28, 12, tzinfo=timezone.utc)
    assert told == [
        ("Grant", timedelta(days=1)),
        ("Order", timedelta(hours=36)),
        ("Grant", timedelta(days=2)),
    ]


@pytest.mark.django_db
def test_what_a_receiver_does_in_answer_happens_at_that_instant(billing_clock):
    customer = make_customer()
    make_grant(customer, expires_at=START + timedelta(days=10))

    def renew(sender, grant, **payload):
        if Grant.objects.count() < 12:
            QuotaService.grant_feature(customer, "units", quantity=1, expires_at=grant.expires_at + timedelta(days=10))

    grant_expired.connect(renew)
    billing_clock.advance(months=13)
    grant_expired.disconnect(renew)

    begun = Grant.objects.order_by("id").values_list("valid_from", flat=True)
    assert [at - START for at in begun] == [timedelta(days=10 * number) for number in range(12)]


@pytest.mark.django_db
def test_a_reward_comes_when_it_has_waited(billing_clock):
    product = make_product("pack")
    ReferralService.create_programme("friends", referrer_product="pack", hold_days=14)
    anna, bert = make_customer(), make_customer()
    ReferralService.refer(anna, bert)
    paid_order(bert, product)

    billing_clock.advance(days=13)
    assert_balance(anna, "units", 0)
    billing_clock.advance(days=1)
    assert_balance(anna, "units", 10)


@pytest.mark.django_db
def test_a_jump_sweeps_nothing(billing_clock):
    make_grant(make_customer(), expires_at=START + timedelta(days=1))

    billing_clock.jump(days=2)
    assert Grant.objects.get().ended_at is None
    billing_clock.catch_up()
    assert Grant.objects.get().ended_at == START + timedelta(days=1)


def test_time_that_passed_does_not_come_back_but_by_a_jump(billing_clock):
    with pytest.raises(ValueError, match="has passed"):
        billing_clock.move_to(START - timedelta(seconds=1))
    for move in (billing_clock.move_to, billing_clock.jump_to, BillingClock):
        with pytest.raises(ValueError, match="time zone"):
            move(START.replace(tzinfo=None))
    assert billing_clock.jump_to(START - timedelta(days=1)) == billing_clock.now


@pytest.mark.django_db
def test_what_was_asked_for_at_an_instant_happens_then(billing_clock):
    seen = []
    for hours in (5, 1, 3):
        billing_clock.at(START + timedelta(hours=hours), lambda: seen.append(billing_clock.now - START))

    billing_clock.advance(hours=4)
    assert seen == [timedelta(hours=1), timedelta(hours=3)]
    billing_clock.jump(hours=4)
    assert len(seen) == 2
    billing_clock.catch_up()
    assert seen[2] == timedelta(hours=8)


@pytest.mark.django_db
def test_the_clock_of_one_customer_moves_alone(billing_clock):
    box, other, real = make_customer(sandbox=True), make_customer(sandbox=True), make_customer()
    for customer in (box, other, real):
        make_grant(customer, period="1 month")
    mine, seen = billing_clock.for_customer(box), []
    billing_clock.at(START + timedelta(days=3), lambda: seen.append(mine.now - START), customer=box)

    with capture_events("grant.expired") as sent:
        assert mine.advance(months=1) == datetime(2026, 2, 28, 12, tzinfo=timezone.utc)

    assert (billing_clock.now, seen) == (START, [timedelta(days=3)])
    assert [grant.customer_id for grant in sent.rows("grant.expired")] == [box.pk]
    assert [QuotaService.check_quota(each, "units").allowed for each in (box, other, real)] == [False, True, True]
    billing_clock.advance(days=27)
    assert billing_clock.for_customer(other).now == START + timedelta(days=27)
    assert mine.now == START + timedelta(days=55)
    assert_balance(other, "units", 10)
    billing_clock.advance(days=1)
    assert_balance(other, "units", 0)


@pytest.mark.django_db
def test_what_a_sandbox_customer_waits_for_stops_the_clock_of_all(billing_clock):
    box = make_customer(sandbox=True)
    billing_clock.for_customer(box).advance(days=5)
    make_grant(box, expires_at=START + timedelta(days=6))
    told = []
    grant_expired.connect(note := (lambda sender, **payload: told.append(billing_clock.now - START)))
    billing_clock.advance(days=3)
    grant_expired.disconnect(note)

    assert told == [timedelta(days=1)]


@pytest.mark.django_db
def test_the_clock_of_a_real_customer_does_not_move_alone(billing_clock):
    real = billing_clock.for_customer(make_customer())
    assert real.now == START
    with pytest.raises(NotSandbox):
        real.advance(days=1)


@pytest.mark.django_db(transaction=True)
def test_it_works_where_tests_commit(billing_clock):
    assert not connection.in_atomic_block
    box = make_customer(sandbox=True)
    make_grant(box, period="1 month")
    with capture_events() as sent:
        billing_clock.for_customer(box).advance(months=1)
    assert sent.names == ["grant.expiring", "grant.expired"]
    CatalogService.create_product("p", price="1.00", features=["units"], quantity=1, period="1 week")
    paid_order(box, "p")
    billing_clock.advance(weeks=1)
    assert_balance(box, "units", 0)


@pytest.mark.django_db
def test_hooks_run_once_and_those_of_a_block_that_fails_do_not():
    from django.db import transaction

    ran = []

    def robustly():
        raise RuntimeError("logged")

    with run_commit_hooks():
        transaction.on_commit(lambda: ran.append("outer"))
        with run_commit_hooks():
            transaction.on_commit(lambda: transaction.on_commit(lambda: ran.append("from a hook")))
            transaction.on_commit(robustly, robust=True)
        assert ran == ["from a hook"]
    assert ran == ["from a hook", "outer"]
    with pytest.raises(KeyError), run_commit_hooks():  # noqa: PT012
        transaction.on_commit(lambda: ran.append("never"))
        raise KeyError
    assert len(ran) == 2


@pytest.mark.django_db
def test_a_year_of_one_customer_is_a_matter_of_one_call(billing_clock):
    customer = make_customer()
    for month in range(1, 13):
        make_grant(customer, quantity=month, expires_at=billing_clock.after(months=month))

    with capture_events("grant.expired") as sent:
        billing_clock.advance(months=13)

    assert [grant.quantity for grant in sent.rows("grant.expired")] == list(range(1, 13))
    assert CustomerService.get_customer(customer).next_change_at is None
