"""Two customers turn out to be one: what each had and did is found under the survivor, and can be parted again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billable.models import Customer, Grant, Identity, LedgerEntry, Merge, UserLink
from billable.services import (
    CatalogService,
    CustomerRef,
    CustomerService,
    Money,
    OrderService,
    QuotaService,
    ReferralService,
)
from tests.shelf import stock

WEB = CustomerRef(provider="web", external_id="ada")
BOT = CustomerRef(provider="telegram", external_id="42")


@pytest.fixture
def shop(clock, settings):
    settings.BILLABLE_FINGERPRINT_KEYS = ["a key that is long enough"]
    stock(_catalogue)


def _catalogue():
    for key in ("pdf", "sso"):
        CatalogService.create_feature(key)
    CatalogService.create_product("pack", prices=[Money(1000, "USD")], features=["pdf"], quantity=10)
    CatalogService.create_product("pro", prices=[Money(900, "USD")], features=["sso"], period="1 month")
    CatalogService.create_product("try", features=["pdf"], quantity=3, is_trial=True)
    CatalogService.create_product("try_too", features=["pdf"], quantity=4, is_trial=True, trial_campaign="try")


@pytest.fixture
def web(db, shop):
    """Who will survive."""
    return CustomerService.identify(WEB.provider, WEB.external_id).customer


@pytest.fixture
def bot(db, shop):
    """Who will be absorbed."""
    return CustomerService.identify(BOT.provider, BOT.external_id).customer


def balance(customer, feature="pdf"):
    return QuotaService.check_quota(customer, feature).balance


def give(customer, quantity=10, feature="pdf", **how):
    return QuotaService.grant_feature(customer, feature, quantity=quantity, **how)[0]


def buy(customer, sku="pack", **how):
    return OrderService.create_order(customer, [{"sku": sku}], **how)


# ---------------------------------------------------------------------------------------------------- merge


def test_whoever_names_either_means_the_survivor(door, web, bot, django_user_model):
    user = django_user_model.objects.create(username="bob")
    CustomerService.link_user(bot, user)
    give(web, 5)
    give(bot, 7)

    merge = door.customers.merge_customers(web, bot, reason="one person")

    assert (merge.customer_id, merge.absorbed_id, merge.reason, merge.actor) == (web.pk, bot.pk, "one person", "python")
    for subject in (web, bot, WEB, BOT, user, CustomerRef(customer_id=bot.pk), CustomerRef(user_id=user.pk)):
        assert door.customers.get_customer(subject).pk == web.pk
        assert balance(subject) == 12
    found = door.customers.identify(BOT.provider, BOT.external_id)
    assert (found.customer_id, found.created) == (web.pk, False)
    assert not UserLink.objects.filter(customer=bot).exists()


def test_units_are_handed_on_with_the_same_terms_and_history_stays(door, web, bot, clock):
    kept = give(bot, 10, expires_at=clock.instant + timedelta(days=30), priority=7)
    endless = give(bot, None, "sso")
    QuotaService.consume_quota(bot, "pdf", quantity=4)
    clock.advance(days=1)

    merge = door.customers.merge_customers(web, bot)

    heir = Grant.objects.get(customer=web, feature__key="pdf")
    assert (heir.source, heir.source_id, heir.origin_id) == ("transfer", str(merge.pk), kept.pk)
    assert (heir.quantity, heir.remaining, heir.priority) == (6, 6, 7)
    assert (heir.valid_from, heir.expires_at) == (kept.valid_from, kept.expires_at)
    kept.refresh_from_db()
    assert (kept.customer_id, kept.ended_as, kept.remaining, kept.ended_at) == (bot.pk, "transferred", 0, clock.instant)
    assert Grant.objects.get(customer=web, feature__key="sso").origin_id == endless.pk
    assert balance(bot, "sso") is None
    kinds = [(entry.kind, entry.amount) for entry in LedgerEntry.objects.filter(customer=bot).order_by("seq")]
    assert kinds == [("grant", 10), ("grant", 0), ("consume", -4), ("transfer", -6), ("transfer", 0)]


def test_what_was_due_is_written_before_the_merge(door, web, bot, clock):
    lapsed = give(bot, 10, expires_at=clock.instant + timedelta(days=1))
    clock.advance(days=2)
    door.customers.merge_customers(web, bot)
    lapsed.refresh_from_db()
    assert lapsed.ended_as == "expired"
    assert not Grant.objects.filter(customer=web).exists()


def test_an_absorbed_customer_is_never_due(door, web, bot, clock):
    give(bot, 10, expires_at=clock.instant + timedelta(days=1))
    door.customers.merge_customers(web, bot)
    clock.advance(days=2)
    sweep = door.quota.expire_grants()
    assert (sweep.customers, sweep.grants) == (1, 1)
    assert door.quota.expire_grants().customers == 0


def test_keys_of_both_sides_are_still_known(door, web, bot):
    give(web, 50)
    give(bot, 50)
    mine = QuotaService.consume_quota(web, "pdf", quantity=1, idempotency_key="job")
    yours = QuotaService.consume_quota(bot, "pdf", quantity=2, idempotency_key="job")
    only_yours = QuotaService.consume_quota(bot, "pdf", quantity=3, idempotency_key="bot job")
    door.customers.merge_customers(web, bot)

    def repeat(subject, quantity, key):
        usage = door.quota.consume_quota(subject, "pdf", quantity=quantity, idempotency_key=key)
        assert usage.replayed
        return usage.pk

    for subject in (web, WEB):
        assert repeat(subject, 1, "job") == mine.pk
        assert repeat(subject, 3, "bot job") == only_yours.pk
    for subject in (bot, BOT, CustomerRef(customer_id=bot.pk)):
        assert repeat(subject, 2, "job") == yours.pk
        assert repeat(subject, 3, "bot job") == only_yours.pk
    assert balance(web) == 94


def test_keys_of_orders_grants_and_adjustments_are_still_known(door, web, bot):
    orders = [buy(side, idempotency_key="cart") for side in (web, bot)]
    grants = [give(side, 10, idempotency_key="gift") for side in (web, bot)]
    usages = [QuotaService.consume_quota(side, "pdf", quantity=2) for side in (web, bot)]
    backs = [QuotaService.reverse_usage(usage, quantity=1, idempotency_key="undo") for usage in usages]
    door.customers.merge_customers(web, bot)

    for subject, place in ((web, 0), (WEB, 0), (bot, 1), (BOT, 1)):
        order = door.orders.create_order(subject, [{"sku": "pack"}], idempotency_key="cart")
        assert (order.pk, order.replayed) == (orders[place].pk, True)
        (grant,) = door.quota.grant_feature(subject, "pdf", quantity=10, idempotency_key="gift")
        assert (grant.pk, grant.replayed) == (grants[place].pk, True)
    for usage, back in zip(usages, backs, strict=True):
        again = door.quota.reverse_usage(usage, quantity=1, idempotency_key="undo")
        assert (again.pk, again.replayed) == (back.pk, True)


def test_a_pending_order_of_the_absorbed_gives_to_the_survivor(door, web, bot):
    order = buy(bot)
    door.customers.merge_customers(web, bot)

    payment = door.orders.confirm_payment(order, payment_id="p1")

    assert (payment.customer_id, payment.order.customer_id, payment.order.status) == (bot.pk, bot.pk, "paid")
    assert Grant.objects.get(source="order").customer_id == web.pk
    assert balance(web) == 10
    assert door.orders.confirm_payment(order, payment_id="p1").replayed


def test_an_old_usage_of_the_absorbed_is_put_back_to_the_survivor(door, web, bot):
    give(bot, 10)
    usage = QuotaService.consume_quota(bot, "pdf", quantity=4)
    door.customers.merge_customers(web, bot)

    door.quota.reverse_usage(usage, quantity=3, idempotency_key="undo")

    assert balance(web) == 9
    assert Grant.objects.filter(customer=bot, ended_at=None).count() == 0


def test_what_was_used_up_before_the_merge_can_still_be_put_back(door, web, bot, clock):
    give(bot, 4)
    give(bot, 2, expires_at=clock.instant + timedelta(days=1), priority=1)
    usage = QuotaService.consume_quota(bot, "pdf", quantity=6)
    door.customers.merge_customers(web, bot)
    assert balance(web) == 0
    clock.advance(days=2)

    door.quota.reverse_usage(usage, quantity=1, idempotency_key="one")
    door.quota.reverse_usage(usage, quantity=5, idempotency_key="the rest")

    assert balance(web) == 4, "the others had a day"
    assert QuotaService.consume_quota(BOT, "pdf", quantity=4).customer_id == web.pk


def test_a_grant_that_was_handed_on_is_revoked_where_its_units_are(door, web, bot, refused):
    grant = give(bot, 10)
    door.customers.merge_customers(web, bot)

    some = door.quota.revoke_grant(grant, quantity=3, idempotency_key="some")
    assert (some.customer_id, some.remaining) == (web.pk, 7)
    assert door.quota.revoke_grant(grant, quantity=3, idempotency_key="some").replayed
    with refused("revocation_too_large", remaining=7):
        door.quota.revoke_grant(grant, quantity=8, idempotency_key="too much")

    ended = door.quota.revoke_grant(grant)
    assert (ended.pk, ended.ended_as) == (some.pk, "revoked")
    assert door.quota.revoke_grant(grant).replayed
    assert balance(web) == 0


def test_what_is_put_back_to_a_line_that_was_revoked_after_a_merge_stays_out(door, web, bot):
    grant = give(bot, 10)
    usage = QuotaService.consume_quota(bot, "pdf", quantity=4)
    door.customers.merge_customers(web, bot)
    door.quota.revoke_grant(grant)
    door.quota.reverse_usage(usage, idempotency_key="undo")
    assert balance(web) == 0


def test_a_trial_of_either_side_is_the_trial_of_both(door, web, bot, refused):
    trial = door.trials.start_trial(bot, "try", identities={"email": "ada@example.com"})
    door.customers.merge_customers(web, bot)

    for subject in (web, bot, WEB, BOT):
        again = door.trials.start_trial(subject, "try")
        assert (again.pk, again.replayed, len(again.grants)) == (trial.pk, True, 1)
        assert not door.trials.trial_eligibility(subject, "try")
    with refused("trial_already_used"):
        door.trials.start_trial(web, "try_too")
    assert balance(web) == 3


def test_both_sides_may_have_used_the_trial(door, web, bot, refused):
    mine, yours = (door.trials.start_trial(side, "try") for side in (web, bot))
    door.customers.merge_customers(web, bot)
    assert door.trials.start_trial(web, "try").pk == mine.pk
    assert door.trials.start_trial(bot, "try").pk == yours.pk
    stranger = CustomerService.identify("web", "eve").customer
    door.trials.start_trial(stranger, "try", identities={"email": "eve@example.com"})
    with refused("trial_already_used"):
        door.trials.start_trial(web, "try", identities={"email": "eve@example.com"})


def test_periods_of_both_sides_run_on_and_stack(door, web, bot, clock):
    paid = OrderService.confirm_payment(buy(web, "pro"), payment_id="p1").order
    clock.advance(days=10)
    OrderService.confirm_payment(buy(bot, "pro"), payment_id="p2")
    yours = Grant.objects.get(customer=bot)
    door.customers.merge_customers(web, bot)

    OrderService.confirm_payment(buy(BOT, "pro"), payment_id="p3")

    later = Grant.objects.filter(source="order").latest("valid_from")
    assert (later.customer_id, later.valid_from, later.anchor) == (web.pk, yours.expires_at, yours.anchor)
    assert paid.status == "paid"
    clock.advance(days=40)
    assert balance(web, "sso") is None


def test_history_grants_and_orders_are_read_by_family_in_pages(door, web, bot):
    for number in range(3):
        give(web, 1, idempotency_key=f"w{number}")
        give(bot, 1, idempotency_key=f"b{number}")
    orders = [buy(side).pk for side in (web, bot, web)]
    door.customers.merge_customers(web, bot)
    give(web, 1)

    def everything(read, **how):
        found, cursor = [], None
        while True:
            page = read(BOT, cursor=cursor, **how)
            found += page.items
            cursor = page.next
            if cursor is None:
                return found

    entries = everything(door.quota.history, limit=2)
    assert [entry.pk for entry in entries] == sorted(LedgerEntry.objects.values_list("pk", flat=True), reverse=True)
    assert [entry.customer_id for entry in entries].count(bot.pk) == 6
    grants = everything(door.quota.list_grants, limit=2)
    assert len(grants) == Grant.objects.count() == 10
    assert [order.pk for order in everything(door.orders.list_orders, limit=2)] == orders[::-1]
    assert door.quota.verify_ledger(bot).customers == 2


@pytest.mark.parametrize("cursor", ["1", "1.2", "1.2.3", "a.2.", "-1.2.01a206fe-866f-7769-884f-aaec1fe0e38f"])
def test_a_foreign_cursor_of_history_is_refused(door, web, refused, cursor):
    from billable.paging import encode

    with refused("invalid", field="cursor"):
        door.quota.history(web, cursor=encode(cursor))


def test_a_customer_that_absorbed_others_is_absorbed_with_them(door, web, bot):
    app = CustomerService.identify("app", "7").customer
    order = buy(app)
    give(app, 5)
    usage = QuotaService.consume_quota(app, "pdf", quantity=2, idempotency_key="job")
    first = door.customers.merge_customers(bot, app)
    OrderService.confirm_payment(order, payment_id="p1")
    door.customers.merge_customers(web, bot)

    assert Customer.objects.get(pk=app.pk).merged_into_id == web.pk
    for subject in (app, CustomerRef(provider="app", external_id="7"), bot, web):
        assert balance(subject) == 13
        repeated = door.quota.consume_quota(subject, "pdf", quantity=2, idempotency_key="job")
        assert (repeated.pk, repeated.replayed) == (usage.pk, True)
    door.quota.reverse_usage(usage, idempotency_key="undo")
    assert balance(web) == 15
    assert first.moved["identities"] == [str(Identity.objects.get(provider="app").pk)]


def test_events_of_merges(door, web, bot, commit):
    from billable.signals import customer_merged, customer_unmerged

    seen = []
    receivers = [(customer_merged, lambda merge, **_: seen.append(("merged", merge.pk)))]
    receivers.append((customer_unmerged, lambda merge, **_: seen.append(("unmerged", merge.pk))))
    for signal, receiver in receivers:
        signal.connect(receiver)
    try:
        with commit():
            merge = door.customers.merge_customers(web, bot)
            door.customers.unmerge_customers(merge)
    finally:
        for signal, receiver in receivers:
            signal.disconnect(receiver)
    assert seen == [("merged", merge.pk), ("unmerged", merge.pk)]


# ---------------------------------------------------------------------------------------------------- refusals


def test_a_merge_with_oneself_twice_or_in_a_ring_is_refused(door, web, bot, refused):
    with refused("merge_refused", reason="oneself"):
        door.customers.merge_customers(web, WEB)
    door.customers.merge_customers(web, bot)
    with refused("merge_refused", reason="already_merged"):
        door.customers.merge_customers(web, bot)
    with refused("merge_refused", reason="oneself"):
        door.customers.merge_customers(web, BOT)
    with refused("merge_refused", reason="ring"):
        door.customers.merge_customers(bot, web)
    other = CustomerService.identify("app", "7").customer
    with refused("merge_refused", reason="already_merged", survivor=str(other.pk), absorbed=str(bot.pk)):
        door.customers.merge_customers(other, bot)


def test_a_merge_with_nobody_is_refused(door, web, refused, django_user_model):
    from django.contrib.auth.models import AnonymousUser

    nobody = CustomerRef(external_id="nobody")
    gone = CustomerRef(customer_id="01a206fe-866f-7769-884f-aaec1fe0e38f")
    for pair in ((web, nobody), (nobody, web), (web, gone), (gone, web)):
        with refused("customer_not_found"):
            door.customers.merge_customers(*pair)
    for subject in (AnonymousUser(), 7, None, "web", django_user_model()):
        with refused("invalid_subject"):
            door.customers.merge_customers(web, subject)
    with refused("invalid", field="reason"):
        door.customers.merge_customers(web, nobody, reason=7)
    with refused("customer_not_found"):
        door.customers.unmerge_customers(gone)


def test_live_holds_of_the_absorbed_refuse_the_merge_and_those_of_its_heirs_the_way_back(
    door, web, bot, clock, refused
):
    give(bot, 10)
    QuotaService.hold_quota(bot, "pdf", 2, ttl=60)
    with refused("merge_refused", reason="live_holds"):
        door.customers.merge_customers(web, bot)
    clock.advance(seconds=60)
    merge = door.customers.merge_customers(web, bot)
    assert balance(web) == 10
    QuotaService.hold_quota(web, "pdf", 2, ttl=60)
    with refused("unmerge_refused", reason="held"):
        door.customers.unmerge_customers(merge)
    clock.advance(seconds=60)
    door.customers.unmerge_customers(merge)
    assert (balance(web), balance(bot)) == (0, 10)


@pytest.mark.parametrize("swept", [False, True])
def test_a_revocation_follows_the_units_that_a_lapsed_hold_gives_back(door, web, bot, clock, swept):
    root = give(bot, 10)
    usage = QuotaService.consume_quota(bot, "pdf", quantity=5)
    CustomerService.merge_customers(web, bot)
    QuotaService.reverse_usage(usage, quantity=4, idempotency_key="back")
    QuotaService.hold_quota(web, "pdf", 3, ttl=60)
    clock.advance(seconds=60)
    if swept:
        QuotaService.expire_grants()
    door.quota.revoke_grant(root, quantity=5, idempotency_key="v")
    assert balance(web) == 4


def test_a_late_bit_is_one_whoever_paid_for_it(door, web, bot, clock):
    give(bot, 20)
    hold = QuotaService.hold_quota(bot, "pdf", 5, ttl=60)
    clock.advance(seconds=60)
    merge = CustomerService.merge_customers(web, bot)
    bit = door.quota.capture_hold(hold, 2, final=False, idempotency_key="bit")
    CustomerService.unmerge_customers(merge)
    again = door.quota.capture_hold(hold, 2, final=False, idempotency_key="bit")
    assert (again.pk, again.replayed, balance(bot)) == (bit.pk, True, 18)


# ---------------------------------------------------------------------------------------------------- unmerge


def test_what_is_left_goes_back_and_what_was_used_does_not(door, web, bot, django_user_model):
    user = django_user_model.objects.create(username="bob")
    CustomerService.link_user(bot, user)
    give(web, 5)
    root = give(bot, 10)
    before = QuotaService.consume_quota(bot, "pdf", quantity=1)
    merge = door.customers.merge_customers(web, bot)
    during = QuotaService.consume_quota(BOT, "pdf", quantity=9)
    CustomerService.link_identity(web, "app", "7")

    undone = door.customers.unmerge_customers(bot)

    assert (undone.pk, undone.replayed, undone.undone_by) == (merge.pk, False, "python")
    assert [balance(subject) for subject in (web, WEB, bot, BOT, user)] == [0, 0, 5, 5, 5]
    back = Grant.objects.get(customer=bot, ended_at=None)
    assert (back.origin_id, back.source_id, back.quantity) == (root.pk, str(merge.pk), 5)
    assert door.customers.get_customer(CustomerRef(provider="app", external_id="7")).pk == web.pk
    assert not Identity.objects.exclude(merged_from=None).exists()

    door.quota.reverse_usage(before, idempotency_key="undo")
    door.quota.reverse_usage(during, quantity=2, idempotency_key="undo")
    assert [balance(web), balance(bot)] == [2, 6]
    assert door.customers.unmerge_customers(bot).replayed
    assert door.customers.unmerge_customers(merge).replayed


def test_they_may_be_merged_again_and_the_other_way_round(door, web, bot):
    give(web, 5)
    give(bot, 7)
    for _ in range(2):
        door.customers.merge_customers(web, bot)
        QuotaService.consume_quota(bot, "pdf")
        door.customers.unmerge_customers(bot)
    door.customers.merge_customers(bot, web)
    assert [balance(web), balance(bot)] == [10, 10]
    door.customers.unmerge_customers(web)
    assert balance(web) + balance(bot) == 10
    assert Merge.objects.filter(undone_at=None).count() == 0


def test_a_side_goes_back_with_all_that_it_had_absorbed(door, web, bot):
    app = CustomerService.identify("app", "7").customer
    give(app, 5)
    give(bot, 3)
    usage = QuotaService.consume_quota(app, "pdf", quantity=5)
    inner = door.customers.merge_customers(bot, app)
    outer = door.customers.merge_customers(web, bot)
    with_it = door.quota.reverse_usage(usage, quantity=4, idempotency_key="undo")
    assert (with_it.customer_id, balance(web)) == (app.pk, 7)

    door.customers.unmerge_customers(outer)
    assert [balance(web), balance(bot), balance(app)] == [0, 7, 7]
    assert door.customers.get_customer(CustomerRef(provider="app", external_id="7")).pk == bot.pk
    door.customers.unmerge_customers(inner)
    assert [balance(bot), balance(app)] == [3, 4]


def test_the_way_back_is_refused_once_a_later_merge_stands_on_top(door, web, bot, refused):
    app = CustomerService.identify("app", "7").customer
    inner = door.customers.merge_customers(bot, app)
    door.customers.merge_customers(web, bot)
    with refused("unmerge_refused", reason="merged_again", customer=str(app.pk)):
        door.customers.unmerge_customers(inner)
    with refused("unmerge_refused", reason="not_merged"):
        door.customers.unmerge_customers(web)


def test_the_way_back_is_refused_once_an_order_of_the_absorbed_was_paid(door, web, bot, refused):
    order = buy(bot)
    merge = door.customers.merge_customers(web, bot)
    OrderService.confirm_payment(order, payment_id="p1")
    with refused("unmerge_refused", reason="granted"):
        door.customers.unmerge_customers(merge)


def test_the_way_back_is_refused_once_an_order_of_the_one_earned_the_reward_of_the_other(door, web, bot, refused):
    ReferralService.create_programme("friends", referee_product="pack")
    ReferralService.refer(CustomerRef(external_id="bob"), web)
    OrderService.confirm_payment(buy(bot), payment_id="p1")
    door.customers.merge_customers(web, bot)
    assert ReferralService.settle_referrals().rewarded == 1
    with refused("unmerge_refused", reason="granted"):
        door.customers.unmerge_customers(bot)


@pytest.mark.parametrize("absorbed", ["referrer", "referee"])
def test_what_one_got_for_bringing_the_other_does_not_bar_the_way_back(door, web, bot, absorbed):
    ReferralService.create_programme("friends", referrer_product="pack", referee_product="pack", trigger="on_signup")
    ReferralService.claim_bonus(ReferralService.refer(*((bot, web) if absorbed == "referrer" else (web, bot))))
    merge = door.customers.merge_customers(web, bot)
    QuotaService.consume_quota(bot, "pdf", quantity=1)
    door.customers.unmerge_customers(merge)
    assert balance(web) + balance(bot) == 19
    assert {balance(web), balance(bot)} <= {9, 10}


def test_the_way_back_is_refused_once_a_period_was_extended(door, web, bot, refused):
    OrderService.confirm_payment(buy(bot, "pro"), payment_id="p1")
    merge = door.customers.merge_customers(web, bot)
    OrderService.confirm_payment(buy(web, "pro"), payment_id="p2")
    with refused("unmerge_refused", reason="extended"):
        door.customers.unmerge_customers(merge)
