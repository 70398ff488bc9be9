"""A real browser at a real server: what a person in front of a screen gets.

Everything goes over HTTP, nothing through Django's models: the browser keeps an event loop in this thread, in which
Django refuses to query. That is also why it ends with the last test of this package.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.server.processes import TOKEN, Served, billable, serving

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # it sees our own pages only, and in a container it runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no page may need another machine
)
PATIENCE_MILLISECONDS = 40_000

WIDE: ViewportSize = {"width": 1280, "height": 800}
NARROW: ViewportSize = {"width": 390, "height": 844}

STAFF = "staff"
PASSWORD = "password-of-a-served-test"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests. `playwright install` is not needed: it drives the one that is there."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("this machine has no chromium")
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests, with the demo catalogue. Its token and its login are no secrets."""
    home = tmp_path_factory.mktemp("browser") / "home"
    with serving("serve", "--demo", home=home, BILLABLE_API_TOKEN=TOKEN) as served:
        login = {"DJANGO_SUPERUSER_USERNAME": STAFF, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
        made = billable("manage", "createsuperuser", "--noinput", "--email=staff@example.org", home=home, **login)
        assert made.returncode == 0, made.stderr
        yield served


@dataclass
class Watch:
    """What went wrong in a browser, whether a person would have seen it or not."""

    url: str
    troubles: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self.console)
        context.on("weberror", lambda error: self.troubles.append(f"uncaught: {error.error}"))
        context.on("request", self.request)
        context.on("requestfailed", self.failed)
        context.on("response", self.response)

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text} ({message.location['url']})")

    def request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "blob:")):
            self.troubles.append(f"asked another server: {request.url}")

    def failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # who leaves a page, leaves what it was still loading
            self.troubles.append(f"{request.failure}: {request.url}")

    def response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.status}: {response.url}")


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[tuple[Page, Watch]]:
    """A page of a browser that was never here, and who watches it."""
    context = browser.new_context(base_url=url, viewport=WIDE)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    watch = Watch(url)
    watch.listen(context)
    yield context.new_page(), watch
    context.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page of a browser that was never here. Whatever goes wrong in it fails the test."""
    with opened(browser, served.url) as (page, watch):
        yield page
    assert not watch.troubles, "\n".join(watch.troubles)


@pytest.fixture(scope="package")
def logged_in(browser: Browser, served: Served) -> Iterator[tuple[Page, Watch]]:
    with opened(browser, served.url) as (page, watch):
        log_in(page, PASSWORD)
        page.wait_for_url("**/admin/")
        yield page, watch


@pytest.fixture
def staff(logged_in: tuple[Page, Watch]) -> Iterator[Page]:
    """The page of somebody who has logged in to the admin, and works in one tab all day."""
    page, watch = logged_in
    page.set_viewport_size(WIDE)
    yield page
    troubles, watch.troubles = watch.troubles, []
    assert not troubles, "\n".join(troubles)


def log_in(page: Page, password: str) -> None:
    page.goto("/admin/login/?next=/admin/")
    page.get_by_label("Username").fill(STAFF)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    root = "document.documentElement"
    wider: int = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
    return wider
