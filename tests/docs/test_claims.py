"""What pages say in tables and in prose, tried out."""

import json
import re
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from billable.api import api
from billable.errors import WrongSubscriptionState
from billable.models import Subscription
from billable.services import CatalogService, CustomerService, OrderService, SubscriptionService, TrialService
from billable.testing import BillingClock, FakePayments, make_customer
from tests.docs.blocks import DOCS, Block, blocks
from tests.docs.projects import Project

REST = DOCS / "how-to" / "rest.md"
DATABASES = DOCS / "how-to" / "databases.md"

UNKNOWN = {
    "Unknown identity": [{"external_id": "nobody"}],
    "Unknown `user_id` or `customer_id`": [
        {"user_id": 987654},
        {"customer_id": "00000000-0000-4000-8000-000000000000"},
    ],
}
BODIES: dict[str, dict[str, Any]] = {
    "POST /quota/consume": {"feature": "pdf_export"},
    "POST /quota/hold": {"feature": "pdf_export"},
    "POST /orders": {"items": [{"sku": "pack"}]},
    "POST /sales": {"items": [{"sku": "pack"}], "payment_id": "ch_7", "amount": "1.00", "currency": "EUR"},
    "POST /exchanges": {"sku": "pack", "idempotency_key": "swap_7"},
    "POST /grants": {"feature": "pdf_export", "quantity": 1, "idempotency_key": "ticket_311"},
    "POST /trials": {"sku": "trial", "identities": {"email": "new@example.com"}},
    "POST /trials/eligibility": {"sku": "trial", "identities": {"email": "new@example.com"}},
    "GET /quota/check": {"feature": "pdf_export"},
    "GET /balance": {"feature": "pdf_export"},
    "GET /quota/forecast": {"feature": "pdf_export"},
}
# What is asked for when only the feature, or only the SKU, is unknown.
NO_FEATURE = {"feature": "no_feature"}
NO_SKU: dict[str, dict[str, Any]] = {
    "POST /orders": {"items": [{"sku": "no_sku"}]},
    "POST /sales": {"items": [{"sku": "no_sku"}], "payment_id": "ch_8", "amount": "1.00", "currency": "EUR"},
    "POST /grants": {"sku": "no_sku", "idempotency_key": "ticket_312"},
}


def table(page: Path, first: str, second: str) -> list[dict[str, str]]:
    """The rows of the table whose head begins with these two columns."""
    found = re.search(rf"^\| {first} \| {second} \|.*\n(?:\|.*\n)+", page.read_text(), re.MULTILINE)
    assert found, f"{page}: no such table"
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def ask(operation: str, fields: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
    method, path = operation.split()
    client, address = Client(HTTP_AUTHORIZATION=f"Bearer {token}"), f"/api/v1/billing{path}"
    answer = (
        client.get(address, fields)
        if method == "GET"
        else client.post(address, json.dumps(fields), content_type="application/json")
    )
    return answer.status_code, answer.json()


def summary(answer: dict[str, Any]) -> set[str]:
    """What a cell of the table may say of an answer."""
    said = {answer.get("code", "")}
    if answer.get("items") == []:
        said.add("items: []")
    if "balance" in answer:
        said.add(f"balance: {answer['balance']}")
    if "features" in answer:
        said |= {f"balance: {each['balance']}" for each in answer["features"]}
    return said


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", table(REST, "Operation", "Unknown identity"), ids=lambda row: row["Operation"])
def test_who_and_what_is_unknown_is_answered_as_the_table_says(row: dict[str, str], settings: Any) -> None:
    settings.BILLABLE_FINGERPRINT_KEYS = ["fingerprint-key-of-the-tests-0123456789"]
    CatalogService.create_feature("credits")
    CatalogService.create_product(
        "pack", price="1.00", currency="EUR", features=["pdf_export"], quantity=2, unit_prices={"credits": 5}
    )
    CatalogService.create_product("trial", features=["pdf_export"], is_trial=True)
    CustomerService.identify("default", "ada")
    operation, ada = row["Operation"].strip("`"), {"external_id": "ada"}
    usual = BODIES.get(operation, {})
    asked = {
        **{column: [{**usual, **person} for person in people] for column, people in UNKNOWN.items()},
        "Unknown feature": [{**usual, **ada, **NO_FEATURE}],
        "Unknown SKU": [{**ada, **NO_SKU.get(operation, {**usual, "sku": "no_sku"})}],
    }
    for column, requests in asked.items():
        status, *said = re.findall(r"\d{3}|(?<=`)[^`]+(?=`)", row[column]) or [""]
        for fields in requests if status else []:
            got, answer = ask(operation, fields, settings.BILLABLE_API_TOKEN)
            assert got == int(status), (column, answer)
            assert set(said) <= summary(answer), (column, answer)


@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_no_customer_yet_is_treated_as_the_page_says(settings: Any) -> None:
    token, user = settings.BILLABLE_API_TOKEN, {"user_id": User.objects.create_user("ada").pk}
    CatalogService.create_product("pack", price="1.00", currency="EUR", features=["pdf_export"], quantity=2)

    assert ask("POST /quota/consume", {**user, "feature": "pdf_export"}, token)[0] == 402
    assert ask("POST /orders", {**user, "items": [{"sku": "pack"}]}, token)[0] == 200


def test_the_table_of_keys_lists_every_operation_that_takes_one() -> None:
    listed = {re.findall(r"`([^`]+)`", row["Operation"])[0] for row in table(REST, "Operation", "Key over REST")}
    taking = {
        f"{method.upper()} {path.removeprefix('/api/v1/billing')}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
        if any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", ()))
    }

    assert listed == taking


@pytest.mark.django_db(transaction=True)
def test_keys_are_required_used_or_ignored_as_the_table_says(settings: Any) -> None:
    token, ada = settings.BILLABLE_API_TOKEN, {"external_id": "ada"}
    CatalogService.create_product("pack", price="1.00", currency="EUR", features=["pdf_export"], quantity=9)
    assert ask("POST /identify", {**ada, "idempotency_key": "k"}, token)[0] == 200
    assert ask("POST /identify", {"external_id": "bob", "idempotency_key": "k"}, token)[1]["created"]
    given = {**ada, "feature": "pdf_export", "quantity": 9}
    assert ask("POST /grants", given, token)[0] == 422
    (grant,) = ask("POST /grants", {**given, "idempotency_key": "k"}, token)[1]["items"]
    use = {**ada, "feature": "pdf_export"}
    usages = [ask("POST /quota/consume", {**use, "quantity": each}, token)[1]["id"] for each in (1, 2)]
    assert len(set(usages)) == 2
    assert ask(f"POST /quota/usages/{usages[0]}/reverse", {}, token)[0] == 422
    orders = [
        ask("POST /orders", {**ada, "items": [{"sku": "pack"}], **key}, token)[1]["id"]
        for key in ({}, {}, {"idempotency_key": "k"}, {"idempotency_key": "k"})
    ]
    assert len(set(orders)) == 3
    for payment, order in zip(("p1", "p2"), orders[:2], strict=True):
        paid = ask(f"POST /orders/{order}/confirm", {"payment_id": payment, "idempotency_key": "k"}, token)
        assert paid[1]["status"] == "paid"
    assert ask(f"POST /grants/{grant['id']}/revoke", {"quantity": 1}, token)[0] == 422
    assert not ask(f"POST /grants/{grant['id']}/revoke", {"idempotency_key": "k"}, token)[1]["replayed"]
    assert ask(f"POST /grants/{grant['id']}/revoke", {"idempotency_key": "j"}, token)[1]["replayed"]


@pytest.mark.sqlite
def test_flush_is_refused_until_the_triggers_are_taken_away(tmp_path: Path) -> None:
    project = Project.make(tmp_path)
    with (tmp_path / "shop" / "settings.py").open("a") as file:
        file.write('\nINSTALLED_APPS += ["billable"]\nDATABASES["default"]["ENGINE"] = "billable.db.sqlite3"\n')
    project.manage("migrate")
    project.manage("shell", "-c", GIVE)
    with pytest.raises(AssertionError, match="is append-only"):
        project.manage("flush", "--no-input", "--traceback")
    assert "entries: 1" in project.manage("billable_verify")

    project.append(block_with('BILLABLE_APPEND_ONLY = "off"'))
    assert block_with("manage.py flush").text == "python manage.py migrate\npython manage.py flush\n"
    project.manage("migrate")
    project.manage("flush", "--no-input")

    assert "entries: 0" in project.manage("billable_verify")


def block_with(text: str) -> Block:
    (found,) = [block for block in blocks(DATABASES) if text in block.text]
    return found


GIVE = """\
from billable.services import CatalogService, CustomerService, QuotaService
CatalogService.create_feature("pdf_export")
QuotaService.grant_feature(CustomerService.identify("email", "ada@example.com").customer, "pdf_export", quantity=1)
"""


NUMBERS = count()
SUBSCRIPTIONS = DOCS / "how-to" / "subscriptions.md"
ACTS: dict[str, Callable[[Subscription, BillingClock], Any]] = {
    "Renew": lambda row, clock: SubscriptionService.renew_subscription(row),
    "Pause": lambda row, clock: SubscriptionService.pause_subscription(row),
    "Resume": lambda row, clock: SubscriptionService.resume_subscription(row),
    "Cancel": lambda row, clock: SubscriptionService.cancel_subscription(row),
    "Undo cancel": lambda row, clock: SubscriptionService.undo_cancel(row),
    "Extend access": lambda row, clock: SubscriptionService.extend_access(row, clock.after(months=3)),
    "Move billing date": lambda row, clock: SubscriptionService.move_billing_date(row, clock.after(months=2)),
    "Change plan, seats": lambda row, clock: SubscriptionService.change_seats(row, 2),
}


def subscription_that_is(status: str, clock: BillingClock) -> Subscription:
    """Somebody new, who came to have a subscription of this status."""
    customer, payments = make_customer(), FakePayments(name=f"fake-{next(NUMBERS)}")
    if status == "trialing":
        started = TrialService.start_trial(customer, "plan").subscription
        assert started is not None
        return started
    payment = payments.pay(OrderService.create_order(customer, [{"sku": "plan"}]))
    (begun,) = SubscriptionService.list_subscriptions(customer)
    ways: dict[str, Callable[[], Any]] = {
        "active": lambda: None,
        "past_due": lambda: clock.jump_to(begun.paid_until),
        "paused": lambda: SubscriptionService.pause_subscription(begun),
        "cancelled": lambda: SubscriptionService.cancel_subscription(begun),
        "suspended": lambda: payments.dispute(payment),
        "ended": lambda: SubscriptionService.cancel_subscription(begun, at_period_end=False),
    }
    ways[status]()
    return SubscriptionService.get_subscription(begun)


@pytest.mark.parametrize("row", table(SUBSCRIPTIONS, "Status", "Renew"), ids=lambda row: row["Status"])
@pytest.mark.django_db
def test_what_may_be_done_to_a_subscription_is_as_the_table_says(row: dict[str, str], settings: Any) -> None:
    settings.BILLABLE_FINGERPRINT_KEYS = ["fingerprint-key-0123456789"]
    CatalogService.create_product("plan", price="9.00", recurs="1 month", features=["sso"], trial_period="14 days")
    status = row["Status"].split("`")[1]

    for name, act in ACTS.items():
        with BillingClock() as clock:
            subscription = subscription_that_is(status, clock)
            assert subscription.status == status
            try:
                done = not act(subscription, clock).replayed
            except WrongSubscriptionState:
                done = False
            assert done == (row[name] == "yes"), (status, name)
            if row[name] == "now":
                ended = SubscriptionService.cancel_subscription(subscription, at_period_end=False)
                assert ended.status == "ended"


def test_the_glossary_defines_each_word_once() -> None:
    lines = (DOCS / "glossary.md").read_text().splitlines()
    words = [word for term, rest in pairwise(lines) if rest.startswith(": ") for word in term.split(", ")]

    assert sorted({word for word in words if words.count(word) > 1}) == []
