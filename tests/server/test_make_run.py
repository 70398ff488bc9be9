"""What a newcomer sees: `make run`, which is `python -m billable`."""

# ruff: noqa: S310  # only addresses that we serve on

import json
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from tests.server.processes import ANSWER_SECONDS, STOP_SECONDS, Served, billable, environment, serving

pytestmark = pytest.mark.sqlite


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("make run") / "it's home"  # a name that a shell would trip over


@pytest.fixture(scope="module")
def demo(home: Path) -> Iterator[Served]:
    with serving(home=home) as served:
        served.token = (home / "token").read_text().strip()
        yield served


def test_it_answers_live_and_says_at_the_root_what_is_where(demo: Served) -> None:
    assert demo.get("/health/live") == (200, "ok\n")
    assert demo.get("/favicon.ico") == (204, "")
    status, page = demo.get("/")
    assert status == 200
    assert "/admin/" in page
    assert "/api/v1/billing/docs" in page
    assert "API base: <code>/api/v1/billing/</code>" in page


def test_every_printed_address_answers(demo: Served) -> None:
    addresses = re.findall(r"^  (?:API docs|API base|admin) +http://[^/]+(\S+)", demo.told, re.MULTILINE)

    assert addresses == ["/api/v1/billing/docs", "/api/v1/billing/", "/admin/"]
    assert [demo.get(address)[0] for address in addresses] == [200, 200, 200]
    assert demo.get("/api/v1/billing/") == demo.get("/api/v1/billing/docs")


def test_admin_and_docs_bring_their_static_files(demo: Served) -> None:
    for path in ("/static/admin/css/base.css", "/api/v1/billing/docs"):
        assert demo.get(path)[0] == 200
    for path in re.findall(r'(?:src|href)="(/[^"]+)"', demo.get("/api/v1/billing/docs")[1]):
        assert demo.get(path)[0] == 200


def test_the_three_printed_lines_work_when_pasted(demo: Served, home: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("this machine has no curl")
    lines = [line for line in demo.told.splitlines() if line.startswith("curl ")]

    answers = [pasted(line, home) for line in lines]

    assert len(lines) == 3
    assert not any(demo.token in line for line in lines)
    customer, order, usage = answers
    assert customer["created"] is True
    assert (order["status"], order["total_amount"], order["currency"]) == ("pending", "12.00", "EUR")
    assert (usage["feature"], usage["balance"], usage["replayed"]) == ("papermill_export", 4, False)
    assert pasted(lines[2], home) == {**usage, "replayed": True}


def test_it_tells_the_token_and_a_login_that_works(demo: Served) -> None:
    assert demo.token in demo.told
    assert logs_in(demo, told_password(demo))


def test_every_secret_is_a_file_of_its_owner_alone(demo: Served, home: Path) -> None:
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir() if path.is_file()}

    assert {"token", "secret-key", "fingerprint-keys", "billable.sqlite3"} <= set(files)
    assert [name for name, mode in files.items() if mode & 0o077] == []
    assert told_password(demo).encode() not in (home / "billable.sqlite3").read_bytes()


def test_other_commands_work_on_the_same_database_while_it_serves(demo: Served, home: Path) -> None:
    demo.post("identify", {"external_id": "beside"})

    proof = billable("verify", home=home)

    assert proof.returncode == 0, proof.stderr
    assert re.search(r"^customers: [1-9]\d*, .*: all is well$", proof.stdout.strip())
    assert billable("manage", "check", "--database", "default", home=home).returncode == 0


def test_data_secrets_and_login_survive_a_restart_and_no_secret_is_told_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home=home) as first:
        first.token = (home / "token").read_text().strip()
        password = told_password(first)
        first.post("identify", {"external_id": "ada"})
        assert first.stop() == 0

    with serving("serve", home=home) as second:
        second.token = first.token
        status, again = second.post("identify", {"external_id": "ada"})
        assert (status, again["created"]) == (200, False)
        assert logs_in(second, password)
        assert first.token not in second.told
        assert "user admin, password" not in second.told
        assert str(home / "token") in second.told
        second.process.send_signal(signal.SIGHUP)  # the terminal was closed
        assert second.process.wait(STOP_SECONDS) == 0


def pasted(line: str, home: Path) -> dict[str, object]:
    shell = subprocess.run(
        ["sh", "-c", line],
        env=environment(home, {}),
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
        check=True,
    )
    answer: dict[str, object] = json.loads(shell.stdout)
    return answer


def told_password(served: Served) -> str:
    found = re.search(r"user admin, password (\S+)", served.told)
    assert found, served.told
    return found[1]


def logs_in(served: Served, password: str) -> bool:
    """Whether the admin's own form lets this password in."""
    cookies = CookieJar()
    browser = build_opener(HTTPCookieProcessor(cookies))
    page = f"{served.url}/admin/login/?next=/admin/"
    browser.open(page, timeout=ANSWER_SECONDS).close()
    csrf = next(cookie.value for cookie in cookies if cookie.name == "csrftoken")
    form = urlencode({"username": "admin", "password": password, "csrfmiddlewaretoken": csrf})
    with browser.open(Request(page, data=form.encode()), timeout=ANSWER_SECONDS) as answer:
        return str(answer.url) == f"{served.url}/admin/"
