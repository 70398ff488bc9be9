"""Sandbox customers: their clock is moved, and everything of theirs goes by it, and nothing of anybody else."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from billable import sandbox
from billable.models import ClockMove, Customer, Grant, Invoice
from billable.services import CatalogService, CustomerRef, CustomerService, Money, OrderService, QuotaService
from billable.signals import grant_expired, order_expired

BOX, REAL = CustomerRef(provider="test", external_id="box"), CustomerRef(provider="test", external_id="real")


@pytest.fixture
def box(db, clock) -> Customer:
    """A sandbox customer."""
    return CustomerService.identify("test", "box", sandbox=True).customer


@pytest.fixture
def real(db, clock) -> Customer:
    """A real customer."""
    return CustomerService.identify("test", "real").customer


@pytest.fixture
def shop(db, clock, settings) -> None:
    """A pack of a month, and orders that wait a day."""
    settings.BILLABLE_ORDER_TTL_HOURS = 24
    CatalogService.create_product("pack", prices=[Money(1000, "USD")], features=["pdf"], quantity=10, period="1 month")


def offset(customer: Customer) -> int:
    return Customer.objects.get(pk=customer.pk).clock_offset_seconds


def test_a_sandbox_customer_is_made_by_identify_and_stays_one(door, clock):
    made = door.customers.identify("test", "box", sandbox=True)
    again, without = (door.customers.identify("test", "box", **said) for said in ({"sandbox": True}, {}))

    assert (made.created, made.is_sandbox, made.customer.is_sandbox) == (True, True, True)
    assert (again.created, again.is_sandbox) == (without.created, without.is_sandbox) == (False, True)
    assert not door.customers.identify("test", "other").is_sandbox


def test_a_real_customer_never_becomes_one(door, real, refused):
    with refused("not_sandbox", customer=str(real.pk)):
        door.customers.identify("test", "real", sandbox=True)


@pytest.mark.parametrize("said", ["yes", 1, None])
def test_whether_it_is_one_is_true_or_false(door, clock, refused, said):
    with refused("invalid", field="sandbox"):
        door.customers.identify("test", "box", sandbox=said)


def test_a_clock_is_moved_and_what_falls_due_is_done(door, box, real, clock, shop):
    for customer in (BOX, REAL):
        QuotaService.grant_product(customer, "pack")

    moved = door.customers.advance_clock(BOX, months=1)

    assert (moved.customer_id, moved.from_at) == (box.pk, clock.instant)
    assert moved.to_at == datetime(2026, 2, 28, 12, tzinfo=timezone.utc)
    assert [(step.name, step.done) for step in moved.steps] == [("expiry_notices", 1), ("grants_and_holds", 1)]
    assert (moved.done, moved.replayed) == (2, False)
    assert (offset(box), offset(real)) == (28 * 86_400, 0)
    assert not QuotaService.check_quota(BOX, "pdf")
    assert QuotaService.check_quota(REAL, "pdf")
    assert Grant.objects.get(customer=box).ended_at == moved.to_at
    assert Grant.objects.get(customer=real).ended_at is None


def test_what_falls_due_is_done_in_order_each_at_its_own_instant(door, box, clock, shop, commit):
    heard = []

    def at(name):
        def listener(sender, **payload):
            (row,) = (row for key, row in payload.items() if key != "signal")
            heard.append((name, Customer.objects.get(pk=row.customer_id).clock_offset_seconds // 3600))

        return listener

    listeners = [(grant_expired, at("grant")), (order_expired, at("order"))]
    for signal, listener in listeners:
        signal.connect(listener)
    QuotaService.grant_feature(BOX, "pdf", quantity=1, expires_at=clock.instant + timedelta(hours=30))
    OrderService.create_order(BOX, [{"sku": "pack"}])
    QuotaService.grant_feature(BOX, "pdf", quantity=1, expires_at=clock.instant + timedelta(hours=12))
    QuotaService.hold_quota(BOX, "pdf", ttl=3600)
    with commit():
        moved = door.customers.advance_clock(BOX, days=2)
    for signal, listener in listeners:
        signal.disconnect(listener)

    assert {step.name: step.done for step in moved.steps} == {"grants_and_holds": 3, "unpaid_orders": 1}
    assert [name for name, _ in heard] == ["grant", "order", "grant"]


@pytest.mark.parametrize(
    ("span", "seconds"),
    [
        ({"seconds": 1}, 1),
        ({"minutes": 2, "seconds": 3}, 123),
        ({"weeks": 1, "days": 1, "hours": 1}, 8 * 86_400 + 3_600),
        ({"months": 13}, 393 * 86_400),
        ({"to": datetime(2026, 2, 1, 12, tzinfo=timezone(timedelta(hours=12)))}, 43_200),
        ({"to": datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=timezone.utc)}, 1),
    ],
)
def test_a_clock_goes_so_far(door, box, clock, span, seconds):
    moved = door.customers.advance_clock(BOX, **span)

    assert offset(box) == seconds
    assert moved.to_at - moved.from_at == timedelta(seconds=seconds)


def test_a_month_is_counted_in_the_customers_zone(door, box, clock):
    Customer.objects.update(zone="Europe/Berlin")
    clock.instant = datetime(2026, 3, 15, 12, tzinfo=timezone.utc)

    moved = door.customers.advance_clock(BOX, months=1)

    assert moved.to_at == datetime(2026, 4, 15, 11, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("span", "field"),
    [
        ({}, "to"),
        ({"days": 0}, "to"),
        ({"days": 1, "to": datetime(2027, 1, 1, tzinfo=timezone.utc)}, "to"),
        ({"to": datetime(2026, 1, 31, 12, tzinfo=timezone.utc)}, "to"),
        ({"to": datetime(2020, 1, 1, tzinfo=timezone.utc)}, "to"),
        ({"to": datetime(2027, 1, 1)}, "to"),
        ({"to": "2027-01-01"}, "to"),
        ({"to": datetime(2036, 12, 1, tzinfo=timezone.utc)}, "to"),
        ({"to": datetime(9999, 12, 31, tzinfo=timezone.utc)}, "to"),
        ({"days": -1}, "days"),
        ({"days": 1.5}, "days"),
        ({"days": True}, "days"),
        ({"days": 3_661}, "days"),
        ({"months": 121}, "months"),
        ({"months": 120, "days": 10}, "months"),
        ({"seconds": 10**12}, "seconds"),
        ({"days": 1, "idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_a_clock_goes_nowhere_else(door, box, clock, refused, span, field):
    with refused("invalid", field=field):
        door.customers.advance_clock(BOX, **span)


def test_a_clock_does_not_go_past_the_calendar(door, box, clock, refused):
    clock.instant = datetime(9995, 1, 1, tzinfo=timezone.utc)
    for span in ({"months": 60}, {"days": 1900}):
        with refused("invalid", field=next(iter(span))):
            door.customers.advance_clock(BOX, **span)


def test_the_clock_of_a_real_customer_is_not_moved(door, real, clock, refused):
    with refused("not_sandbox", customer=str(real.pk)):
        door.customers.advance_clock(REAL, days=1)
    with refused("customer_not_found"):
        door.customers.advance_clock(CustomerRef(external_id="nobody"), days=1)


def test_a_key_moves_a_clock_once(door, box, clock, refused):
    first = door.customers.advance_clock(BOX, days=1, idempotency_key="k")
    again = door.customers.advance_clock(BOX, days=1, idempotency_key="k")

    assert (first.replayed, again.replayed) == (False, True)
    assert (again.from_at, again.to_at, again.steps) == (first.from_at, first.to_at, first.steps)
    assert offset(box) == 86_400
    for other, fields in (({"days": 2}, ["days"]), ({"hours": 24}, ["days", "hours"])):
        with refused("idempotency_conflict", fields=fields):
            door.customers.advance_clock(BOX, **other, idempotency_key="k")


def test_a_move_that_was_cut_short_is_finished_by_the_next(door, box, clock, shop, monkeypatch):
    QuotaService.grant_product(BOX, "pack")

    def fail(customer):
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(sandbox, "run_due", fail)
        with pytest.raises(RuntimeError):
            door.customers.advance_clock(BOX, days=40, idempotency_key="k")
    assert ClockMove.objects.get().finished_at is None

    moved = door.customers.advance_clock(BOX, days=2)

    assert offset(box) == 42 * 86_400
    assert moved.from_at == clock.instant + timedelta(days=40)
    assert ClockMove.objects.get(idempotency_key="k").happened == {"grants_and_holds": 1}
    assert door.customers.advance_clock(BOX, days=40, idempotency_key="k").replayed
    assert offset(box) == 42 * 86_400


def test_sweeps_go_by_the_clock_of_each_customer(door, box, real, clock, shop):
    for customer in (BOX, REAL):
        OrderService.create_order(customer, [{"sku": "pack"}])
        QuotaService.grant_product(customer, "pack")
        QuotaService.hold_quota(customer, "pdf", ttl=3600)
    Customer.objects.filter(pk=box.pk).update(clock_offset_seconds=40 * 86_400)

    assert {hold.customer_id for hold in door.quota.list_holds(status="lapsed")} == {box.pk}
    assert {hold.customer_id for hold in door.quota.list_holds(status="held")} == {real.pk}
    assert door.quota.expire_grants().customers == 1
    assert door.orders.expire_orders().orders == 1
    assert door.orders.expire_orders(older_than=timedelta(days=30)).orders == 0
    order = OrderService.create_order(BOX, [{"sku": "pack"}])
    assert order.created_at == clock.instant + timedelta(days=40)
    assert door.orders.expire_orders(older_than=timedelta(days=30)).orders == 0


def test_documents_of_the_sandbox_have_a_series_of_their_own(door, box, real, clock, shop, commit):
    CustomerService.advance_clock(BOX, days=400)
    for number, customer in enumerate((BOX, REAL)):
        order = OrderService.create_order(customer, [{"sku": "pack"}])
        with commit():
            OrderService.confirm_payment(order, payment_id=f"p{number}")
            door.orders.refund_order(order, refund_id="r")

    assert sorted(map(str, Invoice.objects.all())) == [
        "C-2026-000001",
        "R-2026-000001",
        "SANDBOX-2027-000001",
        "SANDBOX-2027-000002",
    ]
    paper = Invoice.objects.filter(series="SANDBOX", kind="credit_note").get()
    assert paper.issued_at == paper.refund.created_at == clock.instant + timedelta(days=400)


def test_sandbox_and_real_customers_are_not_merged(door, box, real, clock, refused):
    for pair in ((BOX, REAL), (REAL, BOX)):
        with refused("merge_refused", reason="sandbox"):
            door.customers.merge_customers(*pair)


def test_two_of_the_sandbox_are_merged_when_it_is_the_same_time_for_both(door, box, clock, refused):
    other = door.customers.identify("test", "other", sandbox=True).customer
    CustomerService.advance_clock(BOX, days=1)
    with refused("merge_refused", reason="clocks"):
        door.customers.merge_customers(box, other)
    CustomerService.advance_clock(other, days=1)
    door.customers.merge_customers(box, other)

    CustomerService.advance_clock(other, days=1)

    assert offset(box) == offset(other) == 2 * 86_400
    door.customers.unmerge_customers(other)
    CustomerService.advance_clock(box, days=1)
    assert (offset(box), offset(other)) == (3 * 86_400, 2 * 86_400)


def test_nobody_of_the_sandbox_brings_a_real_customer(door, box, real, clock, refused):
    for pair in ((BOX, REAL), (REAL, BOX)):
        with refused("sandbox_mixed"):
            door.referrals.refer(*pair)
    other = door.customers.identify("test", "other", sandbox=True).customer
    assert door.referrals.refer(BOX, other).customer_id == other.pk


def test_a_reward_waits_by_the_clock_of_the_referee(door, box, clock, shop):
    other = door.customers.identify("test", "other", sandbox=True).customer
    door.referrals.create_programme("friends", referee_product="pack", referrer_product="pack", hold_days=14)
    CustomerService.advance_clock(other, days=10)
    referral = door.referrals.refer(BOX, other)
    door.orders.confirm_payment(door.orders.create_order(other, [{"sku": "pack"}]), payment_id="p")
    door.referrals.settle_referrals()
    assert door.referrals.get_referral(referral).status == "qualified"

    moved = CustomerService.advance_clock(other, days=14)

    assert ("referral_rewards", 1) in [(step.name, step.done) for step in moved.steps]
    assert door.referrals.get_referral(referral).status == "rewarded"


def test_a_trial_that_was_tried_out_is_not_used_up(door, box, clock, settings):
    CatalogService.create_product("trial", features=["pdf"], quantity=5, is_trial=True)
    person = {"email": "ada@example.org"}

    door.trials.start_trial(BOX, "trial", identities=person)

    assert door.trials.trial_eligibility(REAL, "trial", identities=person)
    door.trials.start_trial(REAL, "trial", identities=person)
    other = door.customers.identify("test", "other", sandbox=True).customer
    assert door.trials.trial_eligibility(other, "trial", identities=person).code == "trial_already_used"
