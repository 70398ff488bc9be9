"""Recurring allowances: units that come anew each period, what rolls over, and that nobody has to sweep."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from billable import signals
from billable.customers.services import now_for
from billable.customers.subjects import lock_customer_id
from billable.db.units import unit_of_work
from billable.errors import BillableError
from billable.models import Allowance, Customer, Grant, LedgerEntry
from billable.quota.catch_up import catch_up
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService

UTC = timezone.utc


def product(sku, *lines, **how):
    return CatalogService.create_product(sku, name=sku, features=list(lines), **how)


def monthly(quantity=10, **more):
    return {"feature": "pdf_export", "quantity": quantity, "reset": "1 month", **more}


def balance(user, feature="pdf_export"):
    return QuotaService.check_quota(user, feature).balance


def test_units_come_anew_each_month_from_an_anchor_on_the_31st(door, user, clock):
    product("free", monthly())
    (grant,) = door.quota.grant_product(user, "free")
    assert (grant.source, grant.quantity, grant.expires_at) == ("allowance", 10, datetime(2026, 2, 28, 12, tzinfo=UTC))
    door.quota.consume_quota(user, "pdf_export", quantity=7)
    assert balance(user) == 3
    clock.instant = datetime(2026, 2, 28, 11, 59, 59, tzinfo=UTC)
    assert balance(user) == 3
    clock.advance(seconds=1)
    (line,) = door.quota.balances(user)
    assert (line.balance, line.next_reset_at) == (10, datetime(2026, 3, 31, 12, tzinfo=UTC))
    clock.advance(days=365 * 3)
    assert balance(user) == 10
    usage = door.quota.consume_quota(user, "pdf_export", quantity=10)
    assert usage.balance == 0
    assert Grant.objects.count() == 2
    assert door.quota.balances(user)[0].next_reset_at == datetime(2029, 2, 28, 12, tzinfo=UTC)


def test_unused_units_roll_up_to_a_maximum_for_some_periods(door, user, clock):
    product("pro", monthly(rollover_quantity=4, rollover_periods=2))
    door.quota.grant_product(user, "pro")
    door.quota.consume_quota(user, "pdf_export", quantity=8)
    clock.instant = datetime(2026, 3, 1, tzinfo=UTC)
    assert balance(user) == 12
    check = door.quota.check_quota(user, "pdf_export")
    assert [(each.source, each.remaining, each.grant_id) for each in check.grants] == [
        ("allowance", 10, None),
        ("rollover", 2, None),
    ]
    QuotaService.expire_grants()
    assert balance(user) == 12
    clock.instant = datetime(2026, 4, 1, tzinfo=UTC)
    assert balance(user) == 10 + 2 + 4
    clock.instant = datetime(2026, 5, 1, tzinfo=UTC)
    assert balance(user) == 10 + 4 + 4
    clock.instant = datetime(2027, 5, 1, tzinfo=UTC)
    assert balance(user) == 10 + 4 + 4
    before = Grant.objects.count()
    door.quota.consume_quota(user, "pdf_export", quantity=18)
    assert balance(user) == 0
    # The two months before, with what rolled from each, the one that runs, and what rolled from March.
    assert Grant.objects.count() - before == 6


def test_the_ledger_shows_what_expired_what_went_on_and_what_came(user, clock):
    product("pro", monthly(rollover_quantity=4))
    QuotaService.grant_product(user, "pro")
    QuotaService.consume_quota(user, "pdf_export", quantity=3)
    clock.advance(days=30)
    QuotaService.expire_grants()
    assert [(e.kind, e.amount) for e in LedgerEntry.objects.order_by("seq")] == [
        ("grant", 10),
        ("consume", -3),
        ("expire", -3),
        ("rollover", -4),
        ("grant", 4),
        ("grant", 10),
    ]
    allowance = Allowance.objects.get()
    assert (allowance.next_index, allowance.status) == (2, "running")


def test_a_default_product_recurs_for_a_user_who_is_no_customer_yet(door, user, clock):
    product("free", monthly(), is_default=True)
    check = door.quota.check_quota(user, "pdf_export")
    first_reset = datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert (check.balance, check.expires_at, check.next_reset_at) == (10, first_reset, first_reset)
    door.quota.consume_quota(user, "pdf_export")
    clock.advance(days=30)
    assert balance(user) == 10


# --- nobody has to sweep


def pair(users, sku="pro", **more):
    line = monthly(rollover_quantity=6, rollover_periods=2, **more)
    product(sku, line)
    return [QuotaService.grant_product(one, sku)[0].customer for one in users]


@pytest.fixture
def users(db, django_user_model):
    return [django_user_model.objects.create(username=name) for name in ("swept", "left alone")]


def shown(user):
    check = QuotaService.check_quota(user, "pdf_export")
    (line,) = QuotaService.balances(user)
    grants = [(each.source, each.remaining, each.expires_at) for each in check.grants]
    return check.balance, check.code, grants, line.held, line.next_reset_at, check.next_reset_at


@pytest.mark.parametrize("seed", range(6))
def test_whoever_is_swept_all_the_time_has_what_nobody_sweeps_has(users, clock, seed):
    """Random days: use, hold, capture, release, put back, months of nothing."""
    chance = random.Random(seed)
    swept, alone = pair(users, reset=chance.choice(["1 day", "1 week", "1 month"]))
    holds, usages = [], []
    for _ in range(30):
        clock.advance(hours=chance.choice([0, 1, 7, 24, 24 * 9, 24 * 70]))
        act, units = chance.choice(["use", "use", "hold", "close", "undo", "wait"]), chance.randint(1, 9)
        lasting, final = chance.choice([60, 86_400, 7 * 86_400]), chance.random() < 0.5
        answers = []
        for place, user in enumerate((swept, alone)):
            if user is swept:
                sweep(user)
            answers.append(attempt(act, user, place, units, lasting, final, holds, usages))
            if user is swept:
                sweep(user)
        assert answers[0] == answers[1], act
        assert shown(swept) == shown(alone)


@unit_of_work
def sweep(customer):
    """What ``expire_grants`` does for everybody who is due, for one."""
    locked = lock_customer_id(customer.pk)
    catch_up(locked, now_for(locked))


def attempt(act, user, place, units, lasting, final, holds, usages):
    try:
        if act == "use":
            usages.append((place, QuotaService.consume_quota(user, "pdf_export", quantity=units)))
            return usages[-1][1].balance
        if act == "hold":
            holds.append((place, QuotaService.hold_quota(user, "pdf_export", units, ttl=lasting)))
            return holds[-1][1].balance
        mine = [row for owner, row in (holds if act == "close" else usages) if owner == place]
        if act == "close" and mine:
            if final:
                return QuotaService.capture_hold(mine[-1], min(units, mine[-1].quantity)).balance
            return QuotaService.release_hold(mine[-1]).status
        if act == "undo" and mine:
            return QuotaService.reverse_usage(mine[-1], quantity=1, idempotency_key=str(uuid4())).balance
    except BillableError as refusal:
        return refusal.code
    return None


def test_a_customer_who_comes_back_after_years_writes_a_bounded_number_of_rows(user, clock, statements):
    product("daily", monthly(reset="1 day", rollover_quantity=2, rollover_periods=3))
    QuotaService.grant_product(user, "daily")
    clock.advance(days=3 * 365, hours=5)
    assert balance(user) == 10 + 3 * 2
    before = Grant.objects.count()
    QuotaService.consume_quota(user, "pdf_export")
    assert Grant.objects.count() - before == 2 * 3 + 2
    assert Allowance.objects.get().next_index == 3 * 365 + 1


def test_check_is_one_statement_and_only_the_first_write_after_a_boundary_is_longer(user, clock, statements):
    product("pro", monthly(rollover_quantity=4))
    customer = QuotaService.grant_product(user, "pro")[0].customer
    QuotaService.consume_quota(customer, "pdf_export")
    clock.advance(days=40)
    assert len(statements(lambda: QuotaService.check_quota(user, "pdf_export"))) == 1
    assert len(statements(lambda: QuotaService.balances(user))) == 1
    first = statements(lambda: QuotaService.consume_quota(customer, "pdf_export", idempotency_key="a"))
    second = statements(lambda: QuotaService.consume_quota(customer, "pdf_export", idempotency_key="b"))
    assert len(second) <= 8 < len(first) <= 24


def test_the_boundary_itself_belongs_to_the_new_period(door, user, clock):
    product("free", monthly())
    (grant,) = door.quota.grant_product(user, "free")
    clock.instant = grant.expires_at
    usage = door.quota.consume_quota(user, "pdf_export", quantity=10)
    entry = usage.entries.get()
    assert (entry.grant.valid_from, entry.grant.period_index) == (grant.expires_at, 1)
    with pytest.raises(BillableError):
        door.quota.consume_quota(user, "pdf_export")


def test_the_signal_of_a_new_period_comes_once_after_the_commit(door, user, clock, commit):
    product("free", monthly())
    door.quota.grant_product(user, "free")
    told = []
    receive = lambda **payload: told.append(payload["grant"].period_index)  # noqa: E731  # kept alive by its name
    signals.allowance_reset.connect(receive)
    try:
        clock.advance(days=70)
        with commit():
            door.quota.consume_quota(user, "pdf_export")
            door.quota.consume_quota(user, "pdf_export")
    finally:
        signals.allowance_reset.disconnect(receive)
    assert told == [2]


def test_a_sweep_says_what_it_wrote_and_a_second_finds_nothing(door, user, clock):
    product("pro", monthly(rollover_quantity=4))
    door.quota.grant_product(user, "pro")
    clock.advance(days=28)
    sweep = door.quota.expire_grants()
    assert (sweep.customers, sweep.grants, sweep.resets) == (1, 1, 2)
    assert door.quota.expire_grants().customers == 0


def test_a_clock_that_is_moved_by_thirteen_months_is_one_more_instant(user, clock):
    product("pro", monthly(rollover_quantity=4))
    customer = QuotaService.grant_product(user, "pro")[0].customer
    Customer.objects.filter(pk=customer.pk).update(is_sandbox=True, clock_offset_seconds=395 * 86_400)
    (line,) = QuotaService.balances(user)
    assert (line.balance, line.next_reset_at) == (14, datetime(2027, 3, 31, 12, tzinfo=UTC))
    assert QuotaService.consume_quota(user, "pdf_export", quantity=14).balance == 0


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/New_York", datetime(2026, 3, 7, 7, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 0, 30, tzinfo=UTC)),
    ],
)
def test_days_keep_the_time_of_day_of_the_customers_zone(user, clock, zone, day):
    clock.instant = day
    product("daily", monthly(reset="1 day"))
    customer = CustomerService.link_identity(user, "telegram", "1").customer
    Customer.objects.filter(pk=customer.pk).update(zone=zone)
    QuotaService.grant_product(user, "daily")
    for _ in range(4):
        (line,) = QuotaService.balances(user)
        QuotaService.consume_quota(user, "pdf_export", quantity=10)
        assert balance(user) == 0
        clock.instant = line.next_reset_at
        assert balance(user) == 10
    wall = clock.instant.astimezone(ZoneInfo(zone))
    assert (wall.hour, wall.minute) == (day.astimezone(ZoneInfo(zone)).hour, 30)


# --- units that are held, or come back


def test_what_is_held_at_the_end_of_a_period_does_not_roll_and_is_never_minted(door, user, clock):
    product("pro", monthly(rollover_quantity=10))
    door.quota.grant_product(user, "pro")
    hold = door.quota.hold_quota(user, "pdf_export", 6, ttl=7 * 86_400)
    clock.advance(days=25)
    again = door.quota.hold_quota(user, "pdf_export", 7, ttl=7 * 86_400)
    assert hold.balance == 4
    clock.advance(days=4)
    # Three units were free; the other seven are of a period that is over.
    assert balance(user) == 13
    door.quota.release_hold(again)
    assert balance(user) == 13
    QuotaService.expire_grants()
    assert balance(user) == 13


def test_a_capture_after_the_boundary_uses_what_was_held_before(door, user, clock):
    product("pro", monthly(rollover_quantity=10))
    door.quota.grant_product(user, "pro")
    clock.advance(days=25)
    hold = door.quota.hold_quota(user, "pdf_export", 7, ttl=7 * 86_400)
    clock.advance(days=4)
    usage = door.quota.capture_hold(hold, 5)
    assert (usage.balance, balance(user), usage.late) == (13, 13, False)


def test_a_hold_that_lapses_before_the_boundary_gives_back_what_rolls(user, clock):
    product("pro", monthly(rollover_quantity=10))
    (grant,) = QuotaService.grant_product(user, "pro")
    QuotaService.hold_quota(user, "pdf_export", 7, ttl=60)
    clock.instant = grant.expires_at
    assert balance(user) == 20
    QuotaService.expire_grants()
    assert balance(user) == 20


def test_a_hold_that_lapses_at_the_boundary_comes_too_late(user, clock):
    product("pro", monthly(rollover_quantity=10))
    (grant,) = QuotaService.grant_product(user, "pro")
    clock.instant = grant.expires_at - timedelta(hours=1)
    QuotaService.hold_quota(user, "pdf_export", 7, ttl=3600)
    clock.advance(hours=1)
    assert balance(user) == 13
    QuotaService.expire_grants()
    assert balance(user) == 13


def test_a_usage_of_a_period_that_is_over_comes_back_to_it_and_goes_again(door, user, clock):
    product("pro", monthly(rollover_quantity=4))
    door.quota.grant_product(user, "pro")
    usage = door.quota.consume_quota(user, "pdf_export", quantity=10)
    clock.advance(days=40)
    assert balance(user) == 10
    adjustment = door.quota.reverse_usage(usage, idempotency_key="r")
    assert (adjustment.balance_after, balance(user)) == (10, 10)
    assert door.quota.reverse_usage(usage, idempotency_key="r").replayed


def test_a_usage_of_this_period_comes_back_to_it(door, user, clock):
    product("pro", monthly(rollover_quantity=4))
    door.quota.grant_product(user, "pro")
    clock.advance(days=40)
    usage = door.quota.consume_quota(user, "pdf_export", quantity=14, idempotency_key="u")
    clock.advance(days=3)
    assert door.quota.consume_quota(user, "pdf_export", quantity=14, idempotency_key="u").replayed
    door.quota.reverse_usage(usage, quantity=12, idempotency_key="r")
    assert balance(user) == 12
    clock.advance(days=30)
    assert door.quota.consume_quota(user, "pdf_export", quantity=14, idempotency_key="u").replayed


# --- what makes and what ends one


def test_a_key_gives_an_allowance_once_however_many_periods_later(door, user, clock, refused):
    product("pro", monthly(), {"feature": "credits", "quantity": 3})
    first = door.quota.grant_product(user, "pro", quantity=2, idempotency_key="k")
    assert [(grant.feature.key, grant.quantity) for grant in first] == [("pdf_export", 20), ("credits", 6)]
    clock.advance(days=100)
    QuotaService.expire_grants()
    again = door.quota.grant_product(user, "pro", quantity=2, idempotency_key="k")
    assert ([grant.pk for grant in again], again[0].replayed) == ([grant.pk for grant in first], True)
    with refused("idempotency_conflict", fields=["quantity"]):
        door.quota.grant_product(user, "pro", quantity=3, idempotency_key="k")
    with refused("idempotency_conflict", fields=["expires_at"]):
        door.quota.grant_product(user, "pro", quantity=2, expires_at=clock() + timedelta(days=1), idempotency_key="k")


def test_it_ends_with_its_products_period_or_where_it_is_said(door, user, clock):
    product("quarter", monthly(reset="1 week", rollover_quantity=5, period="1 month"))
    door.quota.grant_product(user, "quarter")
    made = Allowance.objects.get()
    assert made.expires_at == datetime(2026, 2, 28, 12, tzinfo=UTC)
    clock.instant = made.expires_at - timedelta(seconds=1)
    assert (balance(user), QuotaService.balances(user)[0].next_reset_at) == (15, None)
    clock.advance(seconds=1)
    assert (balance(user), QuotaService.get_allowance(made).status) == (0, "expired")
    door.quota.grant_product(user, "quarter", expires_at=clock() + timedelta(days=10))
    assert Allowance.objects.latest("pk").expires_at == clock() + timedelta(days=10)
    clock.advance(days=9)
    assert balance(user) == 15
    clock.advance(days=1)
    assert balance(user) == 0


def test_revoking_the_grant_of_a_period_leaves_the_allowance(door, user, clock):
    product("pro", monthly(rollover_quantity=4))
    (grant,) = door.quota.grant_product(user, "pro")
    door.quota.revoke_grant(grant, reason="too early")
    (line,) = door.quota.balances(user)
    assert (line.balance, line.next_reset_at) == (0, grant.expires_at)
    clock.instant = grant.expires_at
    assert balance(user) == 10


def test_revoking_an_allowance_ends_it_and_what_is_left(door, user, clock, refused):
    product("pro", monthly(rollover_quantity=4))
    door.quota.grant_product(user, "pro")
    clock.advance(days=40)
    made = Allowance.objects.get()
    ended = door.quota.revoke_allowance(str(made.pk), reason="abuse")
    assert (ended.status, ended.ended_reason, ended.replayed, balance(user)) == ("revoked", "abuse", False, 0)
    assert door.quota.revoke_allowance(made).replayed
    assert set(Grant.objects.filter(ended_as="revoked").values_list("ended_reason", flat=True)) == {"abuse"}
    clock.advance(days=400)
    assert balance(user) == 0
    for bad in ("nonsense", str(uuid4()), made.customer_id, None, 7):
        with refused("allowance_not_found"):
            door.quota.revoke_allowance(bad)
        with refused("allowance_not_found"):
            door.quota.get_allowance(bad)


def test_allowances_are_listed_newest_first_in_pages(door, user, clock):
    product("pro", monthly(), {"feature": "credits", "quantity": 3, "reset": "1 week"})
    door.quota.grant_product(user, "pro")
    page = door.quota.list_allowances(user, limit=1)
    rest = door.quota.list_allowances(user, limit=1, cursor=page.next)
    assert {page.items[0].feature.key, rest.items[0].feature.key} == {"pdf_export", "credits"}
    assert rest.next is None
    assert len(door.quota.list_allowances()) == 2
    assert [each.feature.key for each in door.quota.list_allowances(user, feature="credits")] == ["credits"]
    assert len(door.quota.list_allowances(CustomerRef(user_id=10**6))) == 0


def test_trials_and_features_paid_from_an_allowance_recur_too(door, user, clock, settings):
    settings.BILLABLE_FINGERPRINT_KEYS = ["a key that is long enough"]
    CatalogService.set_cost("ai_analysis", paid_from="credits", units=5)
    product("taste", {"feature": "credits", "quantity": 20, "reset": "1 week", "period": "1 month"}, is_trial=True)
    trial = door.trials.start_trial(user, "taste", identities={"email": "ada@example.com"})
    assert [grant.source for grant in trial.grants] == ["allowance"]
    assert balance(user, "ai_analysis") == 4
    door.quota.consume_quota(user, "ai_analysis", quantity=4)
    clock.advance(days=7)
    assert balance(user, "ai_analysis") == 4
    again = door.trials.start_trial(user, "taste", identities={"email": "ada@example.com"})
    assert [grant.pk for grant in again.grants] == [grant.pk for grant in trial.grants]
    clock.advance(days=30)
    assert balance(user, "ai_analysis") == 0


def test_a_change_of_the_catalogue_changes_no_allowance(user, clock):
    product("pro", monthly())
    QuotaService.grant_product(user, "pro")
    CatalogService.update_product("pro", features=[monthly(quantity=99)])
    CatalogService.deactivate_product("pro")
    clock.advance(days=40)
    assert balance(user) == 10
