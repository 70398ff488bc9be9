"""A host that configured SQLite as `startproject` does: no immediate transactions, no WAL, a timeout of five seconds.

What the engine opens itself never fails there with "database is locked", and the books are right.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from django.db import connection

from billable.errors import QuotaExceeded, Retryable, TrialAlreadyUsed
from billable.services import CustomerRef
from tests.concurrency.crew import Crew, gate_of_sqlite, write_locked
from tests.concurrency.jobs import after, consume, die_before_the_commit, in_one_transaction, one_after_the_other, verb
from tests.concurrency.worker import Job

pytestmark = pytest.mark.sqlite


@pytest.fixture(scope="module", params=["DELETE", "WAL"])
def file(request: pytest.FixtureRequest, django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty database with our tables, as plain as it gets."""
    file = str(tmp_path_factory.mktemp("plain") / "db.sqlite3")
    with closing(sqlite3.connect(connection.settings_dict["NAME"])) as tables:
        tables.execute("VACUUM INTO ?", [file])
    with closing(sqlite3.connect(file)) as plain:
        assert plain.execute(f"PRAGMA journal_mode = {request.param}").fetchone() == (request.param.lower(),)
    return file


@pytest.fixture(scope="module")
def plain_crew(file: str) -> Iterator[Crew]:
    # Who is starved for five seconds is told so, and must try again: the engine does.
    crew = Crew(gate_of_sqlite(file), overcomes="database is locked", NAME=file, OPTIONS={})
    yield crew
    crew.dismiss()


@pytest.fixture
def here(plain_crew: Crew, request: pytest.FixtureRequest) -> Iterator[Here]:
    host = Here(plain_crew, request.node.name)
    yield host
    report = host.ask(verb("QuotaService.verify_ledger"))
    assert report.ok, report.problems


class Here:
    """The host, who can only be reached through a process of its own."""

    def __init__(self, crew: Crew, test: str) -> None:
        self.crew, self.test = crew, test

    def ask(self, job: Job) -> Any:
        with self.crew.one() as worker:
            outcome = worker.ask(job)
        assert (outcome.traceback, outcome.refusal, outcome.troubles) == ("", None, [])
        return outcome.value

    def customer(self, *, credits: int) -> CustomerRef:
        identified = self.ask(verb("CustomerService.identify", "test", self.test))
        ref = CustomerRef(customer_id=identified.customer_id)
        if not any(feature.key == "credits" for feature in self.ask(verb("CatalogService.list_features"))):
            self.ask(verb("CatalogService.create_feature", "credits"))
        self.ask(verb("QuotaService.grant_feature", ref, "credits", quantity=credits))
        return ref

    def balance(self, ref: CustomerRef) -> Any:
        return self.ask(verb("QuotaService.check_quota", ref, "credits"))[3]


def test_eight_take_what_is_there_and_no_more(here: Here) -> None:
    ref = here.customer(credits=500)

    results = here.crew.at_once(*[consume(ref, quantity=75)] * 8, refusing=QuotaExceeded)

    assert sorted(usage.balance for usage in results.values) == [50, 125, 200, 275, 350, 425]
    assert here.balance(ref) == 50


def test_streams_of_consumes_and_checks_never_find_the_database_locked(here: Here) -> None:
    ref = here.customer(credits=500)
    check = verb("QuotaService.check_quota", ref, "credits")
    stream = one_after_the_other(*[consume(ref), check] * 8)

    here.crew.at_once(*[stream] * 8)

    assert here.balance(ref) == 500 - 64


def test_everything_that_writes_never_finds_the_database_locked(here: Here) -> None:
    ref = here.customer(credits=500)
    pack, taste = {"features": ["credits"], "quantity": 10}, {"features": ["credits"], "quantity": 10, "is_trial": True}
    here.ask(verb("CatalogService.create_product", "pack", price="9.99", **pack))
    here.ask(verb("CatalogService.create_product", "taste", **taste))
    order = here.ask(verb("OrderService.create_order", ref, [{"sku": "pack"}]))
    (grant,) = here.ask(verb("QuotaService.grant_feature", ref, "credits", quantity=10))
    stranger = CustomerRef(provider="telegram", external_id="4711")

    here.crew.at_once(
        verb("CustomerService.identify", "telegram", "4711"),
        verb("TrialService.start_trial", stranger, "taste"),
        verb("OrderService.create_order", stranger, [{"sku": "pack"}]),
        verb("OrderService.confirm_payment", order.pk, payment_id="pi_1"),
        verb("OrderService.confirm_payment", order.pk, payment_id="pi_1"),
        verb("QuotaService.revoke_grant", grant.pk),
        verb("QuotaService.expire_grants"),
        verb("CatalogService.update_product", "taste", name="A taste"),
        consume(ref, quantity=5),
        refusing=TrialAlreadyUsed,
    )

    assert here.balance(ref) == 505
    assert here.balance(stranger) == 10


def test_in_the_callers_deferred_transaction_a_busy_database_is_retryable(here: Here) -> None:
    ref = here.customer(credits=500)
    with write_locked(here.crew.database["NAME"]), here.crew.one() as worker:
        outcome = worker.ask(after("PRAGMA busy_timeout = 20", in_one_transaction(consume(ref))))

    assert isinstance(outcome.refusal, Retryable), outcome
    assert here.balance(ref) == 500


def test_what_a_dead_process_left_half_written_is_undone(here: Here) -> None:
    ref = here.customer(credits=500)
    worker = here.crew.take()

    worker.begin(partial(die_before_the_commit, ref, f"job of {here.test}"))
    worker.wait_for_its_death()

    assert here.balance(ref) == 500
    assert not here.ask(consume(ref, idempotency_key=f"job of {here.test}")).replayed
