"""The code of the seed's quick start, run as it is written: quick_start.md holds its blocks and calls, unchanged."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client

from billable.models import Order, Usage
from billable.services import CatalogService, CustomerRef, OrderService, QuotaService

QUICK_START = Path(__file__).with_name("quick_start.md").read_text()
BLOCKS = re.findall(r"```(python|json)\n(.*?)```", QUICK_START, re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
(BODY,) = [code for language, code in BLOCKS if language == "json"]
CHECK_AND_CONSUME, CREATE_ORDER = PYTHON
MOUNT = "/api/v1/billing"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create(username="anna")


@pytest.fixture(autouse=True)
def _catalogue() -> None:
    CatalogService.create_product("pdf_pack", price="9.99", currency="EUR", features=["pdf_export"], quantity=2)
    CatalogService.create_product("premium_monthly", price="19", currency="USD", features=["premium"], period="month")


def generate_pdf_report(user: Any, report_id: int) -> None:
    """Run the first block as a module, with the ``report_id`` that it takes from around it, and call its function."""
    module: dict[str, Any] = {"report_id": report_id}
    exec(compile(CHECK_AND_CONSUME, "quick_start.md", "exec"), module)  # noqa: S102  # as written
    module["generate_pdf_report"](user)


def test_the_blocks_are_those_of_the_seed() -> None:
    assert [block.splitlines()[0] for _, block in BLOCKS] == [
        "from billable.services import QuotaService",
        "from billable.services import OrderService",
        "{",
    ]


def test_the_report_is_made_and_counted_for_who_bought_it(user: User, capsys: pytest.CaptureFixture[str]) -> None:
    QuotaService.grant_product(user, "pdf_pack")
    generate_pdf_report(user, report_id=7)
    assert capsys.readouterr().out == "Generating PDF...\n"
    (usage,) = Usage.objects.all()
    assert (usage.idempotency_key, usage.quantity, usage.balance) == ("report_7", 1, 1)


def test_the_same_report_is_counted_once(user: User) -> None:
    QuotaService.grant_product(user, "pdf_pack")
    generate_pdf_report(user, report_id=7)
    generate_pdf_report(user, report_id=7)
    generate_pdf_report(user, report_id=8)
    assert Usage.objects.count() == 2


def test_a_user_without_the_feature_is_told_to_upgrade_and_nothing_is_counted(user: User) -> None:
    with pytest.raises(PermissionError, match=r"^Upgrade required: Nothing that was bought includes this feature\.$"):
        generate_pdf_report(user, report_id=7)
    assert not Usage.objects.exists()


def test_a_user_who_used_everything_up_is_told_to_upgrade(user: User) -> None:
    QuotaService.grant_product(user, "pdf_pack")
    generate_pdf_report(user, report_id=1)
    generate_pdf_report(user, report_id=2)
    with pytest.raises(PermissionError, match="Upgrade required: Not enough units are left"):
        generate_pdf_report(user, report_id=3)
    assert Usage.objects.count() == 2


@pytest.mark.parametrize("stranger", [AnonymousUser(), User(username="unsaved"), CustomerRef(external_id="nobody")])
def test_a_stranger_is_told_to_upgrade(stranger: Any) -> None:
    with pytest.raises(PermissionError, match="Upgrade required"):
        generate_pdf_report(stranger, report_id=7)


def test_the_truth_of_a_check_is_whether_it_allows(user: User) -> None:
    QuotaService.grant_product(user, "pdf_pack")
    answers = dict.fromkeys(("pdf_export", "premium", "unheard_of"), "no")
    for feature in answers:
        if QuotaService.check_quota(user, feature):
            answers[feature] = "yes"
    assert answers == {"pdf_export": "yes", "premium": "no", "unheard_of": "no"}
    assert not QuotaService.check_quota(AnonymousUser(), "pdf_export")


def test_a_check_is_four_values_and_the_same_by_name(user: User) -> None:
    (grant,) = QuotaService.grant_product(user, "pdf_pack")
    check = QuotaService.check_quota(user, "pdf_export")
    is_allowed, msg, product, balance = check
    assert (is_allowed, balance, product) == (True, 2, grant.product)
    assert (check.allowed, check.message, check.product, check.balance) == (is_allowed, msg, product, balance)
    is_allowed, msg, product, balance = QuotaService.check_quota(user, "premium")
    assert (is_allowed, product, balance) == (False, None, 0)
    assert msg


def order_as_written(user: User) -> Order:
    module: dict[str, Any] = {"request": SimpleNamespace(user=user)}
    exec(compile(CREATE_ORDER, "quick_start.md", "exec"), module)  # noqa: S102  # as written
    order: Order = module["order"]
    return order


def test_the_order_is_made_as_written(user: User) -> None:
    order = order_as_written(user)
    assert (order.status, order.total.text(), order.currency) == ("pending", "19.00", "USD")
    assert order.metadata == {"source": "web_checkout"}
    (item,) = order.items.all()
    assert (item.sku, item.quantity) == ("premium_monthly", 1)


def test_the_rest_calls_answer_as_written(user: User) -> None:
    """Identify, balance and the confirmation with the seed's own body, by the seed's own paths."""
    calls = re.findall(r"`(GET|POST) (/\S+)`", QUICK_START)
    assert [f"{method} {path}" for method, path in calls] == [
        f"POST {MOUNT}/identify",
        f"GET {MOUNT}/balance",
        f"POST {MOUNT}/orders/{{order_id}}/confirm",
    ]
    order = order_as_written(user)
    for _ in range(2):
        answer = post(f"/orders/{order.pk}/confirm", BODY)
        assert answer["status"] == "paid"
        assert [payment["payment_id"] for payment in answer["payments"]] == ["stripe_ch_123"]
    identity = post("/identify", json.dumps({"provider": "n8n", "external_id": "anna"}))
    assert identity["created"] is True
    balance = client().get(f"{MOUNT}/balance", {"user_id": user.pk})
    assert [(each["feature"], each["unlimited"]) for each in balance.json()["features"]] == [("premium", True)]
    assert QuotaService.check_quota(user, "premium")
    assert OrderService.get_order(order).status == "paid"


def client() -> Client:
    return Client(headers={"Authorization": f"Bearer {settings.BILLABLE_API_TOKEN}"})


def post(path: str, body: str) -> dict[str, Any]:
    response = client().post(MOUNT + path, body, content_type="application/json")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer
