"""What every test shares: which backend it runs on, and that nothing is skipped quietly."""

import gc
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BACKENDS = ("sqlite", "postgresql")
BACKEND = os.environ.get("BILLABLE_TEST_BACKEND", "sqlite")
ROOT = Path(__file__).parent

# A skip is honest only when the machine cannot run the test, and its reason says so with these words.
MACHINE_CANNOT = "this machine"


pytest_plugins = ["billable.testing.plugin", "tests.fixtures"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "broken_books: breaks the books on purpose")
    for backend in BACKENDS:
        config.addinivalue_line("markers", f"{backend}: runs on {backend} only (left out elsewhere, not skipped)")


def pytest_report_header() -> str:
    return f"billable: on {BACKEND}"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Tests without a database say the same on every backend: once is enough."""
    return True if BACKEND != "sqlite" and collection_path == ROOT / "pure" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [backend for backend in BACKENDS if backend != BACKEND]
    elsewhere = [
        item
        for item in items
        if not item.get_closest_marker(BACKEND) and any(item.get_closest_marker(other) for other in others)
    ]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in set(elsewhere)]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded by now stays to the end: the collector need not look at it again after every few tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The test database, named to the processes that tests start (see settings.py)."""
    from django.db import connection

    os.environ["BILLABLE_TEST_DATABASE_NAME"] = str(connection.settings_dict["NAME"])
    yield
    del os.environ["BILLABLE_TEST_DATABASE_NAME"]


class Tally:
    """Counts outcomes for `python -m tests`, and in CI fails the run for a skip that hides something."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("passed", "failed", "errors", "skipped", "xfailed"), 0)
        self.hidden: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.counts["failed" if report.when == "call" else "errors"] += 1
        elif report.skipped:
            self.skip(report)
        elif report.when == "call":
            self.counts["passed"] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.counts["errors"] += 1
        elif report.skipped:
            self.skip(report)

    def skip(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if hasattr(report, "wasxfail"):
            self.counts["xfailed"] += 1
            return
        self.counts["skipped"] += 1
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MACHINE_CANNOT not in reason or "postgres" in reason.lower():
            self.hidden.append(f"{report.nodeid}: {reason}")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.hidden and os.environ.get("CI") and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if path := os.environ.get("BILLABLE_TEST_TALLY"):
            Path(path).write_text(json.dumps(self.counts))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.hidden and os.environ.get("CI"):
            terminalreporter.section("skipped in CI: a failure", red=True)
            for line in self.hidden:
                terminalreporter.line(line)


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(Tally(), "billable-tally")
