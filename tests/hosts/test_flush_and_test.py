"""``manage.py test`` and ``manage.py flush`` of a host, beside tables that are append-only."""

from __future__ import annotations

import pytest

from tests.hosts.conftest import HostMaker
from tests.hosts.project import Host


@pytest.fixture(scope="module")
def host(make_host: HostMaker) -> Host:
    host = make_host(
        apps=["shop"],
        settings='BILLABLE_APPEND_ONLY = os.environ.get("HOST_APPEND_ONLY", "auto")',
    )
    host.play("flow", "/api/v1/billing/")
    return host


def test_the_tests_of_a_host_run_and_may_flush(host: Host) -> None:
    said = host.manage("test")
    assert "Ran 4 tests" in said
    assert said.rstrip().endswith("OK") or "\nOK\n" in said


def test_flush_is_refused_where_the_books_are_real_and_loses_nothing(host: Host) -> None:
    assert "couldn't be flushed" in host.manage("flush", "--no-input", fails=True)
    assert host.play("books", "count")["entries"] > 0


def test_flush_works_once_the_triggers_were_switched_off(host: Host) -> None:
    host.manage("migrate", HOST_APPEND_ONLY="off")
    host.manage("flush", "--no-input", HOST_APPEND_ONLY="off")
    assert host.play("books", "count")["entries"] == 0
