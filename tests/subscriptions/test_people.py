"""Subscriptions of customers who turn out to be one, who part again, who leave."""

from __future__ import annotations

from typing import Any

import pytest

from billable.models import Grant
from billable.services import CustomerService, QuotaService, SubscriptionService, TrialService
from tests.subscriptions.conftest import buy, day, left, now_is, renew


@pytest.fixture
def other(db: None) -> Any:
    return CustomerService.identify("telegram", "another").customer


def test_a_survivor_has_the_subscriptions_of_the_absorbed(customer: Any, other: Any, clock: Any) -> None:
    subscription = buy(other)
    QuotaService.consume_quota(other, "pdf_export", quantity=30)

    CustomerService.merge_customers(customer, other)

    assert [each.pk for each in SubscriptionService.list_subscriptions(customer)] == [subscription.pk]
    assert (now_is(subscription).customer_id, left(customer)) == (other.pk, 70)
    clock.instant = day(25, 2)
    assert SubscriptionService.make_renewals().orders == 1
    renew(subscription)
    clock.instant = day(28, 2)
    assert left(customer) == 100
    assert {grant.subscription_id for grant in Grant.objects.all()} == {subscription.pk}


def test_parted_again_they_take_their_subscriptions_with_them(customer: Any, other: Any, clock: Any) -> None:
    subscription = buy(other)
    CustomerService.merge_customers(customer, other)
    SubscriptionService.pause_subscription(subscription)
    clock.advance(days=7)

    CustomerService.unmerge_customers(other)

    assert SubscriptionService.list_subscriptions(customer).items == ()
    after = SubscriptionService.resume_subscription(subscription)
    assert (after.status, left(other), left(customer)) == ("active", 100, 0)


def test_who_renewed_together_is_not_parted(customer: Any, other: Any, clock: Any, refused: Any) -> None:
    subscription = buy(other)
    CustomerService.merge_customers(customer, other)
    renew(subscription)

    with refused("unmerge_refused", reason="granted"):
        CustomerService.unmerge_customers(other)


def test_who_paid_for_what_the_other_tries_is_not_parted(customer: Any, other: Any, clock: Any, refused: Any) -> None:
    trial = TrialService.start_trial(other, "tried")
    CustomerService.merge_customers(customer, other)

    assert buy(customer, "tried").pk == trial.subscription.pk

    with refused("unmerge_refused", reason="granted"):
        CustomerService.unmerge_customers(other)


def test_both_may_have_a_subscription_and_keep_it(customer: Any, other: Any, clock: Any) -> None:
    mine, theirs = buy(customer), buy(other)
    CustomerService.merge_customers(customer, other)

    assert left(customer) == 200
    SubscriptionService.cancel_subscription(theirs, at_period_end=False)
    assert (left(customer), now_is(mine).status) == (100, "active")


def test_anonymized_a_subscription_says_nothing_about_its_person(customer: Any, clock: Any) -> None:
    subscription = buy(customer)
    SubscriptionService.pause_subscription(subscription, reason="Ada is on holiday")
    SubscriptionService.cancel_subscription(subscription, reason="Ada is ill")

    CustomerService.anonymize_customer(customer)

    after = now_is(subscription)
    assert (after.reason, after.pauses.get().reason, after.metadata) == ("", "", {})


def test_the_state_of_a_customer_has_the_subscriptions_that_go_on(door: Any, customer: Any, clock: Any) -> None:
    first, second = buy(customer), buy(customer, "mixed")
    SubscriptionService.cancel_subscription(first, at_period_end=False)

    assert [each.pk for each in door.customers.customer_state(customer).subscriptions] == [second.pk]
    clock.advance(days=90)
    assert door.customers.customer_state(customer).subscriptions == ()


def test_subscriptions_of_the_sandbox_are_listed_apart(customer: Any, door: Any, clock: Any) -> None:
    box = CustomerService.identify("test", "box", sandbox=True).customer
    real, played = buy(customer), buy(box)

    listed = [
        {each.pk for each in door.subscriptions.list_subscriptions(sandbox=which)} for which in (None, False, True)
    ]

    assert listed == [{real.pk, played.pk}, {real.pk}, {played.pk}]
