"""Many meet somebody for the first time, at once: one customer comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from billable.errors import IdentityTaken, QuotaExceeded, UserTaken
from billable.models import Customer, Grant, Identity, Order, UserLink
from billable.services import CatalogService, CustomerRef, CustomerService, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew
from tests.concurrency.jobs import consume, verb

ROUNDS = 3


@pytest.fixture
def user(db: None) -> Any:
    return get_user_model().objects.create(username="ada")


@pytest.fixture
def welcome(credits: str) -> None:
    """What every new customer gets: 20 credits, and 5 in a second product."""
    CatalogService.create_product("welcome", features=[credits], quantity=20, is_default=True)
    CatalogService.create_product("bonus", features=[credits], quantity=5, is_default=True)


def test_eight_that_identify_one_identity_make_one_customer_and_one_user(crew: Crew, welcome: None) -> None:
    identify = verb("CustomerService.identify", "telegram", "4711", profile={"name": "Ada"})

    results = crew.at_once(*[identify] * 8)

    assert [answer.created for answer in results.values].count(True) == 1
    assert {answer.customer_id for answer in results.values} == {Customer.objects.get().pk}
    assert {answer.user_id for answer in results.values} == {get_user_model().objects.get().pk}
    assert Identity.objects.count() == UserLink.objects.count() == 1
    assert Grant.objects.count() == 2
    assert balance(CustomerRef(provider="telegram", external_id="4711")) == 25


@pytest.mark.parametrize("by", ["the user", "the user's key"])
def test_eight_first_grants_of_one_user_make_one_customer_with_its_defaults_once(
    crew: Crew, welcome: None, user: Any, by: str
) -> None:
    who = user if by == "the user" else CustomerRef(user_id=user.pk)

    crew.at_once(*[verb("QuotaService.grant_product", who, "welcome")] * 8)

    assert UserLink.objects.get().customer == Customer.objects.get()
    assert Grant.objects.filter(source="default").count() == 2
    assert Grant.objects.filter(source="manual").count() == 8
    assert balance(who) == 25 + 8 * 20


def test_eight_first_orders_of_one_user_make_one_customer(crew: Crew, welcome: None, user: Any) -> None:
    CatalogService.create_product("pack", price="9.99", features=["credits"], quantity=100)

    results = crew.at_once(*[verb("OrderService.create_order", user, [{"sku": "pack"}])] * 8)

    assert {order.customer_id for order in results.values} == {Customer.objects.get().pk}
    assert Order.objects.count() == 8
    assert Grant.objects.count() == 2


def test_eight_first_consumes_of_one_user_share_the_default_products(crew: Crew, welcome: None, user: Any) -> None:
    results = crew.at_once(*[consume(user, quantity=10)] * 8, refusing=QuotaExceeded)

    assert sorted(usage.balance for usage in results.values) == [5, 15]
    assert Customer.objects.count() == 1
    assert Grant.objects.count() == 2


def test_first_writes_of_all_kinds_make_one_customer(crew: Crew, welcome: None, user: Any) -> None:
    CatalogService.create_product("pack", price="9.99", features=["credits"], quantity=100)

    crew.at_once(
        verb("QuotaService.grant_feature", user, "credits", quantity=1),
        verb("OrderService.create_order", user, [{"sku": "pack"}]),
        consume(user),
        verb("CustomerService.link_identity", user, "telegram", "4711"),
        verb("QuotaService.grant_feature", CustomerRef(user_id=user.pk), "credits", quantity=1),
        consume(CustomerRef(user_id=user.pk)),
    )

    assert Customer.objects.count() == UserLink.objects.count() == 1
    assert balance(user) == 25


def test_an_identity_that_two_customers_link_belongs_to_one(crew: Crew, credits: str) -> None:
    for number in range(ROUNDS):
        refs = [customer(f"{name}-{number}") for name in ("ada", "bob")]
        link = [verb("CustomerService.link_identity", ref, "telegram", str(number)) for ref in refs]

        results = crew.at_once(*link, refusing=IdentityTaken)

        assert (len(results.values), len(results.refusals)) == (1, 1)


def test_a_user_that_two_customers_link_belongs_to_one(crew: Crew, credits: str, user: Any) -> None:
    refs = [customer(name) for name in ("ada", "bob")]

    results = crew.at_once(*[verb("CustomerService.link_user", ref, user) for ref in refs], refusing=UserTaken)

    assert (len(results.values), len(results.refusals)) == (1, 1)
    assert UserLink.objects.get(user=user).customer_id == results.values[0].customer_id


def test_a_user_that_is_linked_and_buys_at_once_has_one_customer(crew: Crew, welcome: None, user: Any) -> None:
    ada = customer("ada")

    results = crew.at_once(
        verb("CustomerService.link_user", ada, user),
        verb("QuotaService.grant_feature", user, "credits", quantity=1),
        refusing=UserTaken,
    )

    own = UserLink.objects.get(user=user).customer_id
    assert (own == ada.customer_id) is (not results.refusals)
    assert Customer.objects.count() == 1 + len(results.refusals)


def test_an_identity_that_is_identified_and_linked_at_once_names_one_customer(crew: Crew, credits: str) -> None:
    for number in range(ROUNDS):
        ada, name = customer(f"ada-{number}"), str(number)
        jobs = [
            verb("CustomerService.identify", "telegram", name),
            verb("CustomerService.link_identity", ada, "telegram", name),
        ]

        results = crew.at_once(*jobs[:: 1 if number % 2 else -1], refusing=IdentityTaken)

        owner = Identity.objects.get(provider="telegram", external_id=name).customer_id
        identified = CustomerService.identify("telegram", name)
        assert identified.customer_id == owner
        assert (owner == ada.customer_id) is (not results.refusals)


def test_strangers_who_come_at_once_are_as_many_customers(crew: Crew, welcome: None) -> None:
    crew.at_once(*[verb("CustomerService.identify", "telegram", str(number)) for number in range(8)])

    report = QuotaService.verify_ledger()

    assert (report.customers, report.grants, report.entries) == (8, 16, 16)
