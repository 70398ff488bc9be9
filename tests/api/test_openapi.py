"""The API's description of itself."""

import json
from typing import Any

import pytest
from django.test import Client, override_settings
from pydantic import ValidationError

from billable.api.schemas import customers, grants, orders, payments, quota, referrals, trials
from tests.api.conftest import MOUNT, Api

OPERATIONS = {
    ("post", "/identify"),
    ("get", "/balance"),
    ("get", "/entitlements"),
    ("get", "/debts"),
    ("get", "/customers/state"),
    ("post", "/customers/billing-details"),
    ("post", "/customers/{customer_id}/clock/advance"),
    ("post", "/customers/{customer_id}/merge"),
    ("post", "/customers/{customer_id}/unmerge"),
    ("post", "/customers/{customer_id}/anonymize"),
    ("get", "/quota/check"),
    ("post", "/quota/consume"),
    ("post", "/quota/hold"),
    ("get", "/holds"),
    ("get", "/holds/{hold_id}"),
    ("post", "/holds/{hold_id}/capture"),
    ("post", "/holds/{hold_id}/release"),
    ("post", "/holds/{hold_id}/extend"),
    ("get", "/allowances"),
    ("get", "/allowances/{allowance_id}"),
    ("post", "/allowances/{allowance_id}/revoke"),
    ("post", "/quota/usages/{usage_id}/reverse"),
    ("get", "/products"),
    ("get", "/products/{sku}"),
    ("post", "/products/{sku}/roll-out"),
    ("get", "/features"),
    ("post", "/orders"),
    ("get", "/orders"),
    ("get", "/orders/{order_id}"),
    ("post", "/orders/{order_id}/confirm"),
    ("post", "/orders/{order_id}/cancel"),
    ("post", "/orders/{order_id}/refunds"),
    ("get", "/orders/{order_id}/refunds"),
    ("post", "/orders/{order_id}/refunds/quote"),
    ("post", "/refunds"),
    ("get", "/refunds"),
    ("get", "/refunds/{refund_id}"),
    ("get", "/invoices"),
    ("get", "/invoices/{invoice_id}"),
    ("get", "/invoices/{invoice_id}/html"),
    ("get", "/invoices/{invoice_id}/pdf"),
    ("get", "/payments"),
    ("post", "/payments/{payment_id}/apply"),
    ("post", "/payments/{payment_id}/return"),
    ("post", "/payments/{payment_id}/dispute"),
    ("get", "/disputes"),
    ("get", "/disputes/{dispute_id}"),
    ("post", "/disputes/{dispute_id}/resolve"),
    ("post", "/sales"),
    ("get", "/grants"),
    ("post", "/promotions/check"),
    ("post", "/exchanges"),
    ("get", "/exchanges"),
    ("get", "/exchanges/{exchange_id}"),
    ("post", "/exchanges/{exchange_id}/refund"),
    ("post", "/grants"),
    ("post", "/grants/{grant_id}/revoke"),
    ("post", "/trials"),
    ("post", "/trials/eligibility"),
    ("get", "/subscriptions"),
    ("get", "/subscriptions/{subscription_id}"),
    ("post", "/subscriptions/{subscription_id}/renew"),
    ("post", "/subscriptions/{subscription_id}/cancel"),
    ("post", "/subscriptions/{subscription_id}/undo-cancel"),
    ("post", "/subscriptions/{subscription_id}/pause"),
    ("post", "/subscriptions/{subscription_id}/resume"),
    ("post", "/subscriptions/{subscription_id}/extend-access"),
    ("post", "/subscriptions/{subscription_id}/move-billing-date"),
    ("post", "/subscriptions/{subscription_id}/preview"),
    ("post", "/subscriptions/{subscription_id}/change"),
    ("post", "/subscriptions/{subscription_id}/seats"),
    ("post", "/subscriptions/{subscription_id}/undo-change"),
    ("post", "/referrals"),
    ("get", "/referrals"),
    ("get", "/referrals/stats"),
    ("post", "/referrals/{referral_id}/claim"),
    ("get", "/history"),
    ("get", "/alerts"),
    ("get", "/quota/expiring"),
    ("get", "/quota/forecast"),
}


@pytest.fixture
def document() -> Any:
    with override_settings(BILLABLE_SHOW_DOCS=True):
        return Client().get(f"{MOUNT}/openapi.json").json()


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method, path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/swagger-ui-bundle.js"])
def test_documentation_is_there_when_it_is_switched_on(path: str) -> None:
    with override_settings(BILLABLE_SHOW_DOCS=False):
        Api().refused(Client().get(MOUNT + path), 404, "not_found")
    with override_settings(BILLABLE_SHOW_DOCS=True):
        assert Client().get(MOUNT + path).status_code == 200


def test_documentation_needs_nobody_elses_server() -> None:
    with override_settings(BILLABLE_SHOW_DOCS=True, BILLABLE_API_TITLE="<Shop> API"):
        html = Client().get(f"{MOUNT}/docs").content.decode()

    assert "://" not in html
    assert "<title>&lt;Shop&gt; API</title>" in html


def test_every_operation_is_described_under_its_own_name(document: Any) -> None:
    described = operations(document)

    assert set(described) == OPERATIONS
    assert len({operation["operationId"] for operation in described.values()}) == len(OPERATIONS)
    assert all(operation["description"] for operation in described.values())


def test_every_operation_declares_its_problems(document: Any) -> None:
    for (method, path), operation in operations(document).items():
        statuses = set(operation["responses"])
        assert {"200", "400", "401", "422", "503"} <= statuses, path
        assert ({"413", "415"} <= statuses) == (method == "post"), path
        for status in statuses - {"200"}:
            content = operation["responses"][status]["content"]
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_operation_needs_the_token(document: Any) -> None:
    assert document["components"]["securitySchemes"] == {"BearerToken": {"type": "http", "scheme": "bearer"}}
    assert all(operation["security"] == [{"BearerToken": []}] for operation in operations(document).values())


def test_what_writes_takes_a_key(document: Any) -> None:
    for (method, path), operation in operations(document).items():
        headers = [each["name"] for each in operation["parameters"] if each["in"] == "header"]
        writes = method == "post" and path not in ("/trials/eligibility", "/promotions/check")
        assert headers == (["Idempotency-Key"] if writes else []), path


def test_the_title_is_the_hosts(db: None) -> None:
    with override_settings(BILLABLE_SHOW_DOCS=True, BILLABLE_API_TITLE="Acme billing"):
        assert Client().get(f"{MOUNT}/openapi.json").json()["info"]["title"] == "Acme billing"


def test_no_secret_or_setting_stands_in_it(document: Any, settings: Any) -> None:
    assert settings.BILLABLE_API_TOKEN not in json.dumps(document)


@pytest.mark.parametrize(
    "body",
    [
        customers.IdentifyIn,
        quota.ConsumeIn,
        quota.ReverseIn,
        orders.OrderIn,
        orders.ConfirmIn,
        payments.ApplyIn,
        payments.SaleIn,
        payments.DisputeIn,
        payments.ResolveIn,
        referrals.ReferralIn,
        grants.GrantIn,
        grants.RevokeIn,
        trials.TrialIn,
        trials.EligibilityIn,
    ],
)
def test_the_examples_are_right(body: Any) -> None:
    examples = body.model_config["json_schema_extra"]["examples"]

    assert examples
    for example in examples:
        body.model_validate(example)
    with pytest.raises(ValidationError):
        body.model_validate({**examples[0], "surprise": 1})
