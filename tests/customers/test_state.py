"""Everything about a customer at once, and identities for users that the host knows already."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import CommandError, call_command

from billable import linking
from billable.models import Identity
from billable.services import CatalogService, CustomerRef, CustomerService, Money, OrderService, QuotaService

ADA, BOT = CustomerRef(provider="web", external_id="ada"), CustomerRef(provider="telegram", external_id="42")


def test_a_state_has_it_all(door, user, clock):
    CatalogService.create_product(
        "pro",
        prices=[Money(1000, "USD")],
        features=[{"feature": "sso", "period": "1 month"}, {"feature": "pdf", "quantity": 5}],
    )
    customer = CustomerService.link_identity(user, "web", "ada").customer
    bot = CustomerService.identify("telegram", "42").customer
    paid, cancelled, waiting = (OrderService.create_order(bot, [{"sku": "pro"}]) for _ in range(3))
    OrderService.confirm_payment(paid, payment_id="p1")
    OrderService.cancel_order(cancelled)
    late = OrderService.confirm_payment(cancelled, payment_id="p2")
    door.customers.merge_customers(customer, bot)

    for subject in (user, ADA, BOT, bot):
        state = door.customers.customer_state(subject)
        assert (state.customer_id, state.user_id, state.absorbed) == (customer.pk, user.pk, (bot.pk,))
        assert {each.feature: each.balance for each in state.balances} == {"pdf": 5, "sso": None}
        assert [order.pk for order in state.open_orders] == [waiting.pk]
        assert [payment.pk for payment in state.unapplied_payments] == [late.pk]
        assert [(grant.feature.key, grant.product.sku) for grant in state.active_periods] == [("sso", "pro")]
        assert (state.holds, state.referrals, state.referred_by, state.anonymized_at) == ((), (), None, None)
    clock.advance(days=40)
    assert door.customers.customer_state(user).active_periods == ()


def test_the_state_of_nobody_is_refused(door, user, refused):
    for subject in (user, CustomerRef(external_id="nobody")):
        with refused("customer_not_found"):
            door.customers.customer_state(subject)


@pytest.fixture
def staff(db, django_user_model):
    """Users with an id of another system in their last name."""
    ids = ["a1", "a2", "a3", "", " bad", "taken"]
    return [django_user_model.objects.create(username=f"u{n}", last_name=each) for n, each in enumerate(ids)]


def test_external_ids_are_linked_in_batches_and_once(door, staff):
    stranger = CustomerService.identify("crm", "taken").customer
    steps = []

    planned = door.customers.link_identities("last_name", "crm", dry_run=True, batch_size=2)
    assert Identity.objects.count() == 1
    report = door.customers.link_identities(
        "last_name", "crm", batch_size=2, progress=lambda done, total: steps.append((done, total))
    )

    assert planned == report
    assert (report.users, report.linked, report.already, report.conflict_count) == (7, 3, 0, 2)
    assert steps[-1] == (7, 7)
    assert {(each.user_id, each.external_id, each.code) for each in report.conflicts} == {
        (staff[4].pk, " bad", "invalid"),
        (staff[5].pk, "taken", "identity_taken"),
    }
    for user in staff[:3]:
        named = door.customers.get_customer(CustomerRef(provider="crm", external_id=user.last_name))
        assert named.pk == door.customers.get_customer(user).pk
    again = door.customers.link_identities("last_name", "crm")
    assert (again.linked, again.already, again.conflict_count) == (0, 3, 2)
    assert door.customers.get_customer(stranger).pk == stranger.pk


def test_a_user_with_several_values_is_linked_by_all_of_them(door, staff):
    for name in ("a", "b", "c"):
        staff[0].groups.add(Group.objects.create(name=name))
    steps = []

    report = door.customers.link_identities(
        "groups__name", "team", batch_size=1, progress=lambda done, total: steps.append((done, total))
    )

    assert (report.users, report.linked, report.conflict_count, steps) == (1, 3, 0, [(1, 1)])
    for name in ("a", "b", "c"):
        assert door.customers.get_customer(CustomerRef(provider="team", external_id=name))


def test_a_value_that_a_user_has_twice_is_linked_once(door, staff):
    permission = Permission.objects.order_by("pk")[0]
    for name in ("a", "b"):
        group = Group.objects.create(name=name)
        group.permissions.add(permission)
        staff[0].groups.add(group)

    planned = door.customers.link_identities("groups__permissions__codename", "may", dry_run=True)

    assert planned == door.customers.link_identities("groups__permissions__codename", "may")
    assert (planned.linked, planned.conflict_count) == (1, 0)


def test_a_user_who_is_deleted_meanwhile_stops_nobody(door, staff, monkeypatch):
    link, gone = linking._link, staff[1].pk

    def leave(user, provider, external_id):
        get_user_model().objects.filter(pk=gone).delete()
        return link(user, provider, external_id)

    monkeypatch.setattr(linking, "_link", leave)
    report = door.customers.link_identities("last_name", "crm")

    assert [(each.user_id, each.code) for each in report.conflicts if each.user_id == gone] == [
        (gone, "customer_not_found")
    ]
    assert report.linked > 1


def test_a_path_that_leads_nowhere_is_refused(door, staff, refused):
    for path in ("nothing", "last_name__nothing", "", 7):
        with refused("invalid", field="path"):
            door.customers.link_identities(path, "crm")
    with refused("invalid", field="provider"):
        door.customers.link_identities("last_name", "")
    with refused("invalid", field="batch_size"):
        door.customers.link_identities("last_name", "crm", batch_size=0)


def test_the_command_says_what_it_linked(staff, capsys):
    call_command("billable_link_identities", "last_name", "crm", "--dry-run")
    call_command("billable_link_identities", "last_name", "crm", "--batch-size", "1")
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "Users: 6; would be linked: 4, linked before: 0, conflicts: 1.",
        "Users: 6; linked: 4, linked before: 0, conflicts: 1.",
    ]
    assert said.err.count("' bad': invalid") == 2
    assert QuotaService.verify_ledger()
    with pytest.raises(CommandError, match="leads to no field"):
        call_command("billable_link_identities", "nothing", "crm")
