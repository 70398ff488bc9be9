"""POST /customers/{id}/merge, unmerge, anonymize; GET /customers/state; POST /customers/billing-details."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api

NOBODY = "01a206fe-866f-7769-884f-aaec1fe0e38f"


def test_customers_are_merged_and_parted(api: Api, catalogue: None) -> None:
    anna, bert = api.customer("anna"), api.customer("bert")
    api.granted("pdf_export", 10)

    merged = api.ok(api.post(f"/customers/{bert}/merge", {"absorbed_external_id": "anna", "reason": "one person"}))

    assert (merged["customer_id"], merged["absorbed_id"], merged["reason"]) == (bert, anna, "one person")
    assert (merged["undone_at"], merged["actor"]) == (None, "api:root")
    balance = api.ok(api.get("/balance", external_id="anna"))
    assert (balance["customer_id"], balance["features"][0]["balance"]) == (bert, 10)
    twice = api.post(f"/customers/{bert}/merge", {"absorbed_customer_id": anna})
    assert api.refused(twice, 409, "merge_refused")["reason"] == "already_merged"

    undone = api.ok(api.post(f"/customers/{anna}/unmerge", {}))
    assert (undone["id"], undone["undone_by"]) == (merged["id"], "api:root")
    assert api.ok(api.post(f"/customers/{anna}/unmerge"))["replayed"]
    refusal = api.refused(api.post(f"/customers/{bert}/unmerge", {}), 409, "unmerge_refused")
    assert refusal["reason"] == "not_merged"


def test_a_state_is_one_answer(api: Api, catalogue: None) -> None:
    anna = api.customer("anna")
    api.granted("pdf_export", 10)
    order = api.ok(api.post("/orders", {"external_id": "anna", "items": [{"sku": "pro_monthly"}], "currency": "EUR"}))

    state = api.ok(api.get("/customers/state", external_id="anna"))

    assert (state["customer_id"], state["absorbed"], state["anonymized_at"]) == (anna, [], None)
    assert [(each["feature"], each["balance"]) for each in state["balances"]] == [("pdf_export", 10)]
    assert [each["id"] for each in state["open_orders"]] == [order["id"]]
    assert [state[name] for name in ("holds", "active_periods", "unapplied_payments", "referrals")] == [[]] * 4
    assert [state[name] for name in ("entitlements", "debts", "allowances")] == [[]] * 3
    assert state["referred_by"] is None
    api.refused(api.get("/customers/state", external_id="nobody"), 404, "customer_not_found")
    api.refused(api.get("/customers/state"), 422, "invalid_subject")


def test_billing_details_are_set_and_emptied(api: Api) -> None:
    anna = api.customer("anna")
    body = {"external_id": "anna", "details": {"name": "Anna Ltd", "country": "GB"}}
    assert api.ok(api.post("/customers/billing-details", body)) == {
        "customer_id": anna,
        "billing_details": {"name": "Anna Ltd", "country": "GB"},
    }
    empty = api.ok(api.post("/customers/billing-details", {"external_id": "anna", "details": None}))
    assert empty["billing_details"] == {}
    for details, field in (({"vat": "1"}, "details.vat"), ({"name": 7}, "details.name"), ("Anna", "details")):
        answer = api.post("/customers/billing-details", {"external_id": "anna", "details": details})
        assert api.fields(answer) == [field]
    too_long = {"external_id": "anna", "details": {"tax_id": "x" * 65}}
    assert api.fields(api.post("/customers/billing-details", too_long)) == ["details.tax_id"]
    assert api.fields(api.post("/customers/billing-details", {"external_id": "anna"})) == ["details"]


def test_a_customer_is_anonymized_once(api: Api) -> None:
    anna = api.customer("anna")
    answer = api.ok(api.post(f"/customers/{anna}/anonymize", {"reason": "asked"}))
    assert answer["customer_id"] == anna
    assert answer["anonymized_at"]
    for body in (None, {}):
        api.refused(api.post(f"/customers/{anna}/anonymize", body), 409, "already_anonymized")
    assert api.customer("anna") != anna


@pytest.mark.parametrize("act", ["merge", "unmerge", "anonymize"])
@pytest.mark.parametrize("customer", [NOBODY, "nonsense", "%00"])
def test_a_customer_that_does_not_exist_is_not_found(api: Api, act: str, customer: str) -> None:
    body = {"absorbed_customer_id": api.customer("anna")} if act == "merge" else {}
    api.refused(api.post(f"/customers/{customer}/{act}", body), 404, "customer_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "customer"),
        ({"absorbed_provider": "web"}, "absorbed_external_id"),
        ({"absorbed_customer_id": "x"}, "absorbed_customer_id"),
        ({"absorbed_user_id": True}, "absorbed_user_id"),
        ({"absorbed": "x"}, "absorbed"),
        ({"absorbed_external_id": "b", "reason": 7}, "reason"),
    ],
)
def test_a_merge_that_names_nobody_is_refused(api: Api, body: dict[str, object], field: str) -> None:
    answer = api.post(f"/customers/{api.customer()}/merge", body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
