"""`billable demo`."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billable.management.commands import billable_demo
from tests.server.processes import billable, serving

pytestmark = pytest.mark.sqlite


def test_it_plays_the_whole_flow_on_a_server_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"

    demo = billable("demo", home=home)

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "All 18 answers are as documented." in demo.stdout
    assert "quota_exceeded" in demo.stdout
    assert "trial_already_used" in demo.stdout
    assert "all is well" in demo.stdout
    assert not home.exists()


def test_it_plays_on_a_running_server_again_and_again(tmp_path: Path) -> None:
    with serving(home=tmp_path / "home") as served:
        token = (tmp_path / "home" / "token").read_text().strip()
        for _ in range(2):
            demo = billable("demo", "--url", served.url, "--token", token, home=tmp_path / "other")
            assert demo.returncode == 0, demo.stdout + demo.stderr
            assert token not in demo.stdout
        known = billable("demo", "--url", served.url, home=tmp_path / "home")
        assert known.returncode == 0, known.stdout + known.stderr
        assert token not in known.stdout
        wrong = billable("demo", "--url", served.url, "--token", "wrong", home=tmp_path / "other")
        assert wrong.returncode == 1
        assert "expected status 200, got 401" in wrong.stderr


class Confused(BaseHTTPRequestHandler):
    """Answers everything with the same page."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>It works!</h1>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def confused_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Confused) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_answers_that_are_not_as_documented_fail_it(confused_url: str) -> None:
    with pytest.raises(CommandError, match="step 1: expected created true"):
        call_command("billable_demo", "--url", confused_url, "--token", "x")


def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(CommandError, match="does not answer"):
        call_command("billable_demo", "--url", "http://127.0.0.1:1", "--token", "x")


def test_without_a_home_a_url_needs_its_token(tmp_path: Path) -> None:
    refusal = billable("demo", "--url", "http://127.0.0.1:1", home=tmp_path / "home")

    assert refusal.returncode == 1
    (line,) = refusal.stderr.splitlines()
    assert "--token" in line
    assert not (tmp_path / "home").exists()


def test_in_a_project_the_token_is_the_one_of_its_settings(settings: Any) -> None:
    with pytest.raises(CommandError, match="does not answer"):
        call_command("billable_demo", "--url", "http://127.0.0.1:1")
    settings.BILLABLE_API_TOKEN = ""
    with pytest.raises(CommandError, match="no API token here"):
        call_command("billable_demo", "--url", "http://127.0.0.1:1")


def test_a_token_is_of_no_use_without_its_url() -> None:
    with pytest.raises(CommandError, match="--url"):
        call_command("billable_demo", "--token", "x")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "127.0.0.1:8000", "http://"])
def test_only_addresses_of_http_are_taken(url: str) -> None:
    with pytest.raises(CommandError, match="is not an http address"):
        call_command("billable_demo", "--url", url, "--token", "x")


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://h:1", "http://h:1/api/v1/billing/"),
        ("http://h:1/", "http://h:1/api/v1/billing/"),
        ("https://h/shop/billing", "https://h/shop/billing/"),
    ],
)
def test_the_api_may_be_mounted_elsewhere(url: str, api: str) -> None:
    assert billable_demo.api_url(url) == api
