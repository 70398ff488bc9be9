"""What staff do by clicking, and what the API says about it afterwards."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.server.processes import Served

pytestmark = pytest.mark.sqlite


@pytest.fixture
def order(served: Served, request: pytest.FixtureRequest) -> Any:
    """An order of 5.00 EUR that waits for its payment, of a customer of its own."""
    items = [{"sku": "papermill_credits_100"}]
    return served.post("orders", {"external_id": request.node.name, "items": items, "currency": "EUR"})[1]


@pytest.fixture
def now(served: Served) -> Callable[[Any], Any]:
    """An order as the API shows it now."""
    return lambda order: json.loads(served.get(f"/api/v1/billing/orders/{order['id']}")[1])


def open_order(page: Page, order: Any) -> None:
    page.goto(f"/admin/billable/order/{order['id']}/change/")


def told(page: Page, text: str, *, level: str = "success") -> None:
    """The page says so, in a message that can be seen."""
    expect(page.locator(f".messagelist .{level}")).to_have_text(text)


def test_a_product_is_granted_from_the_page_of_a_customer(staff: Page, served: Served) -> None:
    who = {"external_id": "grateful"}
    customer = served.post("identify", who)[1]["customer_id"]
    staff.goto(f"/admin/billable/customer/{customer}/change/")

    staff.get_by_role("link", name="Grant…").click()
    staff.get_by_label("Product or feature").select_option("papermill_credits_100")
    staff.get_by_label("Quantity").fill("2")
    staff.get_by_label("Reason").fill("an apology")
    staff.get_by_role("button", name="Grant").click()

    told(staff, f"{customer}: granted 2 × papermill_credits_100.")
    grants = staff.get_by_role("region", name="Grants")
    expect(grants.get_by_role("row", name="papermill_credits_100 manual 200 200")).to_be_visible()
    status, balance = served.get("/api/v1/billing/quota/check?external_id=grateful&feature=papermill_credits")
    assert (status, json.loads(balance)["balance"]) == (200, 200)


def test_an_order_is_confirmed_by_hand_with_a_payment_id(staff: Page, order: Any, now: Callable[[Any], Any]) -> None:
    open_order(staff, order)
    staff.get_by_role("link", name="Confirm by hand…").click()
    staff.get_by_role("button", name="Confirm payment").click()
    expect(staff.locator(".field-payment_id .errorlist")).to_have_text("This field is required.")

    staff.get_by_label("Payment id").fill("bank-2026-01")
    staff.get_by_role("button", name="Confirm payment").click()

    told(staff, f"{order['id']}: confirmed payment bank-2026-01 of 5.00 EUR; the order is paid.")
    expect(staff.get_by_role("region", name="Payments")).to_contain_text("bank-2026-01")
    assert now(order)["status"] == "paid"
    assert [payment["payment_id"] for payment in now(order)["payments"]] == ["bank-2026-01"]


def test_an_order_is_cancelled_from_the_list(staff: Page, order: Any, now: Callable[[Any], Any]) -> None:
    staff.goto("/admin/billable/order/")
    staff.locator("#searchbar").fill(order["id"])
    staff.get_by_role("button", name="Search").click()
    staff.locator("#result_list").get_by_role("checkbox").last.check()
    staff.get_by_label("Action:").select_option("Cancel…")
    staff.locator(".actions button").click()

    staff.get_by_label("Reason").fill("ordered twice")
    assert now(order)["status"] == "pending"
    staff.get_by_role("button", name="Cancel the order").click()

    told(staff, f"{order['id']}: cancelled.")
    assert (now(order)["status"], now(order)["reason"]) == ("cancelled", "ordered twice")


def test_a_refusal_is_said_in_words_and_what_was_typed_is_kept(
    staff: Page, served: Served, order: Any, now: Callable[[Any], Any]
) -> None:
    served.post(f"orders/{order['id']}/confirm", {"payment_id": "pi_refusal"})
    open_order(staff, order)

    staff.get_by_role("link", name="Cancel…").click()
    staff.get_by_label("Reason").fill("changed their mind")
    staff.get_by_role("button", name="Cancel the order").click()

    told(staff, f"{order['id']}: The order is paid; it cannot be cancelled.", level="error")
    expect(staff.get_by_label("Reason")).to_have_value("changed their mind")
    assert now(order)["status"] == "paid"
