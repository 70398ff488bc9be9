"""The pages of the server that need no login: the root, the API's documentation, and the way in."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, PASSWORD, log_in, overflow
from tests.server.processes import TOKEN, Served

pytestmark = pytest.mark.sqlite

DOCS = "/api/v1/billing/docs"


def test_the_root_leads_to_the_admin(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("billable")

    page.get_by_role("link", name="Admin").click()

    expect(page).to_have_title("Log in | billable")


def test_the_root_leads_to_the_docs_which_list_every_operation(page: Page, served: Served) -> None:
    document = json.loads(served.get("/api/v1/billing/openapi.json")[1])
    described = {(method, path) for path, methods in document["paths"].items() for method in methods}

    page.goto("/")
    page.get_by_role("link", name="API docs").click()

    operations = page.locator(".opblock-summary-path")
    expect(operations).to_have_count(len(described))
    name = "path => [path.closest('.opblock').querySelector('.opblock-summary-method').innerText, path.dataset.path]"
    shown = {(method.lower(), path) for method, path in operations.evaluate_all(f"paths => paths.map({name})")}
    assert shown == described


def test_an_operation_is_tried_out_in_the_docs(page: Page, served: Served) -> None:
    page.goto(DOCS)
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("auth-bearer-value").fill(TOKEN)
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").click()

    operation = page.locator(".opblock", has=page.locator('[data-path="/products/{sku}"]'))
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("sku").fill("papermill_free")
    operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"name": "Papermill Free"')


def test_a_wrong_password_is_answered_in_words_and_the_right_one_opens_the_admin(page: Page) -> None:
    log_in(page, "wrong")
    expect(page.locator(".errornote")).to_contain_text("Please enter the correct username and password")

    log_in(page, PASSWORD)
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()
    expect(page.get_by_role("link", name="Ledger entries").first).to_be_visible()


@pytest.mark.parametrize(("path", "landmark"), [("/", "h1"), (DOCS, ".opblock"), ("/admin/login/", "#login-form")])
def test_a_narrow_screen_needs_no_scrolling_sideways(page: Page, path: str, landmark: str) -> None:
    page.set_viewport_size(NARROW)
    page.goto(path)
    expect(page.locator(landmark).first).to_be_visible()

    assert overflow(page) == 0
