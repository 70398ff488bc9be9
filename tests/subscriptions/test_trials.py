"""A trial of what recurs is a subscription that nobody has paid yet."""

from __future__ import annotations

from typing import Any

from billable.models import Subscription
from billable.services import CatalogService, CustomerService, Money, SubscriptionService, TrialService
from tests.subscriptions.conftest import buy, day, left, now_is, pay, renew


def test_a_trial_begins_a_subscription(door: Any, customer: Any, clock: Any) -> None:
    trial = door.trials.start_trial(customer, "tried")

    subscription = now_is(trial.subscription)
    assert (subscription.status, subscription.trial_until, subscription.currency) == ("trialing", day(14, 2), "EUR")
    assert (subscription.access_until, subscription.renews_at) == (day(19, 2), day(11, 2))
    assert left(customer) == 100
    assert door.trials.start_trial(customer, "tried").replayed


def test_paid_it_goes_on_from_the_end_of_the_trial(customer: Any, clock: Any) -> None:
    subscription = TrialService.start_trial(customer, "tried").subscription
    clock.instant = day(11, 2)
    assert SubscriptionService.make_renewals().orders == 1

    renew(subscription)

    after = now_is(subscription)
    assert (after.status, after.period_index, after.paid_from, after.paid_until) == (
        "trialing",
        1,
        day(14, 2),
        day(14, 3),
    )
    clock.instant = day(14, 2)
    assert (now_is(subscription).status, left(customer)) == ("active", 100)


def test_not_paid_it_ends_after_the_grace(customer: Any, clock: Any) -> None:
    subscription = TrialService.start_trial(customer, "tried").subscription

    clock.instant = day(15, 2)
    assert (now_is(subscription).status, left(customer)) == ("past_due", 100)
    clock.instant = day(19, 2)
    assert (now_is(subscription).status, left(customer)) == ("ended", 0)


def test_who_buys_what_they_try_pays_for_what_comes_after_the_trial(customer: Any, clock: Any) -> None:
    trial = TrialService.start_trial(customer, "tried").subscription
    renewal = SubscriptionService.renew_subscription(trial)

    bought = buy(customer, "tried", quantity=2)

    assert (bought.pk, bought.seats, bought.paid_from) == (trial.pk, 2, day(14, 2))
    assert pay(renewal).code == "order_cancelled"
    assert Subscription.objects.count() == 1


def test_a_trial_that_ended_is_not_bought_back(customer: Any, clock: Any) -> None:
    trial = TrialService.start_trial(customer, "tried").subscription
    clock.instant = day(19, 2)

    assert buy(customer, "tried").pk != trial.pk


def test_a_trial_is_had_once(customer: Any, clock: Any, refused: Any) -> None:
    TrialService.start_trial(customer, "tried", identities={"email": "ada@example.com"})
    other = CustomerService.identify("telegram", "another").customer

    with refused("trial_already_used"):
        TrialService.start_trial(other, "tried", identities={"email": "ada@example.com"})


def test_what_has_no_trial_is_refused(customer: Any, clock: Any, refused: Any) -> None:
    with refused("not_for_sale"):
        TrialService.start_trial(customer, "pro")


def test_it_is_charged_in_the_currency_that_is_asked_for(customer: Any, clock: Any, refused: Any) -> None:
    CatalogService.update_product("tried", prices=[Money(2500, "JPY")])
    with refused("invalid", field="currency"):
        TrialService.start_trial(customer, "tried")
    with refused("currency_mismatch"):
        TrialService.start_trial(customer, "tried", currency="CHF")

    trial = TrialService.start_trial(customer, "tried", currency="jpy")

    assert SubscriptionService.renew_subscription(trial.subscription).currency == "JPY"
