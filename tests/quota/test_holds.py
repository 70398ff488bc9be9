"""Holds: units reserved for work in progress, used or given back, free again when their time is over."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from billable import clock as billable_clock
from billable import signals
from billable.errors import HoldClosed, InsideTransaction, QuotaExceeded
from billable.models import Grant, Hold, HoldLeg, LedgerEntry
from billable.services import CatalogService, CustomerRef, QuotaService


def balance(user, feature="pdf_export"):
    return QuotaService.check_quota(user, feature).balance


def entries(hold):
    rows = LedgerEntry.objects.filter(cause_id=hold.pk).order_by("seq")
    return [(entry.kind, entry.amount, entry.held_change) for entry in rows]


def stand(grant):
    row = Grant.objects.get(pk=grant.pk)
    return row.remaining, row.held


# --- hold


def test_held_units_are_nobody_elses(door, user, clock, give):
    grant = give(user, "pdf_export", 100)
    hold = door.quota.hold_quota(user, "pdf_export", 30, ttl=600)
    assert (hold.status, hold.quantity, hold.captured, hold.balance) == ("held", 30, 0, 70)
    assert (hold.expires_at, hold.lapses_at) == (clock() + timedelta(seconds=600),) * 2
    assert (balance(user), stand(grant), entries(hold)) == (70, (70, 30), [("hold", -30, 30)])
    with pytest.raises(QuotaExceeded):
        door.quota.consume_quota(user, "pdf_export", quantity=71)
    (line,) = QuotaService.balances(user)
    assert (line.balance, line.held) == (70, 30)


def test_a_hold_draws_in_burn_order_and_spans_grants(door, user, clock, give):
    later = give(user, "pdf_export", 10)
    sooner = give(user, "pdf_export", 10, period="1 day")
    hold = door.quota.hold_quota(user, "pdf_export", 15)
    assert [(leg.grant_id, leg.units) for leg in HoldLeg.objects.filter(hold=hold)] == [(sooner.pk, 10), (later.pk, 5)]


def test_all_is_held_or_nothing(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    with refused("quota_exceeded", requested=11, balance=10):
        door.quota.hold_quota(user, "pdf_export", 11)


def test_a_key_holds_once(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    first = door.quota.hold_quota(user, "pdf_export", 4, idempotency_key="k")
    again = door.quota.hold_quota(user, "pdf_export", 4, ttl=9, idempotency_key="k")
    assert (again.pk, again.replayed, balance(user)) == (first.pk, True, 6)
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.hold_quota(user, "pdf_export", 5, idempotency_key="k")
    door.quota.release_hold(first)
    assert door.quota.hold_quota(user, "pdf_export", 4, idempotency_key="k").status == "released"


def test_the_settings_say_how_long_and_how_late(door, user, clock, give, settings):
    settings.BILLABLE_HOLD_SECONDS, settings.BILLABLE_HOLD_GRACE_SECONDS = 60, 30
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export")
    assert (hold.expires_at - clock(), hold.lapses_at - clock()) == (timedelta(seconds=60), timedelta(seconds=90))


@pytest.mark.parametrize(
    "ttl",
    [0, -1, 604_801, "60", 1.5, True, timedelta(days=8), timedelta(milliseconds=1500), timedelta(0)],
)
def test_a_time_that_cannot_be_is_refused(user, clock, give, refused, ttl):
    give(user, "pdf_export", 10)
    with refused("invalid", field="ttl"):
        QuotaService.hold_quota(user, "pdf_export", ttl=ttl)


def test_who_has_nothing_holds_nothing(door, user, clock, refused):
    with refused("quota_exceeded", reason="no_grant"):
        door.quota.hold_quota(user, "pdf_export")
    with refused("customer_not_found"):
        door.quota.hold_quota(CustomerRef(customer_id=uuid4()), "pdf_export")
    with refused("feature_not_found"):
        door.quota.hold_quota(user, "nothing")


def test_a_default_product_is_granted_by_the_first_hold(door, user, clock):
    CatalogService.create_product("free", features=["pdf_export"], quantity=5, is_default=True)
    assert door.quota.hold_quota(user, "pdf_export", 2).balance == 3


# --- capture


def test_a_capture_uses_all_of_it(door, user, clock, give):
    grant = give(user, "pdf_export", 100)
    hold = door.quota.hold_quota(user, "pdf_export", 30, action_type="job", metadata={"a": 1})
    usage = door.quota.capture_hold(hold)
    assert (usage.quantity, usage.balance, usage.hold_id, usage.late) == (30, 70, hold.pk, False)
    assert (usage.action_type, usage.metadata) == ("job", {"a": 1})
    assert (stand(grant), entries(hold)) == ((70, 0), [("hold", -30, 30), ("capture", 0, -30)])
    fresh = door.quota.get_hold(hold)
    assert (fresh.status, fresh.captured, fresh.closed_at) == ("captured", 30, clock())


def test_what_is_not_used_goes_back_from_the_end(door, user, clock, give):
    sooner = give(user, "pdf_export", 10, period="1 day")
    later = give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 15)
    usage = door.quota.capture_hold(hold, 8)
    assert (usage.quantity, usage.balance) == (8, 12)
    assert (stand(sooner), stand(later)) == ((2, 0), (10, 0))
    assert entries(hold)[2:] == [("capture", 0, -8), ("release", 5, -5), ("release", 2, -2)]


def test_a_final_capture_happens_once(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 5)
    usage = door.quota.capture_hold(hold, 3)
    for again in (door.quota.capture_hold(hold, 3), door.quota.capture_hold(hold)):
        assert (again.pk, again.replayed, again.balance) == (usage.pk, True, 7)
    with refused("hold_closed", hold_status="captured", verb="captured again"):
        door.quota.capture_hold(hold, 2)
    with refused("hold_closed", hold_status="captured", verb="released"):
        door.quota.release_hold(hold)


def test_a_hold_is_captured_bit_by_bit_under_keys(door, user, clock, give, refused):
    grant = give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 6)
    first = door.quota.capture_hold(hold, 2, final=False, idempotency_key="c1")
    assert (first.balance, stand(grant)) == (4, (4, 4))
    assert door.quota.capture_hold(hold, 2, final=False, idempotency_key="c1").replayed
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.capture_hold(hold, 1, final=False, idempotency_key="c1")
    with refused("capture_too_large", requested=5, held=4):
        door.quota.capture_hold(hold, 5, final=False, idempotency_key="c2")
    with refused("invalid", field="idempotency_key"):
        door.quota.capture_hold(hold, 1, final=False)
    last = door.quota.capture_hold(hold, 1)
    assert (last.quantity, last.balance, stand(grant)) == (1, 7, (7, 0))
    assert door.quota.get_hold(hold).captured == 3


def test_the_last_bit_closes_the_hold(door, user, clock, give):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 2)
    door.quota.capture_hold(hold, 2, final=False, idempotency_key="c1")
    assert door.quota.get_hold(hold).status == "captured"


def test_a_key_of_another_hold_or_act_is_a_conflict(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    one, other = (door.quota.hold_quota(user, "pdf_export", 2) for _ in range(2))
    door.quota.consume_quota(user, "pdf_export", idempotency_key="used")
    door.quota.capture_hold(one, idempotency_key="c1")
    with refused("idempotency_conflict", fields=["hold"]):
        door.quota.capture_hold(other, idempotency_key="c1")
    with refused("idempotency_conflict", fields=["hold", "quantity"]):
        door.quota.capture_hold(other, 2, idempotency_key="used")


def test_more_than_is_held_is_refused(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 2)
    with refused("capture_too_large", requested=3, held=2):
        door.quota.capture_hold(hold, 3)
    with refused("hold_not_found"):
        door.quota.capture_hold(uuid4())


def test_a_capture_can_be_reversed(door, user, clock, give):
    grant = give(user, "pdf_export", 10)
    usage = door.quota.capture_hold(door.quota.hold_quota(user, "pdf_export", 5), 4)
    back = door.quota.reverse_usage(usage, quantity=3, idempotency_key="r")
    assert (back.balance, stand(grant)) == (9, (9, 0))


def test_a_hold_is_paid_at_the_cost_of_its_day(door, user, clock, give):
    CatalogService.set_cost("ai_analysis", "credits", per=1, units=10)
    give(user, "ai_analysis", 1)
    credits = give(user, "credits", 100)
    hold = door.quota.hold_quota(user, "ai_analysis", 5)
    assert stand(credits) == (60, 40)
    CatalogService.set_cost("ai_analysis", "credits", per=1, units=50)
    usage = door.quota.capture_hold(hold, 3)
    assert usage.costs == [{"feature": "credits", "quantity": 2, "per": 1, "units": 10}]
    assert stand(credits) == (80, 0)


def test_each_capture_rounds_up_as_a_consume_does(door, user, clock, give, refused):
    CatalogService.set_cost("tokens", "credits", per=100, units=1)
    credits = give(user, "credits", 10)
    hold = door.quota.hold_quota(user, "tokens", 300)
    for key in ("c1", "c2"):
        door.quota.capture_hold(hold, 50, final=False, idempotency_key=key)
    with refused("capture_too_large", requested=150, held=100):
        door.quota.capture_hold(hold, 150)
    assert (door.quota.capture_hold(hold).quantity, stand(credits)) == (100, (7, 0))


def test_what_pays_for_nothing_more_is_captured(door, user, clock, give):
    CatalogService.set_cost("tokens", "credits", per=2, units=1)
    give(user, "credits", 10)
    with QuotaService.holding(user, "tokens", 4) as hold:
        for key in ("c1", "c2"):
            door.quota.capture_hold(hold, 1, final=False, idempotency_key=key)
        assert (QuotaService.get_hold(hold).status, balance(user, "credits")) == ("captured", 8)


def test_an_unlimited_grant_can_be_held(door, user, clock, give):
    grant = give(user, "pdf_export")
    hold = door.quota.hold_quota(user, "pdf_export", 5)
    assert (hold.balance, stand(grant)) == (None, (None, 5))
    assert (door.quota.capture_hold(hold, 3).balance, stand(grant)) == (None, (None, 0))


# --- release and extend


def test_a_release_gives_all_back_once(door, user, clock, give, refused):
    grant = give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 5)
    released = door.quota.release_hold(hold, reason="it failed")
    assert (released.status, released.reason, released.replayed, stand(grant)) == (
        "released",
        "it failed",
        False,
        (10, 0),
    )
    assert door.quota.release_hold(hold).replayed
    with refused("hold_closed", hold_status="released", verb="captured"):
        door.quota.capture_hold(hold)


def test_a_hold_lasts_longer_once_per_key(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 5, ttl=60)
    clock.advance(seconds=59)
    longer = door.quota.extend_hold(hold, ttl=timedelta(minutes=2), idempotency_key="e1")
    assert longer.expires_at == clock() + timedelta(minutes=2)
    clock.advance(seconds=30)
    again = door.quota.extend_hold(hold, ttl=120, idempotency_key="e1")
    assert (again.replayed, again.expires_at) == (True, longer.expires_at)
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.extend_hold(hold, ttl=121, idempotency_key="e1")
    assert door.quota.extend_hold(hold, ttl=1, idempotency_key="e2").expires_at == longer.expires_at
    clock.advance(seconds=90)
    with refused("hold_closed", hold_status="lapsed", verb="extended"):
        door.quota.extend_hold(hold, ttl=60, idempotency_key="e3")


# --- time


def test_when_its_time_is_over_its_units_are_free(door, user, clock, give):
    grant = give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    clock.advance(seconds=60)
    assert (balance(user), QuotaService.balances(user)[0].held) == (10, 0)
    assert [each.remaining for each in door.quota.check_quota(user, "pdf_export").grants] == [10]
    assert door.quota.consume_quota(user, "pdf_export", quantity=9).balance == 1
    assert (stand(grant), door.quota.get_hold(hold).status) == ((1, 0), "lapsed")


def test_grace_keeps_them_reserved_for_a_capture(door, user, clock, give, settings):
    settings.BILLABLE_HOLD_GRACE_SECONDS = 10
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    clock.advance(seconds=69)
    assert balance(user) == 2
    assert door.quota.capture_hold(hold).late is False


@pytest.mark.parametrize("swept", [False, True])
def test_a_late_capture_is_a_consume(door, user, clock, give, refused, swept):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    clock.advance(seconds=60)
    if swept:
        assert door.quota.expire_grants().holds == 1
    usage = door.quota.capture_hold(hold, 5)
    assert (usage.late, usage.hold_id, usage.balance) == (True, hold.pk, 5)
    assert (door.quota.get_hold(hold).status, door.quota.get_hold(hold).captured) == ("captured", 5)
    with refused("hold_closed", hold_status="captured", verb="released"):
        door.quota.release_hold(hold)
    assert door.quota.capture_hold(hold, 5).replayed
    with refused("hold_closed", hold_status="captured"):
        door.quota.capture_hold(hold, 4)


def test_a_late_capture_may_be_refused(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    clock.advance(seconds=60)
    door.quota.consume_quota(user, "pdf_export", quantity=5)
    with refused("quota_exceeded", requested=8, balance=5):
        door.quota.capture_hold(hold)
    with refused("capture_too_large", requested=9, held=8):
        door.quota.capture_hold(hold, 9)


@pytest.mark.parametrize("swept", [False, True])
def test_held_units_outlive_their_grant(door, user, clock, give, swept):
    grant = give(user, "pdf_export", 10, period="1 day")
    hold = door.quota.hold_quota(user, "pdf_export", 4, ttl=timedelta(days=2))
    clock.advance(days=1)
    if swept:
        door.quota.expire_grants()
    (line,) = QuotaService.balances(user)
    assert (line.balance, line.held) == (0, 4)
    usage = door.quota.capture_hold(hold, 3)
    assert (usage.late, usage.balance, stand(grant)) == (False, 0, (0, 0))
    assert entries(hold) == [("hold", -4, 4), ("capture", 0, -3), ("release", 1, -1)]
    assert LedgerEntry.objects.filter(grant=grant, kind="expire").count() == 2


@pytest.mark.parametrize("hours", [12, 36])
def test_expiry_and_lapse_are_written_in_their_order(door, user, clock, give, hours):
    grant = give(user, "pdf_export", 10, period="1 day")
    hold = door.quota.hold_quota(user, "pdf_export", 4, ttl=timedelta(hours=hours))
    clock.advance(days=3)
    assert QuotaService.balances(user) == ()
    door.quota.expire_grants()
    rows = LedgerEntry.objects.filter(grant=grant).order_by("seq")
    assert [row.effective_at for row in rows] == sorted(row.effective_at for row in rows)
    assert (stand(grant), door.quota.get_hold(hold).status) == ((0, 0), "lapsed")


def test_a_released_hold_of_a_revoked_grant_gives_nothing_back(door, user, clock, give):
    grant = give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 4)
    door.quota.revoke_grant(grant)
    assert stand(grant) == (0, 4)
    door.quota.release_hold(hold)
    assert (stand(grant), balance(user)) == ((0, 0), 0)


def test_lapsed_units_can_be_revoked(door, user, clock, give, refused):
    grant = give(user, "pdf_export", 10)
    door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    with refused("revocation_too_large", remaining=2):
        door.quota.revoke_grant(grant, quantity=9, idempotency_key="v")
    clock.advance(seconds=60)
    assert door.quota.revoke_grant(grant, quantity=9, idempotency_key="v").remaining == 1


def test_a_clock_that_runs_ahead_frees_them_sooner(door, user, customer, clock, give):
    give(user, "pdf_export", 10)
    door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    type(customer).objects.filter(user_links__user=user).update(is_sandbox=True, clock_offset_seconds=59)
    assert balance(user) == 2
    type(customer).objects.filter(user_links__user=user).update(is_sandbox=True, clock_offset_seconds=60)
    assert balance(user) == 10


def test_what_was_released_after_its_time_is_not_captured_late(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 8, ttl=60)
    clock.advance(seconds=61)
    released = door.quota.release_hold(hold)
    assert (released.status, released.replayed, balance(user)) == ("released", False, 10)
    assert door.quota.release_hold(hold).replayed
    with refused("hold_closed", hold_status="released", verb="captured"):
        door.quota.capture_hold(hold)


def test_a_key_means_one_act(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    hold = door.quota.hold_quota(user, "pdf_export", 5)
    door.quota.capture_hold(hold, 2, final=False, idempotency_key="bit")
    with refused("idempotency_conflict", fields=["final"]):
        door.quota.capture_hold(hold, 2, idempotency_key="bit")
    with refused("idempotency_conflict", fields=["hold"]):
        door.quota.consume_quota(user, "pdf_export", quantity=2, idempotency_key="bit")


class Ticking:
    """A clock that goes on by a microsecond each time that somebody looks."""

    def __init__(self, instant):
        self.instant = instant

    def __call__(self):
        self.instant += timedelta(microseconds=1)
        return self.instant


@pytest.mark.parametrize("ticks", range(1, 12))
def test_a_hold_may_lapse_while_it_is_captured(user, clock, give, monkeypatch, ticks):
    grant = give(user, "pdf_export", 10)
    hold = QuotaService.hold_quota(user, "pdf_export", 8, ttl=60)
    monkeypatch.setattr(billable_clock, "now", Ticking(hold.lapses_at - timedelta(microseconds=ticks)))
    assert QuotaService.capture_hold(hold).balance == 2
    assert stand(grant) == (2, 0)


@pytest.mark.parametrize("ticks", range(1, 12))
def test_holds_may_lapse_while_units_are_taken(user, clock, give, monkeypatch, ticks):
    for priority in (1, 2):
        CatalogService.create_product(
            f"p{priority}", features=[{"feature": "pdf_export", "quantity": 5, "priority": priority}]
        )
        QuotaService.grant_product(user, f"p{priority}")
    first, second = (QuotaService.hold_quota(user, "pdf_export", 5, ttl=60) for _ in range(2))
    begins = first.lapses_at - timedelta(microseconds=ticks)
    Hold.objects.filter(pk=second.pk).update(expires_at=begins, lapses_at=begins)
    type(first.customer).objects.filter(pk=first.customer_id).update(next_change_at=begins)
    monkeypatch.setattr(billable_clock, "now", Ticking(begins))
    assert QuotaService.consume_quota(user, "pdf_export", quantity=5).quantity == 5


# --- reading


def test_holds_are_listed_by_state(door, user, clock, give, refused):
    give(user, "pdf_export", 10)
    first, second = (door.quota.hold_quota(user, "pdf_export") for _ in range(2))
    door.quota.release_hold(first)
    assert [each.pk for each in door.quota.list_holds(user)] == [second.pk, first.pk]
    assert [each.pk for each in door.quota.list_holds(status="released")] == [first.pk]
    assert [each.pk for each in door.quota.list_holds(user, status="held")] == [second.pk]
    assert not len(door.quota.list_holds(user, status="lapsed"))
    clock.advance(hours=1)
    assert [(each.pk, each.status) for each in door.quota.list_holds(status="lapsed")] == [(second.pk, "lapsed")]
    assert not len(door.quota.list_holds(status="held"))
    page = door.quota.list_holds(user, limit=1)
    assert [each.pk for each in door.quota.list_holds(user, cursor=page.next)] == [first.pk]
    with refused("invalid", field="status"):
        door.quota.list_holds(status="open")


def test_each_act_is_told(user, clock, give, commit):
    told = []

    def note(sender, hold, signal, **_):
        told.append(next(name for name, each in signals.EVENTS.items() if each is signal))

    names = ("quota.held", "hold.extended", "hold.captured", "hold.released", "hold.lapsed")
    for name in names:
        signals.EVENTS[name].connect(note)
    give(user, "pdf_export", 10)
    with commit():
        one, two, three = (QuotaService.hold_quota(user, "pdf_export") for _ in range(3))
        QuotaService.extend_hold(one, ttl=1000, idempotency_key="e")
        QuotaService.capture_hold(one)
        QuotaService.release_hold(two)
        clock.advance(days=1)
        QuotaService.expire_grants()
        QuotaService.capture_hold(three)  # after its time, from what is free
    assert told == ["quota.held"] * 3 + [*names[1:], "hold.captured"]
    for name in names:
        signals.EVENTS[name].disconnect(note)


def test_statements(user, clock, give, statements):
    give(user, "pdf_export", 10)
    assert len(statements(lambda: QuotaService.hold_quota(user, "pdf_export", idempotency_key="k"))) == 9
    hold = QuotaService.hold_quota(user, "pdf_export")
    assert len(statements(lambda: QuotaService.check_quota(user, "pdf_export"))) == 1
    assert len(statements(lambda: QuotaService.capture_hold(hold))) == 11


# --- for a block


@pytest.mark.parametrize(("quantity", "left"), [(None, 5), (2, 8)])
def test_a_block_that_ends_well_captures(user, clock, give, quantity, left):
    give(user, "pdf_export", 10)
    with QuotaService.holding(user, "pdf_export", 5) as hold:
        assert balance(user) == 5
        if quantity:
            QuotaService.capture_hold(hold, quantity)
    assert (balance(user), Hold.objects.get().status) == (left, "captured")


def test_a_block_that_raises_releases(user, clock, give):
    give(user, "pdf_export", 10)
    with pytest.raises(ZeroDivisionError), QuotaService.holding(user, "pdf_export", 5):
        1 / 0  # noqa: B018  # that it raises is the point
    assert (balance(user), Hold.objects.get().status) == (10, "released")


def test_a_block_may_release(user, clock, give):
    give(user, "pdf_export", 10)
    with QuotaService.holding(user, "pdf_export", 5) as hold:
        QuotaService.release_hold(hold)
    assert (balance(user), Hold.objects.get().status) == (10, "released")


def test_a_block_that_takes_too_long_captures_late(user, clock, give):
    give(user, "pdf_export", 10)
    with QuotaService.holding(user, "pdf_export", 5, ttl=60):
        clock.advance(seconds=61)
    assert (balance(user), Hold.objects.get().captured) == (5, 5)
    with pytest.raises(QuotaExceeded):
        work_too_long(user, clock)


def work_too_long(user, clock):
    with QuotaService.holding(user, "pdf_export", 5, ttl=60):
        clock.advance(seconds=61)
        QuotaService.consume_quota(user, "pdf_export", quantity=3)


def test_a_block_is_not_run_without_units_or_twice(user, clock, give):
    give(user, "pdf_export", 10)
    with pytest.raises(QuotaExceeded), QuotaService.holding(user, "pdf_export", 11):
        pytest.fail("ran")
    with QuotaService.holding(user, "pdf_export", 1, idempotency_key="once"):
        pass
    with pytest.raises(HoldClosed), QuotaService.holding(user, "pdf_export", 1, idempotency_key="once"):
        pytest.fail("ran")


@pytest.mark.parametrize("swept", [False, True])
def test_a_block_does_not_run_on_a_hold_that_lapsed(user, clock, give, swept):
    give(user, "pdf_export", 10)
    QuotaService.hold_quota(user, "pdf_export", 5, ttl=60, idempotency_key="once")
    clock.advance(seconds=60)
    if swept:
        QuotaService.expire_grants()
    with pytest.raises(HoldClosed), QuotaService.holding(user, "pdf_export", 5, idempotency_key="once"):
        pytest.fail("ran")


def test_a_block_inside_a_transaction_is_refused(user, clock, give):
    give(user, "pdf_export", 10)
    with transaction.atomic(), pytest.raises(InsideTransaction), QuotaService.holding(user, "pdf_export", 1):
        pytest.fail("ran")
    assert not Hold.objects.exists()
