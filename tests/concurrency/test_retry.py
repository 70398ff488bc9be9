"""When the database says "again": the engine tries again where it may, and says Retryable where only the caller can."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from billable.db.units import TRIES
from billable.errors import Retryable
from billable.models import Grant, Usage
from billable.services import CustomerRef
from tests.concurrency.conftest import balance
from tests.concurrency.crew import Crew, another_session, wait_until, waiting, write_locked
from tests.concurrency.jobs import after, consume, in_one_transaction
from tests.concurrency.worker import Job, Outcome

Collision = Callable[[Crew, CustomerRef, Job], Outcome]

LOCK_CUSTOMER = "SELECT 1 FROM billable_customer WHERE id = %s FOR UPDATE"
LOCK_GRANT = "SELECT 1 FROM billable_grant WHERE id = %s FOR UPDATE"


def ring(crew: Crew, ref: CustomerRef, job: Job) -> Outcome:
    """Close a ring around a consume: it holds the customer and waits for the grant, the test the other way round.

    PostgreSQL ends the one that has waited longer, and that is the consume.
    """
    with another_session() as (execute, fetch), crew.one() as worker:
        execute("BEGIN")
        execute(LOCK_GRANT, [Grant.objects.get().pk])
        worker.begin(job)
        wait_until(lambda: waiting(fetch) == 1, "the worker waits for the grant")
        execute(LOCK_CUSTOMER, [ref.customer_id])
        execute("COMMIT")
        outcome: Outcome = worker.receive()
    assert "deadlock detected" in outcome.troubles[0]
    return outcome


def overtaken(crew: Crew, ref: CustomerRef, job: Job) -> Outcome:
    """Change the customer's row while a repeatable-read transaction waits for it."""
    isolated = after("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ", job)
    with another_session() as (execute, fetch), crew.one() as worker:
        execute("BEGIN")
        execute("UPDATE billable_customer SET zone = zone WHERE id = %s", [ref.customer_id])
        worker.begin(isolated)
        wait_until(lambda: waiting(fetch) == 1, "the worker waits for the customer")
        execute("COMMIT")
        outcome: Outcome = worker.receive()
    assert "could not serialize access" in outcome.troubles[0]
    return outcome


@pytest.mark.postgresql
@pytest.mark.parametrize("collide", [ring, overtaken])
def test_a_deadlock_or_serialization_failure_is_tried_again(crew: Crew, ref: CustomerRef, collide: Collision) -> None:
    outcome = collide(crew, ref, consume(ref, quantity=75, idempotency_key="job"))

    assert outcome.refusal is None, outcome.refusal
    assert (outcome.value.balance, outcome.value.replayed) == (425, False)
    assert outcome.tries == 2
    assert balance(ref) == 425


@pytest.mark.postgresql
@pytest.mark.parametrize("collide", [ring, overtaken])
def test_in_the_callers_transaction_it_is_the_caller_who_must_try_again(
    crew: Crew, ref: CustomerRef, collide: Collision
) -> None:
    outcome = collide(crew, ref, in_one_transaction(consume(ref, quantity=75, idempotency_key="job")))

    assert isinstance(outcome.refusal, Retryable), outcome
    assert outcome.tries == 1
    assert balance(ref) == 500
    with crew.one() as worker:
        assert worker.ask(consume(ref, quantity=75, idempotency_key="job")).value.balance == 425


@pytest.mark.postgresql
@pytest.mark.parametrize("in_callers_transaction", [False, True])
def test_a_lock_that_is_never_given_back_ends_in_retryable(
    crew: Crew, ref: CustomerRef, in_callers_transaction: bool
) -> None:
    job = in_one_transaction(consume(ref)) if in_callers_transaction else consume(ref)
    with another_session() as (execute, _), crew.one() as worker:
        execute("BEGIN")
        execute(LOCK_CUSTOMER, [ref.customer_id])
        outcome = worker.ask(after("SET lock_timeout = '20ms'", job))
        execute("ROLLBACK")

    assert isinstance(outcome.refusal, Retryable), outcome
    assert outcome.tries == (1 if in_callers_transaction else TRIES)
    assert not Usage.objects.exists()


@pytest.mark.sqlite
def test_a_database_that_stays_busy_ends_in_retryable(crew: Crew, ref: CustomerRef) -> None:
    with write_locked(connection.settings_dict["NAME"]), crew.one() as worker:
        outcome = worker.ask(after("PRAGMA busy_timeout = 20", consume(ref)))

    assert isinstance(outcome.refusal, Retryable), outcome
    assert outcome.tries == TRIES
    assert set(outcome.troubles) == {"database is locked"}
    assert not Usage.objects.exists()


@pytest.mark.sqlite
def test_a_database_that_is_busy_for_a_while_is_waited_for(crew: Crew, ref: CustomerRef) -> None:
    with crew.one() as worker:
        with write_locked(connection.settings_dict["NAME"]):
            worker.begin(consume(ref, quantity=75))
        outcome = worker.receive()

    assert outcome.value.balance == 425
    assert not outcome.troubles


def test_a_refusal_is_final_and_not_tried_again(crew: Crew, ref: CustomerRef) -> None:
    with crew.one() as worker:
        outcome = worker.ask(consume(ref, quantity=501))

    assert outcome.tries == 1
    assert outcome.refusal is not None
    assert balance(ref) == 500
