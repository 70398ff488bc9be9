"""Factories, events and assertions."""

from __future__ import annotations

import pytest

from billable.errors import NameTaken
from billable.models import Customer, Grant, Order
from billable.services import CustomerService, OrderService, QuotaService
from billable.testing import (
    assert_balance,
    assert_books_are_right,
    assert_no_grants,
    assert_signal_sent,
    capture_events,
    make_customer,
    make_feature,
    make_grant,
    make_product,
    make_user,
    paid_order,
    run_commit_hooks,
)

pytestmark = pytest.mark.django_db


def test_users_are_of_the_projects_model_and_have_names_of_their_own(django_user_model):
    anna, bert = make_user(first_name="Anna"), make_user()

    assert isinstance(anna, django_user_model)
    assert anna.first_name == "Anna"
    assert anna.username != bert.username
    assert make_user(username="carl").username == "carl"


def test_customers_are_of_a_user_or_of_nobody():
    user = make_user()

    assert make_customer(user) == CustomerService.get_customer(user)
    box = make_customer(make_user(), sandbox=True)
    assert (box.is_sandbox, make_customer().is_sandbox) == (True, False)
    assert CustomerService.user_id_of(box) is not None
    assert Customer.objects.count() == 3


def test_a_feature_is_made_once():
    assert make_feature("pdf", unit="page") == make_feature("pdf")
    make_product("sku")
    with pytest.raises(NameTaken):
        make_feature("sku")


def test_a_product_gives_ten_units_unless_told_otherwise():
    make_product("plain")
    made = make_product("month", price=None, features=["pdf"], quantity=None, period="1 month", is_trial=True)

    assert (made.sku, made.is_trial) == ("month", True)
    customer = make_customer()
    QuotaService.grant_product(customer, "plain")
    assert_balance(customer, "units", 10)
    assert make_product().sku != make_product().sku


def test_a_grant_is_made_without_ceremony():
    user = make_user()
    grant = make_grant(user, "pdf", 5, period="1 week")

    assert isinstance(grant, Grant)
    assert_balance(user, "pdf", 5)
    make_grant(user, "pdf", None)
    assert_balance(user, "pdf", None)


def test_an_order_is_paid():
    user, pack, free = make_user(), make_product("pack"), make_product("free", price="0.00")

    order = paid_order(user, pack, "free", quantity=2, metadata={"a": 1})

    assert isinstance(order, Order)
    assert (order.status, order.total_amount_minor, order.metadata) == ("paid", 2000, {"a": 1})
    assert_balance(user, "units", 40)
    assert paid_order(user, free).status == "paid"
    assert order.invoices.count() == 1


def test_assertions_say_what_is_there():
    user = make_user()
    assert_no_grants(user)
    make_grant(user, "pdf", 3)

    for wrong in (2, None):
        with pytest.raises(AssertionError, match="pdf: 3"):
            assert_balance(user, "pdf", wrong)
    with pytest.raises(AssertionError, match="has pdf: 3"):
        assert_no_grants(user)
    assert_no_grants(user, "other")
    assert_books_are_right()


@pytest.mark.broken_books
def test_books_that_are_wrong_are_told():
    grant = make_grant(make_user())
    Grant.objects.update(remaining=7)
    with pytest.raises(AssertionError, match=str(grant.pk)):
        assert_books_are_right()


def test_events_are_taken_down_with_their_rows():
    user, pack = make_user(), make_product()
    make_customer(user)

    with capture_events() as sent:
        order = OrderService.create_order(user, [{"sku": pack.sku}])
        assert sent == []

    assert sent.names == ["order.created"]
    assert sent.rows("order.created") == [order]
    with capture_events("order.paid") as some:
        paid_order(user, pack)
    assert some.names == ["order.paid"]


def test_a_signal_that_was_not_sent_fails():
    user = make_user()
    with assert_signal_sent("grant.created") as sent:
        make_grant(user)
    assert len(sent.rows("grant.created")) == 1
    with assert_signal_sent("grant.created", times=2):
        make_grant(user)
        make_grant(user)
    with assert_signal_sent("grant.created", times=0):
        pass
    with pytest.raises(AssertionError, match=r"grant.created was sent 1 times, expected 0 times"):
        with assert_signal_sent("grant.created", times=0):
            make_grant(user)
    with pytest.raises(AssertionError, match="expected at least once"):
        with assert_signal_sent("order.paid"):
            make_grant(user)


@pytest.mark.parametrize("ask", [capture_events, assert_signal_sent])
def test_an_event_that_does_not_exist_is_told(ask):
    with pytest.raises(ValueError, match="did you mean"), ask("order_paid"):
        pass


def test_the_fixture_has_what_was_sent_so_far(billing_events):
    make_grant(make_user())
    assert "grant.created" in billing_events.names
    with run_commit_hooks():
        paid_order(make_user(), make_product())
    assert billing_events.rows("order.paid")
