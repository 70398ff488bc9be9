"""Every page of the admin opens in a browser, with all that it loads, and the large ones show what they should."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NARROW, overflow
from tests.server.processes import Served

pytestmark = pytest.mark.sqlite

TABLES = sorted(model._meta.model_name or "" for model in apps.get_app_config("billable").get_models())
ROWS = ("customer", "order", "grant", "payment", "usage", "ledgerentry", "product", "feature")


@pytest.fixture(scope="package")
def ada(served: Served) -> Mapping[str, Any]:
    """Somebody who paid for a month, ordered more, and used a little."""
    who = {"provider": "telegram", "external_id": "ada"}
    _, customer = served.post("identify", who)
    _, paid = served.post("orders", {**who, "items": [{"sku": "papermill_team_monthly"}], "currency": "EUR"})
    served.post(f"orders/{paid['id']}/confirm", {"payment_id": "pi_ada"})
    served.post("orders", {**who, "items": [{"sku": "papermill_credits_100"}], "currency": "EUR"})
    served.post("quota/consume", {**who, "feature": "papermill_summary", "idempotency_key": "summary-1"})
    return {"customer": customer["customer_id"], "order": paid["id"]}


def address(table: str, page: str = "") -> str:
    return f"/admin/billable/{table}/{page}"


def panel(page: Page, title: str) -> Locator:
    """The table of this title on the page of a row."""
    return page.get_by_role("region", name=title, exact=True)


@pytest.mark.parametrize("table", TABLES)
def test_the_list_opens(staff: Page, ada: Mapping[str, Any], table: str) -> None:
    staff.goto(address(table))

    expect(staff.locator("#changelist")).to_be_visible()


def test_each_form_to_add_opens(staff: Page) -> None:
    staff.goto("/admin/")
    links = staff.locator("#content a.addlink[href^='/admin/billable/']")
    forms = [str(link.get_attribute("href")) for link in links.all()]
    assert [form.split("/")[3] for form in forms] == ["feature", "product", "promotion", "referralprogramme"]

    for form in forms:
        staff.goto(form)
        expect(staff.get_by_role("button", name="Save", exact=True)).to_be_visible()


@pytest.mark.parametrize("table", ROWS)
def test_the_page_of_a_row_opens_and_fits_on_a_narrow_screen(staff: Page, ada: Mapping[str, Any], table: str) -> None:
    staff.goto(address(table))
    staff.locator("#result_list tbody th a").first.click()
    expect(staff.get_by_role("link", name="History")).to_be_visible()

    staff.set_viewport_size(NARROW)

    assert overflow(staff) == 0


def test_the_page_of_a_customer_tells_their_story(staff: Page, ada: Mapping[str, Any]) -> None:
    staff.goto(address("customer", f"{ada['customer']}/change/"))

    expect(panel(staff, "Identities")).to_contain_text("telegram ada", use_inner_text=True)
    expect(panel(staff, "Balances").get_by_role("row", name="papermill_credits")).to_contain_text("95")
    expect(panel(staff, "Grants").get_by_role("row")).to_have_count(1 + 4)
    orders = panel(staff, "Orders")
    expect(orders.get_by_role("row", name="paid 12.00 EUR")).to_be_visible()
    expect(orders.get_by_role("row", name="pending 5.00 EUR")).to_be_visible()
    history = panel(staff, "Ledger history")
    expect(history.get_by_role("row").nth(1)).to_contain_text("−5")

    orders.get_by_role("row", name="paid 12.00 EUR").get_by_role("link").click()
    expect(panel(staff, "Payments")).to_contain_text("pi_ada")
    staff.get_by_role("link", name="History").click()
    expect(staff.get_by_role("heading", name="Change history")).to_be_visible()


def test_the_page_of_a_product_has_its_prices_and_features(staff: Page) -> None:
    staff.goto(address("product", "?q=papermill_team_monthly"))
    staff.get_by_role("link", name="papermill_team_monthly").click()

    prices = staff.locator("#prices-group .form-row.has_original")
    expect(prices).to_have_count(3)
    typed = [[box.input_value() for box in row.get_by_role("textbox").all()] for row in prices.all()]
    assert typed == [["EUR", "12.00"], ["USD", "13.00"], ["XTR", "600"]]
    expect(staff.locator("#lines-group .has_original .select2-selection__rendered")).to_contain_text(
        ["papermill_export", "papermill_sso", "papermill_credits"]
    )


def test_a_product_is_made_by_typing(staff: Page, served: Served) -> None:
    staff.goto(address("product", "add/"))
    staff.get_by_label("SKU").fill("typed_pack")
    staff.get_by_label("Name").fill("A pack")
    prices = staff.locator("#prices-group")
    prices.get_by_text("Add another Price").click()
    for number, (currency, amount) in enumerate((("EUR", "9.5"), ("USD", "10"))):
        row = prices.locator(f"#prices-{number}")
        row.get_by_role("textbox").first.fill(currency)
        row.get_by_role("textbox").last.fill(amount)
    line = staff.locator("#lines-0")
    line.get_by_role("combobox").first.click()
    staff.get_by_role("searchbox").last.fill("summ")
    staff.get_by_role("option", name="papermill_summary").click()
    line.get_by_role("spinbutton").first.fill("25")
    staff.get_by_role("button", name="Save", exact=True).click()

    expect(staff.locator(".messagelist .success")).to_contain_text("typed_pack")
    _, product = served.get("/api/v1/billing/products/typed_pack")
    assert '"amount": "9.50"' in product
    assert '"amount": "10.00"' in product
    assert '"feature": "papermill_summary", "quantity": 25' in product


def test_a_name_that_is_taken_is_refused_beside_its_field(staff: Page) -> None:
    staff.goto(address("feature", "add/"))
    staff.get_by_label("Key").fill("papermill_free")
    staff.get_by_role("button", name="Save", exact=True).click()

    expect(staff.locator(".field-key .errorlist")).to_have_text(
        "The name “papermill_free” is already used in the catalogue."
    )


def test_many_acts_lie_below_the_title_and_apart(staff: Page, ada: Mapping[str, Any]) -> None:
    staff.set_viewport_size(NARROW)
    staff.goto(address("customer", f"{ada['customer']}/change/"))

    title = staff.locator("#content h2").first.bounding_box()
    boxes = [box for act in staff.locator(".object-tools a").all() if (box := act.bounding_box())]

    assert title is not None
    assert all(box["y"] >= title["y"] + title["height"] for box in boxes)
    rows = sorted({box["y"] for box in boxes})
    assert len(rows) > 1
    assert all(lower - upper >= boxes[0]["height"] for upper, lower in pairwise(rows))
