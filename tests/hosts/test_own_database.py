"""billable in a database of its own, through a router; the users stay where they are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hosts.conftest import HostMaker
from tests.hosts.project import NAME, Host

ROUTER = '''
class BillingRouter:
    """Everything of billable lives in ``billing``, everything else in ``default``."""

    def db_for_read(self, model, **hints):
        return "billing" if model._meta.app_label == "billable" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "billing") == (app_label == "billable")
'''


@pytest.fixture(scope="module")
def host(make_host: HostMaker) -> Host:
    host = make_host(aliases=["default", "billing"], settings=f'DATABASE_ROUTERS = ["{NAME}.router.BillingRouter"]')
    (host.folder / NAME / "router.py").write_text(ROUTER)
    host.manage("migrate")
    host.manage("migrate", "--database", "billing")
    host.play("flow", "/api/v1/billing/")
    return host


def test_the_main_job_runs(host: Host) -> None:
    rest: dict[str, Any] = host.facts["rest"][0]
    assert rest["confirmed"][0] == rest["confirmed"][1]
    assert (rest["consumed"]["balance"], rest["too_much"]["http"]) == (2, 402)
    assert rest["identify"]["user_id"] is not None
    assert host.facts["python"]["after"] == [True, 2]


def test_a_user_is_found_across_the_databases(host: Host) -> None:
    assert host.facts["balance_by_user_id"]["http"] == 200


def test_every_page_of_the_admin_opens(host: Host) -> None:
    assert {page: status for page, status in host.facts["admin"].items() if status != 200} == {}


def test_deleting_a_user_keeps_the_books(host: Host) -> None:
    assert host.facts["deleted"]["same_customer"]
    assert not host.facts["deleted"]["user_exists"]
    assert (host.facts["deleted"]["orders"], host.facts["deleted"]["balance"]) == (1, 2)
    assert host.facts["deleted"]["code_by_user_id"] == "unknown_customer"


def test_the_books_agree_and_are_protected_where_they_are(host: Host) -> None:
    assert host.facts["verify"] == []
