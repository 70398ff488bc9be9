"""The side of the tests: hire processes, let them act at once, look at what came of it."""

from __future__ import annotations

import multiprocessing
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from tests.concurrency.worker import BEGUN, READY, Job, Outcome
from tests.concurrency.worker import main as work

PATIENCE_SECONDS = 60

NURSERY = multiprocessing.get_context("forkserver")
NURSERY.set_forkserver_preload(["tests.concurrency.nursery"])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} seconds in vain until {what}"
        time.sleep(0.002)


class Worker:
    """One process. ``main`` is what it runs, ``database`` what is different in its database settings."""

    def __init__(self, *, main: Callable[..., None] = work, **database: Any) -> None:
        self.pipe, theirs = NURSERY.Pipe()
        self.process = NURSERY.Process(target=main, args=(theirs, database), daemon=True)
        self.process.start()
        theirs.close()

    def receive(self) -> Any:
        """What it says next. Fails when it says nothing for long, or is gone."""
        assert self.pipe.poll(PATIENCE_SECONDS), f"process {self.process.pid} said nothing for {PATIENCE_SECONDS} s"
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join(PATIENCE_SECONDS)
            raise AssertionError(f"a process ended with exit status {self.process.exitcode}") from None

    def expect(self, word: str) -> None:
        said = self.receive()
        assert said == word, said

    def begin(self, job: Job) -> None:
        """Give it a job, and return once it is connected and about to start."""
        self.pipe.send(job)
        self.expect(BEGUN)

    def ask(self, job: Job) -> Outcome:
        """Give it a job and wait for what comes of it."""
        self.begin(job)
        outcome: Outcome = self.receive()
        return outcome

    @property
    def is_done(self) -> bool:
        """Whether it has said something that nobody has read yet."""
        return self.pipe.poll()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.wait_for_its_death()

    def wait_for_its_death(self) -> None:
        self.process.join(PATIENCE_SECONDS)
        assert self.process.exitcode == -signal.SIGKILL, self.process.exitcode
        self.pipe.close()

    def end(self) -> None:
        """End it, whatever it is at and whether or not it still is."""
        self.process.kill()
        self.process.join(PATIENCE_SECONDS)
        self.pipe.close()

    def dismiss(self) -> None:
        """Let it end by itself, and well."""
        self.pipe.send(None)
        self.process.join(PATIENCE_SECONDS)
        self.process.kill()
        self.process.join(PATIENCE_SECONDS)
        assert self.process.exitcode == 0, f"exit status {self.process.exitcode}"
        self.pipe.close()


@dataclass(frozen=True)
class Results:
    """The outcomes of jobs that ran at once, in the order the jobs were given."""

    outcomes: Sequence[Outcome]

    @property
    def values(self) -> list[Any]:
        """What those answered that were not refused."""
        return [outcome.value for outcome in self.outcomes if outcome.refusal is None]

    @property
    def refusals(self) -> list[Any]:
        return [outcome.refusal for outcome in self.outcomes if outcome.refusal is not None]


Gate = Callable[[Sequence[Worker]], AbstractContextManager[None]]


class Crew:
    """Processes that are kept from test to test; ``overcomes`` names a trouble that does not matter once overcome."""

    def __init__(self, gate: Gate, *, overcomes: str = "", **database: Any) -> None:
        self.gate, self.overcomes, self.database = gate, overcomes, database
        self.workers: list[Worker] = []

    def hire(self, size: int) -> None:
        """Have at least so many."""
        new = [Worker(**self.database) for _ in range(size - len(self.workers))]
        self.workers += new
        try:
            for worker in new:
                worker.expect(READY)
        except BaseException:
            self.abandon()
            raise

    @contextmanager
    def one(self) -> Iterator[Worker]:
        """One of them, to work with step by step."""
        self.hire(1)
        try:
            yield self.workers[0]
        except BaseException:
            self.abandon()
            raise

    def take(self) -> Worker:
        """Take one out of the crew, to do with it what must be done."""
        self.hire(1)
        return self.workers.pop()

    def at_once(self, *jobs: Job, refusing: type[Exception] | tuple[type[Exception], ...] = ()) -> Results:
        """Run each job in a process of its own, all at the same moment.

        Only refusals named in ``refusing`` are allowed, and no trouble of the database, not even one that was overcome.
        """
        outcomes = self.collisions(*jobs)
        for outcome in outcomes:
            assert not outcome.traceback, outcome.traceback
            assert outcome.refusal is None or isinstance(outcome.refusal, refusing), repr(outcome.refusal)
            assert not set(outcome.troubles) - {self.overcomes}, outcome.troubles
        return Results(outcomes)

    def collisions(self, *jobs: Job) -> list[Outcome]:
        """As at_once, whatever comes of it."""
        self.hire(len(jobs))
        workers = self.workers[: len(jobs)]
        try:
            with self.gate(workers):
                for worker, job in zip(workers, jobs, strict=True):
                    worker.pipe.send(job)
                for worker in workers:
                    worker.expect(BEGUN)
            return [worker.receive() for worker in workers]
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Nobody knows what they are at: end them all."""
        while self.workers:
            self.workers.pop().end()

    def dismiss(self) -> None:
        while self.workers:
            self.workers.pop().dismiss()


# ------------------------------------------------------------------------------------------------------- gates
# A gate holds a lock that all of them need, until all of them stand before it. So what they read before they wait
# is stale when they go on, and whoever comes first is the database's choice.


@contextmanager
def open_gate(workers: Sequence[Worker]) -> Iterator[None]:
    """The gate of the suite's database."""
    gate = {"postgresql": gate_of_postgresql, "sqlite": gate_of_sqlite(connection.settings_dict["NAME"])}
    with gate[connection.vendor](workers):
        yield


@contextmanager
def gate_of_postgresql(workers: Sequence[Worker]) -> Iterator[None]:
    tables = [name for name in connection.introspection.table_names() if name.startswith("billable_")]
    with another_session() as (execute, fetch):
        execute("BEGIN")
        execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
        yield
        wait_until(
            lambda: waiting(fetch) + sum(worker.is_done for worker in workers) >= len(workers),
            "all stand before the gate",
        )
        execute("COMMIT")


def waiting(fetch: Callable[..., list[Any]]) -> int:
    """How many sessions of this database wait for a lock."""
    sessions = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    ((count,),) = fetch(f"SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN ({sessions})")  # noqa: S608
    return int(count)


def gate_of_sqlite(file: str) -> Gate:
    return lambda workers: write_locked(file)


@contextmanager
def write_locked(file: str) -> Iterator[None]:
    """A block while which nobody else writes to an SQLite file."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=PATIENCE_SECONDS)) as mine:
        mine.execute("BEGIN IMMEDIATE")
        yield
        mine.execute("ROLLBACK")


@contextmanager
def another_session() -> Iterator[tuple[Callable[..., None], Callable[..., list[Any]]]]:
    """A second connection of the tests, in autocommit: ``execute(sql, params)`` and ``fetch(sql, params)``."""
    other = connection.copy()
    with other.cursor() as cursor:

        def fetch(sql: str, params: Sequence[Any] = ()) -> list[Any]:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

        try:
            yield cursor.execute, fetch
        finally:
            other.close()
