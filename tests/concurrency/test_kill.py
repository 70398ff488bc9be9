"""kill -9 in the middle of consuming: what was acknowledged is there, and asking again answers once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from billable.models import LedgerEntry, Usage
from billable.services import CatalogService, CustomerRef, QuotaService
from tests.concurrency.conftest import balance, customer
from tests.concurrency.crew import Crew, wait_until
from tests.concurrency.jobs import consume_until_killed, die_after_the_commit, die_before_the_commit
from tests.concurrency.worker import Job

PLENTY = 1_000_000
STREAMS = 4


@pytest.fixture
def rich(credits: str) -> CustomerRef:
    return customer("ada", credits=PLENTY)


def acknowledged(journal: Path) -> list[tuple[str, str, int]]:
    """The lines of a journal, a torn last one aside: key, usage id, balance."""
    text = journal.read_text() if journal.exists() else ""
    lines = [line.split() for line in text[: text.rfind("\n") + 1].splitlines()]
    return [(key, usage_id, int(left)) for key, usage_id, left in lines]


def die(crew: Crew, job: Job) -> None:
    """Let a worker do what kills it."""
    worker = crew.take()
    worker.begin(job)
    worker.wait_for_its_death()


@pytest.mark.parametrize("number", range(3))
def test_a_stream_that_is_killed_loses_nothing_that_it_was_told(
    crew: Crew, rich: CustomerRef, tmp_path: Path, number: int
) -> None:
    journals = [tmp_path / f"stream-{stream}" for stream in range(STREAMS)]
    crew.hire(STREAMS)
    workers = [crew.take() for _ in journals]
    for worker, journal in zip(workers, journals, strict=True):
        worker.begin(partial(consume_until_killed, rich, journal.name, journal))
    # Together and not each: SQLite lets the same one write again and again.
    wait_until(lambda: sum(len(acknowledged(journal)) for journal in journals) >= 30 + number, "they are at it")
    for worker in workers:
        worker.kill()

    told = {journal.name: acknowledged(journal) for journal in journals}
    assert balance(rich) <= PLENTY - sum(map(len, told.values()))
    for stream, lines in told.items():
        for key, usage_id, left in lines:
            again = QuotaService.consume_quota(rich, "credits", idempotency_key=key)
            assert (str(again.pk), again.balance, again.replayed) == (usage_id, left, True)
        # The one that was under way happened or did not; asking again makes it happen once.
        QuotaService.consume_quota(rich, "credits", idempotency_key=f"{stream}-{len(lines)}")
    asked = {f"{stream}-{n}" for stream, lines in told.items() for n in range(len(lines) + 1)}
    assert set(Usage.objects.values_list("idempotency_key", flat=True)) == asked
    assert balance(rich) == PLENTY - len(asked)


def test_a_death_before_the_commit_leaves_nothing_behind(crew: Crew, rich: CustomerRef) -> None:
    die(crew, partial(die_before_the_commit, rich, "job"))

    assert balance(rich) == PLENTY
    assert not Usage.objects.exists()
    again = QuotaService.consume_quota(rich, "credits", idempotency_key="job")
    assert (again.replayed, again.balance) == (False, PLENTY - 1)


def test_a_death_between_the_commit_and_the_answer_is_found_by_its_key(crew: Crew, rich: CustomerRef) -> None:
    die(crew, partial(die_after_the_commit, rich, "job"))

    again = QuotaService.consume_quota(rich, "credits", idempotency_key="job")
    assert (again.replayed, again.balance) == (True, PLENTY - 1)
    assert balance(rich) == PLENTY - 1
    assert LedgerEntry.objects.filter(kind="consume").count() == 1


def test_the_dead_hold_no_lock(crew: Crew, rich: CustomerRef) -> None:
    CatalogService.create_feature("pdf_export")
    for number in range(3):
        die(crew, partial(die_before_the_commit, rich, f"job-{number}"))

        QuotaService.grant_feature(rich, "pdf_export", quantity=1, idempotency_key=f"gift-{number}")

    assert balance(rich, "pdf_export") == 3
