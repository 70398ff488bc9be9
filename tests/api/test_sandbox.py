"""Sandbox customers over REST: POST /identify, POST /customers/{id}/clock/advance, and lists without them."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api


@pytest.fixture
def box(api: Api) -> str:
    """The id of a sandbox customer."""
    made = api.ok(api.post("/identify", {"external_id": "box", "sandbox": True}))
    assert (made["created"], made["is_sandbox"]) == (True, True)
    return str(made["customer_id"])


def advance(api: Api, customer: str, body: object, **headers: str) -> object:
    return api.post(f"/customers/{customer}/clock/advance", body, **headers)


def test_a_clock_is_moved(api: Api, catalogue: None, box: str) -> None:
    before = api.ok(api.get("/customers/state", external_id="box"))

    moved = api.ok(advance(api, box, {"days": 2, "hours": 1, "idempotency_key": "k"}))

    assert set(moved) == {"customer_id", "from_at", "to_at", "steps", "replayed"}
    assert (moved["customer_id"], moved["steps"], moved["replayed"]) == (box, [], False)
    after = api.ok(api.get("/customers/state", external_id="box"))
    assert (before["is_sandbox"], before["now"] < moved["to_at"] <= after["now"]) == (True, True)
    again = api.ok(advance(api, box, {"days": 2, "hours": 1, "idempotency_key": "k"}))
    assert again == {**moved, "replayed": True}
    assert api.refused(advance(api, box, {"days": 3, "idempotency_key": "k"}), 409, "idempotency_conflict")


def test_what_falls_due_is_told(api: Api, catalogue: None, box: str) -> None:
    api.ok(
        api.post(
            "/grants",
            {
                "customer_id": box,
                "feature": "pdf_export",
                "quantity": 1,
                "expires_at": "2099-01-01T00:00:00Z",
                "idempotency_key": "g",
            },
        )
    )
    for year in (2034, 2042, 2050, 2058, 2066, 2074, 2082, 2090, 2098):
        api.ok(advance(api, box, {"to": f"{year}-12-31T00:00:00Z"}))

    assert api.ok(advance(api, box, {"days": 2}))["steps"][-1] == {"name": "grants_and_holds", "done": 1}


def test_a_real_customer_is_refused(api: Api, catalogue: None) -> None:
    anna = api.customer("anna")
    assert api.refused(advance(api, anna, {"days": 1}), 409, "not_sandbox")["customer"] == anna
    assert api.refused(api.post("/identify", {"external_id": "anna", "sandbox": True}), 409, "not_sandbox")
    assert not api.ok(api.post("/identify", {"external_id": "anna"}))["is_sandbox"]
    for nobody in ("01a206fe-866f-7769-884f-aaec1fe0e38f", "anna"):
        api.refused(advance(api, nobody, {"days": 1}), 404, "customer_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"days": "1"}, "days"),
        ({"days": 1.0}, "days"),
        ({"days": True}, "days"),
        ({"days": -1}, "days"),
        ({"days": 10**30}, "days"),
        ({"months": 10**6}, "months"),
        ({"to": "2001-01-01T00:00:00Z"}, "to"),
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"to": "2030-01-01"}, "to"),
        ({"to": 7}, "to"),
        ({"to": "2030-01-01T00:00:00Z", "days": 1}, "to"),
        ({"years": 1}, "years"),
    ],
)
def test_bad_input_names_its_field(api: Api, box: str, body: object, field: str) -> None:
    assert api.fields(advance(api, box, body)) == [field]


@pytest.mark.parametrize("said", ["true", 1, None])
def test_whether_it_is_one_is_true_or_false(api: Api, said: object) -> None:
    assert api.fields(api.post("/identify", {"external_id": "box", "sandbox": said})) == ["sandbox"]


def test_lists_leave_the_sandbox_out(api: Api, catalogue: None, box: str) -> None:
    api.customer("anna")
    orders = {}
    for name in ("anna", "box"):
        body = {"external_id": name, "items": [{"sku": "pro_monthly"}], "currency": "EUR"}
        orders[name] = api.ok(api.post("/orders", body))["id"]
        api.ok(api.post(f"/orders/{orders[name]}/confirm", {"payment_id": f"p-{name}"}))
        api.ok(api.post(f"/orders/{orders[name]}/refunds", {"refund_id": f"r-{name}"}))

    for path, column in (("/orders", "id"), ("/payments", "order_id"), ("/refunds", "order_id")):
        both, real, box_only = (
            [each[column] for each in api.ok(api.get(path, **said))["items"]]
            for said in ({}, {"sandbox": "false"}, {"sandbox": "true"})
        )
        assert (sorted(both), real, box_only) == (sorted(orders.values()), [orders["anna"]], [orders["box"]])
    for path in ("/orders", "/payments", "/refunds", "/disputes", "/invoices", "/subscriptions"):
        assert api.fields(api.get(path, sandbox="no")) == ["sandbox"]
        assert api.ok(api.get(path, external_id="anna", sandbox="true"))["items"] == []
